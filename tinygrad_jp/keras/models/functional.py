"""The graph of a functional model: which layer is called on what, and in which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ...autograd.structure import leaves, rebuild
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, OptionError, ShapeError
from ..layers.dense import InputLayer
from ..symbolic import Call, KerasTensor


class Step:
    """One call to be made: a layer, what it takes, and where its outputs go."""

    __slots__ = ("args", "kwargs", "layer", "places", "single", "sources")

    def __init__(self, call: Call, place: dict[int, int]) -> None:
        self.layer = call.layer
        self.args = call.args
        self.kwargs = call.kwargs
        self.sources = [place[id(t)] for t in call.inputs]
        self.places = [place[id(t)] for t in call.outputs]
        is_plain = len(call.args) == 1 and isinstance(call.args[0], KerasTensor)
        self.single = is_plain and not call.kwargs and len(self.places) == 1

    def run(self, values: list[Any]) -> None:
        """Call the layer on the values so far, and put its outputs beside them."""
        if self.single:
            values[self.places[0]] = self.layer(values[self.sources[0]])
            return
        taken = iter([values[i] for i in self.sources])
        args, kwargs = (
            rebuild(x, [next(taken) if isinstance(v, KerasTensor) else v for v in leaves(x)])
            for x in (self.args, self.kwargs)
        )
        for place, y in zip(self.places, leaves(self.layer(*args, **kwargs)), strict=True):
            values[place] = y


class Graph:
    """From KerasTensors to KerasTensors.

    inputs, outputs: as the model was given them, one or nested. calls: in the order of running.
    layers: in Keras's order, by the longest way to an output, so that weights come in its order.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        for what, given in (("inputs", inputs), ("outputs", outputs)):
            found = leaves(given)
            if not found or not all(isinstance(t, KerasTensor) for t in found):
                others = [type(t).__name__ for t in found if not isinstance(t, KerasTensor)]
                raise ArgumentError("keras_model_tensors", what=what, kind=", ".join(others) or "-")
        self.inputs, self.outputs = inputs, outputs = in_order(inputs), in_order(outputs)
        self.input_list: list[KerasTensor] = leaves(inputs)
        self.output_list: list[KerasTensor] = leaves(outputs)
        if len(set(map(id, self.input_list))) != len(self.input_list):
            raise ArgumentError("keras_input_twice")
        self.calls = self._ordered()
        self.depths = self._depths()
        self.layers = self._sorted_layers()
        self._check_names()
        tensors = [*self.input_list, *(t for c in self.calls for t in c.outputs)]
        place: dict[int, int] = {}
        for t in tensors:
            place.setdefault(id(t), len(place))
        known = set(map(id, self.input_list))
        self.steps = [
            Step(c, place) for c in self.calls if not all(id(t) in known for t in c.outputs)
        ]
        self._first = [place[id(t)] for t in self.input_list]
        self._last = [place[id(t)] for t in self.output_list]
        self._size = len(place)
        self._is_plain = isinstance(inputs, KerasTensor) and isinstance(outputs, KerasTensor)

    # ── order ───────────────────────────────────────────────────────────────────────────────

    def _ordered(self) -> list[Call]:
        """List the calls that lead to the outputs, each after those it needs."""
        known = set(map(id, self.input_list))
        self._turns: dict[int, int] = {}  # layer -> when a walk from the outputs comes by it
        done: dict[int, Call] = {}
        stack: list[tuple[KerasTensor, bool]] = [(t, False) for t in reversed(self.output_list)]
        while stack:
            tensor, is_ready = stack.pop()
            if tensor.history is None:
                raise ArgumentError("keras_disconnected", name=tensor.name, layer="?")
            call = tensor.history[0]
            if id(call) in done:
                continue
            if is_ready:
                done[id(call)] = call
                continue
            self._turns.setdefault(id(call.layer), len(self._turns))
            if id(tensor) in known:
                done[id(call)] = call
                continue
            if isinstance(call.layer, InputLayer):
                raise ArgumentError(
                    "keras_disconnected", name=tensor.name,
                    layer=", ".join(t.name for t in self.input_list),
                )
            stack.append((tensor, True))
            stack.extend((t, False) for t in reversed(call.inputs))
        return list(done.values())

    def _depths(self) -> dict[int, int]:
        """Give each layer the length of the longest way from it to an output."""
        calls: dict[int, int] = {}
        layers: dict[int, int] = {}
        known = set(map(id, self.input_list))
        for call in reversed(self.calls):
            depth = max(calls.setdefault(id(call), 0), layers.get(id(call.layer), 0))
            calls[id(call)] = layers[id(call.layer)] = depth
            for t in call.inputs if not any(id(t) in known for t in call.outputs) else ():
                assert t.history is not None  # seen by _ordered
                before = id(t.history[0])
                calls[before] = max(depth + 1, calls.get(before, 0))
        return layers

    def _sorted_layers(self) -> list[Any]:
        found = {id(c.layer): c.layer for c in self.calls}
        for t in self.input_list:  # one that no output needs is a layer of the model all the same
            if t.history is not None and id(t.history[0].layer) not in found:
                layer = t.history[0].layer
                found[id(layer)] = layer
                self.depths[id(layer)] = 0
                self._turns[id(layer)] = -1  # before the last layers, as in Keras
        return sorted(
            found.values(), key=lambda one: (-self.depths[id(one)], self._turns[id(one)])
        )

    def _check_names(self) -> None:
        counts = Counter(layer.name for layer in self.layers)
        twice = [name for name, n in counts.items() if n > 1]
        if twice:
            raise OptionError("keras_name_twice", name=twice[0], count=counts[twice[0]])

    @property
    def input_names(self) -> list[str]:
        """The inputs' names: the keys of a dict, or those of the InputLayers."""
        if isinstance(self.inputs, dict):
            return list(self.inputs)
        return [t.history[0].layer.name if t.history else t.name for t in self.input_list]

    @property
    def output_names(self) -> list[str]:
        """The outputs' names: the keys of a dict, or those of their layers, made unique."""
        if isinstance(self.outputs, dict) and len(self.outputs) == len(self.output_list):
            return list(self.outputs)
        names: list[str] = []
        for t in self.output_list:
            name = t.history[0].layer.name if t.history else t.name
            count = 1
            unique = name
            while unique in names:
                unique = f"{name}_{count}"
                count += 1
            names.append(unique)
        return names

    # ── running ─────────────────────────────────────────────────────────────────────────────

    def run(self, inputs: Any) -> Any:
        """Send values through all layers; gives them nested as the outputs are."""
        values: list[Any] = [None] * self._size
        given = [inputs] if self._is_plain and type(inputs) is Tensor else self.sorted_out(inputs)
        for place, value, tensor in zip(self._first, given, self.input_list, strict=True):
            values[place] = fitted(value, tensor)
        for step in self.steps:
            step.run(values)
        if self._is_plain:
            return values[self._last[0]]
        return rebuild(self.outputs, [values[i] for i in self._last])

    def sorted_out(self, inputs: Any) -> list[Any]:
        """List the inputs in the model's order; a dict is looked up by their names.

        Raises ShapeError for another number of them, OptionError for a name that is missing.
        """
        if isinstance(inputs, dict):
            names = self.input_names
            own = [t.name for t in self.input_list]
            if not all(name in inputs for name in names):
                names = own
            missing = [name for name in names if name not in inputs]
            if missing:
                raise OptionError(
                    "keras_input_name", name=missing[0], known=", ".join(self.input_names),
                    given=", ".join(map(str, inputs)),
                )
            return [inputs[name] for name in names]
        given = leaves(inputs)
        if len(given) != len(self.input_list):
            raise ShapeError(
                "keras_input_count", given=len(given), wanted=len(self.input_list),
                names=", ".join(self.input_names),
            )
        return given


def in_order(value: Any) -> Any:
    """Sort dicts by their keys, as Keras does: weights and numbers come in that order."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value, key=str)}
    if type(value) in (list, tuple):
        return type(value)(in_order(v) for v in value)
    return value


def fitted(value: Any, tensor: KerasTensor) -> Any:
    """Give a value the number of axes that its input has, as Keras does with (N,) and (N, 1).

    Raises ShapeError where the shape is another.
    """
    shape = tuple(value.shape)
    wanted = tensor.shape
    if len(shape) == len(wanted) - 1 and wanted[-1] == 1:
        value = item(value, (..., None))
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
        value = item(value, (..., 0))
    elif len(shape) != len(wanted) or any(
        m is not None and n is not None and n != m for n, m in zip(shape, wanted, strict=True)
    ):
        key = "keras_input_shape_other"
        if len(shape) == len(wanted) - 1 and shape == wanted[1:]:
            key = "keras_input_one"
        raise ShapeError(key, name=tensor.name, given=shape, wanted=wanted)
    return value


def item(value: Any, index: Any) -> Any:
    """Give value[index], also of a KerasTensor."""
    return value[index]
