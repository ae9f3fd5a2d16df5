"""The line that made a node: which one, for how long it is kept, and what it holds on to."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.autograd import lines
from tinygrad_jp.autograd.lines import line_of


@pytest.fixture(autouse=True)
def _as_at_first() -> Iterator[None]:
    with tj.keep_lines(None):
        yield


def leaf() -> tj.Tensor:
    return tj.tensor([0.5, 1.5], requires_grad=True)


def told(t: Any) -> str:
    """Give what is said of a Tensor's line, without the folder and the number."""
    return str(line_of(t._node)).partition(" ")[2]


def test_an_operators_part_of_the_line() -> None:
    x = leaf()
    y = x * 2 + x
    assert told(y) == "(test_an_operators_part_of_the_line): y = x * 2 + x"
    assert str(line_of(y._node.parents[0])).endswith("y = x * 2 + x  → x * 2")


def test_an_operation_over_several_lines_is_told_whole() -> None:
    x = leaf()
    y = (x * 2
         + np.exp(
             x))  # fmt: skip
    name = "test_an_operation_over_several_lines_is_told_whole"
    assert told(y) == f"({name}): y = (x * 2  → x * 2 + np.exp( x)"
    z = (
        x
        + 1
        + 2
        + 3
        + 4
        + 5
    )
    assert told(z) == f"({name}): x", "a long one by its first line"


def test_a_call_through_numpy() -> None:
    line = line_of(np.exp(leaf())._node)
    assert line is not None
    assert (line.file, line.function) == (__file__, "test_a_call_through_numpy")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.Tanh())

    def forward(self, x: tj.Tensor) -> tj.Tensor:
        return self.inner(x) * 2


def test_the_users_forward_and_not_the_layers() -> None:
    y = Net()(leaf())
    scaled, tanh = y._node, y._node.parents[0]
    linear = tanh.parents[0]
    assert told(y) == "(forward): return self.inner(x) * 2"
    for node in (tanh, linear):
        assert str(line_of(node)).endswith("self.inner(x) * 2  → self.inner(x)")
    assert line_of(scaled).number == line_of(linear).number  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "made",
    [
        lambda x: tj.concatenate([x, x]), lambda x: np.linalg.slogdet(tj.diag(x))[1],
        lambda x: tj.checkpoint(tj.tanh, x), lambda x: x[0], lambda x: np.linalg.eigh(tj.diag(x))[0],
        tj.compile(lambda x: tj.tanh(x) * 2),
    ],
    ids=["a list", "several results", "a checkpoint", "an item", "parts", "compiled"],
)
def test_every_kind_of_node(made: Any) -> None:
    line = line_of(made(leaf())._node)
    assert line is not None
    assert line.file == __file__


def test_lines_are_kept_until_the_program_trains() -> None:
    x = leaf()
    for _ in range(lines.PASSES):
        loss = (x * x).sum()
        assert line_of(loss._node) is not None
        loss.backward()
    loss = (x * x).sum()
    loss.backward()
    loss = (x * x).sum()
    assert line_of(loss._node) is None
    tj.draw(loss)  # a look: what is computed from now on has its lines again
    assert line_of((x * x).sum()._node) is not None


def test_a_recorder_looks() -> None:
    net = nn.Linear(2, 1)
    with tj.keep_lines(None), tj.Recorder(net) as record:
        for _ in range(lines.PASSES + 2):
            loss = net(leaf()).sum()
            loss.backward()
            record.step(loss)
    assert line_of(net(leaf())._node) is not None


def test_as_asked() -> None:
    x = leaf()
    with tj.keep_lines():
        for _ in range(lines.PASSES + 2):
            (x * x).sum().backward()
        assert line_of((x * x)._node) is not None
    with tj.keep_lines(False):
        assert line_of((x * x)._node) is None
        tj.draw((x * x).sum())
        assert line_of((x * x)._node) is None
        with tj.keep_lines():
            assert line_of((x * x)._node) is not None
        assert line_of((x * x)._node) is None
    assert line_of((x * x)._node) is not None


def test_a_decorated_function() -> None:
    x = leaf()

    @tj.keep_lines(False)
    def without(depth: int) -> Any:
        return [x * x, *(without(depth - 1) if depth else [])]

    assert [line_of(y._node) for y in without(2)] == [None] * 3
    assert line_of((x * x)._node) is not None


def test_without_a_with_it_holds_from_now_on() -> None:
    tj.keep_lines(False)
    assert line_of((leaf() * 2)._node) is None
    kept = tj.keep_lines()
    assert line_of((leaf() * 2)._node) is not None
    with kept:  # entered once more
        assert line_of((leaf() * 2)._node) is not None
    with kept:
        assert line_of((leaf() * 2)._node) is not None
    assert line_of((leaf() * 2)._node) is None


def test_nothing_of_the_users_is_kept_alive() -> None:
    class Big:
        pass

    def f() -> tuple[tj.Tensor, Any]:
        big = Big()
        return leaf() * 2, weakref.ref(big)

    y, big = f()
    gc.collect()
    assert line_of(y._node) is not None
    assert big() is None


def test_a_program_without_a_file() -> None:
    names: dict[str, Any] = {"x": leaf()}
    exec(compile("\n\ny = x * 3", "<stdin>", "exec"), names)
    assert str(line_of(names["y"]._node)) == "<stdin>:3 (<module>)"


def test_japanese_before_the_operation() -> None:
    x = leaf()
    名前, 値 = "りんご", partial(np.multiply, x)(2) + x * 3
    assert 名前
    assert str(line_of(値._node.parents[1])).endswith("  → x * 3")


def test_without_any_line_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = SimpleNamespace(f_code=lines.stamp.__code__, f_lasti=0, f_back=None)
    node = SimpleNamespace()
    lines.stamp(node, ours)  # type: ignore[arg-type]
    assert node.code is lines.stamp.__code__
    assert not lines.is_layers(node)
    monkeypatch.setattr(lines, "frames", lambda: iter([ours]))
    assert lines.user_line() is None
