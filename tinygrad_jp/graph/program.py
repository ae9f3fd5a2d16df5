"""Draw a compiled Program: the same records as a graph's, made of instructions instead of nodes."""

from __future__ import annotations

from typing import Any

from ..errors import Language, language
from ..program.program import Program, Value, called, static_text
from .drawing import Drawing
from .model import Edge, Graph, GraphNode
from .theme import ThemeName
from .wording import Direction, Look


def draw_program(
    program: Program, *, direction: Direction = "TB", theme: ThemeName = "light",
    lang: Language | None = None,
) -> Drawing:
    """Draw what a compiled function does: inputs, operations, results and updated states.

    direction, theme, lang: as `tj.draw` has them.
    Raises OptionError for an option that there is not.
    """
    look = Look(
        language=lang or language(), values=False, gradients=False, shapes=True,
        direction=direction, theme=theme,
    )
    return Drawing(graph_of_program(program), look)


def graph_of_program(program: Program) -> Graph:
    """Make the records of a Program: one node a value, in the order in which they are made."""
    ids: dict[Value, str] = {}
    nodes: list[GraphNode] = []
    edges: list[Edge] = []
    names = program.names()
    results = set(program.results())
    new = {after: before for before, after in program.updates.items()}

    def add(made: Value, **facts: Any) -> None:
        ids[made] = f"n{len(nodes)}"
        nodes.append(GraphNode(
            ids[made], shape=made.shape, dtype=str(made.dtype), line=made.line or None,
            is_output=made in results, **facts,
        ))

    for value, kind in program.inputs.items():
        name = value.name or names[value]
        add(value, kind="leaf" if kind == "state" else "constant", label=kind, name=name)
    for value, array in program.constants.items():
        add(value, kind="constant", label="", name=names[value], value=array)
    for step in program.body:
        statics = ", ".join(f"{k}={static_text(v)}" for k, v in step.static.items())
        for value in step.outputs:
            state = new.get(value)
            written = None if state is None else f"{state.name or names[state]} ←"
            add(value, kind="operation", label=called(step.fn), name=written, about=statics)
            for i, x in enumerate(step.inputs):
                if isinstance(x, Value):
                    edges.append(Edge(ids[x], ids[value], "abc"[i] if i < 3 else str(i)))
    return Graph(tuple(nodes), tuple(edges))
