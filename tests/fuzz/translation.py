"""The same operations in PyTorch and in JAX, by the names of NumPy's functions.

PyTorch: what is in the tables here, else its own copy of NumPy's functions (`torch._numpy`). JAX:
`jax.numpy`. A call that the other library does not take (an option it does not know, a shape it
answers otherwise) is left out of the programs that are compared with it: `can_take` finds that out
once per call, on values alone. Values themselves are never a reason to leave a call out.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_jp.testing.calls import mapped
from tinygrad_jp.testing.programs import REACH, floats_of
from tinygrad_jp.vocabulary.domain import Call
from tinygrad_jp.vocabulary.rule import Entry, label

from .expressed import expressed

HAS = {name: importlib.util.find_spec(name) is not None for name in ("torch", "jax")}

# results that are right up to the sign of each vector: their squares are compared
UP_TO_SIGN = {"np.linalg.svd": (0, 2), "thin_svd": (0, 2), "np.linalg.eigh": (1,)}


class Library:
    """One other library: how to call an operation there, and how to differentiate."""

    name: str

    def __init__(self) -> None:
        self._takes: dict[Any, bool] = {}

    def function(self, entry: Entry) -> Callable[..., Any] | None:
        """Find the operation; None where there is none."""
        raise NotImplementedError

    def array(self, x: Any) -> Any:
        raise NotImplementedError

    def results(self, result: Any) -> list[Any]:
        raise NotImplementedError

    def call(self, entry: Entry, args: Any, kwargs: dict[str, Any]) -> list[Any]:
        found = self.results(self.function(entry)(*args, **kwargs))  # type: ignore[misc]
        return without_signs(entry, found)

    def differentiates(self, entry: Entry, call: Call) -> bool:
        """Tell whether the library has first and second derivatives of a call; raises if not."""
        raise NotImplementedError

    def can_take(self, entry: Entry, call: Call) -> bool:
        """Tell whether the library answers a call with results of NumPy's number and shapes."""
        shapes: list[Any] = []
        key = (label(entry.fn), repr(mapped(call, lambda x: shapes.append(x.shape) or _sketch(x))))
        if key not in self._takes:
            self._takes[key] = self._answers(entry, call)
        return self._takes[key]

    def _answers(self, entry: Entry, call: Call) -> bool:
        if self.function(entry) is None:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = ours(entry, call.args, call.kwargs)
            there = mapped(call, self.array)
            try:
                found = self.call(entry, list(there.args), there.kwargs)
                self.differentiates(entry, call)
            except Exception:  # whatever it says: this call is not one that it knows
                return False
        return [tuple(v.shape) for v in found] == [np.shape(v) for v in wanted]


def _sketch(x: Any) -> Any:
    """Stand for an array by what decides whether a call is taken: shape and dtype."""
    return (x.shape, str(x.dtype)) if x.dtype.kind == "f" else x


def ours(entry: Entry, args: Any, kwargs: dict[str, Any]) -> list[Any]:
    """Call an operation on arrays or our Tensors, with the parts that are compared."""
    return without_signs(entry, floats_of(entry.fn(*args, **kwargs)))


def without_signs(entry: Entry, found: list[Any]) -> list[Any]:
    """Square the results whose sign is anybody's choice."""
    squared = UP_TO_SIGN.get(label(entry.fn), ())
    return [v * v if i in squared else v for i, v in enumerate(found)]


def by_name(module: Any, entry: Entry) -> Any:
    """Find np.linalg.det in another library's numpy."""
    name = label(entry.fn)
    if not name.startswith("np."):
        return None
    found = module
    for part in name.removeprefix("np.").split("."):
        found = getattr(found, part, None)
    return found


# ── PyTorch ─────────────────────────────────────────────────────────────────────────────────────


class Torch(Library):
    """PyTorch, in float64 on the CPU."""

    name = "PyTorch"

    def __init__(self) -> None:
        super().__init__()
        import torch
        import torch._numpy as names

        self.torch, self.names = torch, names
        self.table = {**torch_table(torch), **expressed(torch)}

    def function(self, entry: Entry) -> Callable[..., Any] | None:
        own = self.table.get(label(entry.fn))
        if own is not None:
            return own  # type: ignore[no-any-return]
        found = by_name(self.names, entry)
        if found is None:
            return None

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return found(*map(self._in, args), **{k: self._in(v) for k, v in kwargs.items()})

        return wrapped

    def _in(self, value: Any) -> Any:
        if isinstance(value, self.torch.Tensor):
            return self.names.asarray(value)
        if type(value) in (list, tuple):
            return type(value)(map(self._in, value))
        return value

    def array(self, x: Any) -> Any:
        return self.torch.tensor(x)

    def results(self, result: Any) -> list[Any]:
        if isinstance(result, (list, tuple)):
            return [part for item in result for part in self.results(item)]
        result = getattr(result, "tensor", result)
        if not isinstance(result, self.torch.Tensor):
            return []
        return [result] if result.is_floating_point() else []

    def differentiates(self, entry: Entry, call: Call) -> bool:
        xs: list[Any] = []

        def leaf(x: Any) -> Any:
            t = self.torch.tensor(x)
            if not t.is_floating_point():
                return t
            xs.append(t.requires_grad_())
            return t * 1.0  # not a leaf: some functions write into their arguments

        given = mapped(call, leaf)
        total = sum((y * y).sum() for y in self.call(entry, list(given.args), given.kwargs))
        grad = self.torch.autograd.grad
        first = [g for g in grad(total, xs, create_graph=True, allow_unused=True) if g is not None]
        inner = sum((g * g).sum() for g in first)
        if inner.requires_grad:
            grad(inner, xs, allow_unused=True)
        return True

    def near(self, array: Any, value: Any, symmetric: bool) -> Any:
        """Do as programs.near does."""
        array = self.torch.as_tensor(array)
        flat = value.reshape(-1)
        times = -(-array.numel() // flat.numel()) if array.numel() else 0
        move = self.torch.tanh(flat.repeat(times)[: array.numel()].reshape(array.shape))
        if symmetric:
            move = (move + move.mT) / 2
        return array + REACH * move

    def run(self, program: Any, weights: Any, moves: Any) -> Any:
        """Give (values, gradients, second-order products) of a program, as arrays."""
        torch = self.torch
        xs = [torch.tensor(x, requires_grad=True) for x in program.inputs]
        ys = program(*xs, call=self.translated, near=self.near)
        total = sum((y * torch.tensor(w)).sum() for y, w in zip(ys, weights, strict=True))
        first = second = zeros = [torch.zeros_like(x) for x in xs]
        if not total.requires_grad:
            return tuple([v.detach().numpy() for v in part] for part in (ys, first, second))
        first = _or_zero(torch.autograd.grad(total, xs, create_graph=True, allow_unused=True), zeros)
        inner = sum((g * torch.tensor(u)).sum() for g, u in zip(first, moves, strict=True))
        if inner.requires_grad:
            second = _or_zero(torch.autograd.grad(inner, xs, allow_unused=True), zeros)
        return tuple([v.detach().numpy() for v in part] for part in (ys, first, second))

    def translated(self, entry: Entry, args: Any, kwargs: dict[str, Any]) -> list[Any]:
        """Call with arrays among the arguments turned into tensors."""
        given = mapped(Call(tuple(args), kwargs), self.array)
        return self.call(entry, list(given.args), given.kwargs)


def _or_zero(found: Any, zeros: Any) -> Any:
    return [z if g is None else g for g, z in zip(found, zeros, strict=True)]


def torch_table(torch: Any) -> dict[str, Callable[..., Any]]:
    """List what PyTorch has under other names, or with a slip in its copy of NumPy."""
    F = torch.nn.functional

    def axes(axis: Any, x: Any) -> Any:
        return tuple(range(x.ndim)) if axis is None else axis

    def summed(fn: Any) -> Any:
        def call(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
            return fn(x, dim=axes(axis, x), keepdim=keepdims)

        return call

    def cumulative(fn: Any, start: float) -> Any:
        def call(x: Any, *, axis: Any = None, include_initial: bool = False) -> Any:
            axis = 0 if axis is None else axis
            y = fn(x, axis)
            if include_initial:
                first = torch.full_like(y.narrow(axis, 0, 1), start)
                y = torch.cat([first, y], axis)
            return y

        return call

    def polyval(p: Any, x: Any) -> Any:
        y = torch.zeros_like(torch.as_tensor(x)) * p[0]
        for c in p:
            y = y * x + c
        return y

    def standardized(x: Any, axis: Any, eps: float) -> Any:
        mean = x.mean(axis, keepdim=True)
        variance = ((x - mean) ** 2).mean(axis, keepdim=True)
        return (x - mean) / torch.sqrt(variance + eps), mean, variance

    def norm(x: Any, p: float, axis: Any) -> Any:
        return torch.linalg.vector_norm(x, p, dim=axis, keepdim=True)

    def nan_mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return torch.nanmean(x, dim=axes(axis, x), keepdim=keepdims)

    def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
        rows = b if b.ndim > 1 else b[:, None]
        x = torch.linalg.lstsq(a, rows).solution
        residuals = ((a @ x - rows) ** 2).sum(0)  # PyTorch's own have no gradient
        return (x if b.ndim > 1 else x[:, 0]), residuals, torch.linalg.svdvals(a)

    return {
        "np.linalg.lstsq": lstsq,
        "np.cbrt": lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3),
        "np.astype": lambda x, dtype: x.clone(), "astype": lambda x, dtype: x.clone(),
        "np.vecdot": lambda a, b, axis=-1: (a * b).sum(axis),
        "np.linalg.vecdot": lambda a, b, *, axis=-1: (a * b).sum(axis),
        "np.matvec": lambda a, b: (a @ b[..., None])[..., 0],
        "np.vecmat": lambda a, b: (a[..., None, :] @ b)[..., 0, :],
        "np.matrix_transpose": lambda x: x.mT,
        "np.linalg.matmul": torch.matmul, "np.linalg.outer": torch.outer,
        "np.linalg.cross": lambda a, b, *, axis=-1: torch.linalg.cross(a, b, dim=axis),
        "np.linalg.trace": lambda x, *, offset=0: torch.diagonal(x, offset, -2, -1).sum(-1),
        "np.linalg.diagonal": lambda x, *, offset=0: torch.diagonal(x, offset, -2, -1),
        "np.linalg.tensordot": lambda a, b, *, axes=2: torch.tensordot(a, b, axes),
        "np.linalg.svdvals": torch.linalg.svdvals,
        "np.linalg.eigvalsh": torch.linalg.eigvalsh,
        "np.linalg.vector_norm": lambda x, *, axis=None, keepdims=False, ord=2: (
            torch.linalg.vector_norm(x, ord, dim=axis, keepdim=keepdims)),
        "np.linalg.matrix_norm": lambda x, *, keepdims=False, ord="fro": (
            torch.linalg.matrix_norm(x, ord, keepdim=keepdims)),
        "np.linalg.slogdet": lambda x: tuple(torch.linalg.slogdet(x)),
        "np.cumulative_sum": cumulative(torch.cumsum, 0.0),
        "np.cumulative_prod": cumulative(torch.cumprod, 1.0),
        "np.trapezoid": lambda y, x=None, dx=1.0, axis=-1: (
            torch.trapezoid(y, x, dim=axis) if x is not None else torch.trapezoid(y, dx=dx, dim=axis)),
        "np.polyval": polyval,
        "np.nansum": summed(torch.nansum), "np.nanmean": nan_mean,
        "np.unstack": lambda x, *, axis=0: torch.unbind(x, axis),
        "np.compress": lambda c, x, axis=None: torch.index_select(
            x, axis, torch.nonzero(torch.as_tensor(c))[:, 0]),
        "np.extract": lambda c, x: x.reshape(-1)[torch.as_tensor(c).reshape(-1).nonzero()[:, 0]],
        "np.linalg.cholesky": lambda x, /, *, upper=False: (
            torch.linalg.cholesky(x, upper=upper)),
        "erf": torch.erf, "relu": torch.relu, "sigmoid": torch.sigmoid, "silu": F.silu,
        "gelu": F.gelu, "log_sigmoid": F.logsigmoid, "elu": lambda x, alpha: F.elu(x, alpha),
        "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
        "softplus": lambda x, beta, threshold: F.softplus(x, beta, threshold),
        "softmax": torch.softmax, "log_softmax": torch.log_softmax,
        "logsumexp": summed(torch.logsumexp), "linear": F.linear, "mse": F.mse_loss,
        "cross_entropy": F.cross_entropy,
        "bounded_log": lambda x: torch.clamp(torch.log(x), min=-100),
        "sum_rows": lambda a: a.reshape(-1, a.shape[-1]).sum(0),
        "sum_outer": lambda a, b: a.reshape(-1, a.shape[-1]).T @ b.reshape(-1, b.shape[-1]),
        "contract": lambda xs, subscripts: torch.einsum(subscripts, *xs),
        "p_norm": norm, "thin_svd": lambda x: torch.linalg.svd(x, full_matrices=False),
        "standardize": standardized,
        "center_and_scale": lambda x, axis, eps: standardized(x, axis, eps)[0],
        "rms_standardize": lambda x, axis, eps: (
            x / torch.sqrt((x**2).mean(axis, keepdim=True) + eps)),
        "cofactor": lambda x: torch.linalg.det(x)[..., None, None] * torch.linalg.inv(x).mT,
        "minus_one_hot": lambda p, t: p - F.one_hot(t, p.shape[-1]),
        "convolve_full": lambda a, b: F.conv1d(
            a[None, None], b.flip(0)[None, None], padding=b.numel() - 1)[0, 0],
    }


# ── JAX ─────────────────────────────────────────────────────────────────────────────────────────


class Jax(Library):
    """JAX, in float64 on the CPU."""

    name = "JAX"

    def __init__(self) -> None:
        super().__init__()
        import jax

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_platforms", "cpu")
        self.jax = jax
        # what a call raises that looks at values, while it is traced
        self.needs_values = (
            jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError,
            jax.errors.NonConcreteBooleanIndexError, jax.errors.TracerIntegerConversionError,
        )

    def function(self, entry: Entry) -> Callable[..., Any] | None:
        jax, name = self.jax, label(entry.fn)
        nn = jax.nn
        table: dict[str, Callable[..., Any]] = {
            "erf": jax.scipy.special.erf, "relu": nn.relu, "sigmoid": nn.sigmoid, "silu": nn.silu,
            "gelu": lambda x: nn.gelu(x, approximate=False), "log_sigmoid": nn.log_sigmoid,
            "elu": nn.elu, "leaky_relu": nn.leaky_relu, "softmax": nn.softmax,
            "log_softmax": nn.log_softmax, "logsumexp": jax.scipy.special.logsumexp,
            "linear": lambda x, w, b=None: x @ w.T + (0.0 if b is None else b),
            "getitem": lambda x, index: x[index],
        }
        return table.get(name) or by_name(jax.numpy, entry)

    def array(self, x: Any) -> Any:
        return self.jax.numpy.asarray(x)

    def results(self, result: Any) -> list[Any]:
        if isinstance(result, (list, tuple)):
            return [part for item in result for part in self.results(item)]
        return [result] if getattr(getattr(result, "dtype", None), "kind", "") == "f" else []

    def near(self, array: Any, value: Any, symmetric: bool) -> Any:
        """Do as programs.near does."""
        jnp = self.jax.numpy
        move = jnp.tanh(jnp.resize(value, array.shape))
        if symmetric:
            move = (move + jnp.swapaxes(move, -1, -2)) / 2
        return jnp.asarray(array) + REACH * move

    def translated(self, entry: Entry, args: Any, kwargs: dict[str, Any]) -> list[Any]:
        """Call with arrays among the arguments turned into JAX's, indices left as they are."""
        given = mapped(
            Call(tuple(args), kwargs), lambda x: self.array(x) if x.dtype.kind == "f" else x
        )
        return self.call(entry, list(given.args), given.kwargs)

    def whole(self, compute: Any) -> Any:
        """Make (values, gradients, second-order products) of (xs, weights, moves) out of compute(xs)."""
        jax, jnp = self.jax, self.jax.numpy

        def total(xs: Any, weights: Any) -> Any:
            ys = compute(xs)
            weights = [1.0] * len(ys) if weights is None else weights
            return sum(jnp.sum(y * w) for y, w in zip(ys, weights, strict=True)), ys

        def inner(xs: Any, weights: Any, moves: Any) -> Any:
            first, ys = jax.grad(total, has_aux=True)(xs, weights)
            return sum(jnp.sum(g * u) for g, u in zip(first, moves, strict=True)), (first, ys)

        def parts(xs: Any, weights: Any, moves: Any) -> Any:
            second, (first, ys) = jax.grad(inner, has_aux=True)(xs, weights, moves)
            return ys, first, second

        return parts

    def differentiates(self, entry: Entry, call: Call) -> bool:
        jnp, xs = self.jax.numpy, []
        mapped(call, lambda x: xs.append(jnp.asarray(x)) if x.dtype.kind == "f" else None)

        def squares(xs: Any) -> Any:
            rest = iter(xs)
            given = mapped(call, lambda x: next(rest) if x.dtype.kind == "f" else x)
            return [y * y for y in self.call(entry, list(given.args), given.kwargs)]

        parts = self.whole(squares)
        try:
            self.jax.eval_shape(parts, xs, None, xs)
        except self.needs_values:
            parts(xs, None, xs)
        return True

    def run(self, program: Any, weights: Any, moves: Any) -> Any:
        """Give (values, gradients, second-order products) of a program, as arrays."""
        parts = self.whole(lambda xs: program(*xs, call=self.translated, near=self.near))
        xs = [self.jax.numpy.asarray(x) for x in program.inputs]
        try:  # compiled as one: five times as fast as call by call
            found = self.jax.jit(parts)(xs, weights, moves)
        except self.needs_values:
            found = parts(xs, weights, moves)
        return tuple([np.asarray(v) for v in part] for part in found)
