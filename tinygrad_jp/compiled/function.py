"""`compile`, and the function that it gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import update_wrapper
from importlib.util import find_spec
from typing import Any, Literal

from numpy import ndarray

from ..autograd.apply import default_dtype
from ..autograd.mode import is_grad_enabled, recording
from ..autograd.tensor import Tensor
from ..errors import (
    ArgumentError,
    CompileError,
    OptionError,
    ProgramError,
    TinygradWarning,
    missing,
    text,
    warn,
)
from ..program.interpreter import NumpyProgram
from ..program.program import Program
from .capture import Capture, capture, data_of
from .first import first
from .replay import EAGER, MISSED, Replay
from .signature import Signature, in_order, is_plain

Array = Any
Backend = Literal["auto", "native", "numpy"]
FEW = 3  # quick ways in that are tried one after another
MANY = 8  # programs of one function from which on it warns that it is recorded again and again


def compile(
    fn: Callable[..., Any] | None = None, *, fallback: Literal["eager"] | None = None,
    backend: Backend = "auto",
) -> Any:
    """Make of a function of Tensors one program that is recorded once and then replayed.

    fn: inference, a loss with its gradients, or a whole training step, with `zero_grad`,
        `backward`, `optimizer.step()` and a scheduler's `step()` inside. It may take and give
        Tensors, arrays, numbers, and lists, tuples and dicts of them.
    fallback: None raises where fn cannot be recorded; "eager" warns once and runs it as it is.
    backend: "native" (extra `fast`), "numpy", or "auto": native where llvmlite is installed.

    The first call with new shapes, dtypes or options records: it runs fn eagerly and notes what it
    does. Later calls replay that. Nothing is frozen: parameters, buffers, gradients, what the
    optimizer remembers, learning rates and random draws are as eager execution would have them.
    Raises CompileError where fn branches on a Tensor's value, prints one, keeps one, or has another
    effect that a replay would not have; the text names the line and the repair.

    >>> import tinygrad_jp as tj
    >>> @tj.compile
    ... def norm(x):
    ...     return (x * x).sum().sqrt()
    >>> norm(tj.tensor([3.0, 4.0]))
    tensor(5.)
    >>> norm(tj.tensor([6.0, 8.0]))
    tensor(10.)
    """
    if fallback not in (None, "eager"):
        raise OptionError("no_choice", op="compile", name="fallback", given=fallback,
                          choices="None, 'eager'")
    if backend not in ("auto", "native", "numpy"):
        raise OptionError("no_choice", op="compile", name="backend", given=backend,
                          choices="'auto', 'native', 'numpy'")
    if fn is None:
        return lambda function: compile(function, fallback=fallback, backend=backend)
    if not callable(fn):
        raise ArgumentError("compile_not_callable", kind=type(fn).__name__)
    return Compiled(fn, fallback, backend)


class Compiled:
    """A function that is recorded at its first call and replayed at the next.

    program  the Program of the latest call, printable.  source: the native code, or Python, of it.
    """

    def __init__(self, fn: Callable[..., Any], fallback: str | None, backend: str) -> None:
        update_wrapper(self, fn)
        self._fn = fn
        self._fallback = fallback
        self._native = backend == "native" or (backend == "auto" and has_llvmlite())
        if self._native and not has_llvmlite():
            raise missing("llvmlite", "fast")
        self._replays: dict[Any, list[Replay]] = {}
        self._latest: Replay | None = None
        self._fast: list[Callable[..., Any]] = []  # quick ways in, the latest first
        self._is_eager = False
        self._has_warned = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay the recorded call if it fits these arguments, else record one."""
        if not kwargs:
            for fast in self._fast:
                try:
                    result = fast(*args)
                except TypeError:  # another number of arguments, perhaps
                    continue
                if result is not MISSED:
                    if fast is not self._fast[0]:
                        self._put_first(fast)
                    return self._fn(*args) if result is EAGER else result
        return self._call(args, kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        from types import MethodType

        return MethodType(self, instance)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._is_eager or recording.get() is not None:  # inside another recording: part of that
            return self._fn(*args, **kwargs)
        try:
            signature = Signature(args, kwargs)
        except CompileError as reason:
            return self._refused(reason, args, kwargs)
        key = (signature.key, is_grad_enabled(), default_dtype[0])
        replays = self._replays.setdefault(key, [])
        arrays = [in_order(data_of(x)) for x in signature.leaves]
        for replay in replays:
            result = replay.run(*arrays, signature.leaves)
            if result is EAGER:
                return self._fn(*args, **kwargs)
            if result is not MISSED:
                self._prefer(replay, args, kwargs)
                return result
        try:
            made = capture(self._fn, args, kwargs, signature, not self._native)
        except CompileError as reason:
            return self._refused(reason, args, kwargs)
        if made.is_replayable:
            result = self._first(made, replays, arrays, signature.leaves)
            if result is not MISSED and result is not EAGER:
                return result
        return made.commit(signature.leaves)

    def _first(
        self, made: Capture, replays: list[Replay], arrays: list[Array], leaves: list[Any]
    ) -> Any:
        """Make a replay of what was recorded, and let it do the recorded call itself."""
        from ..autograd.random import generator

        replay = Replay(made, self._build)
        try:
            result = first(replay, arrays, leaves, generator())
        except ProgramError as reason:
            if self._fallback is None:
                raise
            self._is_eager = True
            warnings.warn(str(reason), TinygradWarning, stacklevel=5)
            return MISSED
        replays.append(replay)
        self._latest = replay
        count = sum(map(len, self._replays.values()))
        if count > MANY and not self._has_warned:
            self._has_warned = True
            warn("compile_many", stacklevel=6, count=count,
                 name=getattr(self._fn, "__name__", "function"))
        return result

    def _build(self, program: Program) -> Any:
        if self._native:
            from ..program import native

            return native.build(program)
        return NumpyProgram(program)

    def _refused(self, reason: CompileError, args: Any, kwargs: Any) -> Any:
        if self._fallback is None:
            raise reason
        self._is_eager = True
        warnings.warn(
            text("compile_fallback", reason=str(reason)), TinygradWarning, stacklevel=4
        )
        return self._fn(*args, **kwargs)

    def _prefer(self, replay: Replay, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Try this replay first from now on, if its arguments are easily told."""
        self._latest = replay
        simple = not kwargs and all(map(_is_simple, args)) and not replay.capture.held
        simple = simple and _count(args) == len(replay.capture.arguments)
        if simple and not replay.capture.gives_arguments():
            if replay.fast is None:
                replay.fast = fast_call(replay, args)
            self._put_first(replay.fast)

    def _put_first(self, fast: Callable[..., Any]) -> None:
        """Try a quick way in before the others; a few are kept: full batches and the rest."""
        self._fast = [fast, *(f for f in self._fast if f is not fast)][:FEW]

    # ── what it did ─────────────────────────────────────────────────────────────────────────

    def _done(self) -> Replay:
        if self._latest is None:
            raise CompileError("compile_not_called", name=getattr(self._fn, "__name__", "?"))
        return self._latest

    @property
    def program(self) -> Program:
        """The Program of the latest call. Raises CompileError before the first."""
        return self._done().capture.program

    @property
    def source(self) -> str:
        """The code that runs the Program: LLVM's, or Python's on NumPy."""
        return str(self._done().executable.source)

    def cost(self) -> Any:
        """Give what a call costs: operations, bytes, planned memory (see program.cost.Cost)."""
        from ..program.cost import Cost

        done = self._done()
        return Cost(done.capture.program, done.executable.workspace_bytes)

    def draw(self, **options: Any) -> Any:
        """Draw the Program; takes what `tj.draw` takes of direction, lang and theme."""
        from importlib import import_module

        drawing = import_module("tinygrad_jp.graph.program")
        return drawing.draw_program(self.program, **options)

    def __repr__(self) -> str:
        count = sum(map(len, self._replays.values()))
        return f"<compiled {getattr(self._fn, '__name__', 'function')}: {count} programs>"


def has_llvmlite() -> bool:
    """Tell whether native code can be made."""
    return find_spec("llvmlite") is not None


def _is_simple(x: Any) -> bool:
    """Tell whether the fast way in can know an argument again: plain Tensors, arrays, None."""
    if type(x) is Tensor:
        return x._node is None and is_plain(x._data)
    if type(x) in (list, tuple):
        return all(map(_is_simple, x))
    if type(x) is dict:
        return all(map(_is_simple, x.values()))
    return x is None or (type(x) is ndarray and is_plain(x))


def _count(x: Any) -> int:
    """Count the Tensors and arrays of an argument that is simple."""
    if isinstance(x, (list, tuple, dict)):
        return sum(map(_count, x.values() if isinstance(x, dict) else x))
    return x is not None


def fast_call(replay: Replay, args: tuple[Any, ...]) -> Callable[..., Any]:
    """Write the quick way in: arguments of the same kinds, straight to the replay.

    Shapes and dtypes are looked at here, so that another batch size finds its own replay; how an
    array lies in memory is left to native code, where there is some.
    """
    scope: dict[str, Any] = {
        "Tensor": Tensor, "ndarray": ndarray, "MISSED": MISSED, "run": replay.run,
        "is_grad_enabled": is_grad_enabled, "default": default_dtype,
        "kind": default_dtype[0],
    }
    lines = [f"if {'not ' if is_grad_enabled() else ''}is_grad_enabled() or default[0] is not "
             "kind: return MISSED"]
    given: list[str] = []
    is_native = getattr(replay.executable, "checks_arrays", False)

    def look(name: str, x: Any) -> None:
        if x is None:
            lines.append(f"if {name} is not None: return MISSED")
        elif isinstance(x, (list, tuple, dict)):
            parts = [f"{name}_{i}" for i in range(len(x))]
            lines.append(f"if type({name}) is not {type(x).__name__} or len({name}) != {len(x)}: "
                         "return MISSED")
            values = f"{name}.values()" if isinstance(x, dict) else name
            if isinstance(x, dict):
                scope[f"keys_{name}"] = list(x)
                lines.append(f"if list({name}) != keys_{name}: return MISSED")
            lines.append(f"[{', '.join(parts)}] = {values}")
            for part, v in zip(parts, x.values() if isinstance(x, dict) else x, strict=True):
                look(part, v)
        else:
            array = name
            if type(x) is Tensor:
                lines.append(f"if type({name}) is not Tensor or {name}._node is not None: "
                             "return MISSED")
                array = f"d_{name}"
                lines.append(f"{array} = {name}._data")
            else:
                lines.append(f"if type({name}) is not ndarray: return MISSED")
            scope.update({f"shape_{name}": data_of(x).shape, f"dtype_{name}": data_of(x).dtype})
            order = "" if is_native else f" or not {array}.flags.c_contiguous"
            lines.append(f"if {array}.shape != shape_{name} or {array}.dtype is not dtype_{name}"
                         f"{order}: return MISSED")
            given.append(array)

    names = [f"x{i}" for i in range(len(args))]
    for name, x in zip(names, args, strict=True):
        look(name, x)
    lines.append(f"return run({', '.join(given)})")
    body = "\n    ".join(lines)
    exec(compile_text(f"def fast({', '.join(names)}):\n    {body}\n"), scope)
    return scope["fast"]  # type: ignore[no-any-return]


def compile_text(source: str) -> Any:
    """Compile generated text (Python's own `compile`, whose name is taken here)."""
    import builtins

    return builtins.compile(source, "<tinygrad_jp call>", "exec")
