"""The plan of the house holds: imports point down, files are short, public things are described."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tinygrad_jp"

# Floors from the ground up. A file may import from its own room and from lower floors, no more.
FLOORS: list[set[str]] = [
    {"errors"},
    {"vocabulary"},
    {"rules"},
    {"autograd"},
    {"program"},
    {"nn", "optim", "data", "plot"},
    {"compiled", "saving"},
    {"train"},
    {"graph", "testing"},
    {"keras"},
    {"__init__", "__main__", "cli"},
]
HEIGHT = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Rules are reached through the registry, so that a new operation needs no line anywhere else.
FORBIDDEN = {("autograd", "rules")}
LONGEST = 450
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(f.relative_to(PACKAGE)) for f in FILES]


def room_of(path: Path) -> str:
    """Give the first part of a file's place in the package: its folder, or its own name."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(path: Path, tree: ast.AST) -> set[str]:
    """List the rooms of the package that a file imports, wherever in it."""
    here = ["tinygrad_jp", *path.relative_to(PACKAGE).parent.parts]
    rooms = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [a.name.split(".") for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            targets = [[*base, a.name] for a in node.names]
        else:
            continue
        for parts in targets:
            if parts[0] == "tinygrad_jp":
                rooms.add(parts[1] if len(parts) > 1 and parts[1] in HEIGHT else "__init__")
    return rooms


def complaints(path: Path, source: str) -> list[str]:
    """List the imports of a file that point up, or where they must not."""
    room = room_of(path)
    found = []
    for target in sorted(imported_rooms(path, ast.parse(source))):
        if target == room:
            continue
        if HEIGHT[target] >= HEIGHT[room] and not siblings(room, target):
            found.append(f"{room} → {target} points up")
        if (room, target) in FORBIDDEN:
            found.append(f"{room} → {target}: only through the registry")
    return found


def siblings(room: str, target: str) -> bool:
    """Tell whether two rooms of one floor may see each other: optim and nn share Parameter."""
    if (room, target) == ("testing", "graph"):
        return True  # a failing example is drawn
    return {room, target} == {"nn", "optim"} or {room, target} <= {"__init__", "__main__", "cli"}


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_point_down(path):
    assert complaints(path, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("vocabulary/rule.py", "from ..autograd.tensor import Tensor"),
        ("rules/loss.py", "from ..nn import functional"),
        ("autograd/apply.py", "from ..rules import loss"),
        ("autograd/apply.py", "import tinygrad_jp.rules.loss"),
        ("errors.py", "from .vocabulary import rule"),
        ("data/mnist.py", "from tinygrad_jp import Tensor"),
        ("nn/linear.py", "def f():\n    from ..graph import draw"),
    ],
)
def test_an_arrow_that_points_up_is_seen(file, line):
    assert complaints(PACKAGE / file, line)


def test_every_room_has_a_floor():
    assert {room_of(f) for f in FILES} <= set(HEIGHT)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_files_are_short(path):
    source = path.read_text("utf-8")
    tables = [n for n in ast.parse(source).body if isinstance(n, ast.AnnAssign)]
    texts = sum(n.end_lineno - n.lineno for n in tables if n.target.id == "MESSAGES")
    lines = source.count("\n") - texts  # a table of texts is as long as there are errors
    assert lines <= LONGEST, f"{lines} lines: find the two things in it and part them"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_files_say_what_they_are(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree)
    assert path.stem not in {"util", "utils", "helper", "helpers", "core", "base", "manager"}


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_all_names_what_is_there(path):
    tree = ast.parse(path.read_text("utf-8"))
    bound: set[str] = set()
    listed: list[str] = []
    dynamic = False
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
            dynamic |= node.name == "__getattr__"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update((a.asname or a.name).split(".")[0] for a in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            try:
                listed = ast.literal_eval(node.value)
            except ValueError:
                return  # put together at run time: see test_public_names
    assert len(listed) == len(set(listed))
    if not dynamic:
        assert set(listed) <= bound, sorted(set(listed) - bound)


def test_public_names():
    import tinygrad_jp as tj

    assert len(tj.__all__) == len(set(tj.__all__))
    for name in tj.__all__:
        thing = getattr(tj, name)
        if callable(thing):
            assert (thing.__doc__ or "").strip(), f"tj.{name} has no docstring"


def test_the_root_is_tidy():
    allowed = {
        "pyproject.toml", "README.md", "README.en.md", "LICENSE", "CHANGELOG.md", "run.py",
        "CONTRIBUTING.md", "CONTRIBUTING.en.md", "SECURITY.md", "noxfile.py", "requirements",
        "tinygrad_jp", "tests", "docs", "examples", "out", "site", "dist", "shared",
    }
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith((".", "__pycache__"))}
    assert found <= allowed, sorted(found - allowed)
