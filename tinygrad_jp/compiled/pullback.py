"""Go back through a compiled function: its results may be part of a graph outside.

While a call is recorded, the way back from its results is recorded too, as a second Program: from
the arguments, the states, what was drawn, and the gradients that arrive, to the gradients of the
leaves. It computes again what it needs of the way forward, as `tj.checkpoint` does, and is made
ready at the first `backward()`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from ..autograd.apply import item_node
from ..autograd.lines import keeping, stamp
from ..autograd.memory import tick
from ..autograd.node import Leaf, Node
from ..errors import CompileError
from ..program import operations as ops
from ..program.passes import optimized, with_own_results
from ..program.program import Instruction, Program, Value
from ..program.recording import Found
from ..vocabulary.rule import Rule

Array = Any


@dataclass(eq=False)
class Pullback:
    """The way back from a call's results.

    program    inputs: arguments, states, draws, then the gradients that arrive
    bound      states, whose memory stays: {value: array}
    arguments, draws, arriving   the other inputs, in order
    leaves     for each gradient: the leaf it belongs to (an argument's by its place), and it
    results    how many results there are
    """

    program: Program
    bound: dict[Value, Array]
    arguments: list[Value]
    draws: list[Value]
    arriving: list[Value]
    leaves: list[tuple[Leaf | int, Found]]
    results: int

    def __post_init__(self) -> None:
        self._run: Callable[..., list[Array]] | None = None
        self._lock = Lock()
        count = self.results if self.results > 1 else None
        self.rule = Rule(
            compiled_function, (None,) * len(self.leaves),
            arguments=tuple(f"x{i}" for i in range(len(self.leaves))),
            static={}, listed=False, broadcasts=False, outputs=count, recorded=None, residual={},
            signature=None, evaluate=None, partial=None, about="a compiled function",
        )
        self.slots = ("arrays", "draws")
        self.places = tuple(range(len(self.leaves)))
        self.build: Callable[[Program], Any] | None = None

    def attach(
        self, tensors: Sequence[Any], given: Sequence[Any], arrays: Sequence[Array],
        draws: Sequence[Array],
    ) -> None:
        """Make results part of a graph. given: the arguments as they came; arrays: theirs."""
        node: Any = Node()
        node.plan = self
        node.parents = tuple(
            given[leaf]._node if isinstance(leaf, int) else leaf for leaf, _ in self.leaves
        )
        node.saved = (tuple(arrays) + tuple(self.bound.values()), tuple(draws))
        node.seq = tick()
        if keeping[0]:
            stamp(node)
        node.shape = tensors[0]._data.shape if len(tensors) == 1 else None
        for i, t in enumerate(tensors):
            t._node = node if len(tensors) == 1 else item_node(node, i, t._data)

    def pull(self, g: Any, saved: Any) -> tuple[Array, ...]:
        """Give the gradients of the leaves."""
        with self._lock:
            if self._run is None:
                self._run = self._ready()
            arrived = [g] if self.results == 1 else g
            arrived = [
                np.zeros(v.shape, v.dtype) if h is None else np.array(h, v.dtype, order="C")
                for h, v in zip(arrived, self.arriving, strict=True)
            ]
            arrays, draws = saved
            return tuple(self._run(*arrays[: len(self.arguments)], *draws, *arrived))

    def trace(self, g: Any, saved: Any) -> Any:
        """Refuse derivatives of derivatives through a compiled function."""
        raise CompileError("compile_second")

    def _ready(self) -> Callable[..., list[Array]]:
        assert self.build is not None
        executable = self.build(self.program)
        found = [f for _, f in self.leaves]
        order = [self.program.outputs.index(f.value) for f in found]
        inputs = {v: self.bound[v] for v in self.program.inputs if v in self.bound}
        if executable.gives_results:
            entry = executable.bind(inputs)
            return lambda *arrays: [
                y.transpose(f.axes) for y, f in zip(picked(entry(*arrays), order), found)
            ]
        outputs = {v: np.empty(v.shape, v.dtype) for v in self.program.outputs}
        entry = executable.bind({**inputs, **outputs})

        def run(*arrays: Array) -> list[Array]:
            entry(*arrays)
            return [outputs[f.value].transpose(f.axes).copy() for f in found]

        return run


def picked(results: Any, order: Sequence[int]) -> list[Any]:
    """List some results in order."""
    return [results[i] for i in order]


def compiled_function() -> None:
    """Stand for a compiled function in pictures and texts."""


def pullback_of(
    program: Program, end: int, bound: dict[Value, Array], arguments: list[Value],
    arriving: list[Value], leaves: list[tuple[Leaf | int, Found]],
) -> Pullback:
    """Part the way back from a recorded Program, whose body up to `end` it is."""
    draws = [
        v for step in program.body[:end] for v in step.outputs
        if getattr(step.fn, "__name__", "").startswith("draw")
    ]
    inputs = {v: k for v, k in program.inputs.items() if v not in arriving}
    inputs.update(dict.fromkeys(draws, "argument"))
    inputs.update(dict.fromkeys(arriving, "argument"))
    body: list[Instruction] = [
        step for step in program.body[:end]
        if step.fn is not ops.assume and not any(v in draws for v in step.outputs)
    ]
    outputs = list(dict.fromkeys(found.value for _, found in leaves))
    back = Program(inputs, dict(program.constants), body, outputs, {})
    better = with_own_results(optimized(back))
    renamed = dict(zip(back.outputs, better.outputs, strict=True))
    for _, found in leaves:
        found.value = renamed[found.value]
    return Pullback(better, bound, arguments, draws, arriving, leaves, len(arriving))
