"""Record a computation: a Trace is an array that writes down what NumPy's protocols ask of it.

It also computes: a Trace holds the values of the call that is recorded, so that call is an ordinary
eager one, and the first replay can be compared with it. What has a plain form among the operations
of a Program is recorded as that (lowered.py); any other function is recorded as it is, whole.

A Trace stands for memory, as an ndarray does: writing into it in place gives it a new value, which
everybody who holds it sees.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import numpy as np
from numpy import ndarray
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..autograd.lines import NUMPY, OURS, user_line
from ..errors import CompileError
from ..vocabulary.primitive import raw
from ..vocabulary.rule import Function, label
from . import operations as ops
from .program import Instruction, Kind, Program, Value
from .whole import opaque

Array = Any
LOWERED: dict[Function, Function] = {}  # see lowered.py
WHOLE: set[Function] = set()  # primitives that NumPy runs faster whole than in pieces
MAKERS: set[Function] = {
    np.asarray, np.array, np.arange, np.zeros, np.ones, np.full, np.empty, np.eye, np.identity,
}
ASKS = (os.path.join(OURS, "program"), os.path.join(OURS, "autograd", "tensor.py"))
# functions whose result has as many elements as the values decide
SHAPED_BY_VALUES = frozenset((
    "argwhere", "nonzero", "flatnonzero", "unique", "unique_values", "unique_counts", "extract",
    "unique_inverse", "unique_all", "compress", "union1d", "intersect1d", "setdiff1d", "setxor1d",
))
REDUCERS: dict[Any, Function] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any,
}


class SpentError(Exception):
    """A parameter is used after an optimizer's step that was left to the eager engine."""


class Tape:
    """The recording of one call: a Program that grows, and the Traces that are out."""

    def __init__(self) -> None:
        self.program = Program()
        self.bound: dict[Value, Array] = {}  # inputs whose memory is known: {value: ndarray}
        self.roots: dict[int, tuple[Value, tuple[int, ...]]] = {}  # of `state`: its input, the axes
        self.keeps_whole = False  # record what is in WHOLE as it is, though it has a lowered form
        self.ended = False
        self.is_outline = False  # nobody will ask for the values of what is recorded now
        self.made: list[ref[Trace]] = []  # to see at the end who is still held
        self._shared: dict[int, Trace] = {}  # id of an array from outside -> its Trace
        self._kept: list[Array] = []  # so that an id stays that array's

    # ── bringing arrays in ──────────────────────────────────────────────────────────────────

    def argument(self, array: Array, name: str = "") -> Trace:
        """Bring in an array that each call gives anew."""
        return self._entered(array, "argument", name)

    def number(self, array: Array, name: str = "") -> Trace:
        """Bring in a 0-d array that is filled anew before each call."""
        made = self._entered(array, "number", name)
        self.bound[made.value] = array
        return made

    def state(self, array: Array, name: str = "") -> Trace:
        """Bring in an array that outlives the call; the same Trace for the same array.

        Its memory must be one block: an array laid out column by column comes in transposed.
        """
        known = self._shared.get(id(array))
        if known is not None:
            return known
        whole = in_order(array)
        if whole is None:
            base, axes = array.copy(), tuple(range(array.ndim))  # strided: its values of now
        else:
            base, axes = whole
        made = self._entered(base, "state", name)
        self.bound[made.value] = base
        self.roots[id(array)] = made.value, axes
        made.home = array
        if axes != tuple(range(array.ndim)):
            made = self.apply(ops.transpose, (made,), axes=axes)
            made.home = array
        self._shared[id(array)] = made
        self._kept.append(array)
        return made

    def constant(self, array: Array) -> Trace:
        """Bring in an array that is the same at every call."""
        value = Value(array.shape, array.dtype)
        self.program.constants[value] = array
        return Trace(self, value, array)

    def bring(self, maker: Function, args: Any, kwargs: Any) -> Trace:
        """Make an array by np.asarray, np.zeros, ...: a constant; one from outside is an input."""
        first = args[0]
        if isinstance(first, Trace):
            return first if not (args[1:] or kwargs) else first.astype(np.result_type(*args[1:]))
        if isinstance(first, ndarray) and len(args) == 1 and not kwargs:
            return self.state(first)
        return self.constant(np.asarray(maker(*args, **kwargs)))

    def _entered(self, array: Array, kind: Kind, name: str) -> Trace:
        value = Value(array.shape, array.dtype, name)
        self.program.inputs[value] = kind
        return Trace(self, value, array)

    def forget(self) -> None:
        """Let go of the Traces that stand for arrays from outside."""
        self._shared.clear()
        self._kept.clear()

    # ── writing down ────────────────────────────────────────────────────────────────────────

    def apply(self, fn: Function, inputs: Sequence[Any], **static: Any) -> Any:
        """Compute fn(*inputs, **static) on the values of this call, and write it down."""
        if self.ended:
            raise CompileError("compile_leaked", line="", op=getattr(fn, "__name__", "?"))
        inputs = [self.taken(x) for x in inputs]
        if self.is_outline and isinstance(fn, np.ufunc):
            made = outline(fn, [host(x) for x in inputs])
        else:
            made = raw(fn)(*(host(x) for x in inputs), **static)
        several = type(made) in (tuple, list) or hasattr(made, "_make")
        parts = [np.asarray(part) for part in (made if several else (made,))]
        line = where()
        values = tuple(Value(part.shape, part.dtype, "", line) for part in parts)
        operands = tuple(x.value if isinstance(x, Trace) else x for x in inputs)
        self.program.body.append(Instruction(fn, operands, static, values))
        traces = [Trace(self, v, part) for v, part in zip(values, parts, strict=True)]
        if not several:
            return traces[0]
        return made._make(traces) if hasattr(made, "_make") else type(made)(traces)

    def taken(self, x: Any) -> Any:
        """Take an operand: Traces and Python's numbers as they are, other arrays as inputs."""
        if isinstance(x, Trace):
            if x.tape is not self:
                raise CompileError("compile_leaked", line="", op="")
            if x.is_stale:
                raise CompileError("compile_stale_view", line=where())
            if x.is_spent:
                raise SpentError
            return x
        if isinstance(x, (bool, int, float)) and not isinstance(x, np.generic):
            return x
        if isinstance(x, np.generic):
            return self.constant(np.asarray(x))
        if isinstance(x, ndarray):
            return self.state(x)
        raise CompileError("compile_operand", line=where(), kind=type(x).__name__)

    def assume(self, condition: Any) -> None:
        """Write down what must hold for the program to be right."""
        self.program.body.append(Instruction(ops.assume, (condition.value,), {}, ()))


class Trace(NDArrayOperatorsMixin):
    """An array of a call that is being recorded.

    value: what the Program calls it now.  host: its values in this call.  written: the tick of
    the latest write in place.  home: the array it stands for, if it came from outside.
    base: the Trace whose memory it shows, for a view.
    """

    __slots__ = (
        "__weakref__", "back", "base", "home", "host", "is_spent", "seen", "tape", "value",
        "versions", "written",
    )
    traced = True

    label = property(lambda self: self.value.name)

    def __init__(self, tape: Tape, value: Value, array: Array) -> None:
        self.tape = tape
        self.value = value
        self.host = array
        self.written = 0
        self.versions = 0
        self.home: Any = None
        self.base: Trace | None = None
        self.back: tuple[Trace, Callable[[Trace], Trace]] | None = None
        self.seen = 0  # of the base's versions, for a view
        self.is_spent = False  # whether an eager step, later, changes it
        tape.made.append(ref(self))

    line = property(lambda self: self.value.line)

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: len(self.value.shape))
    size = property(lambda self: self.value.size)
    itemsize = property(lambda self: self.value.dtype.itemsize)
    nbytes = property(lambda self: self.value.nbytes)
    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))  # noqa: N815 - NumPy's name

    @property
    def is_stale(self) -> bool:
        """Whether the memory that this view shows was written into since."""
        return self.base is not None and self.base.versions != self.seen

    # ── NumPy's protocols ───────────────────────────────────────────────────────────────────

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise CompileError("compile_value", line=where(), what="np.asarray")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        for x in inputs:
            if hasattr(type(x), "_node"):
                return NotImplemented  # a Tensor, which records its own graph
        out = kwargs.pop("out", None)
        made = self._ufunc(ufunc, method, inputs, kwargs)
        if out is None:
            return made
        (target,) = out
        if not isinstance(target, Trace):
            raise CompileError("compile_write", line=where())
        target.write(made)
        return target

    def _ufunc(self, ufunc: Any, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
        if method == "__call__" and not kwargs and ufunc.nout == 1:
            lowered = LOWERED.get(ufunc)
            return lowered(*inputs) if lowered else self.tape.apply(ufunc, inputs)
        if method == "reduce" and ufunc in REDUCERS:
            kwargs.setdefault("axis", 0)
            if kwargs.get("where", True) is True and kwargs.get("initial") is None:
                return reduced(
                    REDUCERS[ufunc], inputs[0], kwargs["axis"], kwargs.get("keepdims", False),
                    kwargs.get("dtype"),
                )
        if method == "at":
            target, index, *rest = inputs
            target.write(self.tape.apply(*opaque(_at, (target, index, *rest), {"ufunc": ufunc})))
            return None
        return self.tape.apply(*opaque(getattr(ufunc, method), inputs, kwargs, ufunc.__name__))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(hasattr(t, "_node") for t in types):
            return NotImplemented
        if func in MAKERS:  # called with like=, of which NumPy does not tell
            return self.tape.bring(func, args, kwargs)
        lowered = LOWERED.get(func)
        if lowered is not None and not (self.tape.keeps_whole and func in WHOLE):
            return lowered(*args, **kwargs)
        if label(func).startswith("np.array") and func.__name__ in (
            "array2string", "array_repr", "array_str", "array_equal", "array_equiv"
        ):
            raise CompileError("compile_value", line=where(), what=label(func))
        if func.__name__ in SHAPED_BY_VALUES:
            raise CompileError("compile_mask", line=where())
        out = kwargs.pop("out", None)
        made = self.tape.apply(*opaque(raw(func), args, kwargs, label(func)))
        if out is None:
            return made
        out.write(made)
        return out

    # ── memory ──────────────────────────────────────────────────────────────────────────────

    def write(self, new: Any) -> None:
        """Give this memory new values, those of `new` (a Trace), in its own shape and dtype."""
        if self.base is not None and self.back is None:
            raise CompileError("compile_view_write", line=where())
        if new.shape != self.shape:
            new = LOWERED[np.broadcast_to](new, self.shape)
        if new.dtype != self.dtype:
            new = new.astype(self.dtype)
        self.value, self.host = new.value, new.host
        self.versions += 1
        if self.base is not None and self.back is not None:
            shown, put_back = self.back
            shown.write(put_back(new))
            self.seen = self.base.versions

    def viewed(self, made: Trace, back: Callable[[Trace], Trace] | None) -> Trace:
        """Mark a Trace as a view of this one's memory, if NumPy gave one.

        back: makes of new values of the view those of the whole; None where it is read-only.
        """
        if not np.may_share_memory(made.host, self.host):
            return made
        made.base = self.base if self.base is not None else self
        made.seen = made.base.versions
        made.back = None if back is None else (self, back)
        return made

    def __getitem__(self, key: Any) -> Any:
        return LOWERED[ops.getitem](self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.write(LOWERED[ops.put](self, value, key))

    def fill(self, value: Any) -> None:
        """Put one number everywhere."""
        self[...] = value

    def copy(self, order: str = "C") -> Trace:
        """Give memory of its own with the same values: a name is enough, for values are shared."""
        return Trace(self.tape, self.tape.taken(self).value, self.host)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Trace:
        return self.copy()

    # ── ndarray's methods ───────────────────────────────────────────────────────────────────

    def transpose(self, *axes: Any) -> Any:
        """Do as ndarray.transpose."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return LOWERED[np.transpose](self, order)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """Do as ndarray.reshape."""
        wanted = shape[0] if len(shape) == 1 else shape
        return LOWERED[np.reshape](self, wanted, order)

    def astype(self, dtype: Any, order: str = "K", copy: bool = True, **unused: Any) -> Any:
        """Do as ndarray.astype."""
        return LOWERED[ops.astype](self, dtype)

    def __getattr__(self, name: str) -> Any:
        if name in FUNCTIONS:
            function = getattr(np, name)
            return lambda *args, **kwargs: function(self, *args, **kwargs)
        if name in ("item", "tolist", "tobytes"):
            return lambda *args: self._concrete(f".{name}()")
        raise AttributeError(name)

    def __bool__(self) -> bool:
        if not asked_by_us():
            raise CompileError("compile_branch", line=where())
        held = bool(self.host)  # a rule's own branch is taken for granted, and seen to at replays
        self.tape.assume(self if held else np.logical_not(self))
        return held

    def _concrete(self, what: str) -> Any:
        if self.size == 1 and self.dtype.kind in "biu" and asked_by_us():
            self.tape.assume(self == self.host.item())  # the length of something, say
            return self.host.item()
        raise CompileError("compile_value", line=where(), what=what)

    def __float__(self) -> float:
        return self._concrete("float()")  # type: ignore[no-any-return]

    def __int__(self) -> int:
        return self._concrete("int()")  # type: ignore[no-any-return]

    def __index__(self) -> int:
        return self._concrete("int()")  # type: ignore[no-any-return]

    def __format__(self, spec: str) -> str:
        return self._concrete("format()")  # type: ignore[no-any-return]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<Trace {self.value.shape} {self.value.dtype}>"


FUNCTIONS = frozenset((
    "sum", "prod", "max", "min", "mean", "any", "all", "dot", "swapaxes", "ravel", "squeeze",
    "take", "clip", "cumsum", "cumprod", "argmax", "argmin", "argsort", "sort", "repeat",
    "diagonal", "trace", "std", "var", "round", "searchsorted", "nonzero",
))


def host(x: Any) -> Any:
    """Give the values, in the call that is recorded, of a Trace; anything else as it is."""
    return x.host if isinstance(x, Trace) else x


def outline(ufunc: Any, inputs: Sequence[Any]) -> Array:
    """Give an array as a ufunc would, in shape and dtype, its first element everywhere."""
    arrays = [x for x in inputs if isinstance(x, ndarray)]
    corners = [x[(slice(1),) * x.ndim] if isinstance(x, ndarray) else x for x in inputs]
    return np.broadcast_to(ufunc(*corners), np.broadcast_shapes(*(x.shape for x in arrays)))


def where() -> str:
    """Say which line of the user's is running."""
    line = user_line()
    return "" if line is None else str(line)


def asked_by_us() -> bool:
    """Tell whether it is this package's own code, or NumPy's, that asks for a value."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(ASKS):
        frame = frame.f_back
    return frame.f_code.co_filename.startswith((OURS, NUMPY))


def in_order(array: Array) -> tuple[Array, tuple[int, ...]] | None:
    """Find the axes that an array's memory is ordered by: (C-ordered view, axes back), or None."""
    if array.flags.c_contiguous:
        return array, tuple(range(array.ndim))
    order = sorted(range(array.ndim), key=lambda i: -array.strides[i])
    view = array.transpose(order)
    if not view.flags.c_contiguous:
        return None
    return view, tuple(order.index(i) for i in range(array.ndim))


def reduced(fn: Function, x: Any, axis: Any, keepdims: bool = False, dtype: Any = None) -> Any:
    """Record a reduction, its axes counted from the front and in order."""
    if dtype is not None and np.dtype(dtype) != x.dtype:
        x = x.astype(dtype)
    elif x.dtype.kind in "biu" and x.itemsize < 8 and fn in (np.sum, np.prod):
        x = x.astype(np.uint64 if x.dtype.kind == "u" else np.int64)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise np.exceptions.AxisError(a, x.ndim)
    places = tuple(sorted({a % x.ndim for a in axes})) if x.ndim else ()
    return x.tape.apply(fn, (x,), axis=places, keepdims=bool(keepdims))


def _at(y: Array, index: Any, *values: Any, ufunc: Any) -> Array:
    """Do ufunc.at on a copy."""
    y = y.copy()
    ufunc.at(y, index, *values)
    return y
