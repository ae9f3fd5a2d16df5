"""The Sequential model: one layer after another."""

from __future__ import annotations

from typing import Any

from ...errors import ArgumentError, OptionError
from ..layer import Layer
from ..layers.dense import Input, InputLayer
from ..symbolic import KerasTensor
from .functional import Graph
from .model import Model


class Sequential(Model):
    """Layers called one after another, each on what the one before it gave.

    layers: a list, which may begin with an Input. Without one the model builds itself at its first
    batch, or by `build((None, 13))`.

    >>> from tinygrad_jp import keras
    >>> from tinygrad_jp.keras import layers
    >>> model = keras.Sequential([keras.Input((3,)), layers.Dense(64, activation="relu")])
    >>> model.add(layers.Dense(1))
    >>> model.output_shape, model.count_params()
    ((None, 1), 321)
    """

    _ends: list[Any]

    def __init__(
        self, layers: Any = None, trainable: bool = True, name: str | None = None, **more: Any
    ) -> None:
        self._stack: list[Layer]
        super().__init__(trainable=trainable, name=name, **more)
        object.__setattr__(self, "_stack", [])
        object.__setattr__(self, "_ends", [])  # the input, then what each layer gives
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._connect_stack()

    def _tracked(self) -> Any:
        for layer in self.__dict__.get("_stack", ()):
            if not isinstance(layer, InputLayer):
                yield layer.name.replace(".", "_"), layer

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put one more layer at the end, or an Input at the beginning.

        Raises ArgumentError for what is no layer, OptionError for a name that is taken.
        """
        stack = self._stack
        if isinstance(layer, KerasTensor) and layer.history is not None:
            layer = layer.history[0].layer
        if isinstance(layer, type) or not isinstance(layer, Layer):
            kind = layer.__name__ if isinstance(layer, type) else type(layer).__name__
            raise ArgumentError("keras_not_a_layer", given=kind)
        if any(layer.name == other.name for other in stack):
            count = sum(layer.name == other.name for other in stack) + 1
            raise OptionError("keras_name_twice", name=layer.name, count=count)
        if isinstance(layer, InputLayer) and stack:
            raise ArgumentError("keras_input_first", name=self.name)
        shape = getattr(layer, "_batch_shape", None)
        if not stack and shape is not None and not isinstance(layer, InputLayer):
            stack.append(Input(batch_shape=shape, dtype=layer.dtype).history[0].layer)  # type: ignore[index]
        stack.append(layer)
        if rebuild:
            self._connect_stack()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer out, and give it."""
        if not self._stack:
            raise ArgumentError("keras_pop_empty", name=self.name)
        layer = self._stack.pop()
        begins = bool(self._stack) and isinstance(self._stack[0], InputLayer)
        object.__setattr__(self, "_ends", self._ends[: len(self._stack) + (not begins)])
        object.__setattr__(self, "_graph", None)
        self.built = False
        if rebuild:
            self._connect_stack()
        return layer

    def _connect_stack(self) -> None:
        """Make the graph of the layers, if they begin with an Input or are built already."""
        stack = self._stack
        if stack and isinstance(stack[0], InputLayer):
            self._chain(stack[0]._calls[0].outputs[0], stack[1:])
        elif self._ends and stack:
            self._chain(self._ends[0], stack)

    def _chain(self, start: KerasTensor, stack: list[Layer]) -> None:
        """Call each layer on what the one before it gave; those called already are not again."""
        ends = self._ends[: len(stack) + 1] or [start]
        for layer in stack[len(ends) - 1 :]:
            ends.append(layer(ends[-1]))
        object.__setattr__(self, "_ends", ends)
        if len(ends) > 1:
            object.__setattr__(self, "_graph", Graph(ends[0], ends[-1]))
            self.built = True

    def build(self, input_shape: Any = None) -> None:
        """Build all layers for inputs of a shape, the batch included: build((None, 13))."""
        if self._graph is not None:
            return
        if input_shape is None or not self._stack:
            raise ArgumentError("keras_sequential_empty", name=self.name)
        lengths = tuple(input_shape)
        start = Input(batch_shape=(None, *lengths[1:]), dtype=self.dtype)
        self._chain(start, self._stack)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Send the inputs through all layers."""
        if self._graph is None:
            raise ArgumentError("keras_sequential_empty", name=self.name)
        return self._graph.run(inputs)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @layers.setter
    def layers(self, value: Any) -> None:
        raise ArgumentError("keras_layers_set")

    def get_config(self) -> dict[str, Any]:
        """Tell the layers' configs, and the shape that the model is built for."""
        from ..saving import serialize_keras_object

        config: dict[str, Any] = {
            "name": self.name, "trainable": self.trainable, "dtype": self.dtype,
            "layers": [serialize_keras_object(layer) for layer in self._stack],
        }
        if self._graph is not None:
            config["build_input_shape"] = list(self._graph.input_list[0].shape)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make a model from what get_config gave."""
        if "layers" not in config:
            return super().from_config(config)
        from ..saving import deserialize_keras_object

        layers = [deserialize_keras_object(c, custom_objects) for c in config["layers"]]
        made = cls(layers, name=config.get("name"))
        shape = config.get("build_input_shape")
        if shape is not None and made._graph is None:
            made.build(tuple(shape))
        if not config.get("trainable", True):
            made.trainable = False
        return made
