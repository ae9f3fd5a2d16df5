"""What the command line draws and tells: something named in a script or a module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ..autograd.tensor import Tensor
from ..errors import OptionError, ScriptError, TinygradError
from .checks import GraphCheck, check_graph
from .doctor import Diagnosis, diagnose
from .drawing import Drawing, draw
from .explain import explain
from .explanation import Explanation
from .failure import can_be_drawn
from .names import is_module


def drawn(target: str, inputs: Sequence[str] = (), **options: Any) -> Drawing:
    """Draw what a target names: "script.py:loss", "package.module:model".

    target: a Tensor, or a function or a Module to run; "net.fc1" finds attributes.
    inputs: what to run it on: names in the same script, numbers, or the shape of an example input
        for a Module, as "1,784".
    options: those of draw.
    Raises OptionError: no such file, module or name; ScriptError: the script raised an error, with
        the script's own error as its cause; as draw does.
    """
    place, _, name = target.rpartition(":")
    if not place or not name:
        raise OptionError("shell_target", given=target)
    with _running(place):
        module = _module(place)
        thing = found(module, name, target)
        values = [_value(module, text, thing) for text in inputs]
        options.setdefault("names", vars(module))
        try:
            return draw(thing, *values, **options)
        except TinygradError as error:
            if can_be_drawn(error) and callable(thing):
                raised = ScriptError("shell_raised", target=target, trace=trace_of(error))
                raised.names = vars(module)
                raise raised from error
            raise
        except Exception as error:
            raise ScriptError("shell_raised", target=target, trace=trace_of(error)) from error


def told(
    kind: str, target: str, inputs: Sequence[str] = (), **options: Any
) -> Explanation | Diagnosis | GraphCheck:
    """Say what explain, diagnose or check_graph (the kind) find in what a target names.

    target: a loss, or a function that gives one; to be diagnosed, also a Module.
    inputs: names in the same script: for "explain" the Tensor to explain; for a Module the batch,
        the targets and the loss function; for a function what to call it with.
    options: those of the three functions. Raises as `drawn` does, and as those functions do.
    """
    place, _, name = target.rpartition(":")
    if not place or not name:
        raise OptionError("shell_target", given=target)
    with _running(place):
        module = _module(place)
        thing = found(module, name, target)
        options.setdefault("names", vars(module))
        try:
            if kind == "diagnose" and is_module(thing):
                options.pop("names")
                return diagnose(thing, *(_value(module, text, None) for text in inputs), **options)
            asked = inputs[-1:] if kind == "explain" else ()
            given = inputs[: len(inputs) - len(asked)]
            if callable(thing) and not isinstance(thing, Tensor):
                thing = thing(*(_value(module, text, None) for text in given))
            if kind == "explain":
                return explain(thing, asked[0], **options)
            return diagnose(thing, **options) if kind == "diagnose" else (
                check_graph(thing, **options)
            )
        except TinygradError:
            raise
        except Exception as error:
            raise ScriptError("shell_raised", target=target, trace=trace_of(error)) from error


def found(module: ModuleType, name: str, target: str) -> Any:
    """Look a dotted name up. Raises OptionError with what there is to draw."""
    value: Any = module
    for part in name.split("."):
        value = getattr(value, part, _NOTHING)
        if value is _NOTHING:
            raise OptionError("shell_no_name", name=name, target=target, known=_known(module))
    return value


_NOTHING = object()


def _known(module: ModuleType) -> str:
    """List what in a module could be drawn."""
    mine = [
        name for name, value in vars(module).items() if not name.startswith("_") and (
            isinstance(value, Tensor) or is_module(value)
            or (callable(value) and getattr(value, "__module__", None) == module.__name__
                and not isinstance(value, type))
        )
    ]
    return ", ".join(mine) or "-"


def _value(module: ModuleType, text: str, thing: Any) -> Any:
    """Read an input: a number, a shape, or a name in the script."""
    parts = text.strip("()").split(",")
    if is_module(thing) and all(p.strip().isdigit() for p in parts if p) and any(parts):
        return tuple(int(p) for p in parts if p.strip())
    try:
        return float(text)
    except ValueError:
        return found(module, text, text)


def _module(place: str) -> ModuleType:
    """Import a script by its path, or a module by its name; run it as an import does."""
    if not place.endswith(".py"):
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if place != missing and not place.startswith(f"{missing}."):
                raise ScriptError("shell_raised", target=place, trace=trace_of(error)) from error
            raise OptionError("shell_no_module", name=place) from None
        except Exception as error:
            raise ScriptError("shell_raised", target=place, trace=trace_of(error)) from error
    path = Path(place).resolve()
    if not path.is_file():
        raise OptionError("shell_no_file", path=path)
    spec = importlib.util.spec_from_file_location(f"tinygrad_jp_script_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise OptionError("shell_no_file", path=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ScriptError("shell_raised", target=place, trace=trace_of(error)) from error
    return module


@contextmanager
def _running(place: str) -> Iterator[None]:
    """Let a script find its neighbours and its own name, as if it were run by itself."""
    path, arguments = list(sys.path), list(sys.argv)
    folder = str(Path(place).resolve().parent) if place.endswith(".py") else str(Path.cwd())
    sys.path.insert(0, folder)
    sys.argv[:] = [place]
    try:
        yield
    finally:
        sys.path[:], sys.argv[:] = path, arguments


def trace_of(error: BaseException) -> str:
    """Write the traceback of a script, from its own first line to its own last."""
    ours = (
        str(Path(__file__).parent.parent), str(Path(importlib.__file__ or "").parent), "<frozen",
        "<tinygrad_jp",
    )
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error)).rstrip()
    for end in (0, -1):  # what led into the script, and what an operation does inside
        while frames and frames[end].filename.startswith(ours):
            frames.pop(end)
    lines = traceback.format_list(frames) + traceback.format_exception_only(error)
    return "".join(lines).rstrip()
