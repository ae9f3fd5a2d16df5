"""A Keras model as the training loop sees it: one batch learned from, one judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...autograd.arguments import tensor_of
from ...autograd.mode import without_grad
from ...autograd.structure import leaves
from ...autograd.tensor import Tensor
from ...compiled import compile as compiled
from ...compiled import worth
from ...errors import ArgumentError, CompileError
from ...train.metric import Mean
from ...train.task import Task, begin_gradients, detached
from ...vocabulary.origin import is_ours
from ..layers.custom import Lambda


class KerasTask(Task):
    """Train a model as its `compile` said, or by its own `train_step`.

    steps: how many of them are to come, if that is known: "auto" compiles where there are many.
    watch: called with ("begin" or "end", batch number) around each batch that is judged, for
    callbacks that listen to these.
    """

    def __init__(self, model: Any, steps: int | None = None) -> None:
        self.model = model
        self.optimizer = model.optimizer
        self.watch: Callable[[str, int], None] | None = None
        self.logs: dict[str, Any] = {}  # what an own train_step or test_step gave last
        self._judged = 0
        self._losses = Mean("loss")
        self._steps = steps
        self._judging: Callable[..., Any] = self._judgement()
        object.__setattr__(model, "_regularized", None)
        model._adds_losses()  # looked up again: layers may be frozen
        if model._has_own("train_step"):
            self.train_step = self._own_step(model.train_step)  # type: ignore[method-assign]
        elif self.optimizer is not None:
            self.train_step = self._compiled_step()  # type: ignore[method-assign]

    # ── learning ────────────────────────────────────────────────────────────────────────────

    def _compiled_step(self) -> Callable[..., Any]:
        """Build the step that compile's optimizer, loss and metrics make."""
        model = self.model
        loss_of, measures = model._compiled_loss, model._compiled_metrics
        learn, self._judging = compiled_pair(
            model, self._learn(), self._judgement(), self._steps
        )

        def train_step(x: Any, y: Any = None, w: Any = None) -> Any:
            loss, each, y_pred = learn(x, y) if w is None else learn(x, y, w)
            if loss_of is not None and loss_of.means:
                loss_of.note(each, y_pred)
            if measures is not None and y is not None:
                measures.put(y, outside(y_pred), w)
            return loss if loss._node is None else loss.detach()

        return train_step

    def _learn(self) -> Callable[..., tuple[Any, list[Any], Any]]:
        """Build what moves the weights by a batch: (loss, loss of each output, outputs)."""
        model, loss_of = self.model, self.model._compiled_loss
        zero_grad, update = self.optimizer.zero_grad, self.optimizer.step
        is_own = model._has_own("compute_loss")

        def learn(x: Any, y: Any = None, w: Any = None) -> tuple[Any, list[Any], Any]:
            zero_grad()
            y_pred = model(x, training=True)
            each: list[Any] = []
            if is_own:
                loss = model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=w, training=True)
            elif loss_of is None:
                loss = total(model.losses)
            elif y is None:
                raise ArgumentError("keras_no_targets")
            else:
                loss, each = loss_of.terms(y, y_pred, w)
                if model._adds_losses():
                    loss = total([loss, *model.losses])
            model._clear_losses()  # nothing of this step is held on to
            loss.backward()
            update()
            return loss, each, y_pred

        return learn

    def _own_step(self, step: Callable[[Any], Any]) -> Callable[..., Any]:
        def own_step(*batch: Any) -> Any:
            self._make_metrics(*batch)
            logs = step(batch if len(batch) > 1 else batch[0])
            if not isinstance(logs, dict):
                raise ArgumentError("keras_own_step", given=type(logs).__name__)
            self.logs = logs
            return logs.get("loss", float("nan"))

        return own_step

    def _make_metrics(self, x: Any, y: Any = None, w: Any = None) -> None:
        """Make what compile was told before an own step asks for `metrics` the first time."""
        measures = self.model._compiled_metrics
        if measures is not None and measures.outputs is None and y is not None:
            without_grad(
                lambda: measures.build(y, detached(self.model(x, training=False)))
            )

    # ── judging ─────────────────────────────────────────────────────────────────────────────

    def evaluate_step(self, *batch: Any) -> Any:
        """Judge by a batch: update the metrics, give the loss."""
        if self.watch is not None:
            self.watch("begin", self._judged)
        loss = self._judge(*batch)
        if self.watch is not None:
            self._losses.update(tensor_of(loss).detach(), weight=rows_in(batch[0]))
            self.watch("end", self._judged)
        self._judged += 1
        return loss

    def judged_loss(self) -> float:
        """Give the mean loss of the batches judged so far, where somebody watches them."""
        return self._losses.result()

    def _judge(self, x: Any, y: Any = None, w: Any = None) -> Any:
        model = self.model
        if model._has_own("test_step"):
            self._make_metrics(x, y)
            logs = model.test_step((x, y, w) if w is not None else (x, y))
            if not isinstance(logs, dict):
                raise ArgumentError("keras_own_step", given=type(logs).__name__)
            self.logs = logs
            return logs.get("loss", float("nan"))
        loss, each, y_pred = self._judging(x, y) if w is None else self._judging(x, y, w)
        if each:
            model._compiled_loss.note(each, y_pred)
        if model._compiled_metrics is not None and y is not None:
            model._compiled_metrics.put(y, y_pred, w)
        return loss

    def _judgement(self) -> Callable[..., tuple[Any, list[Any], Any]]:
        """Build what judges by a batch: (loss, loss of each output, outputs)."""
        model, loss_of = self.model, self.model._compiled_loss
        is_own = model._has_own("compute_loss")

        def judge(x: Any, y: Any = None, w: Any = None) -> tuple[Any, list[Any], Any]:
            y_pred = model(x, training=False)
            if is_own or loss_of is None or y is None:
                loss = model.compute_loss(
                    x=x, y=y, y_pred=y_pred, sample_weight=w, training=False
                )
                return loss, [], y_pred
            loss, each = loss_of.terms(y, y_pred, w)
            if model._adds_losses():
                loss = total([loss, *model.losses])
            return loss, each, y_pred

        return judge

    def predict_step(self, x: Any) -> Any:
        """Give the model's output."""
        model = self.model
        if model._has_own("predict_step"):
            return model.predict_step((x,))
        return model(x, training=False)

    # ── numbers ─────────────────────────────────────────────────────────────────────────────

    def reset(self) -> None:
        """Forget what was added up."""
        self.logs, self._judged = {}, 0
        self._losses.reset()
        self.model.reset_metrics()

    def catch_up(self) -> None:
        """Let the metrics take in what was put aside, for whoever looks at one."""
        if self.model._compiled_metrics is not None:
            self.model._compiled_metrics.aside.fold()

    def results(self) -> dict[str, Any]:
        """Give the numbers beside the loss, under Keras's names."""
        if self.logs:
            return {name: plain(value) for name, value in self.logs.items()}
        return {name: plain(value) for name, value in self.model._results().items()}


    # ── going on after a kill ───────────────────────────────────────────────────────────────

    def state_dict(self) -> dict[str, Any]:
        """Give what a resumed training needs: weights in order, for names may count on."""
        from ..saving.archive import named_weights

        return {
            "weights": named_weights(self.model), "optimizer": self.optimizer.state_dict(),
            "draws": [draws.bit_generator.state for draws in self._draws()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave. Raises ShapeError where the model is another."""
        from ..saving.archive import fill

        fill(self.model, state["weights"], "BackupAndRestore")
        self.optimizer.load_state_dict(state["optimizer"])
        for draws, saved in zip(self._draws(), state["draws"], strict=True):
            draws.bit_generator.state = saved

    def _draws(self) -> list[Any]:
        """List the generators of layers that have a seed of their own."""
        layers = self.model._layer_list()
        return [d for d in (getattr(layer, "_draws", None) for layer in layers) if d is not None]


def compiled_pair(
    model: Any, learn: Callable[..., Any], judge: Callable[..., Any], steps: int | None
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Give what learns from a batch and what judges by one: as they are, or compiled.

    compile's jit_compile tells. The programs are kept for the next fit, as long as the same weights
    are trained. Judging with code of the user's own is left as it is, and where `steps` is unknown:
    a single evaluation would take less time than its recording.
    """
    jit = model.jit_compile
    kept: dict[Any, Any] = model._programs
    key = tuple(map(id, model._moved()))
    if not jit or model.run_eagerly:
        return learn, judge
    if key not in kept:
        if jit == "auto" and not is_worth_it(model, steps):
            return learn, judge
        kept.clear()
        kept[key] = (
            compiled(learn, fallback="eager" if jit == "auto" else None),
            compiled(judge, fallback="eager") if is_ours_alone(model) else judge,
        )
        begin_gradients(model._moved())
    learning, judging = kept[key]
    return learning, judge if steps is None else judging


def is_worth_it(model: Any, steps: int | None) -> bool:
    """Tell whether "auto" compiles: a long training, with no Python of the user's own in a step."""
    try:
        model.optimizer._check_recordable()
    except CompileError:
        return False
    return is_ours_alone(model) and worth.is_worth_it([model.optimizer], steps)


def is_ours_alone(model: Any) -> bool:
    """Tell whether all that makes a model's outputs and loss is this package's code."""
    if model._graph is None:
        return False
    modules = list(model.modules())
    written = [layer.function for layer in modules if isinstance(layer, Lambda)]
    regularizers = [getattr(v, "regularizer", None) for v in model._moved()]
    return all(map(is_ours, [*modules, *written, *leaves(model.loss), *regularizers]))


def outside(y_pred: Any) -> Any:
    """Give outputs outside the graph; a list without taking it apart."""
    if type(y_pred) is Tensor:
        return y_pred if y_pred._node is None else y_pred.detach()
    return [outside(y) for y in y_pred] if type(y_pred) is list else detached(y_pred)


def total(terms: list[Any]) -> Any:
    """Add up losses. Raises ArgumentError where there are none."""
    if not terms:
        raise ArgumentError("keras_no_loss")
    whole = terms[0]
    for term in terms[1:]:
        whole = whole + term
    return whole


def plain(value: Any) -> Any:
    """Read a number as Python's, an array as a list."""
    if isinstance(value, Tensor):
        value = value._data
    return value.tolist() if hasattr(value, "tolist") else value


def rows_in(x: Any) -> int:
    """Count the samples of a batch."""
    return int(leaves(x)[0].shape[0])
