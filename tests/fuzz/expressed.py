"""Operations that PyTorch has no function for, written in what it has.

Whatever moves elements is run by NumPy on the elements' numbers, and PyTorch takes those elements;
whatever adds them up at places is PyTorch's `index_add`. So PyTorch makes the derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np

from tinygrad_jp.vocabulary import primitives as ours

Function = Callable[..., Any]


def expressed(torch: Any) -> dict[str, Function]:
    """List them by the names of ours."""
    return {**movers(torch), **adders(torch), **polynomials(torch), **without_nan(torch), **others(torch)}


def movers(torch: Any) -> dict[str, Function]:
    """List what puts elements elsewhere."""

    def moving(fn: Function) -> Function:
        def call(*args: Any, **kwargs: Any) -> Any:
            sources: list[Any] = []

            def numbered(x: Any) -> Any:
                if isinstance(x, torch.Tensor):
                    if not x.is_floating_point():
                        return x.numpy()
                    first = sum(s.numel() for s in sources)
                    sources.append(x.reshape(-1))
                    return np.arange(first, first + x.numel()).reshape(x.shape)
                if type(x) in (list, tuple):
                    return type(x)(map(numbered, x))
                return x

            places = fn(*map(numbered, args), **{k: numbered(v) for k, v in kwargs.items()})
            return torch.cat(sources)[torch.tensor(np.asarray(places), dtype=torch.long)]

        return call

    def partition(x: Any, kth: Any, axis: Any = -1) -> Any:
        order = torch.tensor(np.argpartition(x.detach().numpy(), kth, axis))
        return x.reshape(-1)[order] if axis is None else torch.take_along_dim(x, order, axis)

    def trimmed(x: Any, trim: str = "fb") -> Any:
        places = np.flatnonzero(x.detach().numpy())
        first = places[0] if "f" in trim else 0
        return x[first : places[-1] + 1 if "b" in trim else None]

    def padded(x: Any, widths: Any, value: float) -> Any:
        flat = [n for pair in reversed(widths) for n in pair]
        return torch.nn.functional.pad(x, flat, value=value) if flat else x.clone()

    def pad(x: Any, width: Any, mode: str = "constant", **kwargs: Any) -> Any:
        if mode == "constant":
            put = {"constant_values": kwargs.get("constant_values", 0)}
            inside = np.pad(np.ones(x.shape), width)
            places = np.pad(np.arange(x.numel()).reshape(x.shape), width, "edge")
            values = torch.tensor(np.pad(np.zeros(x.shape), width, **put))
            return torch.where(torch.tensor(inside > 0), x.reshape(-1)[torch.tensor(places)], values)
        return moving(np.pad)(x, width, mode, **kwargs)

    names = ("block", "delete", "insert", "rollaxis", "ravel", "reshape", "take", "choose", "squeeze")
    return {
        **{f"np.{name}": moving(getattr(np, name)) for name in names},
        "np.lib.stride_tricks.sliding_window_view": moving(np.lib.stride_tricks.sliding_window_view),
        "np.broadcast_to": moving(np.broadcast_to), "np.partition": partition,
        "np.trim_zeros": trimmed, "np.pad": pad, "pad_with": padded, "set_at": moving(raw(ours.set_at)),
        "getitem": moving(raw(ours.getitem)),
        "np.full_like": lambda x, fill, shape=None: (
            torch.as_tensor(fill, dtype=x.dtype).broadcast_to(x.shape if shape is None else shape).clone()),
    }


def raw(primitive: Any) -> Function:
    """Give the function on arrays that a primitive is made of."""
    return getattr(primitive, "__wrapped__", primitive)  # type: ignore[no-any-return]


def adders(torch: Any) -> dict[str, Function]:
    """List what adds elements up at places."""

    def added(g: Any, places: Any, shape: Any) -> Any:
        flat = g.broadcast_to(places.shape).reshape(-1)
        total = torch.zeros(int(np.prod(shape)), dtype=g.dtype)
        return total.index_add(0, torch.tensor(np.ascontiguousarray(places).reshape(-1)), flat).reshape(shape)

    def numbers(shape: Any) -> Any:
        return np.arange(int(np.prod(shape))).reshape(shape)

    def unwrapped(index: Any) -> Any:
        if isinstance(index, tuple):
            return tuple(map(unwrapped, index))
        return index.numpy() if isinstance(index, torch.Tensor) else index

    def fold(g: Any, window: Any, axis: Any, shape: Any) -> Any:
        seen = np.lib.stride_tricks.sliding_window_view(numbers(shape), window, axis)
        return added(g, seen, shape)

    def counted(x: Any, weights: Any = None, minlength: int = 0) -> Any:
        return added(weights, unwrapped(x), (max(int(x.max()) + 1, minlength),))

    return {
        "fold": fold, "np.bincount": counted, "sum_to": lambda x, shape: x.sum_to_size(shape),
        "scatter_add": lambda g, index, shape: added(g, np.asarray(numbers(shape)[unwrapped(index)]), shape),
        "put_along": lambda g, indices, axis, shape: added(
            g, np.take_along_axis(numbers(shape), unwrapped(indices), axis), shape),
    }


def polynomials(torch: Any) -> dict[str, Function]:
    """List those of numpy.polynomial's old names; coefficients from the highest power down."""

    def product(a: Any, b: Any) -> Any:
        return sum(
            torch.nn.functional.pad(x * b, (i, len(a) - 1 - i)) for i, x in enumerate(a)
        )

    def longer(a: Any, n: int) -> Any:
        return torch.nn.functional.pad(a, (n - len(a), 0))

    def added(a: Any, b: Any, sign: float = 1.0) -> Any:
        n = max(len(a), len(b))
        return longer(a, n) + sign * longer(b, n)

    def derived(p: Any, m: int = 1) -> Any:
        for _ in range(m):
            p = p[:-1] * torch.arange(len(p) - 1, 0, -1)
        return p.clone()

    def integrated(p: Any, m: int = 1, k: Any = 0.0) -> Any:
        constants = torch.as_tensor(k, dtype=p.dtype).broadcast_to(m) if m else []
        for c in constants:
            p = torch.cat([p / torch.arange(len(p), 0, -1), c.reshape(1)])
        return p

    def from_roots(roots: Any) -> Any:
        p = torch.ones(1, dtype=roots.dtype)
        for r in roots:
            p = product(p, torch.stack([torch.ones_like(r), -r]))
        return p

    def same(full: Any, a: Any, b: Any, mode: str) -> Any:
        long, short = max(len(a), len(b)), min(len(a), len(b))
        if mode == "full":
            return full
        if mode == "valid":
            return full[short - 1 : long]
        start = (short - 1) // 2
        return full[start : start + long]

    def convolved(a: Any, b: Any, mode: str = "full") -> Any:
        return same(product(a, b), a, b, mode)

    def correlated(a: Any, b: Any, mode: str = "valid") -> Any:
        if len(a) >= len(b):
            return same(product(a, b.flip(0)), a, b, mode)
        return correlated(b, a, mode).flip(0)  # NumPy swaps them, and turns the result round

    def powers(x: Any, N: Any = None, increasing: bool = False) -> Any:
        n = len(x) if N is None else N
        columns = [x**i for i in range(n)]
        return torch.stack(columns if increasing else columns[::-1], 1)

    return {
        "np.polyadd": added, "np.polysub": lambda a, b: added(a, b, -1.0), "np.polymul": product,
        "np.polyder": derived, "np.polyint": integrated, "np.poly": from_roots,
        "np.convolve": convolved, "np.correlate": correlated, "np.vander": powers,
    }


def without_nan(torch: Any) -> dict[str, Function]:
    """List what leaves NaN out."""

    def axes(x: Any, axis: Any) -> Any:
        return tuple(range(x.ndim)) if axis is None else axis

    def filled(x: Any, value: float) -> Any:
        return torch.where(torch.isnan(x), torch.full_like(x, value), x)

    def reducing(fn: Function, value: float) -> Function:
        return lambda x, axis=None, keepdims=False: fn(filled(x, value), axes(x, axis), keepdims)

    def product(x: Any, axis: Any, keepdims: bool) -> Any:
        for at in sorted((a % x.ndim for a in np.atleast_1d(axis)), reverse=True):
            x = torch.prod(x, int(at), keepdim=keepdims)
        return x

    def variance(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
        at = axes(x, axis)
        there = ~torch.isnan(x)
        count = there.sum(at, keepdim=True)
        mean = filled(x, 0.0).sum(at, keepdim=True) / count
        off = torch.where(there, x - mean, torch.zeros_like(x))
        return (off**2).sum(at, keepdim=keepdims) / (there.sum(at, keepdim=keepdims) - ddof)

    def flat(x: Any, axis: Any) -> Any:
        """Put the axes that are reduced last, as one."""
        at = [int(a) % x.ndim for a in np.atleast_1d(axes(x, axis))]
        rest = [a for a in range(x.ndim) if a not in at]
        return x.permute(*rest, *at).reshape(*(x.shape[a] for a in rest), -1) if x.ndim else x.reshape(1)

    def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
        q = torch.as_tensor(q, dtype=x.dtype)
        kept = [1 if a in {int(b) % x.ndim for b in np.atleast_1d(axes(x, axis))} else n
                for a, n in enumerate(x.shape)]
        rows = torch.sort(flat(x, axis), -1).values
        place = q.reshape(-1) * (rows.shape[-1] - 1)
        low, high = place.floor().long(), place.ceil().long()
        share = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5, "linear": place - low}[method]
        found = rows[..., low] * (1 - share) + rows[..., high] * share
        found = found.movedim(-1, 0)
        return found.reshape(*q.shape, *(kept if keepdims else found.shape[1:]))

    def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return quantile(x, 0.5, axis, keepdims=keepdims)

    def refusing(fn: Function) -> Function:
        def call(x: Any, *args: Any, **kwargs: Any) -> Any:
            if torch.isnan(x).any():
                raise ValueError("NaN are left out line by line")
            return fn(x, *args, **kwargs)

        return call

    def percentile(x: Any, q: Any, **kwargs: Any) -> Any:
        return quantile(x, np.asarray(q) / 100, **kwargs)

    def cumulative(fn: Function, value: float) -> Function:
        def call(x: Any, axis: Any = None) -> Any:
            x = filled(x, value)
            return fn(x.reshape(-1), 0) if axis is None else fn(x, axis)

        return call

    return {
        "np.nanmax": reducing(torch.amax, -np.inf), "np.nanmin": reducing(torch.amin, np.inf),
        "np.nanprod": reducing(product, 1.0), "np.nanvar": variance,
        "np.nanstd": lambda *a, **k: torch.sqrt(variance(*a, **k)),
        "np.quantile": quantile, "np.percentile": percentile, "np.median": median,
        "np.nanquantile": refusing(quantile), "np.nanpercentile": refusing(percentile),
        "np.nanmedian": refusing(median),
        "np.nancumsum": cumulative(torch.cumsum, 0.0), "np.nancumprod": cumulative(torch.cumprod, 1.0),
    }


def others(torch: Any) -> dict[str, Function]:
    """List the rest."""

    def select(conditions: Any, choices: Any, default: Any = 0) -> Any:
        y = torch.as_tensor(default, dtype=torch.float64)
        for c, v in zip(reversed(conditions), reversed(choices), strict=True):
            y = torch.where(c, torch.as_tensor(v, dtype=torch.float64), y)
        return y

    known = {np.square: torch.square, np.negative: torch.neg, np.exp: torch.exp,
             np.sum: torch.sum, np.cumsum: lambda x, axis=0: torch.cumsum(x, axis),
             np.diag: torch.diag, np.sort: lambda x: torch.sort(x).values}

    def piecewise(x: Any, conditions: Any, functions: Any) -> Any:
        y = torch.zeros_like(x)
        for c, f in zip(conditions, functions, strict=True):
            y = torch.where(c, known[f](x) if callable(f) else torch.full_like(x, f), y)
        return y

    def over_axes(fn: Any, x: Any, at: Any) -> Any:
        for axis in np.atleast_1d(at):
            y = known[fn](x, int(axis))
            x = y if y.ndim == x.ndim else y.unsqueeze(int(axis))
        return x

    def along_axis(fn: Any, axis: int, x: Any) -> Any:
        lines = x.movedim(axis, -1)
        found = [known[fn](line) for line in lines.reshape(-1, lines.shape[-1])]
        y = torch.stack(found).reshape(*lines.shape[:-1], *found[0].shape)
        at = axis % x.ndim
        ends = range(lines.ndim - 1, y.ndim)
        return y.movedim(tuple(ends), tuple(range(at, at + len(ends)))) if len(ends) else y

    def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
        if period is not None:
            raise TypeError("periods are another function")
        x, xp, fp = (torch.as_tensor(v, dtype=torch.float64) for v in (x, xp, fp))
        i = torch.clamp(torch.searchsorted(xp.contiguous(), x.detach(), right=True) - 1, 0, len(xp) - 2)
        y = fp[i] + (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i]) * (x - xp[i])
        ends = (fp[0] if left is None else left, fp[-1] if right is None else right)
        below, above = (torch.as_tensor(v, dtype=torch.float64) for v in ends)
        return torch.where(x < xp[0], below, torch.where(x > xp[-1], above, y))

    def unwrap(p: Any, axis: int = -1) -> Any:
        values = p.detach().numpy()
        return p + torch.tensor(np.unwrap(values, axis=axis) - values)

    def linspace(a: Any, b: Any, num: int, endpoint: bool = True, retstep: bool = False, axis: int = 0) -> Any:
        a, b = (torch.as_tensor(v, dtype=torch.float64) for v in (a, b))
        a, b = torch.broadcast_tensors(a, b)
        parts = num - 1 if endpoint else num
        step = (b - a) / parts if parts else torch.full_like(a, np.nan)
        places = torch.arange(num, dtype=a.dtype).reshape(-1, *([1] * a.ndim))
        y = (a + places * (step if parts else b - a)).movedim(0, axis)
        return (y, step) if retstep else y

    def geomspace(a: Any, b: Any, num: int, axis: int = 0) -> Any:
        sign = torch.sign(a.detach())
        y = torch.exp(linspace(torch.log(a * sign), torch.log(b * sign), num))
        return (sign * y).movedim(0, axis)

    def gradient(f: Any, *spacings: Any, axis: Any = None, edge_order: int = 1) -> Any:
        at = range(f.ndim) if axis is None else [axis]
        spacings = spacings or (1.0,)
        found = []
        for a, spacing in zip(at, spacings * (len(at) if len(spacings) == 1 else 1), strict=True):
            unit = np.eye(f.shape[a])  # it is linear, so this says all
            matrix = torch.tensor(np.gradient(unit, spacing, axis=0, edge_order=edge_order))
            found.append(torch.tensordot(matrix, f, ([1], [a])).movedim(0, a))
        return found if len(found) > 1 else found[0]

    def slope(x: Any) -> Any:
        z = torch.as_tensor(x)
        return (torch.cos(pi * z) - torch.sinc(z)) / z

    def cofactor_slope(x: Any, g: Any) -> Any:
        inverse = torch.linalg.inv(x)
        across = (inverse.mT * g).sum((-1, -2))[..., None, None]
        return torch.linalg.det(x)[..., None, None] * (across * inverse.mT - (inverse @ g @ inverse).mT)

    def cross(a: Any, b: Any, axis: int = -1) -> Any:
        a, b = torch.broadcast_tensors(a, b)
        return torch.linalg.cross(a, b, dim=axis)

    def ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Any:
        ends = [torch.as_tensor([] if v is None else v, dtype=x.dtype).reshape(-1) for v in (to_begin, to_end)]
        return torch.cat([ends[0], torch.diff(x.reshape(-1)), ends[1]])

    return {
        "np.select": select, "np.piecewise": piecewise, "np.apply_over_axes": over_axes,
        "np.apply_along_axis": along_axis, "np.interp": interp, "np.unwrap": unwrap,
        "np.linspace": linspace, "np.geomspace": geomspace,
        "np.logspace": lambda a, b, num, base=10.0, axis=0: (
            torch.pow(torch.tensor(base, dtype=a.dtype), linspace(a, b, num, axis=axis))),
        "np.cross": cross, "np.ediff1d": ediff1d, "np.gradient": gradient,
        "np.outer": lambda a, b: torch.outer(a.reshape(-1), b.reshape(-1)),
        "log_or_zero": lambda x: torch.log(torch.where(x > 0, x, torch.ones_like(x))),
        "sinc_slope": slope, "cofactor_slope": cofactor_slope,
        "thin_qr": torch.linalg.qr,
        "binary_entropy": lambda a, b: (
            (b - 1) * torch.clamp(torch.log(1 - a), min=-100) - b * torch.clamp(torch.log(a), min=-100)),
    }
