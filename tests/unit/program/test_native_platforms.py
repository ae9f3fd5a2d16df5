"""Where a second thread is wanted: other systems, other wheels of NumPy, nothing at all."""

from __future__ import annotations

import ctypes
import os
import platform

import pytest

from tinygrad_jp.program.native import blas, pool

pytest.importorskip("llvmlite")

OPENBLAS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")


@pytest.fixture
def unset(monkeypatch):
    for name in OPENBLAS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def anew(monkeypatch, tmp_path):
    """Seek BLAS beside a NumPy that lies in tmp_path."""
    (tmp_path / "numpy" / ".libs").mkdir(parents=True)
    monkeypatch.setattr(blas.np, "__file__", str(tmp_path / "numpy" / "__init__.py"))
    blas.counter.cache_clear()
    yield tmp_path / "numpy" / ".libs"
    blas.counter.cache_clear()


def test_waiting_is_an_instruction_of_the_processors_own(monkeypatch):
    for machine, wanted in (("AMD64", "sse2.pause"), ("x86_64", "sse2.pause"), ("aarch64", "fence seq_cst")):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        text = pool.source()
        assert wanted in text
        assert "PAUSE" not in text


def test_how_many_threads_help(monkeypatch, tmp_path):
    monkeypatch.setattr(pool, "QUOTA", str(tmp_path / "cpu.max"))
    monkeypatch.setattr(blas, "threads", lambda: 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert pool.helpers() == 1  # as many as BLAS has
    monkeypatch.setattr(blas, "threads", lambda: 0)  # unknown
    assert pool.helpers() == pool.MOST
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    assert pool.helpers() == 2
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert pool.helpers() == 0
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    for count, wanted in ((4, 3), (1, 0), (None, 0)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert pool.helpers() == wanted
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for text, wanted in (("max 100000", 7), ("200000 100000", 1), ("50000 100000", 0), ("", 7),
                         ("350000 100000", 3)):
        (tmp_path / "cpu.max").write_text(text)
        assert pool.helpers() == wanted
    (tmp_path / "cpu.max").unlink()
    monkeypatch.setattr(blas, "threads", lambda: 1)  # the user wants one
    assert pool.helpers() == 0
    monkeypatch.setattr(blas, "threads", lambda: 2)
    monkeypatch.setattr(pool.os, "name", "nt")
    assert pool.helpers() == 0


def test_none_is_started_where_none_is_wanted(monkeypatch):
    monkeypatch.setattr(pool, "helpers", lambda: 0)
    assert pool.pool() is None
    assert not pool.wanted()
    assert pool.addresses(True) == {"pool": 0, "start": 0, "finish": 0}
    assert pool.addresses(False) == {"pool": 0, "start": 0, "finish": 0}


def test_a_stopped_helper_takes_no_work():
    made = pool.Pool()
    pointer = ctypes.c_void_p
    start = ctypes.CFUNCTYPE(ctypes.c_bool, pointer, pointer, pointer, ctypes.c_int64)(
        made.linked.addresses["start"]
    )
    assert made.alive
    assert made.word(pool.OWNED).value == 0
    made.stop()
    assert not made.alive
    assert made.word(pool.OWNED).value == 1
    assert not start(made.address, None, None, 1)  # whoever asks works alone
    made.stop()  # once more, at exit, does no harm


def test_a_fork_leaves_the_helper_behind(monkeypatch):
    made = pool.Pool()
    monkeypatch.setattr(pool, "_pool", [made])
    monkeypatch.setattr(pool, "_gone", [])
    pool._forked()  # what runs in the child
    assert pool._pool == []
    assert pool._gone == [made]  # its memory stays, for tables point there
    assert not made.alive
    assert made.word(pool.OWNED).value == 1
    made.alive = True  # in this process the thread is there still
    made.stop()


def test_the_environment_says_how_many_threads(monkeypatch, unset):
    for name in OPENBLAS:
        for value, wanted in (("1", 1), ("4", 4)):
            monkeypatch.setenv(name, value)
            assert blas.threads() == wanted
        monkeypatch.setenv(name, "all")  # no number: not listened to
    found = blas.threads()
    assert found >= 1 if blas.counter() else found == 0


def test_no_blas_beside_numpy(anew, unset):
    assert blas.counter() is None
    assert blas.threads() == 0


def test_what_is_no_library_is_passed_over(anew):
    (anew / "libopenblas_broken.so").write_text("not a library")
    (anew / "libother.so").write_text("not asked for")
    assert blas.counter() is None


class Wheel:
    """A library with some names in it."""

    def __init__(self, *names):
        for name in names:
            setattr(self, name, ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3))


@pytest.mark.parametrize(("names", "wanted"), [
    (["scipy_openblas_get_num_threads64_"], 3),
    (["openblas_get_num_threads64_"], 3),
    (["openblas_get_num_threads"], 3),
    (["openblas_set_num_threads", "other"], 0),
])
def test_the_names_of_several_wheels(anew, monkeypatch, unset, names, wanted):
    (anew / "libopenblas64_.so").write_text("")
    monkeypatch.setattr(blas.ctypes, "CDLL", lambda path: Wheel(*names))
    assert blas.threads() == wanted
