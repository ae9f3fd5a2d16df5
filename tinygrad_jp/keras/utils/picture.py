"""plot_model: a model's layers as a picture, drawn as `tj.draw` draws."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ...errors import ArgumentError, language
from ...graph.drawing import Drawing
from ...graph.model import Edge, Graph, GraphNode, Group
from ...graph.wording import Look
from ..layers.dense import InputLayer
from ..summary import kind, output_shape, shown_layers


def plot_model(
    model: Any, to_file: Any = "model.png", show_shapes: bool = False, show_dtype: bool = False,
    show_layer_names: bool = False, rankdir: Any = "TB", expand_nested: bool = False,
    dpi: int = 200, show_layer_activations: bool = False, show_trainable: bool = False,
    **more: Any,
) -> Drawing:
    """Draw a model: a box for each layer, with its parameters, and arrows between them.

    to_file: .png, .svg, .dot, .mmd (Mermaid) or .txt, by its suffix; None to write none.
    show_shapes: output shapes. rankdir: "TB" from top to bottom, "LR" from left to right.
    expand_nested: the layers of models inside the model, in a frame.
    Gives a Drawing, which shows itself in a notebook. Raises ArgumentError for a model that is not
    built, OptionError for another suffix or direction, MissingExtraError without Graphviz.

    >>> from tinygrad_jp import keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="out")])
    >>> print(keras.utils.plot_model(model, None, show_shapes=True).graph.nodes[1].shape)
    (None, 1)
    """
    drawing = model_to_dot(
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested,
        show_layer_activations=show_layer_activations, show_trainable=show_trainable, **more,
    )
    if to_file is not None:
        drawing.save(to_file)
    return drawing


def model_to_dot(
    model: Any, show_shapes: bool = False, show_dtype: bool = False,
    show_layer_names: bool = True, rankdir: Any = "TB", expand_nested: bool = False,
    dpi: int = 200, subgraph: bool = False, show_layer_activations: bool = False,
    show_trainable: bool = False, **more: Any,
) -> Drawing:
    """Draw a model without writing a file (see plot_model); `.dot` has the DOT text."""
    for word in more:
        raise ArgumentError(
            "keras_argument", owner="plot_model", name=word,
            accepted="to_file, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, "
            "show_layer_activations, show_trainable",
        )
    if not model.built or not shown_layers(model):
        raise ArgumentError("keras_not_built", name=model.name, kind=type(model).__name__)
    builder = _Builder(
        show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations,
        show_trainable,
    )
    builder.add(model, "", None)
    look = Look(language(), values=False, gradients=False, shapes=show_shapes, direction=rankdir)
    return Drawing(builder.graph(), look)


class _Builder:
    """Layers turned into the plain records that pictures are made from."""

    def __init__(
        self, shapes: bool, dtypes: bool, names: bool, expand: bool, activations: bool,
        trainable: bool,
    ) -> None:
        self.shapes, self.dtypes, self.names, self.expand = shapes, dtypes, names, expand
        self.activations, self.trainable = activations, trainable
        self.nodes: list[GraphNode] = []
        self.edges: list[Edge] = []
        self.groups: list[Group] = []

    def add(self, model: Any, path: str, parent: str | None) -> tuple[list[str], list[str]]:
        """Add a model's layers; gives the ids of where it begins and where it ends."""
        graph = getattr(model, "_graph", None)
        layers = list(graph.layers) if graph is not None else shown_layers(model)
        outputs = {id(t.history[0].layer) for t in graph.output_list} if graph is not None else (
            {id(layers[-1])}
        )
        first: dict[int, list[str]] = {}
        last: dict[int, list[str]] = {}
        for layer in layers:
            if self.expand and hasattr(layer, "_graph") and shown_layers(layer):
                inside = len(self.nodes)
                group = f"g{len(self.groups)}"
                place = f"{path}.{layer.name}" if path else layer.name
                self.groups.append(Group(group, layer.name, place, parent, (), kind(layer)))
                at = len(self.groups) - 1
                first[id(layer)], last[id(layer)] = self.add(layer, place, group)
                members = tuple(n.id for n in self.nodes[inside:])
                self.groups[at] = Group(group, layer.name, place, parent, members, kind(layer))
                continue
            ids = [self.box(layer, graph, id(layer) in outputs and parent is None)]
            first[id(layer)] = last[id(layer)] = ids
        self.connect(graph, layers, first, last)
        begins = [layer for layer in layers if isinstance(layer, InputLayer)] or layers[:1]
        ends = [layer for layer in layers if id(layer) in outputs]
        return (
            [i for layer in begins for i in first[id(layer)]],
            [i for layer in ends for i in last[id(layer)]],
        )

    def connect(
        self, graph: Any, layers: list[Any], first: dict[int, list[str]], last: dict[int, list[str]]
    ) -> None:
        """Add the arrows; in a model of no known inputs from each layer to the next."""
        pairs: list[tuple[Any, Any]] = list(pairwise(layers))
        if graph is not None:
            pairs = [
                (t.history[0].layer, call.layer)
                for call in graph.calls
                if not isinstance(call.layer, InputLayer)
                for t in call.inputs
            ]
        for source, target in pairs:
            for a in last[id(source)]:
                self.edges += [Edge(a, b, "") for b in first[id(target)]]

    def box(self, layer: Any, graph: Any, is_output: bool) -> str:
        """Add one layer."""
        label = kind(layer)
        activation = getattr(layer, "activation", None)
        if self.activations and activation is not None:
            label += f" · {getattr(activation, '__name__', type(activation).__name__)}"
        if self.trainable and layer.weights:
            label += f" · trainable={layer.trainable}"
        shape: Any = None
        calls = layer._calls if graph is None else [c for c in graph.calls if c.layer is layer]
        if self.shapes and calls:
            shape = calls[0].outputs[0].shape
        made = GraphNode(
            f"n{len(self.nodes)}", "leaf" if isinstance(layer, InputLayer) else "operation",
            label, name=layer.name if self.names or isinstance(layer, InputLayer) else None,
            shape=shape, dtype=layer.dtype if self.dtypes else None, is_output=is_output,
            parameters=sum(v._data.size for v in layer.weights),
            about=output_shape(layer, graph),
        )
        self.nodes.append(made)
        return made.id

    def graph(self) -> Graph:
        """Give the whole."""
        order = {node.id: i for i, node in enumerate(self.nodes)}
        edges = sorted(self.edges, key=lambda e: (order[e.target], order[e.source]))
        return Graph(tuple(self.nodes), tuple(edges), tuple(self.groups))
