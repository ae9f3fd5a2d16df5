"""Compiling in another process: what is done where that does not work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_jp.program.native import child, compiler, elf, link, processor

from .building import Builder, agree

llvmlite = pytest.importorskip("llvmlite")
pytestmark = pytest.mark.skipif(not elf.possible(), reason="for x86-64 Linux only")

SOURCE = "define i64 @one() {\n  ret i64 1\n}\n"
OTHER = "define i64 @two() {\n  ret i64 2\n}\n"


def script(path: Path, text: str) -> str:
    """Write something to start in the place of Python."""
    program = path / "python-other"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def fresh(monkeypatch):
    """Let this process be one that has not imported llvmlite, and started no child."""
    for name in [n for n in sys.modules if n.split(".")[0] == "llvmlite"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(child, "_started", iter(range(10_000)))


@pytest.fixture
def here(monkeypatch) -> list[str]:
    """List what was compiled in this process."""
    seen: list[str] = []
    monkeypatch.setenv("TINYGRAD_JP_CACHE", "0")
    monkeypatch.setattr(
        compiler, "compiled",
        lambda source, real=compiler.compiled: (seen.append(source), real(source))[1],
    )
    return seen


def small() -> Builder:
    b = Builder()
    b.returns(b(np.exp, b.input(np.linspace(-1, 1, 11))))
    return b


def test_the_child_compiles_the_same(fresh):
    made = child.compiled([SOURCE, OTHER])
    assert "llvmlite" not in sys.modules
    assert made == [compiler.compiled(SOURCE), compiler.compiled(OTHER)]


@pytest.mark.parametrize("longest", [0, 10**9])
def test_few_passes_or_all(here, monkeypatch, longest):
    monkeypatch.setattr(compiler, "LONG", longest)
    monkeypatch.setattr(child, "compiled", lambda sources: None)
    agree(small())
    rng = np.random.default_rng(0)
    b = Builder()
    x = b.input(rng.standard_normal((40, 30)).astype(np.float32))
    y = b.input(rng.standard_normal((30, 20)).astype(np.float32))
    b.returns(b.total(b(np.tanh, b(np.matmul, x, y)), (0,)))
    agree(b)
    assert len(here) == 2


def test_llvm_in_the_process_makes_a_child_needless():
    compiler.llvm()
    import llvmlite.binding  # noqa: F401 - another test may have forgotten it
    assert child.compiled([SOURCE]) is None


def test_the_child_is_used(fresh, here):
    agree(small())
    assert not here


@pytest.mark.parametrize("text", [
    "exit 1", "echo garbage", "kill -9 $$", "cat", "head -c 100 /dev/zero", "exec 1>&-; cat >/dev/null",
])
def test_a_child_that_fails(fresh, here, monkeypatch, tmp_path, text):
    monkeypatch.setattr(sys, "executable", script(tmp_path, text))
    agree(small())
    assert len(here) == 1


def test_a_child_that_never_ends(fresh, here, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", script(tmp_path, "sleep 30"))
    monkeypatch.setattr(child, "SECONDS", 0.2)
    agree(small())
    assert len(here) == 1


@pytest.mark.parametrize("executable", [None, "", "/no/such/python", "/usr/bin/env", __file__])
def test_no_python_to_start(fresh, here, monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    agree(small())
    assert len(here) == 1


def test_a_frozen_program(fresh, here, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    agree(small())
    assert len(here) == 1


def test_no_processes_allowed(fresh, here, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError("fork")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    agree(small())
    assert len(here) == 1


def test_a_module_that_is_none(fresh):
    assert child.compiled([SOURCE, "this is no module"]) is None
    with pytest.raises(RuntimeError):
        link.compiled("this is no module")


def test_after_many_children_llvm_comes_in(fresh, here, monkeypatch):
    monkeypatch.setattr(child, "_started", iter(range(child.MOST - 1, 100)))
    agree(small())
    assert not here
    agree(small())
    assert len(here) == 1


def test_nothing_around_it_matters(tmp_path):
    """Not the folder, the modules in it, PYTHON* variables, nor what the program's main file does."""
    (tmp_path / "hashlib.py").write_text("raise SystemError('not this one')")
    (tmp_path / "main.py").write_text(
        "import os, sys\nsys.path.remove(sys.path[0])\n"
        "from tinygrad_jp.program.native import child\n"
        f"os.environ['PYTHONPATH'] = {str(tmp_path)!r}\n"
        f"(made,) = child.compiled([{SOURCE!r}])\n"
        "print(b'ELF' in made, 'llvmlite' in sys.modules)\n"
    )
    env = {**os.environ, "PYTHONSTARTUP": str(tmp_path / "hashlib.py"), "PYTHONINSPECT": "1"}
    root = str(Path(child.__file__).parents[3])
    env["PYTHONPATH"] = root
    done = subprocess.run([sys.executable, "main.py"], cwd=tmp_path, env=env, text=True, timeout=60,
                          capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert "True False" in done.stdout, done.stderr


def test_a_packet_that_is_damaged():
    parts = [b"", b"one", bytes(1000)]
    kind = compiler.OBJECTS
    packet = compiler.packed(kind, parts)
    assert compiler.unpacked(kind, packet) == parts
    assert compiler.unpacked(kind, compiler.packed(kind, [])) == []
    assert compiler.unpacked(compiler.MODULES, packet) is None
    for damaged in (b"", packet[:-1], packet + b"x", packet[1:], b"\0" + packet[1:]):
        assert compiler.unpacked(kind, damaged) is None


def test_what_is_needed_next_is_compiled_on_the_way(fresh, here, monkeypatch, tmp_path):
    starts = []
    real = child.compiled
    monkeypatch.setattr(child, "compiled", lambda sources: (starts.append(len(sources)), real(sources))[1])
    monkeypatch.setenv("TINYGRAD_JP_CACHE", str(tmp_path))
    for _ in range(2):
        link.linked(SOURCE, ["one"], OTHER)
        link.linked(OTHER, ["two"])
    assert starts == [2]
    assert not here
    assert not link._ahead
    link.linked(SOURCE + "; another", ["one"], OTHER)  # which is there
    assert starts == [2, 1]


def test_what_the_key_is_made_of(monkeypatch):
    """Another processor, another llvmlite, another way to compile: other objects."""
    versions = processor.versions.__wrapped__
    now = versions()
    assert now == versions()
    monkeypatch.setattr(processor, "llvmlite_stamp", lambda: "another")
    assert versions() != now
    monkeypatch.undo()
    monkeypatch.setattr(compiler, "RECIPE", 1)
    assert versions() != now
    monkeypatch.undo()
    about = dict(processor.described())
    about["flags"] = about["flags"].replace(" avx", "")
    monkeypatch.setattr(processor, "described", lambda: about)
    assert versions() != now
    assert processor.target.__wrapped__().register == 16


@pytest.mark.parametrize("content", [None, "", "flags : avx\n", "nonsense"])
def test_a_machine_that_does_not_say_what_it_is(monkeypatch, tmp_path, content):
    place = tmp_path / "cpuinfo"
    if content is not None:
        place.write_text(content)
    monkeypatch.setattr(processor, "CPUINFO", str(place))
    described = processor.described.__wrapped__()
    assert described is None
    monkeypatch.setattr(processor, "described", lambda: None)
    assert processor.versions.__wrapped__()[:2] == compiler.processor()
    assert processor.target.__wrapped__() == processor.target()
