"""What the loop trains: how a batch is learned from, and how a model is judged.

The loop knows this and nothing else, so whatever can be trained, a Keras model with its own rules
too, is a Task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd.structure import leaves, rebuild
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, StateDictError
from ..nn.module import Module
from ..nn.utils import clip_grad_norm_, clip_grad_value_
from ..optim import LBFGS
from ..saving.checkpoint import put_back
from .criterion import Criterion, as_criterion
from .feed import count
from .metric import Metric, as_metric


class Task:
    """Subclass it to train what is no (model, loss, optimizer): write the two steps.

    model: has parameters and `training`; optimizer: what a scheduler sets the rate of.
    metrics: reset before every epoch and every evaluation, shown under their names.
    """

    model: Any = None
    optimizer: Any = None
    metrics: Sequence[Metric] = ()

    def train_step(self, *batch: Any) -> Any:
        """Learn from a batch, update the metrics, give the loss (mean over the samples).

        batch: (x, t) or (x, t, weight), as the data gives it. The loss may be a 0-d Tensor or
        array; the loop reads it later.
        """
        raise ArgumentError("task_method", task=type(self).__name__, method="train_step(x, t)")

    def evaluate_step(self, *batch: Any) -> Any:
        """Judge by a batch: update the metrics, give the loss. Called under no_grad."""
        raise ArgumentError("task_method", task=type(self).__name__, method="evaluate_step(x, t)")

    def predict_step(self, x: Any) -> Any:
        """Give the model's output for a batch of inputs. Called under no_grad."""
        return forward(self.model)(x)

    def reset(self) -> None:
        """Forget what was added up."""
        for metric in self.metrics:
            metric.reset()

    def results(self) -> dict[str, Any]:
        """Give the numbers to show beside the loss, of the batches since reset."""
        return {metric.name: number(metric.result()) for metric in self.metrics}

    def modules(self) -> list[Any]:
        """List everything that has `training`: set to True to learn, to False to judge."""
        return list(self.model.modules()) if hasattr(self.model, "modules") else []

    def state_dict(self) -> dict[str, Any]:
        """Give what a resumed training needs to go on bit for bit."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "metrics": [[metric.name, metric.state_dict()] for metric in self.metrics],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave: all of it, or nothing.

        Raises StateDictError where the model, the optimizer or the metrics are others.
        """
        names = [name for name, _ in state["metrics"]]
        mine = [metric.name for metric in self.metrics]
        if names != mine:
            raise StateDictError("checkpoint_metrics", given=names, mine=mine)
        put_back([(self.model, state["model"]), (self.optimizer, state["optimizer"])])
        for metric, (_, saved) in zip(self.metrics, state["metrics"], strict=True):
            metric.load_state_dict(saved)


class ModelTask(Task):
    """A model, a loss and an optimizer: what `tj.fit` trains.

    model: called with x, with *x for a tuple or a list, with **x for a dict.
    loss: a function of (output, target), or one per output in a list or a dict.
    clip_norm, clip_value: the largest norm of all gradients together, the largest element.
    compile: True makes one program of the step (see tj.compile) or raises CompileError; "auto"
        does so where it pays: in a long training of layers, loss and optimizer of this package.
    steps: how many there will be, if that is known.
    """

    def __init__(
        self, model: Any, loss: Any, optimizer: Any = None, *, metrics: Any = (),
        loss_weights: Any = None, clip_norm: float | None = None, clip_value: float | None = None,
        compile: bool | str = False, steps: int | None = None,
    ) -> None:
        if compile not in (False, True, "auto"):
            raise OptionError("fit_compile", given=compile)
        if optimizer is not None:
            belongs(model, optimizer)
        self.model = model
        self.compile = compile
        self._steps = steps
        self.optimizer = optimizer
        self.criterion: Criterion = as_criterion(loss, loss_weights)
        self._own = named_metrics(metrics)
        self.metrics = [*self.criterion.means, *(m for _, m in self._own)]
        self.clips = clips(model, clip_norm, clip_value)
        self._call = forward(model)
        # bound to the instance: what the loop calls, with nothing to look up
        self.train_step = self._train_step() if optimizer is not None else None  # type: ignore
        self.evaluate_step = self._evaluate_step()  # type: ignore[method-assign]

    def _learn(self) -> Callable[..., tuple[Any, Any, Any]]:
        """Build the whole step of learning: what can be compiled.

        It gives (loss, loss of each output, output); of the latter, only where somebody asks.
        """
        model, call, parts, clipping = self.model, self._call, self.criterion.parts, self.clips
        zero_grad, update = self.optimizer.zero_grad, self.optimizer.step

        def learn(x: Any, t: Any = None, w: Any = None) -> tuple[Any, Any, Any]:
            zero_grad()
            y = model(x) if type(x) is Tensor else call(x)
            value, each = parts(y, t, w)
            value.backward()
            for clip in clipping:
                clip()
            update()
            return value, each, y

        def learn_by_closure(x: Any, t: Any = None, w: Any = None) -> tuple[Any, Any, Any]:
            last: list[Any] = []

            def closure() -> Any:
                zero_grad()
                y = call(x)
                value, each = parts(y, t, w)
                value.backward()
                for clip in clipping:
                    clip()
                last[:] = each, y
                return value

            return update(closure), *last

        return learn_by_closure if isinstance(self.optimizer, LBFGS) else learn

    def _train_step(self) -> Callable[..., Any]:
        learn = self._learn()
        if self.compile:
            from ..compiled import compile as compiled  # as large as all the rest
            from ..compiled.worth import is_worth_it

            parts = (*self._modules(), *self.criterion.losses, self.optimizer)
            if self.compile is True or is_worth_it(parts, self._steps):
                learn = compiled(learn, fallback=None if self.compile is True else "eager")
                begin_gradients(p for group in self.optimizer.param_groups for p in group["params"])
        if not self.metrics:
            return lambda x, t=None, w=None: learn(x, t, w)[0]

        def train_step(x: Any, t: Any = None, w: Any = None) -> Any:
            value, each, y = learn(x, t, w)
            self._measure(detached(each), detached(y), t, w)
            return value

        return train_step

    def _modules(self) -> Any:
        return self.model.modules() if isinstance(self.model, Module) else (self.model,)

    def _evaluate_step(self) -> Callable[..., Any]:
        call, parts = self._call, self.criterion.parts

        def evaluate_step(x: Any, t: Any = None, w: Any = None) -> Any:
            y = call(x)
            value, each = parts(y, t, w)
            self._measure(each, y, t, w)
            return value

        return evaluate_step

    def _measure(self, each: Any, y: Any, t: Any, w: Any) -> None:
        """Update the metrics, each with the output it belongs to."""
        for mean, value in zip(self.criterion.means, each, strict=True):
            mean.update(value, weight=count((t,)))
        for place, metric in self._own:
            if place is None:
                metric.update(y, t, w)
            else:
                metric.update(y[place], t[place], w)


def begin_gradients(parameters: Iterable[Any]) -> None:
    """Give parameters without a gradient one of zeros, which the first step forgets again.

    A step that was recorded with no gradients at its start serves no other start.
    """
    for p in parameters:
        if p._node is not None and p._node.grad is None:
            p._node.grad = np.zeros_like(p._data)


def belongs(model: Any, optimizer: Any) -> None:
    """Refuse an optimizer that was made for other parameters: nothing would be learned."""
    if hasattr(model, "parameters") and hasattr(optimizer, "param_groups"):
        mine = {id(p) for p in model.parameters()}
        if not any(id(p) in mine for group in optimizer.param_groups for p in group["params"]):
            raise OptionError("fit_optimizer", model=type(model).__name__)


def named_metrics(given: Any) -> list[tuple[Any, Metric]]:
    """List (output, metric) from one metric, several, or several per output in a dict.

    The output is None for metrics of the whole. Those of an output bear its name in front.
    """
    if isinstance(given, Mapping):
        found = []
        for place, several in given.items():
            for _, metric in named_metrics(several):
                metric.name = f"{place}_{metric.name}"
                found.append((place, metric))
        return found
    if isinstance(given, (str, type)) or callable(given) or hasattr(given, "update"):
        given = [given]
    return [(None, as_metric(one)) for one in given]


def forward(model: Any) -> Callable[[Any], Any]:
    """Give the function that calls a model with a batch's inputs, of whatever form."""

    def call(x: Any) -> Any:
        if type(x) is Tensor:
            return model(x)
        if isinstance(x, Mapping):
            return model(**x)
        return model(*x) if isinstance(x, (tuple, list)) else model(x)

    return call


def clips(
    model: Any, clip_norm: float | None, clip_value: float | None
) -> list[Callable[[], Any]]:
    """List the clippings to do between backward and the optimizer's step."""
    found: list[Callable[[], Any]] = []
    if clip_value is not None:
        found.append(lambda: clip_grad_value_(model.parameters(), clip_value))
    if clip_norm is not None:
        found.append(lambda: clip_grad_norm_(model.parameters(), clip_norm))
    return found


def detached(y: Any) -> Any:
    """Give outputs outside the graph."""
    if type(y) is Tensor:
        return y.detach()
    return rebuild(y, [v.detach() if isinstance(v, Tensor) else v for v in leaves(y)])


def number(value: Any) -> Any:
    """Read a metric's result as a Python number, or as a list where it has several."""
    if isinstance(value, (int, float, list)):
        return value
    array = value._data if isinstance(value, Tensor) else value
    return array.tolist() if hasattr(array, "tolist") else float(array)
