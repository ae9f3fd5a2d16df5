"""What a node keeps beside what its rule asks for: the number or small array of x + 3."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp.autograd.apply import apply
from tinygrad_jp.autograd.generate import op
from tinygrad_jp.autograd.node import LARGE, SMALL
from tinygrad_jp.vocabulary.rule import REGISTRY

WAYS = {"written": lambda fn, *xs: op(fn)(*xs), "generic": lambda fn, *xs: apply(REGISTRY[fn], xs, ())}


def kept(y: tj.Tensor) -> Any:
    return getattr(y._node, "number", None)


@pytest.mark.parametrize("way", WAYS)
def test_an_argument_that_no_pull_needs_is_kept_for_pictures(way: str) -> None:
    call, x = WAYS[way], tj.tensor([1.0, 2.0], requires_grad=True)
    for number in (3, 2.5):
        assert kept(call(np.add, x, number)) == number
        assert kept(call(np.subtract, number, x)) == number
    assert kept(call(np.multiply, x, 3)) is None, "the rule keeps it"
    assert kept(call(np.add, x, x)) is None
    assert kept(call(np.exp, x)) is None
    array = np.array([5.0, 6.0])
    y = call(np.add, x, array)
    array[:] = 0.0  # its owner's to change
    assert kept(y).tolist() == [5.0, 6.0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("on", "most"), [(True, LARGE), (False, SMALL)])
def test_a_large_array_is_not_kept(way: str, on: bool, most: int) -> None:
    x = tj.tensor(1.0, requires_grad=True)
    with tj.keep_lines(on):
        for size, is_kept in ((most, True), (most + 1, False)):
            found = kept(WAYS[way](np.add, x, np.zeros(size, np.float32)))
            assert (found is not None) == is_kept
