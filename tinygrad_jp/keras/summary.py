"""`Model.summary`: the table of layers as Keras prints it, in the language in force."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from shutil import get_terminal_size
from typing import Any

from ..autograd.structure import leaves
from ..errors import text
from ..nn.summary import width
from .layer import Layer
from .layers.dense import InputLayer
from .layers.operation import Operation

WIDTHS = {3: (33, 24, 15), 4: (25, 20, 12, 25)}  # of the columns, at the least
WIDE = 120  # of a line where there is no terminal
NARROW = 8  # of a column, where there is little room


def table(
    model: Any, expand_nested: bool = False, show_trainable: bool = False,
    line_length: int | None = None,
) -> str:
    """Write the table: layers with their kind, output shape, parameters and connections.

    expand_nested: the layers of models inside the model too. line_length: the most columns of text
    that a line may take, those of the terminal unless given; longer cells go on in the next line.
    """
    graph = getattr(model, "_graph", None)
    is_chain = graph is None or is_sequential(graph)
    head = [text("keras_summary_layer"), text("keras_summary_shape"), text("keras_summary_params")]
    if not is_chain:
        head.append(text("keras_summary_connected"))
    if show_trainable:
        head.append(text("keras_summary_trainable"))
    rows: list[list[str]] = []
    for layer in shown_layers(model):
        _row(layer, graph, is_chain, show_trainable, rows, 0, expand_nested)
    needed = [max(width(row[i]) for row in [head, *rows]) for i in range(len(head))]
    limit = line_length or get_terminal_size((WIDE, 24)).columns
    widths = narrowed(needed, [*WIDTHS[3 if is_chain else 4], 7], limit)
    lines = [text("keras_summary_title", name=model.name), edge("┏━┳┓", widths)]
    lines += [cells(head, widths, "┃"), edge("┡━╇┩", widths)]
    for i, row in enumerate(rows):
        if i:
            lines.append(edge("├─┼┤", widths))
        lines.append(cells(row, widths, "│"))
    lines.append(edge("└─┴┘", widths))
    return "\n".join([*lines, *totals(model)])


def shown_layers(model: Any) -> list[Any]:
    """List the layers of a model, operations too; those of a chain without its input."""
    graph = getattr(model, "_graph", None)
    if graph is None:
        return list(model.layers)
    if is_sequential(graph) and hasattr(model, "_stack"):
        return list(model.layers)
    return list(graph.layers)


def is_sequential(graph: Any) -> bool:
    """Tell whether each layer has only the one before it as its input."""
    calls = [c for c in graph.calls if not isinstance(c.layer, InputLayer)]
    once = len({id(c.layer) for c in calls}) == len(calls)
    return (
        once and len(graph.input_list) == 1 and len(graph.output_list) == 1
        and all(len(c.inputs) == 1 and len(c.outputs) == 1 for c in calls)
        and len({id(c.inputs[0]) for c in calls}) == len(calls)
    )


def _row(
    layer: Any, graph: Any, is_chain: bool, show_trainable: bool, rows: list[list[str]],
    depth: int, expand_nested: bool,
) -> None:
    name = "   " * depth + f"{layer.name} ({kind(layer)})"
    row = [name, output_shape(layer, graph), parameters(layer)]
    if not is_chain:
        row.append(connections(layer, graph) if depth == 0 else "")
    if show_trainable:
        row.append("Y" if layer.trainable and layer.weights else "N" if layer.weights else "-")
    rows.append(row)
    if expand_nested and hasattr(layer, "layers"):
        for inner in shown_layers(layer):
            _row(inner, layer._graph, is_chain, show_trainable, rows, depth + 1, expand_nested)


def kind(layer: Any) -> str:
    """Name a layer's class; that of an operation after what it does."""
    if isinstance(layer, Operation):
        return "".join(word.capitalize() for word in layer.op.rpartition(".")[2].split("_"))
    return "Functional" if type(layer).__name__ == "Model" else type(layer).__name__


def output_shape(layer: Any, graph: Any) -> str:
    """Say the shape that a layer gives, or "?" where it is not known yet."""
    mine = {id(c) for c in graph.calls} if graph is not None else set()
    calls = [c for c in layer._calls if id(c) in mine] or layer._calls
    if calls:
        shapes = [t.shape for t in calls[0].outputs]
        return str(shapes[0]) if len(shapes) == 1 else str(shapes)
    if layer.built and layer._build_shape is not None:
        try:
            return str(layer.compute_output_shape(unbatched(layer._build_shape)))
        except (TypeError, ValueError, IndexError):
            return "?"
    return "?"


def unbatched(shape: Any) -> Any:
    """Put None in the place of the batch, in a shape or a list of them."""
    if isinstance(shape, (tuple, list)) and shape and not isinstance(shape[0], (tuple, list)):
        return (None, *shape[1:])
    return [unbatched(s) for s in shape] if isinstance(shape, (tuple, list)) else shape


def parameters(layer: Any) -> str:
    """Say how many numbers a layer has in its weights."""
    is_built = layer.built and all(m.built for m in layer.modules() if isinstance(m, Layer))
    if not is_built and not layer.weights:
        return "0 " + text("keras_summary_unbuilt")
    return f"{sum(v._data.size for v in layer.weights):,}"


def connections(layer: Any, graph: Any) -> str:
    """Say which layers a layer takes its inputs from: dense[0][0]."""
    found = []
    for call in graph.calls:
        if call.layer is layer and not isinstance(layer, InputLayer):
            for t in call.inputs:
                source, place = t.history
                found.append(f"{source.layer.name}[{number(source, graph)}][{place}]")
    return ", ".join(found) or "-"


def number(call: Any, graph: Any) -> int:
    """Say which of its layer's calls in the graph a call is."""
    mine = [c for c in graph.calls if c.layer is call.layer]
    return next(i for i, c in enumerate(mine) if c is call)


def totals(model: Any) -> list[str]:
    """Write the lines below the table."""
    every = model.weights
    moved = model.trainable_variables
    whole, trained = (sum(v._data.size for v in group) for group in (every, moved))
    size, trained_size = (sum(v._data.nbytes for v in group) for group in (every, moved))
    kept = []
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.built:
        kept = [v._data for v in leaves(list(optimizer.variables))]
    own, own_size = sum(a.size for a in kept), sum(a.nbytes for a in kept)
    lines = [
        ("keras_summary_total", whole + own, size + own_size),
        ("keras_summary_trained", trained, trained_size),
        ("keras_summary_frozen", whole - trained, size - trained_size),
    ]
    if kept:
        lines.append(("keras_summary_optimizer", own, own_size))
    return [
        " " + text(key, count=f"{count:,}", size=weight(nbytes)) for key, count, nbytes in lines
    ]


def weight(nbytes: float) -> str:
    """Write a number of bytes as Keras does: 512.00 B, 1.50 KB.

    >>> weight(18436)
    '18.00 KB'
    """
    for unit in ("B", "KB", "MB", "GB"):
        if nbytes < 1024 or unit == "GB":
            break
        nbytes /= 1024
    return f"{nbytes:.2f} {unit}"


def edge(signs: str, widths: list[int]) -> str:
    """Draw a line between two rows: its left, middle, crossing and right sign."""
    left, middle, crossing, right = tuple(signs)
    return left + crossing.join(middle * (w + 2) for w in widths) + right


def narrowed(needed: list[int], wanted: Sequence[int], limit: int) -> list[int]:
    """Choose the widths of columns so that a line takes no more than `limit`, if that can be.

    needed: what the cells take. wanted: what looks well; room is taken from there first, then from
    the widest.

    >>> narrowed([30, 10, 8], [33, 24, 15], 100), narrowed([30, 10, 8], [33, 24, 15], 47)
    ([33, 24, 15], [19, 10, 8])
    """
    widths = [max(pair) for pair in zip(needed, wanted, strict=False)]
    while sum(widths) + 3 * len(widths) + 1 > limit and max(widths) > NARROW:
        spare = [wide - least for wide, least in zip(widths, needed, strict=True)]
        by = spare if max(spare) > 0 else widths
        widths[by.index(max(by))] -= 1
    return widths


def wrapped(cell: str, wide: int) -> list[str]:
    """Break a cell into lines, between words where that can be.

    >>> wrapped("hidden_layer (Dense)", 8)
    ['hidden_l', 'ayer', '(Dense)']
    """
    lines, line = [], ""
    for word in cell.split(" "):
        joined = f"{line} {word}" if line else word or " "
        if width(joined) <= wide:
            line = joined
            continue
        if line.strip():
            lines.append(line)
        line = ""
        for sign in word:
            if width(line + sign) > wide:
                lines.append(line)
                line = ""
            line += sign
    return [*lines, line]


def cells(row: list[str], widths: list[int], bar: str) -> str:
    """Write a row; numbers, in the third column, to the right."""
    columns = [wrapped(cell, wide) for cell, wide in zip(row, widths, strict=True)]
    lines = []
    for several in zip_longest(*columns, fillvalue=""):
        parts = []
        for i, (cell, wide) in enumerate(zip(several, widths, strict=True)):
            space = " " * (wide - width(cell))
            parts.append(f" {space}{cell} " if i == 2 else f" {cell}{space} ")
        lines.append(bar + bar.join(parts) + bar)
    return "\n".join(lines)
