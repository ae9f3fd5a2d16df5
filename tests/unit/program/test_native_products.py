"""Products small and large, their operands in order or turned, as native code has them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from tinygrad_jp.program import native
from tinygrad_jp.program import operations as ops
from tinygrad_jp.program.native import link
from tinygrad_jp.program.native.products import shape_of
from tinygrad_jp.program.native.target import Target
from tinygrad_jp.program.native.views import plain
from tinygrad_jp.program.program import Program, Value

from .building import Builder, agree, run_native

SIZES = (1, 2, 3, 4, 5, 8, 17)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("turned", ["", "a", "b", "ab"])
@pytest.mark.parametrize("rows", [1, 5, 33])
def test_small_products(rows: int, turned: str, dtype: type) -> None:
    rng = np.random.default_rng(rows)
    program, arrays = Program(), []
    for inner in SIZES:
        for columns in SIZES:
            values = []
            for name, shape in (("a", (rows, inner)), ("b", (inner, columns))):
                lying = shape[::-1] if name in turned else shape
                value = Value(lying, np.dtype(dtype), name)
                program.inputs[value] = "argument"
                arrays.append(rng.standard_normal(lying).astype(dtype))
                if name in turned:
                    value = program.emit(
                        ops.transpose, (value,), shape, np.dtype(dtype), axes=(1, 0)
                    )
                values.append(value)
            program.outputs.append(
                program.emit(np.matmul, values, (rows, columns), np.dtype(dtype))
            )
    wanted = program.run(arrays)[0]
    found = {v: np.empty(v.shape, v.dtype) for v in program.outputs}
    assert native.build(program).bind(found)(*arrays) is None
    for value, y in zip(program.outputs, wanted, strict=True):
        loose = 1e-5 if dtype == np.float32 else 1e-13
        np.testing.assert_allclose(found[value], y, rtol=loose, atol=10 * loose)


LARGE = [  # m, k, n: whole tiles, odd rests of each, many rows, many columns, a stretch of k
    (112, 640, 128), (61, 1037, 131), (16, 700, 731), (1031, 100, 101), (250, 257, 333),
]


WAYS = [((64, 32), dtype, turned) for dtype in (np.float32, np.float64)
        for turned in ("", "a", "b", "ab")]
WAYS += [(other, np.float32, turned) for other in ((32, 16), (16, 32)) for turned in ("", "ab")]


@pytest.mark.parametrize(("registers", "dtype", "turned"), WAYS)
def test_large_products(
    registers: tuple[int, int], dtype: type, turned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed products agree with NumPy's, whichever way the operands lie."""
    monkeypatch.setattr(link, "target", lambda: Target(*registers))
    rng = np.random.default_rng(3)
    b = Builder()
    for m, k, n in LARGE:
        x = b.input(rng.standard_normal((k, m) if "a" in turned else (m, k)).astype(dtype))
        y = b.input(rng.standard_normal((n, k) if "b" in turned else (k, n)).astype(dtype))
        x = b(ops.transpose, x, axes=(1, 0)) if "a" in turned else x
        y = b(ops.transpose, y, axes=(1, 0)) if "b" in turned else y
        assert shape_of(plain(x), plain(y), Value((m, n), np.dtype(dtype))).large
        b.returns(b(np.matmul, x, y))
    agree(b)


def test_large_products_of_awkward_operands() -> None:
    """Batches, every second column, one row for all: what is not read as it lies is copied."""
    rng = np.random.default_rng(4)
    b = Builder()
    many = b.input(rng.standard_normal((2, 3, 200, 210)).astype(np.float32))
    few = b.input(rng.standard_normal((3, 210, 220)).astype(np.float32))
    wide = b.input(rng.standard_normal((210, 440)).astype(np.float32))
    line = b.input(rng.standard_normal((1, 210)).astype(np.float32))
    second = b(ops.getitem, wide, index=(slice(None), slice(None, None, 2)))
    same = b(ops.broadcast, line, shape=(200, 210))
    matrix = b(ops.getitem, many, index=(1, 2))
    b.returns(b(np.matmul, many, few), b(np.matmul, many, wide), b(np.matmul, matrix, second),
              b(np.matmul, same, second), b(np.matmul, matrix, b(ops.transpose, matrix, axes=(1, 0))))
    agree(b)


def test_large_products_keep_nan_and_infinity() -> None:
    x, y = np.ones((130, 700), np.float32), np.ones((700, 140), np.float32)
    x[3, 5], x[129, 699], y[0, 139] = np.nan, np.inf, -np.inf
    b = Builder()
    b.returns(b(np.matmul, b.input(x), b.input(y)))
    with np.errstate(invalid="ignore"):
        wanted = x @ y
    (found,), _, _ = run_native(b)
    np.testing.assert_array_equal(found, wanted)
