"""How modules are written: as a tree, by dotted name, and in the text of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import TinygradError, text

if TYPE_CHECKING:
    from .module import Module


def tree(name: str, extra: str, children: list[str]) -> str:
    """Lay out a module's text as PyTorch does: options, then one line for each child."""
    lines = extra.split("\n") if extra else []
    if not children and len(lines) <= 1:
        return f"{name}({extra})"
    return "\n  ".join([f"{name}(", *lines, *children]) + "\n)"


def indented(lines: str) -> str:
    """Move all lines but the first to the right."""
    return lines.replace("\n", "\n  ")


def joined(prefix: str, name: str) -> str:
    """Put a name after a prefix and a dot, if there is a prefix."""
    return f"{prefix}.{name}" if prefix else name


def located(error: TinygradError, module: Module) -> None:
    """Tell an error, on its way up, in which layer it arose: 'net.fc1' Linear(...)."""
    path: list[Any] | None = getattr(error, "_layers", None)
    if path is None:
        path = error._layers = [module, ""]  # type: ignore[attr-defined]
        error.facts["layer"] = first_line(module)
    elif path[0] is not module:
        name = next((n for n, child in module.named_children() if child is path[0]), None)
        if name is not None:
            path[1] = joined(name, path[1]) if path[1] else name
            error.facts["layer"] = f"'{path[1]}' {first_line(module.get_submodule(path[1]))}"
        path[0] = module
    notes = [n for n in getattr(error, "__notes__", []) if n != getattr(error, "_note", None)]
    if path[1] and error.facts["layer"] not in str(error):
        note = text("in_layer", layer=error.facts["layer"], model=type(module).__name__)
        error._note = note  # type: ignore[attr-defined]
        notes.append(note)
    error.__notes__ = notes


def first_line(module: Module) -> str:
    """Say a module in one line, without its children."""
    return tree(type(module).__name__, module.extra_repr().partition("\n")[0], [])
