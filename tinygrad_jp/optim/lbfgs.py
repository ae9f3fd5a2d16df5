"""L-BFGS: Newton's method with curvature learnt from the last few steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import setitem
from typing import Any

import numpy as np

from ..autograd.apply import wrap
from ..autograd.memory import all_changed
from ..autograd.mode import enable_grad
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, StateDictError
from .at_once import Call, at_once
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer, Params, shown
from .parts import fitting

Array = Any


class LBFGS(Optimizer):
    """Take quasi-Newton steps, several to a call, on one flat vector of all parameters.

    params: Tensors or (name, Tensor) pairs; one group only.
    lr: length of a step, the first guess with a line search.  max_iter: steps in a call of
    `step`; max_eval: evaluations of the closure in a call (max_iter · 5/4 unless given).
    tolerance_grad, tolerance_change: stop where the gradient, or the progress, is smaller.
    history_size: steps that are remembered; each takes twice the memory of the parameters.
    line_search_fn: "strong_wolfe", or None for steps of fixed length.
    Source: Nocedal and Wright 2006, algorithms 7.4 and 7.5.

    >>> import tinygrad_jp as tj
    >>> w = tj.tensor([3.0, -4.0], requires_grad=True)
    >>> optimizer = tj.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w * w).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    25.0
    >>> float((w * w).sum()) < 1e-10
    True
    """

    def __init__(
        self, params: Params, lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None, **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, max_iter=max_iter,
            max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change,
            history_size=history_size, line_search_fn=line_search_fn,
        ), unknown)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add the one parameter group; OptionError for a second."""
        if self.param_groups:
            raise OptionError("optim_one_group")
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take up to max_iter steps; gives the loss before the first.

        closure: clears the gradients, computes the loss, calls backward() and returns the loss.
        Raises ArgumentError without one. Where the closure raises, or Ctrl-C comes in, the
        parameters go back to where they were, and nothing is remembered.
        """
        if closure is None:
            raise ArgumentError("optim_closure")
        self._has_stepped = True
        h = self.param_groups[0]
        record = self._state.setdefault(h["params"][0], {})
        memory = Memory(record, h["history_size"])
        x = self._gathered([p._data for p in h["params"]])
        try:
            first, loss, g = self._evaluate(closure)
            evals = 1
            if largest(g) > h["tolerance_grad"]:
                evals += self._descend(closure, memory, loss, g, h)
            memory.write(record, evals)
        except BaseException:
            if record.get("func_evals", 0) == memory.func_evals:  # it was not written any more
                self._place(x)
            raise
        return first

    def _descend(
        self, closure: Callable[[], Any], memory: Memory, loss: float, g: Array, h: dict[str, Any]
    ) -> int:
        """Take the steps of one call; gives how often the closure was called."""
        evals = 0
        for i in range(h["max_iter"]):
            is_first = memory.n_iter == 0
            d = memory.direction(g)
            memory.prev_loss = loss
            memory.t = min(1.0, 1.0 / float(np.abs(g).sum())) * h["lr"] if is_first else h["lr"]
            slope = float(g.dot(d))
            if slope > -h["tolerance_change"]:
                break
            x = self._gathered([p._data for p in h["params"]])
            if h["line_search_fn"] is not None:

                def at(t: float, x: Array = x, d: Array = d) -> Point:
                    self._place(x + t * d)
                    _, f, g = self._evaluate(closure)
                    return Point(t, f, g, float(g.dot(d)))

                # the closure was called once before `_descend`
                point, used = strong_wolfe(
                    at, Point(0.0, loss, g, slope), memory.t, largest(d),
                    h["max_eval"] - evals - 1,
                )
                memory.t, loss, g = point.t, point.f, point.g
                evals += used
            self._place(x + memory.t * d)
            if i == h["max_iter"] - 1:
                break
            if h["line_search_fn"] is None:
                _, loss, g = self._evaluate(closure)
                evals += 1
            if (
                evals + 1 >= h["max_eval"]
                or largest(g) <= h["tolerance_grad"]
                or largest(d) * abs(memory.t) <= h["tolerance_change"]
                or abs(loss - memory.prev_loss) < h["tolerance_change"]
            ):
                break
        return evals

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[Any, float, Array]:
        """Call the closure: (what it gave, the loss, the flat gradient)."""
        with enable_grad():
            loss = closure()
        grads = []
        for i, p in enumerate(self.param_groups[0]["params"]):
            grad = p.grad
            if grad is not None:
                fitting(shown(f"params[{i}]", p), p._data, grad._data, {})
            grads.append(np.zeros_like(p._data) if grad is None else grad._data)
        return loss, float(loss), self._gathered(grads)

    def _gathered(self, arrays: list[Array]) -> Array:
        return np.concatenate(arrays, axis=None)  # a copy, even of one

    def _place(self, x: Array) -> None:
        """Write a flat vector into the parameters."""
        arrays = [p._data for p in self.param_groups[0]["params"]]
        writes: list[Call] = []
        start = 0
        for array in arrays:
            part = x[start : start + array.size].reshape(array.shape)
            writes.append(partial(setitem, array, ..., part))
            start += array.size
        all_changed(arrays)
        at_once(writes)

    def _taken(self, p: Tensor, index: Any, key: str, value: Any) -> Any:
        """Copy one entry of a loaded state, which speaks of all parameters at once."""
        from ..nn.state import as_array

        if isinstance(value, list):
            return [self._taken(p, index, key, v) for v in value]
        if value is None or isinstance(value, (int, float)):
            return value
        array = np.array(as_array(value))
        if array.ndim == 0:
            return array.item()
        size = sum(q.size for q in self._params())
        if array.shape != (size,):
            raise StateDictError(
                "optim_state_misfit", entry=key, index=index, given=array.shape, shape=(size,)
            )
        return Tensor(array.astype(p.dtype))


class Memory:
    """What L-BFGS remembers: pairs (s, y) of a step and the gradient's change along it."""

    def __init__(self, record: dict[str, Any], size: int) -> None:
        self.size = size
        self.func_evals: int = record.get("func_evals", 0)
        self.n_iter: int = record.get("n_iter", 0)
        self.t: float = record.get("t", 0.0)
        self.prev_loss: float = record.get("prev_loss", 0.0)
        self.scale: float = record.get("H_diag", 1)
        self.rho: list[float] = list(record.get("ro", []))
        self.y = [v._data for v in record.get("old_dirs", [])]
        self.s = [v._data for v in record.get("old_stps", [])]
        self.d: Array = record["d"]._data if "d" in record else None
        self.g: Array = record["prev_flat_grad"]._data if "prev_flat_grad" in record else None

    def write(self, record: dict[str, Any], evals: int) -> None:
        """Put everything into the record that `Optimizer.state` shows, named as in PyTorch."""
        counted = {"func_evals": self.func_evals + evals}
        if self.d is None:
            record.update(counted)
            return
        record.update(
            counted, n_iter=self.n_iter, d=wrap(self.d), t=self.t, old_dirs=[*map(wrap, self.y)],
            old_stps=[*map(wrap, self.s)], ro=self.rho, H_diag=self.scale,
            prev_flat_grad=wrap(self.g), prev_loss=self.prev_loss,
        )

    def direction(self, g: Array) -> Array:
        """Learn from the step that led to the gradient g, and give the direction of the next."""
        self.n_iter += 1
        if self.n_iter == 1:
            self.d = -g
        else:
            self._learn(g - self.g, self.d * self.t)
            self.d = self._times_inverse(-g)
        self.g = g
        return self.d

    def _learn(self, y: Array, s: Array) -> None:
        curvature = float(y.dot(s))
        if curvature <= 1e-10:
            return  # the inverse Hessian must stay positive
        if len(self.y) == self.size:
            del self.y[0], self.s[0], self.rho[0]
        self.y.append(y)
        self.s.append(s)
        self.rho.append(1.0 / curvature)
        self.scale = curvature / float(y.dot(y))

    def _times_inverse(self, q: Array) -> Array:
        """Multiply by the inverse Hessian as far as it is known: the two-loop recursion (7.4)."""
        shares = []
        for y, s, rho in zip(reversed(self.y), reversed(self.s), reversed(self.rho), strict=True):
            share = float(s.dot(q)) * rho
            shares.append(share)
            q = q - share * y
        r = q * self.scale
        for y, s, rho in zip(self.y, self.s, self.rho, strict=True):
            r = r + (shares.pop() - float(y.dot(r)) * rho) * s
        return r


def largest(x: Array) -> float:
    """Give the largest absolute value of an array; 0 for an empty one."""
    return float(np.abs(x).max(initial=0))
