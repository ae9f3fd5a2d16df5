"""Pictures of what was computed: one Graph of plain records, and many windows on it.

model.py makes the Graph by the one walk over the engine's nodes: recall.py finds the values,
gradients.py the gradients, names.py and groups.py what the user calls them and the modules that
they belong to. traced.py runs a Module or a function for it, failure.py starts from an error.
view.py collapses modules and folds repeated blocks; wording.py says each record in words. dot.py,
book.py, mermaid.py and tree.py write it down in the colours of theme.py, render.py turns DOT into
SVG, PNG and PDF, drawing.py is `tj.draw`, shell.py the same from the shell. May import autograd
and what lies below. A new window is a function of (Graph, Look), and a suffix in drawing.py.

page.py makes the page that plays a graph: steps.py orders the steps, layout.py places the boxes,
contents.py writes everything as data, and the program in player/ shows it. formulas.py has each
operation's formulas, which typeset.py and mathml.py set.

What speaks of a graph stands on recording.py, where each record has its node of the engine:
explain.py writes a gradient out path by path, doctor/ says what keeps a network from learning,
checks.py holds the rules against differences. recorder.py follows a training over time.
"""

from __future__ import annotations

from .drawing import Drawing, draw
from .model import Edge, Graph, GraphNode, Group, graph_of
from .wording import Look

__all__ = ["Drawing", "Edge", "Graph", "GraphNode", "Group", "Look", "draw", "graph_of"]
