"""A functional model as a config, and back."""

from __future__ import annotations

from inspect import isfunction
from typing import Any

from ...autograd.structure import leaves, rebuild
from ...errors import OptionError
from ...vocabulary.origin import is_ours
from ..layer import Layer
from ..layers.dense import InputLayer
from ..symbolic import KerasTensor
from .functional import Graph


def graph_config(graph: Graph) -> dict[str, Any]:
    """Describe the layers, how they are called on each other, and the inputs and outputs."""
    from ..saving import serialize_keras_object

    calls: dict[int, list[Any]] = {}
    numbers: dict[int, int] = {}  # of calls, among those of their layer in this model
    for call in graph.calls:
        mine = calls.setdefault(id(call.layer), [])
        numbers[id(call)] = len(mine)
        mine.append(call)

    def place(t: KerasTensor) -> dict[str, Any]:
        assert t.history is not None  # a tensor of the graph
        call, index = t.history
        return {"tensor": [call.layer.name, numbers[id(call)], index]}

    def told(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            return place(value)
        if isinstance(value, dict):
            return {"dict": {key: told(v) for key, v in value.items()}}
        if isinstance(value, tuple):
            return {"tuple": [told(v) for v in value]}
        if isinstance(value, list):
            return [told(v) for v in value]
        if isinstance(value, slice):
            return {"slice": [value.start, value.stop, value.step]}
        return {"ellipsis": True} if value is Ellipsis else value

    layers = []
    for layer in graph.layers:
        described = serialize_keras_object(layer)
        described["name"] = layer.name
        described["calls"] = [] if isinstance(layer, InputLayer) else [
            {"args": told(list(c.args)), "kwargs": told(c.kwargs)}
            for c in calls.get(id(layer), [])
        ]
        layers.append(described)
    return {
        "layers": layers, "input_layers": told(graph.inputs), "output_layers": told(graph.outputs),
    }


def graph_from_config(config: dict[str, Any], custom_objects: Any = None) -> tuple[Any, Any]:
    """Make the layers and call them on each other again; gives (inputs, outputs)."""
    from ..saving import deserialize_keras_object

    made: dict[str, Any] = {}
    results: dict[tuple[str, int], list[KerasTensor]] = {}
    waiting: list[tuple[str, int, dict[str, Any]]] = []
    for described in config["layers"]:
        name = described["name"]
        made[name] = deserialize_keras_object(described, custom_objects)
        if isinstance(made[name], InputLayer):
            results[name, 0] = made[name]._calls[0].outputs
        waiting += [(name, i, call) for i, call in enumerate(described["calls"])]

    def read(value: Any) -> Any:
        if isinstance(value, list):
            return [read(v) for v in value]
        if not isinstance(value, dict):
            return value
        if "tensor" in value:
            name, call, index = value["tensor"]
            return results[name, call][index]
        if "dict" in value:
            return {key: read(v) for key, v in value["dict"].items()}
        if "tuple" in value:
            return tuple(read(v) for v in value["tuple"])
        return Ellipsis if "ellipsis" in value else slice(*value["slice"])

    while waiting:
        left = []
        for name, i, call in waiting:
            try:
                args, kwargs = read(call["args"]), read(call["kwargs"])
            except KeyError:  # an input of it comes later in the list
                left.append((name, i, call))
                continue
            outputs = made[name](*args, **kwargs)
            results[name, i] = leaves(outputs)
        if len(left) == len(waiting):
            raise OptionError("keras_config_graph", layers=", ".join(name for name, *_ in left))
        waiting = left
    return read(config["input_layers"]), read(config["output_layers"])


def clone_model(
    model: Any, input_tensors: Any = None, clone_function: Any = None, call_function: Any = None,
    recursive: bool = False,
) -> Any:
    """Make a model of the same architecture with weights of its own.

    clone_function: makes the new layer from each old one. Raises OptionError for the arguments
    that this package does not take (input_tensors, call_function, recursive).
    """
    from ..saving import deserialize_keras_object, serialize_keras_object
    from .sequential import Sequential

    for name, given in (
        ("input_tensors", input_tensors), ("call_function", call_function),
        ("recursive", recursive or None),
    ):
        if given is not None:
            raise OptionError("keras_clone", name=name)
    if clone_function is None:
        layers = [m for m in model.modules() if isinstance(m, Layer)]
        kinds: dict[str, Any] = {type(m).__name__: type(m) for m in layers}
        own = (fn for m in layers for fn in vars(m).values() if isfunction(fn))
        kinds.update({fn.__name__: fn for fn in own if not is_ours(fn)})
        return deserialize_keras_object(serialize_keras_object(model), kinds)
    if isinstance(model, Sequential):
        made = [
            layer if isinstance(layer, InputLayer) else clone_function(layer)
            for layer in model._stack
        ]
        return Sequential(made, name=model.name)
    graph = model._graph
    if graph is None:
        raise OptionError("keras_clone", name="clone_function")
    new = {
        id(layer): layer if isinstance(layer, InputLayer) else clone_function(layer)
        for layer in graph.layers
    }
    tensors: dict[int, Any] = {id(t): t for t in graph.input_list}
    for call in graph.calls:
        if all(id(t) in tensors for t in call.outputs):
            continue
        args, kwargs = (
            rebuild(x, [tensors.get(id(v), v) for v in leaves(x)])
            for x in (call.args, call.kwargs)
        )
        outputs = leaves(new[id(call.layer)](*args, **kwargs))
        tensors |= {id(t): y for t, y in zip(call.outputs, outputs, strict=True)}
    found = rebuild(graph.outputs, [tensors[id(t)] for t in graph.output_list])
    return type(model)(graph.inputs, found, name=model.name)
