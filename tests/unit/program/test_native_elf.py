"""The loader of object files: every relocation that occurs, and what is not for it."""

from __future__ import annotations

import ctypes
import gc
import random
import re
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tinygrad_jp.program.native import compiler, elf, link

from .building import Builder, agree

pytest.importorskip("llvmlite")
pytestmark = pytest.mark.skipif(not elf.possible(), reason="for x86-64 Linux only")

LOCAL = """
define internal i64 @twice(i64 %x) noinline optnone {
  %y = add i64 %x, %x
  ret i64 %y
}
define i64 @six(i64 %x) {
  %y = call i64 @twice(i64 %x)
  %z = mul i64 %y, 3
  ret i64 %z
}
"""
CONSTANTS = """
@table = internal constant [5 x double] [double 1.5, double 2.5, double 3.5, double 4.5, double 5.5]
define double @at(i64 %i) {
  %p = getelementptr [5 x double], ptr @table, i64 0, i64 %i
  %x = load double, ptr %p
  %y = fadd double %x, 0.125
  ret double %y
}
"""
OUTSIDE = """
declare double @cbrt(double)
declare i64 @labs(i64)
define double @root(double %x) {
  %y = call double @cbrt(double %x)
  ret double %y
}
define i64 @size(i64 %x) {
  %y = call i64 @labs(i64 %x)
  ret i64 %y
}
"""
ADDRESS = """
declare i64 @labs(i64)
define ptr @where() {
  ret ptr @labs
}
"""
UNKNOWN = """
declare double @no_such_function_anywhere(double)
define double @f(double %x) {
  %y = call double @no_such_function_anywhere(double %x)
  ret double %y
}
"""
VARIABLE = """
@count = internal global i64 7
define i64 @next() {
  %x = load i64, ptr @count
  %y = add i64 %x, 1
  store i64 %y, ptr @count
  ret i64 %y
}
"""


def relocations(code: bytes) -> list[tuple[int, int]]:
    """List where in the file a relocation's kind stands, and it."""
    image = elf.Image.__new__(elf.Image)
    image.code = code
    return [
        (place + 8, struct.unpack_from("<I", code, place + 8)[0])
        for s in image._read_sections() if s.kind == elf.RELOCATIONS
        for place in range(s.offset, s.offset + s.size, s.entry)
    ]


def test_calls_within_the_object():
    image = elf.Image(compiler.compiled(LOCAL), ["six"])
    assert image.function("six", ctypes.c_int64, ctypes.c_int64)(7) == 42


def test_constants():
    code = compiler.compiled(CONSTANTS)
    assert elf.PC32 in {kind for _, kind in relocations(code)}
    at = elf.Image(code, ["at"]).function
    image = elf.Image(code, ["at"])
    at = image.function("at", ctypes.c_double, ctypes.c_int64)
    assert [at(i) for i in range(5)] == [1.625, 2.625, 3.625, 4.625, 5.625]


def test_calls_of_functions_from_outside():
    code = compiler.compiled(OUTSIDE)
    assert elf.PLT32 in {kind for _, kind in relocations(code)}
    image = elf.Image(code, ["root", "size"])
    assert image.function("root", ctypes.c_double, ctypes.c_double)(27.0) == pytest.approx(3.0)
    assert image.function("size", ctypes.c_int64, ctypes.c_int64)(-(2**40)) == 2**40


def test_the_address_of_a_function_from_outside():
    code = compiler.compiled(ADDRESS)
    assert {kind for _, kind in relocations(code)} & set(elf.GOTPCREL)
    image = elf.Image(code, ["where"])
    found = image.function("where", ctypes.c_void_p)()
    assert found == elf.outside("labs")


@pytest.mark.parametrize("source", [UNKNOWN, VARIABLE], ids=["unknown", "variable"])
def test_what_it_cannot_load(source):
    with pytest.raises(elf.UnloadableError):
        elf.Image(compiler.compiled(source), [])


def test_what_it_cannot_load_goes_to_llvm():
    made = link.loaded(compiler.compiled(VARIABLE), ["next"])
    assert isinstance(made, link.Linked)
    count = made.function("next", ctypes.c_int64)
    assert [count(), count()] == [8, 9]
    assert isinstance(link.loaded(compiler.compiled(LOCAL), ["six"]), elf.Image)


def test_an_unknown_relocation_is_refused_and_llvm_takes_over(monkeypatch):
    code = bytearray(compiler.compiled(CONSTANTS))
    for place, _ in relocations(bytes(code)):
        struct.pack_into("<I", code, place, 22)  # TPOFF64...
    with pytest.raises(elf.UnloadableError, match="relocation 22"):
        elf.Image(bytes(code), ["at"])
    monkeypatch.setattr(elf, "PC32", -1)
    made = link.loaded(compiler.compiled(CONSTANTS), ["at"])
    assert isinstance(made, link.Linked)
    assert made.function("at", ctypes.c_double, ctypes.c_int64)(1) == 2.625


def test_a_name_that_is_not_there():
    with pytest.raises(elf.UnloadableError):
        elf.Image(compiler.compiled(LOCAL), ["twice"])  # there, but its own
    with pytest.raises(elf.UnloadableError):
        elf.Image(compiler.compiled(LOCAL), ["seven"])


def test_another_machine(monkeypatch):
    code = bytearray(compiler.compiled(LOCAL))
    struct.pack_into("<H", code, 18, 183)  # aarch64
    with pytest.raises(elf.UnloadableError, match="another kind"):
        elf.Image(bytes(code), ["six"])
    monkeypatch.setattr(elf, "possible", lambda: False)
    with pytest.raises(elf.UnloadableError, match="machine"):
        elf.Image(compiler.compiled(LOCAL), ["six"])


def test_memory_that_may_not_be_executed(monkeypatch):
    class Refusing:
        class mprotect:
            def __new__(cls, *args):
                return -1

        def __init__(self, name):
            pass

    monkeypatch.setattr(elf.ctypes, "CDLL", Refusing)
    with pytest.raises(elf.UnloadableError, match="executed"):
        elf.Image(compiler.compiled(LOCAL), ["six"])


@pytest.mark.parametrize("source", [LOCAL, CONSTANTS, OUTSIDE], ids=["local", "constants", "outside"])
def test_damage_is_refused_or_harmless(source):
    """Any byte of the tables changed, any length: an error of its own, never a crash."""
    code = compiler.compiled(source)
    for size in range(0, len(code), 7):
        with pytest.raises(elf.UnloadableError):
            elf.Image(code[:size], ["six", "at", "root"])
    rng = random.Random(0)
    for _ in range(1500):
        damaged = bytearray(code)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(code))] = rng.randrange(256)
        try:
            elf.Image(bytes(damaged), [])
        except elf.UnloadableError:
            continue


def mapped(address: int) -> str:
    """Give how the memory at an address may be used, "" if there is none."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, past, how = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
        if int(first, 16) <= address < int(past, 16):
            return how
    return ""


def test_memory_is_never_writable_and_executable_and_goes_with_the_image():
    image = elf.Image(compiler.compiled(LOCAL), ["six"])
    address = image.addresses["six"]
    assert mapped(address) == "r-xp"
    del image
    gc.collect()
    others = [elf.Image(compiler.compiled(LOCAL), ["six"]) for _ in range(1)]
    assert mapped(address) != "r-xp" or others[0].addresses["six"] == address


def test_code_goes_with_the_program(tmp_path):
    """A thousand images take no memory when they are gone."""
    code = compiler.compiled(CONSTANTS)
    before = Path("/proc/self/maps").read_text().count("\n")
    for _ in range(1000):
        elf.Image(code, ["at"])
    gc.collect()
    assert Path("/proc/self/maps").read_text().count("\n") < before + 50


def test_two_threads_load_and_run():
    code = compiler.compiled(OUTSIDE)

    def work(n):
        image = elf.Image(code, ["root"])
        root = image.function("root", ctypes.c_double, ctypes.c_double)
        return [root(float(k**3)) for k in range(n)]

    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(work, [200] * 40):
            np.testing.assert_allclose(got, range(200), rtol=1e-15)


def test_functions_of_c_are_found():
    b = Builder()
    x = b.input(np.linspace(-0.9, 0.9, 9))
    b.returns(b(np.arctan2, x, b(np.cbrt, x)), b(np.sin, x), b(np.arcsin, x), b(np.log2, b(np.cosh, x)))
    made = agree(b)
    assert all(isinstance(x, elf.Image) for x in made._linked.values())


WARM = """
import sys, resource
import numpy as np
import tinygrad_jp as tj
from tinygrad_jp import nn, optim
tj.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 160), nn.ReLU(), nn.Dropout(0.1), nn.Linear(160, 3))
opt = optim.Adam(model.parameters())
x, t = tj.tensor(np.ones((32, 8), np.float32)), tj.tensor(np.arange(32) % 3)
@tj.compile
def step(x, t):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(model(x), t)
    loss.backward()
    opt.step()
    return loss
losses = [float(step(x, t)) for _ in range(5)]
print("llvmlite" in sys.modules, losses[-1] < losses[0], repr(step))
"""


def test_llvm_stays_out_of_the_process(tmp_path, monkeypatch):
    """Compiling in a child, then loading: neither the first process nor the next has LLVM in it."""
    monkeypatch.setenv("TINYGRAD_JP_CACHE", str(tmp_path))
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", WARM], capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.stdout.strip() == "False True <compiled step: 1 programs>", done.stderr
    assert list(tmp_path.glob("*.o"))
