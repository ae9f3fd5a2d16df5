"""What a broken law says: where, both numbers, and Python that can be pasted to see it again."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..errors import LawError, Phrase
from ..vocabulary.rule import label

__tracebackhide__ = True  # pytest points to the line of the test
Array = Any
What = str | Phrase  # names the thing that is compared


def ensure(holds: Any, key: str, **facts: Any) -> None:
    """Raise LawError unless a condition holds. (A bare assert says nothing outside a test file.)"""
    if not holds:
        raise LawError(key, **facts)


def same(
    found: Any, wanted: Any, what: What, rtol: float = 0.0, atol: float = 0.0
) -> None:
    """Compare two arrays: shape, then every element; LawError names the worst one.

    |found − wanted| ≤ atol + rtol·|wanted|; equal infinities agree, and NaN with NaN.
    """
    a, b = (np.asarray(getattr(v, "_data", v)) for v in (found, wanted))
    ensure(a.shape == b.shape, "testing_shape", what=what, found=a.shape, wanted=b.shape)
    if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
        ensure((a == b).all(), "testing_other", what=what)
        return
    with np.errstate(all="ignore"):
        x, y = a.astype(np.float64), b.astype(np.float64)
        allowed = atol + rtol * np.abs(y)
        apart = np.abs(x - y)
        close = (apart <= allowed) | (x == y) | (np.isnan(x) & np.isnan(y))
    if close.all():
        return
    excess = np.where(close, -1.0, np.where(np.isnan(apart), np.inf, apart))
    place = np.unravel_index(int(excess.argmax()), a.shape) if a.ndim else ()
    index = tuple(int(i) for i in place)
    raise LawError(
        "testing_values", what=what, index=list(index), found=float(x[index]),
        wanted=float(y[index]), allowed=float(allowed[index]), failed=int((~close).sum()),
        total=close.size,
    )


# ── as Python ───────────────────────────────────────────────────────────────────────────────────


def pasted(value: Any) -> str:
    """Write a value down as Python that makes it again, with `np` for NumPy."""
    if isinstance(value, Tensor):
        inner = pasted(np.asarray(value._data))
        return f"tj.Tensor({inner}{', requires_grad=True' if value.requires_grad else ''})"
    if isinstance(value, np.ndarray):
        if value.size == 0:
            return f"np.zeros({value.shape}, {_dtype(value.dtype)})"
        implied = value.dtype in (np.dtype(float), np.dtype(int), np.dtype(bool))
        return f"np.array({pasted(value.tolist())}{'' if implied else f', {_dtype(value.dtype)}'})"
    if isinstance(value, np.generic):
        return pasted(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return "np.nan" if value != value else "np.inf" if value > 0 else "-np.inf"
    if isinstance(value, np.dtype):
        return f"np.dtype({value.name!r})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{pasted(k)}: {pasted(v)}" for k, v in value.items()) + "}"
    if type(value) is list:
        return f"[{', '.join(map(pasted, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(pasted, value))}{',' * (len(value) == 1)})"
    if isinstance(value, type):
        return f"np.{value.__name__}" if value.__module__ == "numpy" else value.__name__
    if callable(value):
        return called(value)
    return repr(value)


def _dtype(dtype: Any) -> str:
    return f"np.{dtype.name}" if dtype.isnative and dtype.kind in "fiub" else repr(dtype.str)


def called(fn: Any) -> str:
    """Name a function as its caller writes it; f for a lambda or an object."""
    name = getattr(fn, "__name__", "")
    return label(fn) if name and name != "<lambda>" else "f"


def as_call(fn: Any, args: Iterable[str], kwargs: dict[str, Any]) -> str:
    """Write a call down, its positional arguments as they are given."""
    parts = [*args, *(f"{k}={pasted(v)}" for k, v in kwargs.items())]
    return f"{called(fn)}({', '.join(parts)})"


def imports(fns: Iterable[Any]) -> list[str]:
    """List the import lines that pasted code needs for these functions, besides np and tj."""
    lines = {"import numpy as np": None, "import tinygrad_jp as tj": None}
    for fn in fns:
        name = getattr(fn, "__name__", "<lambda>")
        module = home(fn) if isinstance(fn, np.ufunc) else getattr(fn, "__module__", "") or ""
        known = module.startswith("numpy")
        if called(fn) == "f":
            lines[f"# f: {where(fn)}"] = None
        elif known or "<locals>" in getattr(fn, "__qualname__", ""):
            continue
        elif name.isidentifier() and module not in ("", "__main__", "builtins"):
            lines[f"from {module} import {name}"] = None
    return list(lines)


def home(fn: Any) -> str:
    """Find a module that a ufunc can be imported from; NumPy's tells which, others do not."""
    if called(fn).startswith("np."):
        return "numpy"
    places = [
        place for place, module in list(sys.modules.items())
        if getattr(module, "__dict__", {}).get(fn.__name__) is fn and "._" not in place
    ]
    return max(places, key=lambda place: (place.count("."), -len(place)), default="")


def where(fn: Any) -> str:
    """Say in one line what a function without a name of its own is."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return repr(fn).partition("\n")[0]
    return f"{code.co_filename}:{code.co_firstlineno}"


def reproduction(fn: Any, args: Iterable[Any], kwargs: dict[str, Any] | None = None) -> str:
    """Write a failing call down as a small program."""
    own = getattr(fn, "code", None)
    if callable(own):
        return str(own())
    lines, names = imports([fn]), []
    for i, value in enumerate(args):
        is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        shown = Tensor(value) if is_float else value
        if isinstance(shown, Tensor):
            shown = shown.detach().requires_grad_()
            names.append(f"x{i}")
            lines.append(f"x{i} = {pasted(shown)}")
        else:
            names.append(pasted(value))
    return "\n".join([*lines, f"y = {as_call(fn, names, kwargs or {})}"])
