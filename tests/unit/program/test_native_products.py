"""Products of every small shape, their operands in order or turned, as native code has them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from tinygrad_jp.program import native
from tinygrad_jp.program import operations as ops
from tinygrad_jp.program.program import Program, Value

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
