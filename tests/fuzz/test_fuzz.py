"""Random programs over the registry, computed by us and by others: values, first and second
derivatives must be the same to the rounding of float64.

    pytest tests/fuzz                              some seconds, the same programs each time
    pytest -m slow tests/fuzz                      10,000 with PyTorch, 2,000 with JAX, new ones
    TINYGRAD_JP_FUZZ=100000 pytest -m slow tests/fuzz

What differs on purpose is in EXPLAINED, with the reason. A program that differs otherwise is
shrunk to its fewest steps, and printed as Python that can be pasted.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import tinygrad_jp as tj
from tinygrad_jp.autograd.backward import grad
from tinygrad_jp.testing import programs
from tinygrad_jp.testing.programs import differentiable
from tinygrad_jp.vocabulary.rule import label

from . import translation

# operation -> why it is not compared with that library
EXPLAINED: dict[str, dict[str, str]] = {
    "PyTorch": {},
    "JAX": {},
}

# operation -> why that library's derivative is NaN where ours is a number
NAN_THERE: dict[str, dict[str, str]] = {
    "PyTorch": {
        "np.std": "of a single value: √0 has an infinite slope, times 0; ours is 0, as that of |x|",
        "np.nanstd": "the same",
    },
    "JAX": {
        "np.std": "the same as PyTorch's",
        "np.nanstd": "the same",
    },
}

ROUNDING = 1e-9  # of the largest number in an array: some hundred roundings of float64 in a chain


def ours(program: Any, weights: Any, moves: Any) -> Any:
    """Give (values, gradients, second-order products) of a program, as arrays."""
    xs = [tj.Tensor(x, requires_grad=True) for x in program.inputs]
    ys = [y if isinstance(y, tj.Tensor) else tj.Tensor(y) for y in program(*xs, call=translation.ours)]
    tracked = [(y, w) for y, w in zip(ys, weights, strict=True) if y.requires_grad]
    first: Any = [None] * len(xs)
    if tracked:
        tops, seeds = zip(*tracked, strict=True)
        first = grad(tops, xs, seeds, create_graph=True, allow_unused=True)
    again = [(g, u) for g, u in zip(first, moves, strict=True) if g is not None and g.requires_grad]
    second: Any = [None] * len(xs)
    if again:
        tops, seeds = zip(*again, strict=True)
        second = grad(tops, xs, seeds, allow_unused=True)
    filled = ([np.zeros(x.shape) if g is None else g.detach().numpy() for g, x in zip(gs, xs, strict=True)]
              for gs in (first, second))
    return [y.detach().numpy() for y in ys], *filled


def compare(program: Any, library: Any) -> None:
    """Raise LawError where a library gives other numbers for a program."""
    rng = np.random.default_rng(len(program.steps))
    shapes = [np.shape(y) for y in program(*program.inputs, call=translation.ours)]
    weights = [rng.uniform(0.5, 1.0, s) * rng.choice([-1.0, 1.0], s) for s in shapes]
    moves = [rng.uniform(0.5, 1.0, x.shape) for x in program.inputs]
    mine = ours(program, weights, moves)
    theirs = library.run(program, weights, moves)
    for what, a, b in zip(("value", "gradient", "second derivative"), mine, theirs, strict=True):
        scale = max([1.0, *(float(np.abs(v).max(initial=0)) for v in b if np.isfinite(v).all())])
        for i, (p, q) in enumerate(zip(a, b, strict=True)):
            close = np.abs(p - q) <= ROUNDING * scale
            if set(program.operations) & set(NAN_THERE[library.name]):
                close |= np.isnan(q) & np.isfinite(p)
            if not (close | (np.isnan(p) & np.isnan(q)) | (p == q)).all():
                raise AssertionError(f"{what} {i}: {p!r} here, {q!r} in {library.name}\n{program}")


def campaign(library: Any, number: int, fresh: bool, only: Any = None) -> Counter[str]:
    """Compare so many random programs; gives how often each operation took part."""
    reasons = EXPLAINED[library.name]
    chosen = only or [
        e.fn for e in differentiable() if library.function(e) and label(e.fn) not in reasons
    ]
    seen: Counter[str] = Counter()

    @settings(
        max_examples=number, deadline=None, database=None, derandomize=not fresh,
        suppress_health_check=list(HealthCheck), print_blob=True,
    )
    @given(programs(operations=chosen, accept=library.can_take))
    def every(program: Any) -> None:
        seen.update(program.operations)
        seen["programs"] += 1
        seen["steps"] += len(program.steps)
        compare(program, library)

    every()
    return seen


def report(name: str, seen: Counter[str]) -> str:
    """Sum a campaign up in a line."""
    kinds = len(seen) - 2
    return f"{name}: {seen['programs']} programs, {seen['steps']} steps, {kinds} operations"


NUMBER = int(os.environ.get("TINYGRAD_JP_FUZZ", "10000"))


@pytest.fixture(scope="module")
def torch() -> Any:
    return translation.Torch()


@pytest.fixture(scope="module")
def jax() -> Any:
    return translation.Jax()


if translation.HAS["torch"]:

    def test_pytorch(torch: Any) -> None:
        seen = campaign(torch, 150, fresh=False)
        assert seen["programs"] >= 150
        assert len(seen) > 60

    @pytest.mark.slow
    def test_pytorch_long(torch: Any) -> None:
        seen = campaign(torch, NUMBER, fresh=True)
        print(report("PyTorch", seen))
        assert seen["programs"] >= NUMBER

    def test_a_wrong_derivative_would_be_found(torch: Any, monkeypatch: Any) -> None:
        """Bend one rule of PyTorch's side; the campaign must stop at it, and show it alone."""
        right = torch.function

        def bent(entry: Any) -> Any:
            fn = right(entry)
            if label(entry.fn) != "np.tanh":
                return fn
            return lambda x: torch.torch.tanh(x) + 1e-6 * x

        monkeypatch.setattr(torch, "function", bent)
        with pytest.raises(AssertionError, match="PyTorch") as caught:
            campaign(torch, 300, fresh=False, only=[np.exp, np.multiply, np.tanh])
        assert "np.tanh(" in str(caught.value)


if translation.HAS["jax"]:

    def test_jax(jax: Any) -> None:
        assert campaign(jax, 20, fresh=False)["programs"] >= 20

    @pytest.mark.slow
    def test_jax_long(jax: Any) -> None:
        number = NUMBER // 5  # each is compiled: a second
        seen = campaign(jax, number, fresh=True)
        print(report("JAX", seen))
        assert seen["programs"] >= number


def test_what_is_explained_exists() -> None:
    known = {label(e.fn) for e in differentiable()}
    for table in (EXPLAINED, NAN_THERE):
        for reasons in table.values():
            assert set(reasons) <= known


def test_our_side_agrees_with_itself() -> None:
    """What is compared with others is first of all finite, and of the inputs' shapes."""

    @settings(max_examples=30, deadline=None, database=None, derandomize=True)
    @given(programs())
    def every(program: Any) -> None:
        shapes = [np.shape(y) for y in program(*program.inputs, call=translation.ours)]
        ys, first, second = ours(program, [np.ones(s) for s in shapes], [np.ones(x.shape) for x in program.inputs])
        assert len(ys) == len(shapes)
        for g, h, x in zip(first, second, program.inputs, strict=True):
            assert g.shape == h.shape == x.shape

    every()
