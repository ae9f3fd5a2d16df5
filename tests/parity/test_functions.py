"""Every function against PyTorch: values, dtypes and gradients, in double and single precision.

A case is one expression that both libraries understand, for `m` is tinygrad_jp or torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj

from .golden import expected

Call = Callable[..., Any]
CASES: dict[str, tuple[tuple[Any, ...], Call]] = {}


def case(name: str, inputs: tuple[Any, ...], call: Call) -> None:
    """Add a case: inputs are arrays; floating point ones get a gradient."""
    assert name not in CASES, name
    CASES[name] = (inputs, call)


# ── inputs ──────────────────────────────────────────────────────────────────────────────────────

rng = np.random.default_rng(2)


def real(*shape: int) -> Any:
    """Draw from −3 to 3, at least 0.05 away from the half integers, where the kinks are."""
    x = rng.uniform(-3, 3, shape)
    near = np.round(2 * x) / 2
    return np.where(np.abs(x - near) < 0.05, near + 0.11, x)


def positive(*shape: int) -> Any:
    return rng.uniform(0.2, 4, shape)


def unit(*shape: int) -> Any:
    return rng.uniform(-0.9, 0.9, shape)


def distinct(*shape: int) -> Any:
    size = int(np.prod(shape))
    return ((rng.permutation(size) - size / 2) * 0.37 + 0.11).reshape(shape)


def below(n: int, *shape: int) -> Any:
    return rng.integers(0, n, shape)


def spd(n: int) -> Any:
    x = rng.standard_normal((n, n))
    return x @ x.T / n + np.eye(n)


def mask(*shape: int) -> Any:
    x = rng.random(shape) < 0.5
    x.flat[0], x.flat[1] = True, False
    return x


# ── one argument, one element ───────────────────────────────────────────────────────────────────

for names, domain in [
    ("abs absolute neg negative positive square exp exp2 expm1 sin cos sinh cosh tanh atan arctan asinh arcsinh "
     "deg2rad rad2deg sinc erf erfc sigmoid relu silu selu mish elu celu gelu softplus leaky_relu relu6 softsign "
     "hardtanh hardsigmoid hardswish tanhshrink softshrink hardshrink logsigmoid frac nan_to_num clone", real),
    ("sign floor ceil trunc fix round signbit isnan isinf isfinite isposinf isneginf logical_not", real),
    ("sqrt rsqrt reciprocal log log2 log10 log1p", positive),
    ("tan asin arcsin acos arccos atanh arctanh", unit),
]:
    for name in names.split():
        case(name, (domain(2, 5),), lambda m, x, name=name: (
            getattr(m if hasattr(m, name) else F(m), name)(x)))
case("acosh", (positive(5) + 1.1,), lambda m, x: m.acosh(x))
case("logit", (positive(5) / 5,), lambda m, x: m.logit(x))
case("logit eps", (positive(2, 3) / 3,), lambda m, x: m.logit(x, 0.3))
case("round decimals", (real(4) * 3.1,), lambda m, x: m.round(x, decimals=1))
case("nan_to_num values", (np.array([1.5, np.nan, np.inf, -np.inf]),),
     lambda m, x: m.nan_to_num(x, nan=0.5, posinf=2.0, neginf=-3.0))
for method in ["exp", "log1p", "tanh", "relu", "sigmoid", "abs", "sqrt", "sin", "square", "neg", "erf", "rsqrt", "reciprocal"]:
    case(f"x.{method}()", (positive(3),), lambda m, x, method=method: getattr(x, method)())

# ── activations with arguments, and at their ends ───────────────────────────────────────────────


def F(m: Any) -> Any:
    """Give the module where PyTorch keeps its activations; ours are at the top."""
    return m.nn.functional if m.__name__ == "torch" else m


ENDS = np.array([-120.0, -30.0, -0.0, 0.0, 30.0, 120.0])
for name in ["sigmoid", "relu", "silu", "mish", "softplus", "elu", "gelu", "selu", "logsigmoid", "tanh", "hardswish", "leaky_relu", "relu6", "hardtanh", "softsign"]:
    case(f"{name} ends", (ENDS,), lambda m, x, name=name: getattr(F(m), name)(x))
case("gelu tanh", (real(6),), lambda m, x: F(m).gelu(x, approximate="tanh"))
case("elu alpha", (real(6),), lambda m, x: F(m).elu(x, alpha=0.7))
case("celu alpha", (real(6),), lambda m, x: F(m).celu(x, alpha=0.7))
case("softplus beta", (real(6) * 5,), lambda m, x: F(m).softplus(x, beta=2, threshold=5))
case("leaky_relu slope", (real(6),), lambda m, x: F(m).leaky_relu(x, 0.2))
case("hardtanh bounds", (real(6),), lambda m, x: F(m).hardtanh(x, -2.3, 0.7))
case("softshrink lambd", (real(6),), lambda m, x: F(m).softshrink(x, 1.2))
case("hardshrink lambd", (real(6),), lambda m, x: F(m).hardshrink(x, 1.2))
case("threshold", (real(6),), lambda m, x: F(m).threshold(x, 0.3, -7.0))
case("prelu one", (real(2, 3), np.array([0.3])), lambda m, x, w: F(m).prelu(x, w))
case("prelu channels", (real(2, 3, 2), real(3)), lambda m, x, w: F(m).prelu(x, w))
case("glu", (real(3, 4),), lambda m, x: F(m).glu(x))
case("glu dim", (real(4, 3),), lambda m, x: F(m).glu(x, dim=0))
for name in ("softmax", "log_softmax"):
    case(f"{name} -1", (real(2, 3) * 3,), lambda m, x, name=name: getattr(m, name)(x, -1))
    case(f"{name} dim", (real(2, 3, 2),), lambda m, x, name=name: getattr(m, name)(x, dim=1))
    case(f"x.{name}", (real(2, 3),), lambda m, x, name=name: getattr(x, name)(0))
    case(f"{name} large", (np.array([[1e3, 0.0, -1e3]]),), lambda m, x, name=name: getattr(m, name)(x, 1))
    case(f"{name} 0-d", (real(),), lambda m, x, name=name: getattr(m, name)(x, 0))
case("softmin", (real(2, 3),), lambda m, x: F(m).softmin(x, dim=1))

# ── two arguments ───────────────────────────────────────────────────────────────────────────────

for name in ["add", "sub", "subtract", "mul", "multiply", "maximum", "minimum", "fmax", "fmin", "logaddexp", "logaddexp2", "lt", "le", "gt", "ge", "eq", "ne", "hypot"]:
    case(name, (real(2, 3), real(3)), lambda m, a, b, name=name: getattr(m, name)(a, b))
for name in ["div", "divide", "true_divide", "atan2", "arctan2", "copysign"]:
    case(name, (real(2, 3), real(2, 1)), lambda m, a, b, name=name: getattr(m, name)(a, b))
for name in ["remainder", "fmod"]:
    case(name, (real(6) * 3, np.array([0.71, -0.83, 1.1, -1.3, 0.9, 0.77])),
         lambda m, a, b, name=name: getattr(m, name)(a, b))
    case(f"{name} number", (real(6) * 3,), lambda m, a, name=name: getattr(m, name)(a, 0.7))
case("operators", (real(2, 3), positive(3)), lambda m, a, b: -(2 * a + b / 3 - 1) ** 2 % 7 + abs(a).detach() // 1 * b - (1 - a) / b)
case("comparisons", (real(6),), lambda m, a: (a > 0) & (a <= 1.5) | ~(a != a))
case("pow", (positive(3), real(2, 3)), lambda m, a, b: m.pow(a, b))
case("pow number", (real(5),), lambda m, a: m.pow(a, 3))
case("pow 0", (np.array([0.0, -1.5, 2.0]),), lambda m, a: a ** 0)
case("pow of number", (real(5),), lambda m, a: m.pow(2.5, a))
case("0 ** b", (positive(3),), lambda m, b: m.pow(m.zeros(3, dtype=b.dtype), b))
case("float ** 2", (real(4),), lambda m, a: a ** 2.0)
case("float_power", (positive(3),), lambda m, a: m.float_power(a, 1.5).to(a.dtype))
case("div floor", (real(6), real(6)), lambda m, a, b: m.div(a, b, rounding_mode="floor"))
case("div trunc", (real(6), real(6)), lambda m, a, b: m.div(a, b, rounding_mode="trunc"))
case("div trunc int", (np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])), lambda m, a, b: m.div(a, b, rounding_mode="trunc"))
case("div floor int", (np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])), lambda m, a, b: m.div(a, b, rounding_mode="floor"))
case("x.div", (real(3), real(3)), lambda m, a, b: a.div(b))
case("floor_divide", (real(6), real(6)), lambda m, a, b: m.floor_divide(a.detach(), b.detach()))
case("heaviside", (np.array([-1.0, 0.0, 2.0]), np.array([0.5])), lambda m, a, b: m.heaviside(a.detach(), b.detach()))
case("maximum tie", (np.array([1.0, 2.0]), np.array([1.0, 3.0])), lambda m, a, b: m.maximum(a, b) + m.minimum(a, b) * 2)
case("lerp", (real(3), real(3)), lambda m, a, b: m.lerp(a, b, 0.3))
case("lerp tensor", (real(2, 3), real(3), unit(2, 3)), lambda m, a, b, w: m.lerp(a, b, w))
case("addcmul", (real(3), real(3), real(3)), lambda m, a, b, c: m.addcmul(a, b, c, value=0.5))
case("addcdiv", (real(3), real(3), real(3)), lambda m, a, b, c: m.addcdiv(a, b, c, value=0.5))
case("xlogy", (np.array([0.0, 0.0, 1.5]), np.array([0.5, 1.0, 2.0])), lambda m, a, b: m.xlogy(a, b))
case("clamp", (real(6),), lambda m, a: m.clamp(a, -1.2, 0.7))
case("clamp min", (real(6),), lambda m, a: m.clamp(a, min=0.7))
case("clip max", (real(6),), lambda m, a: m.clip(a, max=0.7))
case("clamp at bounds", (np.array([-1.0, 0.5, 1.0]),), lambda m, a: a.clamp(-1.0, 1.0))
case("clamp tensors", (real(2, 3), np.full(3, -0.7), np.full((2, 1), 0.8)), lambda m, a, lo, hi: m.clamp(a, lo, hi))
case("clamp_min", (real(4),), lambda m, a: a.clamp_min(0.2) + a.clamp_max(0.3))
case("where", (mask(2, 3), real(2, 3), real(3)), lambda m, c, a, b: m.where(c, a, b))
case("where number", (mask(2, 3), real(2, 3)), lambda m, c, a: m.where(c, a, 0.5))
case("x.where", (mask(4), real(4), real(4)), lambda m, c, a, b: a.where(c, b))
case("where one", (mask(2, 3),), lambda m, c: m.where(c))
for name in ("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"):
    case(name, (mask(6), mask(6)), lambda m, a, b, name=name: getattr(m, name)(a, b))
case("bitwise_not", (below(9, 4),), lambda m, a: m.bitwise_not(a))
case("isclose", (np.array([1.0, 1.0, np.nan]), np.array([1.0, 1.0001, np.nan])),
     lambda m, a, b: (m.isclose(a, b), m.isclose(a, b, rtol=1e-3, equal_nan=True)))
case("allclose equal", (np.array([1.0, 2.0]), np.array([1.0, 2.0])),
     lambda m, a, b: (m.allclose(a, b), m.equal(a, b), m.equal(a, b[:1]), m.allclose(a, b + 0.1)))

# ── along axes ──────────────────────────────────────────────────────────────────────────────────

for name in ("sum", "mean", "amax", "amin", "prod"):
    method = lambda m, x, *a, name=name, **k: getattr(x, name)(*a, **k)
    if name != "prod":
        case(f"{name} axes", (distinct(2, 3, 2),), lambda m, x, f=method: f(m, x, (0, 2)))
        case(f"{name} keepdim axes", (distinct(2, 3, 2),), lambda m, x, f=method: f(m, x, dim=(0, -1), keepdim=True))
    if name in ("sum", "mean", "prod"):
        case(f"{name} all", (real(2, 3),), lambda m, x, name=name: getattr(m, name)(x))
        case(f"{name} dtype", (real(2, 3),), lambda m, x, f=method: f(m, x, 1, dtype=m.float32))
    case(f"{name} dim", (distinct(2, 3),), lambda m, x, f=method: f(m, x, dim=1))
    case(f"{name} positional", (distinct(2, 3),), lambda m, x, f=method: f(m, x, 0, True))
    if name == "sum":
        case(f"{name} 0-d", (distinct(),), lambda m, x, f=method: f(m, x, 0))
case("amax ties", (np.array([[1.0, 1.0, 0.0], [2.0, 0.0, 2.0]]),), lambda m, x: m.amax(x, 1))
case("max all ties", (np.array([[1.0, 2.0], [2.0, 0.0]]),), lambda m, x: x.max() + x.min())
case("prod zero", (np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0]]),), lambda m, x: x.prod(1))
case("sum int", (below(5, 2, 3),), lambda m, x: (x.sum(), x.sum(0), x.prod(), x.cumsum(1), (x > 1).sum(1)))
for name in ("std", "var"):
    for label, kwargs in {"all": {}, "dim": {"dim": 1}, "correction": {"dim": 1, "correction": 0},
                          "unbiased": {"unbiased": False}, "keepdim": {"dim": (0, 1), "keepdim": True}}.items():
        case(f"{name} {label}", (real(3, 4),), lambda m, x, name=name, k=kwargs: getattr(m, name)(x, **k))
    case(f"x.{name}", (real(3, 4),), lambda m, x, name=name: getattr(x, name)(0))
    case(f"x.{name}(False)", (real(3, 4),), lambda m, x, name=name: getattr(x, name)(False))
    case(f"{name}_mean", (real(3, 4),), lambda m, x, name=name: getattr(m, f"{name}_mean")(x, dim=0))
case("logsumexp", (real(2, 3) * 9,), lambda m, x: m.logsumexp(x, 1))
case("logsumexp keepdim", (real(2, 3, 2),), lambda m, x: m.logsumexp(x, dim=(0, 2), keepdim=True))
case("logsumexp inf", (np.array([[-np.inf, 1.0], [-np.inf, -np.inf]]),), lambda m, x: m.logsumexp(x.detach(), 1))
for name in ("max", "min"):
    case(f"{name} dim", (distinct(3, 4),), lambda m, x, name=name: tuple(getattr(x, name)(1)))
    case(f"{name} keepdim", (distinct(3, 4),), lambda m, x, name=name: tuple(getattr(m, name)(x, dim=0, keepdim=True)))
    case(f"{name} ties", (np.array([[1.0, 2.0, 2.0, 1.0]]),), lambda m, x, name=name: getattr(x, name)(dim=-1).values)
    case(f"{name} all", (distinct(3, 4),), lambda m, x, name=name: getattr(m, name)(x))
    case(f"{name} other", (distinct(3, 4), distinct(4) + 0.1), lambda m, x, y, name=name: getattr(m, name)(x, y))
    case(f"{name} nan", (np.array([[1.0, np.nan, 2.0]]),), lambda m, x, name=name: tuple(getattr(x.detach(), name)(1)))
    case(f"{name} 0-d", (real(),), lambda m, x, name=name: tuple(getattr(x, name)(0)))
    case(f"arg{name}", (distinct(3, 4),), lambda m, x, name=name: (
        getattr(x, f"arg{name}")(), getattr(m, f"arg{name}")(x, dim=1), getattr(x, f"arg{name}")(0, keepdim=True)))
    case(f"cum{name}", (distinct(3, 4),), lambda m, x, name=name: tuple(getattr(x, f"cum{name}")(1)))
    case(f"cum{name} ties", (np.array([1.0, 2.0, 2.0, 1.0, 3.0, 3.0]),), lambda m, x, name=name: tuple(getattr(m, f"cum{name}")(x, dim=0)))
    case(f"cum{name} nan", (np.array([1.0, np.nan, 2.0, np.nan]),), lambda m, x, name=name: tuple(getattr(x.detach(), f"cum{name}")(0)))
case("aminmax", (distinct(3, 4),), lambda m, x: tuple(m.aminmax(x, dim=1)))
case("any all", (mask(3, 4),), lambda m, x: (x.any(), x.all(), m.any(x, dim=1), m.all(x, dim=0, keepdim=True)))
case("count_nonzero", (below(2, 3, 4),), lambda m, x: (m.count_nonzero(x), m.count_nonzero(x, dim=1)))
case("sort", (distinct(3, 4),), lambda m, x: tuple(m.sort(x)))
case("sort descending", (distinct(3, 4),), lambda m, x: tuple(x.sort(0, descending=True)))
case("sort ties", (np.array([2.0, 1.0, 2.0, 1.0, 0.0]),), lambda m, x: (
    tuple(m.sort(x, stable=True)), tuple(m.sort(x, stable=True, descending=True))))
case("sort nan", (np.array([2.0, np.nan, 1.0]),), lambda m, x: (tuple(m.sort(x.detach())), tuple(m.sort(x.detach(), descending=True))))
case("argsort", (distinct(3, 4),), lambda m, x: (x.argsort(), m.argsort(x, dim=0, descending=True)))
case("topk", (distinct(3, 5),), lambda m, x: tuple(m.topk(x, 2)))
case("topk smallest", (distinct(3, 5),), lambda m, x: tuple(x.topk(2, dim=0, largest=False)))
case("kthvalue", (distinct(3, 5),), lambda m, x: tuple(m.kthvalue(x, 2)))
case("kthvalue keepdim", (distinct(3, 5),), lambda m, x: tuple(m.kthvalue(x, 3, dim=0, keepdim=True)))
case("median", (distinct(3, 4),), lambda m, x: (m.median(x), tuple(m.median(x, dim=1)), tuple(x.median(0, True))))
case("median nan", (np.array([[1.0, np.nan, 0.0], [1.0, 2.0, 0.0]]),), lambda m, x: m.median(x.detach(), dim=1).values)
case("mode", (np.array([[1.0, 3.0, 3.0, 2.0], [5.0, 5.0, 4.0, 4.0]]),), lambda m, x: tuple(m.mode(x, dim=1)))
for name in ("cumsum", "cumprod"):
    case(name, (real(2, 4),), lambda m, x, name=name: getattr(m, name)(x, dim=1))
    case(f"x.{name}", (real(2, 4),), lambda m, x, name=name: getattr(x, name)(0))
case("cumprod zero", (np.array([2.0, 0.0, 3.0, 0.0, 5.0]),), lambda m, x: m.cumprod(x, 0))
case("diff", (real(3, 4),), lambda m, x: m.diff(x))
case("diff n dim", (real(4, 3),), lambda m, x: m.diff(x, n=2, dim=0))
case("nansum", (np.array([[1.0, np.nan], [2.0, 3.0]]),), lambda m, x: (m.nansum(x), m.nansum(x, dim=1), m.nanmean(x, 0)))
for label, args in {"": (), "p=1": (1,), "p=3": (3,), "p=inf": (float("inf"),), "p=-inf": (float("-inf"),), "fro": ("fro",), "p=0": (0,)}.items():
    case(f"norm {label}", (distinct(2, 3),), lambda m, x, args=args: m.norm(x, *args))
case("norm dim", (real(2, 3),), lambda m, x: x.norm(dim=1))
case("norm keepdim", (real(2, 3),), lambda m, x: x.norm(2, dim=1, keepdim=True))
case("norm at 0", (np.zeros(3),), lambda m, x: x.norm())

# ── shapes ──────────────────────────────────────────────────────────────────────────────────────

X = real(2, 3, 4)
for label, call in {
    "reshape": lambda m, x: m.reshape(x, (4, -1)),
    "x.reshape": lambda m, x: x.reshape(3, 8),
    "view": lambda m, x: x.view(6, -1),
    "view tuple": lambda m, x: x.view((2, 12)),
    "ravel": lambda m, x: m.ravel(x),
    "flatten": lambda m, x: m.flatten(x),
    "flatten 1": lambda m, x: x.flatten(1),
    "flatten end": lambda m, x: x.flatten(0, 1),
    "unflatten": lambda m, x: m.unflatten(x, 2, (2, -1)),
    "unsqueeze": lambda m, x: m.unsqueeze(x, 1).unsqueeze(-1),
    "expand": lambda m, x: x[:, :1].expand(-1, 5, 4),
    "expand front": lambda m, x: x[0].expand(2, -1, -1),
    "expand_as": lambda m, x: x[0].expand_as(x),
    "broadcast_to": lambda m, x: m.broadcast_to(x[1], (3, 3, 4)),
    "transpose": lambda m, x: m.transpose(x, 0, -1),
    "x.transpose": lambda m, x: x.transpose(1, 2),
    "permute": lambda m, x: x.permute(2, 0, 1),
    "permute tuple": lambda m, x: m.permute(x, (1, -1, 0)),
    "swapaxes": lambda m, x: m.swapaxes(x, 0, 1),
    "swapdims": lambda m, x: x.swapdims(0, 1),
    "moveaxis": lambda m, x: m.moveaxis(x, 0, 2),
    "movedim": lambda m, x: x.movedim((0, 1), (1, 2)),
    "mT": lambda m, x: x.mT,
    "T": lambda m, x: x[0].T,
    "t": lambda m, x: x[0].t(),
    "split": lambda m, x: m.split(x, 3, dim=2),
    "split sizes": lambda m, x: x.split([1, 2], 1),
    "chunk": lambda m, x: m.chunk(x, 3, dim=-1),
    "chunk few": lambda m, x: x.chunk(5, 1),
    "tensor_split": lambda m, x: m.tensor_split(x, 3, dim=2),
    "tensor_split at": lambda m, x: m.tensor_split(x, (1, 3), dim=2),
    "unbind": lambda m, x: m.unbind(x, dim=1),
    "repeat": lambda m, x: x.repeat(2, 1, 1, 2),
    "tile": lambda m, x: m.tile(x, (2, 1)),
    "repeat_interleave": lambda m, x: m.repeat_interleave(x, 2, dim=1),
    "repeat_interleave flat": lambda m, x: x.repeat_interleave(2),
    "repeat_interleave tensor": lambda m, x: m.repeat_interleave(x, m.tensor([1, 0, 2]), dim=1),
    "roll": lambda m, x: m.roll(x, 1, 0),
    "roll many": lambda m, x: x.roll((1, -2), (1, 2)),
    "roll flat": lambda m, x: m.roll(x, 5),
    "flip": lambda m, x: m.flip(x, (0, 2)),
    "x.flip": lambda m, x: x.flip(1),
    "fliplr flipud": lambda m, x: m.fliplr(x) + m.flipud(x),
    "tril": lambda m, x: m.tril(x),
    "triu": lambda m, x: x.triu(1) + x.tril(diagonal=-1),
    "diagonal": lambda m, x: m.diagonal(x),
    "diagonal offset": lambda m, x: m.diagonal(x, 1, dim1=1, dim2=2),
    "diag of": lambda m, x: m.diag(x[0]) * 2,
    "diag to": lambda m, x: m.diag(x[0, 0], diagonal=1),
    "unfold": lambda m, x: x.unfold(2, 2, 1),
    "unfold step": lambda m, x: x.unfold(1, 2, 2),
    "index": lambda m, x: (x[1], x[:, 1:, ::2], x[..., None, 0], x[:, [0, 2, 0]], x[m.tensor([1, 1, 0])], x[x > 0]),
    "contiguous": lambda m, x: x.transpose(0, 1).contiguous().view(-1),
    "narrow": lambda m, x: m.narrow(x, 2, 1, 2),
    "narrow end": lambda m, x: x.narrow(2, -3, 2),
    "select": lambda m, x: x.select(1, -1),
    "dtypes": lambda m, x: (x.double(), x.float(), x.to(m.float32), x.long(), x.int(), x.bool(), x.type(m.float64)),
    "numel": lambda m, x: (x.numel(), x.dim(), x.is_floating_point(), m.is_floating_point(x.long())),
}.items():
    case(label, (X,), call)
case("cat", (real(2, 3), real(1, 3)), lambda m, a, b: m.cat([a, b]))
case("cat dim", (real(2, 3), real(2, 1)), lambda m, a, b: m.cat((a, b), dim=1))
case("concatenate", (real(2, 3), real(2, 1)), lambda m, a, b: m.concatenate([a, b, a], -1))
case("stack", (real(2, 3), real(2, 3)), lambda m, a, b: m.stack([a, b]))
case("stack dim", (real(2, 3), real(2, 3)), lambda m, a, b: m.stack((a, b), dim=-1))
case("hstack vstack", (real(3), real(3)), lambda m, a, b: (m.hstack([a, b]), m.vstack([a, b])))
case("squeeze", (real(1, 2, 1, 3),), lambda m, x: (m.squeeze(x), x.squeeze(0), x.squeeze(1), x.squeeze((0, 2))))
case("meshgrid", (real(2), real(3)), lambda m, a, b: m.meshgrid(a, b, indexing="ij"))
case("meshgrid xy", (real(2), real(3)), lambda m, a, b: m.meshgrid([a, b], indexing="xy"))
case("broadcast_tensors", (real(2, 1), real(3)), lambda m, a, b: m.broadcast_tensors(a, b))

# ── picking and putting ─────────────────────────────────────────────────────────────────────────

case("gather", (real(3, 4), below(4, 3, 2)), lambda m, x, i: m.gather(x, 1, i))
case("gather short", (real(3, 4), below(3, 5, 2)), lambda m, x, i: x.gather(0, i))
case("take", (real(3, 4), below(12, 2, 2)), lambda m, x, i: m.take(x, i))
case("take_along_dim", (real(3, 4), below(4, 3, 2)), lambda m, x, i: m.take_along_dim(x, i, dim=1))
case("index_select", (real(3, 4), below(4, 5)), lambda m, x, i: m.index_select(x, 1, i))
case("index_add", (real(3, 4), below(3, 5), real(5, 4)), lambda m, x, i, s: m.index_add(x, 0, i, s, alpha=2))
case("index_copy", (real(3, 4), np.array([2, 0]), real(2, 4)), lambda m, x, i, s: m.index_copy(x, 0, i, s))
case("index_fill", (real(3, 4), np.array([2, 0])), lambda m, x, i: x.index_fill(1, i, 0.5))
PLACES = np.array([[0, 2, 1], [3, 1, 0]])
case("scatter", (real(2, 4), PLACES, real(2, 3)), lambda m, x, i, s: m.scatter(x, 1, i, s))
case("scatter larger src", (real(2, 4), PLACES, real(3, 3)), lambda m, x, i, s: m.scatter(x, 1, i, s.detach()))
case("scatter number", (real(2, 4), PLACES), lambda m, x, i: x.scatter(1, i, 0.7))
case("scatter add", (real(2, 4), below(4, 2, 5), real(2, 5)), lambda m, x, i, s: m.scatter_add(x, 1, i, s))
case("scatter reduce=add", (real(2, 4), below(4, 2, 5), real(2, 5)), lambda m, x, i, s: m.scatter(x.detach(), 1, i, s.detach(), reduce="add"))
case("scatter reduce=multiply", (real(2, 4), below(4, 2, 5), real(2, 5)), lambda m, x, i, s: m.scatter(x.detach(), 1, i, s.detach(), reduce="multiply"))
case("masked_fill", (real(2, 3), mask(2, 3)), lambda m, x, c: m.masked_fill(x, c, -1.5))
case("masked_fill broadcast", (real(2, 3), mask(3)), lambda m, x, c: x.masked_fill(c, float("-inf")).softmax(-1))
case("masked_fill tensor", (real(2, 3), mask(2, 3), real()), lambda m, x, c, v: x.masked_fill(c, v))
case("masked_select", (real(2, 3), mask(2, 3)), lambda m, x, c: m.masked_select(x, c))
case("masked_select broadcast", (real(2, 3), mask(3)), lambda m, x, c: x.masked_select(c))
case("nonzero", (mask(3, 4),), lambda m, c: (m.nonzero(c), m.nonzero(c, as_tuple=True), m.argwhere(c)))
case("one_hot", (below(4, 2, 3),), lambda m, i: (F(m).one_hot(i), F(m).one_hot(i, 6), F(m).one_hot(i, num_classes=4)))
case("unique", (below(4, 9),), lambda m, x: (m.unique(x), m.unique(x, return_inverse=True, return_counts=True)))
case("bincount", (below(4, 9),), lambda m, x: (m.bincount(x), m.bincount(x, minlength=7)))
case("searchsorted", (np.array([1.0, 2.0, 2.0, 4.0]), np.array([0.0, 2.0, 5.0])),
     lambda m, a, v: (m.searchsorted(a.detach(), v.detach()), m.searchsorted(a.detach(), v.detach(), right=True)))

# ── products ────────────────────────────────────────────────────────────────────────────────────

for label, (a, b) in {"2 2": ((2, 3), (3, 4)), "1 2": ((3,), (3, 4)), "2 1": ((2, 3), (3,)), "1 1": ((3,), (3,)),
                      "3 3": ((2, 2, 3), (2, 3, 2)), "broadcast": ((2, 1, 2, 3), (3, 2)), "3 1": ((2, 2, 3), (3,))}.items():
    case(f"matmul {label}", (real(*a), real(*b)), lambda m, a, b: m.matmul(a, b))
case("@", (real(2, 3), real(3, 2)), lambda m, a, b: a @ b)
case("mm", (real(2, 3), real(3, 4)), lambda m, a, b: m.mm(a, b))
case("bmm", (real(2, 2, 3), real(2, 3, 2)), lambda m, a, b: a.bmm(b))
case("mv", (real(2, 3), real(3)), lambda m, a, b: m.mv(a, b))
case("dot", (real(3), real(3)), lambda m, a, b: a.dot(b))
case("inner", (real(2, 3), real(4, 3)), lambda m, a, b: m.inner(a, b))
case("outer", (real(2), real(3)), lambda m, a, b: m.outer(a, b) + m.ger(a, b))
case("vdot", (real(3), real(3)), lambda m, a, b: m.vdot(a, b))
case("kron", (real(2, 2), real(2, 3)), lambda m, a, b: m.kron(a, b))
case("addmm", (real(4), real(2, 3), real(3, 4)), lambda m, x, a, b: m.addmm(x, a, b, beta=0.5, alpha=2))
case("addmv", (real(2), real(2, 3), real(3)), lambda m, x, a, b: m.addmv(x, a, b))
case("tensordot", (real(2, 3, 2), real(3, 2, 2)), lambda m, a, b: m.tensordot(a, b))
case("tensordot dims", (real(2, 3), real(4, 3, 2)), lambda m, a, b: m.tensordot(a, b, dims=([0, 1], [2, 1])))
case("einsum", (real(2, 3), real(3, 4)), lambda m, a, b: m.einsum("ij,jk->ik", a, b))
case("einsum list", (real(2, 3), real(2, 3)), lambda m, a, b: m.einsum("ij,ij->", [a, b]))
case("einsum trace", (real(3, 3),), lambda m, a: m.einsum("ii", a))
case("einsum batch", (real(2, 3, 2), real(2, 2, 3)), lambda m, a, b: m.einsum("...ij,...jk->...ik", a, b))
case("cross", (real(2, 3), real(2, 3)), lambda m, a, b: m.cross(a, b, dim=1))
case("trace", (real(3, 3),), lambda m, a: m.trace(a))
case("vecdot", (real(2, 3), real(2, 3)), lambda m, a, b: m.linalg.vecdot(a, b))
SPD, SQUARE = spd(3), rng.standard_normal((3, 3)) / 6 + np.eye(3) * 1.5
TALL = rng.standard_normal((4, 3)) + np.eye(4, 3)
for label, x, call in [
    ("inv", SQUARE, lambda m, a: m.linalg.inv(a)),
    ("det", SQUARE, lambda m, a: m.linalg.det(a)),
    ("slogdet", SQUARE, lambda m, a: tuple(m.linalg.slogdet(a))),
    ("cholesky", SPD, lambda m, a: m.linalg.cholesky(a)),
    ("eigvalsh", SPD, lambda m, a: m.linalg.eigvalsh((a + a.mT) / 2)),
    ("eigh", SPD, lambda m, a: [(lambda w, v: (w, v * v))(*m.linalg.eigh((a + a.mT) / 2))]),
    ("svdvals", TALL, lambda m, a: m.linalg.svdvals(a)),
    ("svd", TALL, lambda m, a: [(lambda u, s, v: (u * u, s, v * v))(*m.linalg.svd(a, full_matrices=False))]),
    ("pinv", TALL, lambda m, a: m.linalg.pinv(a)),
    ("qr", TALL, lambda m, a: tuple(m.linalg.qr(a))),
    ("matrix_norm", SQUARE, lambda m, a: (m.linalg.matrix_norm(a), m.linalg.matrix_norm(a, ord=1), m.linalg.matrix_norm(a, "nuc"))),
    ("vector_norm", SQUARE, lambda m, a: (m.linalg.vector_norm(a), m.linalg.vector_norm(a, 3, dim=1), m.linalg.vector_norm(a, dim=0, keepdim=True))),
    ("linalg.norm", SQUARE, lambda m, a: (m.linalg.norm(a), m.linalg.norm(a, 2), m.linalg.norm(a, dim=1))),
    ("matrix_power", SQUARE, lambda m, a: m.linalg.matrix_power(a, 3)),
    ("linalg.diagonal", TALL, lambda m, a: m.linalg.diagonal(a)),
]:
    case(label, (x,), call)
case("solve", (SQUARE, real(3, 2)), lambda m, a, b: m.linalg.solve(a, b))
case("multi_dot", (real(2, 3), real(3, 4), real(4, 2)), lambda m, *xs: m.linalg.multi_dot(list(xs)))

# ── made ────────────────────────────────────────────────────────────────────────────────────────

for label, call in {
    "zeros ones": lambda m: (m.zeros(2, 3), m.ones((2,)), m.zeros([2], dtype=m.int64), m.ones(())),
    "full eye": lambda m: (m.full((2,), 1.5), m.full((2,), 3), m.full((), True), m.eye(2), m.eye(2, 3)),
    "arange": lambda m: (m.arange(3), m.arange(1, 4), m.arange(0, 1, 0.25), m.arange(5, 0, -2), m.arange(3.0), m.arange(2, dtype=m.float64)),
    "linspace": lambda m: (m.linspace(0, 1, 5), m.linspace(-1, 1, steps=3, dtype=m.float64), m.logspace(0, 2, 3)),
    "tri indices": lambda m: (m.tril_indices(3, 3), m.triu_indices(3, 4, offset=1)),
    "tensor": lambda m: (m.tensor(1.5), m.tensor([1, 2]), m.tensor([[True]]), m.tensor([1, 2.5]), m.tensor([1], dtype=m.float64)),
    "like": lambda m: (m.zeros_like(m.ones(2, dtype=m.float64)), m.ones_like(m.arange(2)), m.full_like(m.ones(2), 2.5), m.zeros_like(m.arange(2), dtype=m.float32)),
    "new": lambda m: (m.ones(1, dtype=m.float64).new_zeros(2, 3), m.arange(1).new_ones((2,)), m.ones(1).new_full((2,), 7), m.ones(1).new_tensor([1, 2])),
    "dtype results": lambda m: (m.arange(3) / 2, m.arange(3) * 2, m.arange(3) * 2.0, m.ones(2) + m.arange(2), m.ones(2) + m.ones(2, dtype=m.float64), m.sqrt(m.arange(3))),
}.items():
    case(label, (), call)


# ── the test ────────────────────────────────────────────────────────────────────────────────────


def flat(value: Any) -> list[Any]:
    """List the results of a call, however nested."""
    if isinstance(value, (list, tuple)):
        return [y for v in value for y in flat(v)]
    return [value]


def run(m: Any, name: str, dtype: Any, make: Callable[[Any], Any]) -> dict[str, list[Any]]:
    """Give a case's results, and the gradients of their sum with weights 1, −1.5, 2, −2.5, ..."""
    arrays, call = CASES[name]
    inputs = [make(x.astype(dtype) if x.dtype.kind == "f" else x) for x in arrays]
    leaves = [x for x, a in zip(inputs, arrays, strict=True) if a.dtype.kind == "f"]
    for x in leaves:
        x.requires_grad_(True)
    results = flat(call(m, *inputs))
    total = None
    for y in results:
        if getattr(y, "requires_grad", False):
            n = int(np.prod(y.shape))
            w = ((np.arange(n) / 2 + 1) * (-1) ** np.arange(n)).reshape(tuple(y.shape))
            part = (y * make(w.astype(str(y.dtype).removeprefix("torch.")))).sum()
            total = part if total is None else total + part.to(total.dtype)
    if total is not None:
        total.backward()
    return {"y": results, "grads": [x.grad for x in leaves]}


# PyTorch gives a gradient of 0 where the function is a step; here a step is outside the graph
STEPS = {"sign", "floor", "ceil", "trunc", "fix", "round", "round decimals", "div floor", "div trunc", "copysign"}
# PyTorch computes these with constants in single precision even in double
COARSE = {"hardsigmoid", "celu alpha"}
TOLERANCE = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 2e-4, "atol": 2e-5}}


@pytest.mark.filterwarnings("ignore:The reduce argument:UserWarning")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_function(name: str, dtype: str) -> None:

    def by_torch(torch: Any) -> Any:
        return run(torch, name, dtype, torch.from_numpy)

    want = expected(f"functions/{name}/{dtype}", by_torch)
    with np.errstate(divide="ignore", invalid="ignore"):
        got = run(tj, name, dtype, tj.tensor)
    assert len(got["y"]) == len(want["y"])
    for y, w in zip(got["y"], want["y"], strict=True):
        same(y, w, "float32" if name in COARSE else dtype)
    for g, w in zip(got["grads"], want["grads"], strict=True):
        if name in STEPS and g is None:
            assert w is None or not w.any()
        elif w is None:
            assert g is None
        else:
            same(g, w, "float32" if name in COARSE else dtype)


def same(y: Any, w: Any, dtype: str) -> None:
    """Compare value, shape and dtype."""
    if isinstance(y, tj.Tensor):
        assert y.dtype == w.dtype
        y = y.detach().numpy()
    assert np.shape(y) == w.shape
    tolerance = TOLERANCE["float32" if w.dtype == np.float32 else dtype]
    np.testing.assert_allclose(y, w, **tolerance)
