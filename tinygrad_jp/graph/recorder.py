"""A Recorder: norms of activations, gradients, parameters and updates, step by step.

It listens by hooks and keeps a few numbers of each step, never an array, but for one copy of the
parameters, to know by how much a step moved them. Its memory is bounded: when it is full, every
second step is dropped, and from then on only every second one is looked at. The last batch is
held on to, for the page to show the model on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..autograd.lines import looked
from ..autograd.mode import is_grad_enabled
from ..autograd.node import Leaf
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, GradientError, Language, OptionError, language
from ..nn.activation import ReLU
from ..nn.module import Module
from ..train.callback import Callback
from .model import Graph, built, graph_of
from .page import page
from .traced import traced
from .wording import Look

Array = Any

FLOWS = ("norm", "mean", "std", "dead", "gradient")  # of a module's output
WEIGHTS = ("norm", "gradient", "update")  # of a parameter


class Recorder(Callback):
    """Record how a model trains: what flows through each module, and how its parameters move.

    model: a Module. most: how many steps are kept, at least 2; a longer training is thinned.
    Open it with `with`, call `step()` after each step of the optimizer, while the gradients are
    still there; or give it to `tj.fit` among the callbacks. Only forward passes that backward()
    comes back through are looked at. Nothing that the model computes is changed.

    steps: numbers of the steps kept, from 1. losses: what was given to step().
    modules: path -> the numbers of the module's output, each a list over the steps: "norm" (L2),
    "mean", "std", "gradient" (L2 norm of the loss's gradient), and "dead", the share of units that
    are 0 on the whole batch, of ReLUs. parameters: path -> "norm", "gradient" and "update", the L2
    norm of what the step added. NaN stands for what a step did not have.
    Raises ArgumentError for what is no Module; OptionError for fewer than 2 steps.

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp import nn, optim
    >>> _ = tj.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    >>> sgd = optim.SGD(model.parameters(), lr=0.1)
    >>> x, t = tj.randn(16, 2), tj.randn(16, 1)
    >>> with tj.Recorder(model) as record:
    ...     for _ in range(3):
    ...         sgd.zero_grad()
    ...         loss = nn.MSELoss()(model(x), t)
    ...         loss.backward()
    ...         sgd.step()
    ...         record.step(loss)
    >>> record.steps, sorted(record.modules), sorted(record.modules["1"])
    ([1, 2, 3], ['0', '1', '2'], ['dead', 'gradient', 'mean', 'norm', 'std'])
    >>> g, moved = (record.parameters["0.weight"][name][0] for name in ("gradient", "update"))
    >>> round(moved / g, 4)
    0.1
    """

    def __init__(self, model: Module, most: int = 512) -> None:
        if not isinstance(model, Module):
            raise ArgumentError("recorder_no_module", kind=type(model).__name__)
        if not isinstance(most, int) or most < 2:
            raise OptionError("recorder_most", given=most)
        self.model = model
        self.most = most
        self.every = 1  # how many steps from one that is looked at to the next
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.modules: dict[str, dict[str, list[float]]] = {}
        self.parameters: dict[str, dict[str, list[float]]] = {}
        self.kinds: dict[str, str] = {}  # module's path -> its class
        self._count = 0
        self._hooks: list[Any] = []
        self._bare: list[Module] = []  # modules that had no hooks before
        self._seen: dict[str, dict[str, float]] = {}  # of the step that is under way
        self._still: dict[str, dict[str, float]] = {}  # of what no gradient comes to
        self._before: dict[str, Array] = {}
        self._batch: tuple[Any, ...] | None = None  # what the model was last called with

    # ── listening ───────────────────────────────────────────────────────────────────────────

    def start(self) -> Recorder:
        """Begin to listen; `with` does this. Gives itself."""
        if self._hooks:
            return self
        for path, module in self.model.named_modules():
            if next(module.children(), None) is not None:
                continue  # what its own modules give is told of each of them
            self.kinds[path] = type(module).__name__
            self._bare += [module] if module._hooks is None else []
            self._hooks.append(module.register_forward_hook(self._listener(path)))
        self._bare += [self.model] if self.model._hooks is None else []
        self._hooks.append(self.model.register_forward_pre_hook(self._called))
        if self._is_due():
            self._copy()
        return self

    def stop(self) -> None:
        """Listen no longer; `with` does this at its end."""
        for hook in self._hooks:
            hook.remove()
        for module in self._bare:
            module._hooks = None  # so that calls cost again what they did
        self._hooks, self._bare, self._before = [], [], {}
        self._seen, self._still = {}, {}

    def __enter__(self) -> Recorder:
        return self.start()

    def __exit__(self, *error: Any) -> None:
        self.stop()

    def _called(self, module: Module, args: tuple[Any, ...]) -> None:
        if is_grad_enabled() and self._is_due():
            self._batch = args

    def _listener(self, path: str) -> Callable[[Module, Any, Any], None]:
        def listen(module: Module, args: Any, output: Any) -> None:
            if not (is_grad_enabled() and self._is_due()):
                return
            if not isinstance(output, Tensor) or type(output._data) is not np.ndarray:
                return  # what is being compiled has no values to look at
            if output._data.dtype.kind != "f":
                return
            flow = _flow(output._data, isinstance(module, ReLU))
            if output._node is None or isinstance(output._node, Leaf):
                self._still[path] = flow  # of layers that do not learn
            else:  # a forward pass that nothing comes back through was not for training
                output.register_hook(lambda g: arrived(flow, g))

        def arrived(flow: dict[str, float], g: Tensor) -> None:
            self._seen[path] = {**flow, "gradient": _norm(g._data)}

        return listen

    def _is_due(self) -> bool:
        """Tell whether the step that is under way is to be looked at."""
        return self._count % self.every == 0

    # ── a step ──────────────────────────────────────────────────────────────────────────────

    def step(self, loss: Any = None) -> None:
        """Close a step: call it after the optimizer's, before gradients are set to zero.

        loss: a number, or a Tensor of one. Raises GradientError outside of `with`, and where the
        model was not run, and gone back through, since the last step.
        """
        if not self._hooks:
            raise GradientError("recorder_not_open")
        looked()
        if self._is_due():
            if not self._seen:
                raise GradientError("recorder_no_forward", model=type(self.model).__name__)
            self._keep(_one(loss))
        self._count += 1
        self._seen, self._still = {}, {}
        if self._is_due():
            self._copy()

    def _keep(self, loss: float) -> None:
        self.steps.append(self._count + 1)
        self.losses.append(loss)
        moved = dict(self.model.named_parameters())
        seen = {**self._still, **self._seen}
        seen = {path: seen[path] for path in self.kinds if path in seen}  # gradients come backward
        for table, names, found in (
            (self.modules, FLOWS, seen),
            (self.parameters, WEIGHTS, {p: self._weight(p, w) for p, w in moved.items()}),
        ):
            for path, numbers in found.items():
                if path not in table:
                    kept = [name for name in names if name != "dead" or "dead" in numbers]
                    table[path] = {name: [float("nan")] * (len(self.steps) - 1) for name in kept}
            for path, columns in table.items():
                for name, column in columns.items():
                    column.append(found.get(path, {}).get(name, float("nan")))
        if len(self.steps) >= self.most:
            self._thin()

    def _weight(self, path: str, parameter: Tensor) -> dict[str, float]:
        grad, before = parameter.grad, self._before.get(path)
        found = {"norm": _norm(parameter._data)}
        if grad is not None:
            found["gradient"] = _norm(grad._data)
        if before is not None and before.shape == parameter._data.shape:
            found["update"] = _norm(parameter._data - before)
        return found

    def _copy(self) -> None:
        for path, parameter in self.model.named_parameters():
            old = self._before.get(path)
            if old is None or old.shape != parameter._data.shape:
                self._before[path] = parameter._data.copy()
            else:
                np.copyto(old, parameter._data)

    def _thin(self) -> None:
        """Drop every second step, and look at every second one from now on."""
        self.every *= 2
        kept = [i for i, step in enumerate(self.steps) if (step - 1) % self.every == 0]
        for column in self._columns():
            column[:] = [column[i] for i in kept]

    def _columns(self) -> Iterator[list[Any]]:
        yield self.steps
        yield self.losses
        for table in (self.modules, self.parameters):
            for columns in table.values():
                yield from columns.values()

    # ── as a callback ───────────────────────────────────────────────────────────────────────

    def on_train_begin(self, run: Any) -> None:
        """Begin to listen."""
        self.start()

    def on_batch_end(self, run: Any) -> None:
        """Close a step."""
        if self._seen or not self._is_due():
            self.step(run.loss)

    def on_train_end(self, run: Any) -> None:
        """Listen no longer."""
        self.stop()

    # ── what was recorded ───────────────────────────────────────────────────────────────────

    def __len__(self) -> int:
        return len(self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values, for JSON; None stands for what there is not."""
        return {
            "steps": list(self.steps),
            "losses": _plain(self.losses),
            "modules": {
                path: {"kind": self.kinds.get(path, ""),
                       **{name: _plain(column) for name, column in columns.items()}}
                for path, columns in self.modules.items()
            },
            "parameters": {
                path: {name: _plain(column) for name, column in columns.items()}
                for path, columns in self.parameters.items()
            },
        }

    def plot(self, path: str | Path, lang: Language | None = None) -> Path:
        """Plot losses, gradients, activations and updates over the steps, and save the picture.

        path: with a suffix that matplotlib knows: .png, .svg, .pdf. Gives it.
        Raises GradientError where no step was recorded; MissingExtraError without matplotlib.
        """
        from .trends import plot

        return plot(self, path, lang)

    def save(self, path: str | Path, loss: Any = None, lang: Language | None = None) -> Path:
        """Save a page with a slider over the steps, which colours the graph by what was recorded.

        path: ".html"; or ".json", for what `to_dict` gives. Gives it.
        loss: a Tensor with a graph, to be drawn; None for the model, run on its last batch.
        lang: the language in which the page opens. Raises OptionError for another suffix;
        GradientError where no step was recorded; MissingExtraError without the extra `graph`.
        """
        path = Path(path)
        if not self.steps:
            raise GradientError("recorder_empty")
        if path.suffix.lower() == ".json":
            text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)
        elif path.suffix.lower() == ".html":
            text = page(self._graph(loss), Look(language=lang or language()), self)
        else:
            raise OptionError("draw_suffix", given=path.name, known=".html, .json")
        path.write_text(text, encoding="utf-8", newline="\n")
        return path

    def _graph(self, loss: Any) -> Graph:
        if loss is not None:
            return graph_of(loss, names=self.model)
        run = traced(self.model, self._batch or ())
        return built(run.outputs, run.named, calls=run.calls)[0]

    def _repr_png_(self) -> bytes | None:
        from tempfile import TemporaryDirectory

        if not self.steps:
            return None
        with TemporaryDirectory() as folder:
            return self.plot(Path(folder) / "training.png").read_bytes()


def _flow(y: Array, is_relu: bool) -> dict[str, float]:
    """Sum up an activation in a few numbers."""
    if not y.size:
        return {}
    found = {
        "norm": _norm(y), "mean": float(np.mean(y, dtype=np.float64)),
        "std": float(np.std(y, dtype=np.float64)),
    }
    if is_relu and y.ndim > 1:
        units = y.reshape(len(y), -1) if y.ndim == 2 else np.moveaxis(y, 1, -1).reshape(
            -1, y.shape[1]
        )
        found["dead"] = float(np.mean(~(units > 0).any(0)))
    return found


def _norm(x: Array) -> float:
    """Give the L2 norm; in float64, for squares of float16 overflow."""
    line = np.asarray(x).reshape(-1)
    if line.dtype.itemsize < 4:
        line = line.astype(np.float32)
    return float(np.sqrt(np.dot(line, line).astype(np.float64)))


def _one(loss: Any) -> float:
    if loss is None:
        return float("nan")
    return float(loss.item() if isinstance(loss, Tensor) else loss)


def _plain(column: list[float]) -> list[float | None]:
    return [None if x != x or x in (float("inf"), float("-inf")) else x for x in column]
