"""Derivatives by differences: to learn from, and to check the analytical ones against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy import ndarray

from ..errors import (
    DTypeError,
    GradcheckError,
    GradientError,
    OptionError,
    Phrase,
    ShapeError,
    warn,
)
from .apply import wrap
from .memory import Data, plain
from .mode import no_grad
from .structure import flatten, leaves, rebuild
from .tensor import Tensor
from .transforms import Level, vjp
from .transforms import grad as grad_of

Array = Any


# ── the book's function ─────────────────────────────────────────────────────────────────────────


def numerical_gradient(
    f: Callable[[Any], Any], x: Any, h: float | None = None, method: str = "central"
) -> Any:
    """Differentiate a function of one number numerically, element by element.

    f: takes x and gives one number: a float, an array or a Tensor of one element.
    x: a floating point array or Tensor, a number, or lists, tuples and dicts of them. Its elements
        are changed in place, one at a time, and always put back, even if f raises; so f may also
        look at x from outside, as in `numerical_gradient(lambda _: net.loss(t), net.params["W"])`.
        Only what cannot be written to (a list of numbers, a read-only array) is copied for f.
    h: the step. None takes ∛ε·max(1, |x|) for central and √ε·max(1, |x|) for forward differences,
        with ε of x's dtype, which balances the formula's error against rounding.
    method: "central", (f(x+h) − f(x−h))/2h, error O(h²); "forward", (f(x+h) − f(x))/h, O(h).
    Returns what x is: an array, a Tensor, a float, or the same nesting of them. Differences are
    formed in float64. A float32 x gives about three right digits, a float64 x nine.
    Raises DTypeError for integers, OptionError for a step that changes nothing.
    Source of the steps: Press et al., Numerical Recipes, 3rd ed., §5.7.

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> np.round(tj.numerical_gradient(lambda x: np.sum(x**2), np.array([3.0, 4.0])), 6)
    array([6., 8.])
    """
    if method not in ("central", "forward"):
        raise OptionError("difference_method", given=method)
    if h is not None and not h > 0:
        raise OptionError("step", h=h)
    if isinstance(x, dict) or (isinstance(x, (list, tuple)) and _holds_arrays(x)):
        return _of_nested(f, x, h, method)
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        at = np.array(float(x))
        return float(_differences(lambda: f(float(at)), at, h, method))
    target = x
    if not isinstance(x, (ndarray, Tensor)):
        target = np.array(x, dtype=np.result_type(np.asarray(x), np.float16))
    elif isinstance(x, ndarray) and not isinstance(x, Data) and not x.flags.writeable:
        target = x.copy()
    slopes = _differences(lambda: f(target), _writable(target), h, method)
    return wrap(np.asarray(slopes, x.dtype)) if isinstance(x, Tensor) else slopes


def _holds_arrays(x: Any) -> bool:
    return any(isinstance(v, (ndarray, Tensor)) for v in leaves(x))


def _of_nested(f: Callable[[Any], Any], x: Any, h: float | None, method: str) -> Any:
    """Take the parts of nested arrays in turn; f always sees the whole."""
    parts = flatten(x, "x")
    for path, part in parts:
        if not isinstance(part, float):
            _writable(part, path)

    def by(i: int, part: Any) -> Any:
        if not isinstance(part, float):
            return numerical_gradient(lambda _: f(x), part, h, method)
        whole = [v for _, v in parts]  # a number cannot be changed in place
        return numerical_gradient(
            lambda v: f(rebuild(x, [*whole[:i], v, *whole[i + 1 :]])), part, h, method
        )

    return rebuild(x, [by(i, part) for i, (_, part) in enumerate(parts)])


def _writable(x: Any, path: str = "x") -> Array:
    """Give the memory of an array or a Tensor.

    Writes go past the record of changes on purpose: every value is put back, so that no graph
    recorded earlier becomes stale.
    """
    array = x._data if isinstance(x, Tensor) else plain(x)
    dtype = getattr(array, "dtype", None)
    if dtype is None or dtype.kind != "f":
        raise DTypeError("argument_dtype", path=path, dtype=dtype or type(x).__name__)
    return array


def _differences(f: Callable[[], Any], array: Array, h: float | None, method: str) -> Array:
    epsilon = float(np.finfo(array.dtype).eps)
    base = epsilon ** (1 / 3) if method == "central" else epsilon**0.5
    slopes = np.zeros(array.shape, np.float64)
    with no_grad():
        middle = _number(f()) if method == "forward" and array.size else 0.0
        for index in np.ndindex(array.shape):
            old = array[index].copy()
            value = float(old)
            step = base * max(1.0, abs(value)) if h is None else h
            try:
                array[index] = value + step
                high, above = float(array[index]), _number(f())
                low, below = value, middle
                if method == "central":
                    array[index] = value - step
                    low, below = float(array[index]), _number(f())
            finally:
                array[index] = old
            if high == low:
                raise OptionError("step_too_small", h=step, value=value, dtype=array.dtype)
            slopes[index] = (above - below) / (high - low)
    return np.asarray(slopes, array.dtype)


def _number(value: Any) -> float:
    array = value._data if isinstance(value, Tensor) else np.asarray(value)
    if array.size != 1:
        raise ShapeError("one_number", what="f", shape=array.shape)
    return float(array.reshape(()))


class StepErrors(NamedTuple):
    """How far differences are from the exact gradient, by step; prints as a table."""

    h: Array
    forward: Array
    central: Array

    def __str__(self) -> str:
        rows = [f"{a:8.0e}  {b:8.1e}  {c:8.1e}" for a, b, c in zip(*self, strict=True)]
        return "\n".join(["       h   forward   central", *rows])


def gradient_error_by_step(
    f: Callable[[Any], Any], x: Any, steps: Sequence[float] | None = None
) -> StepErrors:
    """Compare numerical gradients of several steps with the exact one, to see how to choose h.

    f: a function of one array that gives one number, of NumPy functions or Tensor methods.
    x: an array; taken in float64. steps: 10⁻¹ to 10⁻¹² if left out.
    Returns (h, forward, central): for each step the largest error, relative to the largest slope.
    Too large a step suffers from curvature, too small a one from rounding.

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> errors = tj.gradient_error_by_step(lambda x: np.sum(np.exp(x)), np.array([0.5, 1.0]))
    >>> errors.h[errors.central.argmin()]
    np.float64(1e-05)
    """
    h = np.asarray(steps if steps is not None else [float(f"1e-{k}") for k in range(1, 13)])
    x = np.array(x._data if isinstance(x, Tensor) else x, dtype=np.float64)
    exact = grad_of(f)(x)._data
    scale = max(float(np.max(np.abs(exact), initial=0.0)), 1e-300)

    def errors(method: str) -> Array:
        found = [numerical_gradient(lambda a: f(wrap(a)), x, step, method) for step in h]
        return np.array([np.max(np.abs(g - exact), initial=0.0) / scale for g in found])

    return StepErrors(h, errors("forward"), errors("central"))


# ── checks ──────────────────────────────────────────────────────────────────────────────────────

# step and tolerances by the dtype that f computes in
_CHOSEN = {
    np.dtype(np.float64): (1e-6, 1e-5, 1e-3),
    np.dtype(np.float32): (5e-3, 5e-3, 2e-2),
    np.dtype(np.float16): (5e-2, 1e-1, 1e-1),
}


class _Checked:
    """A function of some of its inputs, as float64 arrays in and a flat list of arrays out."""

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], labels: Sequence[str] = ()
    ) -> None:
        self.f, self.args = f, args
        self.name = getattr(f, "__name__", type(f).__name__)
        labels = labels or [str(i) for i in range(len(args))]
        found = [
            pair for label, a in zip(labels, args, strict=True) for pair in flatten(a, label)
        ]
        asked = any(isinstance(v, Tensor) and v.requires_grad for _, v in found)
        self.chosen = [
            i for i, (_, v) in enumerate(found)
            if (isinstance(v, Tensor) and v.requires_grad if asked else _is_real(v))
        ]
        if not self.chosen:
            raise GradcheckError("gradcheck_nothing")
        self.paths = [found[i][0] for i in self.chosen]
        self.values = [
            np.array(_values(found[i][1]), dtype=np.float64) for i in self.chosen
        ]
        self._fixed = [v for _, v in found]

    def call(self, *inputs: Any) -> list[Tensor]:
        """Call f with these in the place of the chosen inputs; list its real results."""
        given = list(self._fixed)
        for i, x in zip(self.chosen, inputs, strict=True):
            given[i] = x
        result = leaves(self.f(*rebuild(tuple(self.args), given)))
        for t in result:
            if not isinstance(t, Tensor):
                raise GradientError("not_a_tensor", name=self.name, kind=type(t).__name__)
        return [t for t in result if t._data.dtype.kind == "f"]

    def at(self, values: Sequence[Array]) -> list[Array]:
        """Evaluate on plain arrays, without recording."""
        with no_grad():
            results = self.call(*(wrap(v.copy()) for v in values))
        return [np.array(t._data, dtype=np.float64) for t in results]

    def moved(self, j: int, step: Array) -> list[Array]:
        """Evaluate with the input j moved."""
        values = list(self.values)
        values[j] = values[j] + step
        return self.at(values)


def _is_real(v: Any) -> bool:
    if isinstance(v, (ndarray, Tensor, np.generic)):
        return v.dtype.kind == "f"
    return isinstance(v, float)


def _values(v: Any) -> Any:
    return v._data if isinstance(v, Tensor) else v


class _Tolerance(NamedTuple):
    eps: float
    atol: float
    rtol: float

    def holds(self, analytic: Array, numerical: Array) -> Array:
        close = np.abs(analytic - numerical) <= self.atol + self.rtol * np.abs(numerical)
        return close | (analytic == numerical)


def gradcheck(
    f: Callable[..., Any], inputs: Any, eps: float | None = None, atol: float | None = None,
    rtol: float | None = None, mode: Literal["full", "direction"] = "full", order: int = 1,
    raise_exception: bool = True, seed: int = 0,
) -> bool:
    """Check analytical derivatives against central differences.

    f: takes the inputs as Tensors, and gives a Tensor or lists, tuples and dicts of them.
    inputs: one argument or a tuple of them: arrays, Tensors, numbers, or nests of these. Checked
        are the Tensors that require a gradient, or, if there are none, all floating point inputs.
        They are copied to float64, float32 and float16 ones too: it is the formula that is
        checked, not the rounding. The user's own are left as they are.
    eps, atol, rtol: the step, and the tolerances |analytic − numerical| ≤ atol + rtol·|numerical|;
        1e-6, 1e-5, 1e-3 unless given. Where f computes in float32 or float16 all the same, they
        are 5e-3, 5e-3, 2e-2 or 0.05, 0.1, 0.1, and a warning says so.
    mode: "full" compares every element of the Jacobian; "direction" a few random directions of
        each input, at a cost that does not grow with size; only on failure the element is sought.
    order: 1, or 2 to check second derivatives as well, and so on.
    raise_exception: raise GradcheckError on failure (which input, which element, both numbers, and
        whether a kink is near), or else give False.
    Returns True if all agree.

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> x, y = np.array([0.5, 1.0]), np.array([2.0, 3.0])
    >>> tj.gradcheck(lambda x, y: np.sin(x) * y, (x, y), order=2)
    True
    """
    if mode not in ("full", "direction"):
        raise OptionError("gradcheck_mode", given=mode)
    if not isinstance(order, int) or order < 1:
        raise OptionError("gradcheck_order", given=order)
    args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    rng = np.random.default_rng(seed)
    try:
        checked = _Checked(f, args)
        for level in range(1, order + 1):
            if level > 1:
                checked = _differentiated(checked, rng)
            _check(checked, eps, atol, rtol, mode, level, rng)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(f: Callable[..., Any], inputs: Any, **options: Any) -> bool:
    """Check first and second derivatives against central differences: gradcheck with order=2."""
    return gradcheck(f, inputs, order=options.pop("order", 2), **options)


def _differentiated(checked: _Checked, rng: np.random.Generator) -> _Checked:
    """Give the function (inputs, gradients of the results) → gradients of the inputs."""
    count = len(checked.values)
    seeds = [rng.standard_normal(y.shape) for y in checked.at(checked.values)]

    def gradients(*given: Any) -> Any:
        _, pullback = vjp(checked.call, *given[:count])
        return pullback(list(given[count:]))

    gradients.__name__ = checked.name
    labels = [*checked.paths, *(f"g{k}" for k in range(len(seeds)))]
    return _Checked(gradients, (*checked.values, *seeds), labels)


def _check(
    checked: _Checked, eps: float | None, atol: float | None, rtol: float | None,
    mode: str, order: int, rng: np.random.Generator,
) -> None:
    with no_grad():
        level = Level(checked.call, checked.values, {}, range(len(checked.values)))
    if order == 1 and not level.reaches():
        raise GradcheckError("gradcheck_no_path", name=checked.name)
    tolerance = _tolerance(level.outputs, checked.name, eps, atol, rtol)
    middle = checked.at(checked.values)
    again = checked.at(checked.values)
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(middle, again, strict=True)):
        raise GradcheckError("gradcheck_changes", name=checked.name)
    for j in range(len(checked.values)):
        if mode == "full":
            _check_elements(checked, level, j, middle, tolerance, order)
        else:
            _check_directions(checked, level, j, middle, tolerance, order, rng)


def _tolerance(
    outputs: Sequence[Tensor], name: str, eps: float | None, atol: float | None, rtol: float | None
) -> _Tolerance:
    lowest = min((t.dtype for t in outputs), key=lambda d: d.itemsize, default=np.dtype(float))
    chosen = _CHOSEN.get(lowest, _CHOSEN[np.dtype(np.float64)])
    given = (eps, atol, rtol)
    tolerance = _Tolerance(*(c if g is None else g for c, g in zip(chosen, given, strict=True)))
    if lowest.itemsize < 8 and None in given:
        warn("gradcheck_low", stacklevel=5, name=name, dtype=lowest, **tolerance._asdict())
    return tolerance


def _check_elements(
    checked: _Checked, level: Level, j: int, middle: list[Array], tolerance: _Tolerance, order: int
) -> None:
    """Compare every element of the Jacobian with respect to the input j."""
    x = checked.values[j]
    above, below = [], []
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = tolerance.eps
        above.append(checked.moved(j, step))
        below.append(checked.moved(j, -step))
    for k, output in enumerate(level.outputs):
        analytic = np.zeros((output._data.size, x.size))
        for i in range(output._data.size):
            unit = np.zeros_like(output._data)
            unit.flat[i] = 1
            analytic[i] = level.pull([output], [unit], False)[j]._data.reshape(-1)
        high = np.array([ys[k].reshape(-1) for ys in above]).reshape(x.size, -1).T
        low = np.array([ys[k].reshape(-1) for ys in below]).reshape(x.size, -1).T
        numerical = (high - low) / (2 * tolerance.eps)
        wrong = ~tolerance.holds(analytic, numerical)
        if wrong.any():
            error = np.abs(analytic - numerical)
            error = np.where(wrong, np.where(np.isnan(error), np.inf, error), -1.0)
            row, column = np.unravel_index(int(error.argmax()), error.shape)
            start = float(middle[k].reshape(-1)[row])
            right = (float(high[row, column]) - start) / tolerance.eps
            left = (start - float(low[row, column])) / tolerance.eps
            raise _disagreement(
                "gradcheck", float(analytic[row, column]), float(numerical[row, column]),
                order=order, output=k, output_index=_at(int(row), output.shape),
                input=checked.paths[j], index=_at(int(column), x.shape),
                failed=int(wrong.sum()), total=wrong.size,
                kink=_kink(left, right, start, tolerance),
            )


def _check_directions(
    checked: _Checked, level: Level, j: int, middle: list[Array], tolerance: _Tolerance,
    order: int, rng: np.random.Generator,
) -> None:
    """Compare uᵀJv for random u and v; on failure, look for the element that is wrong."""
    x = checked.values[j]
    for _ in range(3):
        v = rng.standard_normal(x.shape)
        us = [rng.standard_normal(y.shape) for y in middle]
        high = checked.moved(j, v * tolerance.eps)
        low = checked.moved(j, v * -tolerance.eps)
        numerical = sum(
            float(np.sum(u * (a - b))) for u, a, b in zip(us, high, low, strict=True)
        ) / (2 * tolerance.eps)
        seeds = [np.asarray(u, t.dtype) for u, t in zip(us, level.outputs, strict=True)]
        analytic = float(np.sum(level.pull(level.outputs, seeds, False)[j]._data * v))
        if not tolerance.holds(np.asarray(analytic), np.asarray(numerical)):
            _check_elements(checked, level, j, middle, tolerance, order)
            raise _disagreement(
                "gradcheck_direction", analytic, numerical, order=order, input=checked.paths[j],
            )


def _disagreement(key: str, analytic: float, numerical: float, **facts: Any) -> GradcheckError:
    size = max(abs(analytic), abs(numerical))
    relative = abs(analytic - numerical) / size if size else 0.0
    return GradcheckError(key, analytic=analytic, numerical=numerical, relative=relative, **facts)


def _at(place: int, shape: tuple[int, ...]) -> Any:
    return list(map(int, np.unravel_index(place, shape))) if shape else ""


def _kink(left: float, right: float, value: float, tolerance: _Tolerance) -> Phrase:
    """Judge whether the slopes from the left and from the right differ by more than curvature."""
    rounding = 16 * float(np.finfo(np.float64).eps) * abs(value) / tolerance.eps
    allowed = 0.02 * max(abs(left), abs(right), 1e-3) + rounding
    if abs(left - right) > allowed:
        return Phrase("kink", left=left, right=right)
    return Phrase("no_kink")
