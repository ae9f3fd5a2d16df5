"""A compiled operation gives what eager execution gives: results and gradients, at every call."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp.autograd.tensor import Tensor
from tinygrad_jp.testing.calls import floats, leaf, outputs, placed, variables, weights
from tinygrad_jp.vocabulary.domain import Call, Sampler, samples
from tinygrad_jp.vocabulary.rule import Entry

from ..unit.compiled.conftest import BACKENDS
from . import law


def calls(entry: Entry, dtype: Any) -> list[Call]:
    return list(samples(entry, Sampler(np.random.default_rng(1), dtype)))


def moved(x: Any, by: float) -> Any:
    """Move an argument a little, but for square matrices, which may have to be symmetric."""
    if x.ndim > 1 and x.shape[-1] == x.shape[-2]:
        return x * x.dtype.type(1 + by)
    return x + (by * np.cos(np.arange(x.size))).reshape(x.shape).astype(x.dtype)


def compiled_is_eager(entry: Entry, sample: Call, backend: str) -> None:
    """Record a call, replay it on the same values and on others; compare with eager execution."""
    xs = variables(sample)
    ws = weights(np.random.default_rng(0), [np.asarray(y) for y in outputs(entry, sample)])

    def run(*ts: Any) -> Any:
        made = placed(sample, ts)
        ys = floats(entry.fn(*made.args, **made.kwargs))
        total: Any = 0
        for y, w in zip(ys, ws, strict=True):
            if y.requires_grad:
                total = total + (y * tj.tensor(w)).sum()
        if isinstance(total, Tensor):
            total.backward()
        return [y.detach() for y in ys]

    fast = tj.compile(run, backend=backend)
    loose = 1e-9 if xs[0].dtype == np.float64 else 2e-3
    for by in (0.0, 0.0, 1e-3):
        given = [np.asarray(moved(x, by)) for x in xs]
        theirs, mine = [leaf(x.copy()) for x in given], [leaf(x.copy()) for x in given]
        wanted, found = run(*theirs), fast(*mine)
        for a, b in zip(found, wanted, strict=True):
            agree(a, b, loose)
        for t, u in zip(mine, theirs, strict=True):
            assert (t.grad is None) == (u.grad is None)
            if u.grad is not None:
                agree(t.grad, u.grad, loose)


def agree(found: Any, wanted: Any, loose: float) -> None:
    a, b = found._data, wanted._data
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    scale = max(float(np.abs(b[np.isfinite(b)]).max(initial=0.0)), 1e-3)
    np.testing.assert_allclose(a, b, rtol=loose, atol=loose * scale)


REFUSED = {"np.trim_zeros", "np.histogramdd"}  # as many results as the values decide; lists of lists


@pytest.mark.parametrize("backend", BACKENDS)
@law.over_all
def test_compiled(entry: Entry, backend: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow, as eager code warns of too
        if law.name(entry) in REFUSED:
            with pytest.raises((tj.errors.CompileError, tj.errors.ShapeError)):
                compiled_is_eager(entry, calls(entry, np.float64)[0], backend)
        else:
            compiled_is_eager(entry, calls(entry, np.float64)[0], backend)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", BACKENDS)
@law.over_all
def test_compiled_on_every_sample(entry: Entry, backend: str, dtype: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for sample in calls(entry, dtype) if law.name(entry) not in REFUSED else ():
            compiled_is_eager(entry, sample, backend)
