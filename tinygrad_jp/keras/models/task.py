"""A Keras model as the training loop sees it: one batch learned from, one judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...autograd.arguments import tensor_of
from ...autograd.structure import leaves
from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ...train.metric import Mean
from ...train.task import Task, detached


class KerasTask(Task):
    """Train a model as its `compile` said, or by its own `train_step`.

    watch: called with ("begin" or "end", batch number) around each batch that is judged, for
    callbacks that listen to these.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.optimizer = model.optimizer
        self.watch: Callable[[str, int], None] | None = None
        self.logs: dict[str, Any] = {}  # what an own train_step or test_step gave last
        self._judged = 0
        self._losses = Mean("loss")
        object.__setattr__(model, "_regularized", None)  # looked up again: layers may be frozen
        is_own = model._has_own("train_step")
        self.train_step = (  # type: ignore[method-assign]
            self._own_step(model.train_step) if is_own else self._compiled_step()
        )

    # ── learning ────────────────────────────────────────────────────────────────────────────

    def _compiled_step(self) -> Callable[..., Any]:
        model, optimizer = self.model, self.model.optimizer
        compiled, measures = model._compiled_loss, model._compiled_metrics
        if compiled is None and not model._has_own("compute_loss"):
            return self._without_loss
        compute = model.compute_loss if model._has_own("compute_loss") else None
        zero_grad, update = optimizer.zero_grad, optimizer.step

        def train_step(x: Any, y: Any = None, w: Any = None) -> Any:
            y_pred = model(x, training=True)
            if compute is not None:
                loss = compute(x=x, y=y, y_pred=y_pred, sample_weight=w, training=True)
            else:
                if y is None:
                    raise ArgumentError("keras_no_targets")
                loss = compiled(y, y_pred, w)
                for term in model.losses if model._adds_losses() else ():
                    loss = loss + term
            zero_grad()
            loss.backward()
            update()
            if measures is not None and y is not None:
                measures.update_state(y, detached(y_pred), w)
            return loss.detach()

        return train_step

    def _without_loss(self, x: Any, y: Any = None, w: Any = None) -> Any:
        """Learn from what the layers add to the loss alone."""
        model = self.model
        y_pred = model(x, training=True)
        terms = model.losses
        if not terms:
            raise ArgumentError("keras_no_loss")
        loss = terms[0]
        for term in terms[1:]:
            loss = loss + term
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if model._compiled_metrics is not None and y is not None:
            model._compiled_metrics.update_state(y, detached(y_pred), w)
        return loss.detach()

    def _own_step(self, step: Callable[[Any], Any]) -> Callable[..., Any]:
        def own_step(*batch: Any) -> Any:
            logs = step(batch if len(batch) > 1 else batch[0])
            if not isinstance(logs, dict):
                raise ArgumentError("keras_own_step", given=type(logs).__name__)
            self.logs = logs
            return logs.get("loss", float("nan"))

        return own_step

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
            logs = model.test_step((x, y, w) if w is not None else (x, y))
            if not isinstance(logs, dict):
                raise ArgumentError("keras_own_step", given=type(logs).__name__)
            self.logs = logs
            return logs.get("loss", float("nan"))
        y_pred = model(x, training=False)
        loss = model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=w, training=False)
        if model._compiled_metrics is not None and y is not None:
            model._compiled_metrics.update_state(y, y_pred, w)
        return loss

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

    def results(self) -> dict[str, Any]:
        """Give the numbers beside the loss, under Keras's names."""
        if self.logs:
            return {name: plain(value) for name, value in self.logs.items()}
        return {name: plain(value) for name, value in self.model._results().items()}


def plain(value: Any) -> Any:
    """Read a number as Python's, an array as a list."""
    if isinstance(value, Tensor):
        value = value._data
    return value.tolist() if hasattr(value, "tolist") else value


def rows_in(x: Any) -> int:
    """Count the samples of a batch."""
    return int(leaves(x)[0].shape[0])
