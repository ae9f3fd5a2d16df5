"""Compiled objects on disk: kept, found again, and never trusted when damaged."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tinygrad_jp.program import native
from tinygrad_jp.program.native import cache, link

from .building import Builder, agree, room

pytest.importorskip("llvmlite")


def small(size: int = 11) -> Builder:
    b = Builder()
    b.returns(b(np.exp, b.input(np.linspace(-1, 1, size))))
    return b


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    place = tmp_path / "deep" / "cache"
    monkeypatch.setenv("TINYGRAD_JP_CACHE", str(place))
    return place


@pytest.fixture
def compilations(monkeypatch) -> list[str]:
    seen: list[str] = []
    whole = link.compiled
    monkeypatch.setattr(
        link, "compiled", lambda source, also: (seen.append(source), whole(source, also))[1]
    )
    return seen


def test_the_second_time_nothing_is_compiled(folder, compilations):
    agree(small())
    assert len(compilations) == 1
    agree(small())
    assert len(compilations) == 1
    agree(small(12))
    assert len(compilations) == 2
    assert len(list(folder.glob("*.o"))) == 2
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize("damage", [
    lambda c: c[:-1], lambda c: b"", lambda c: c[:40], lambda c: c + b"x",
    lambda c: c[:100] + bytes([c[100] ^ 1]) + c[101:], lambda c: bytes(len(c)),
])
def test_a_damaged_file_is_compiled_anew(folder, compilations, damage):
    agree(small())
    (file,) = folder.glob("*.o")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    agree(small())
    assert len(compilations) == 2
    agree(small())  # and mended
    assert len(compilations) == 2


def test_an_object_that_is_none_is_compiled_anew(folder, compilations):
    agree(small())
    (file,) = folder.glob("*.o")
    cache.save(file.stem, b"not an object file")
    agree(small())
    assert len(compilations) == 2


def test_no_folder_no_trouble(tmp_path, monkeypatch, compilations):
    file = tmp_path / "file"
    file.write_text("")
    for place in (str(file), str(file / "below"), "0"):
        monkeypatch.setenv("TINYGRAD_JP_CACHE", place)
        agree(small())
    assert len(compilations) == 3


def test_old_files_make_room(folder, monkeypatch):
    monkeypatch.setattr(cache, "MOST_FILES", 8)
    for k in range(20):
        cache.save(f"{k}", b"x")
    assert len(list(folder.glob("*.o"))) <= 8
    assert cache.load("19") == b"x"


def test_the_key_tells_parts_apart():
    assert cache.key_of("ab", "c") != cache.key_of("a", "bc")


PROCESS = """
import numpy as np
from tinygrad_jp.program import native
from tinygrad_jp.program.program import Program, Value
for size in range(3, 9):
    p = Program()
    x = Value((size,), np.dtype(float))
    p.inputs[x] = "argument"
    y = p.emit(np.exp, (x,), (size,), float)
    p.outputs.append(y)
    out = np.zeros(size)
    assert native.build(p).bind({y: out})(np.ones(size)) is None
    assert abs(out - np.e).max() < 1e-14
print("done")
"""


def test_processes_share_a_folder(folder):
    start = [sys.executable, "-c", PROCESS]
    running = [subprocess.Popen(start, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [p.communicate(timeout=120)[0].strip() for p in running] == ["done"] * 3
    assert len(list(folder.glob("*.o"))) == 6


def test_threads_share_an_entry():
    b = Builder()
    x = b.input(np.ones(300_000, np.float32))
    b.returns(b.total(b(np.exp, b(np.tanh, x))))
    made = native.build(b.program)
    outputs = room(b.program)
    entry = made.bind(outputs)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: entry(b.arrays[0]), range(200)))
    assert set(answers) <= {None, True}
    assert answers.count(None) >= 1
    (got,) = outputs.values()
    np.testing.assert_allclose(got, 300_000 * np.exp(np.tanh(1)), rtol=1e-5)
