"""The Model: layers with compile, fit, evaluate and predict."""

from __future__ import annotations

from typing import Any

from ...autograd.structure import leaves, rebuild
from ...errors import ArgumentError, OptionError
from ..abstract import as_shapes
from ..layer import Layer
from ..layers.dense import InputLayer
from ..layers.operation import Operation
from ..symbolic import KerasTensor
from .functional import Graph
from .trainer import Trainer


class Model(Trainer, Layer):
    """A network: of inputs and outputs, or a subclass with a `call` of its own.

    Model(inputs=..., outputs=...): everything between KerasTensors, which may be lists or dicts.
    A subclass sets layers in `__init__` and calls them in `call(inputs, training=None)`.

    >>> import numpy as np
    >>> from tinygrad_jp import keras
    >>> inputs = keras.Input(shape=(3,))
    >>> hidden = keras.layers.Dense(4, activation="relu")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(2)(hidden), name="small")
    >>> model(np.ones((5, 3))).shape, model.count_params()
    ((5, 2), 26)
    """

    _graph: Graph | None = None
    not_lifted = ("_programs", "history")  # what a compiled step does not go by

    def __init__(
        self, inputs: Any = None, outputs: Any = None, *, trainable: bool = True,
        dtype: Any = None, name: str | None = None, **more: Any,
    ) -> None:
        if name is None and type(self) is Model and inputs is not None:
            from ..identifiers import auto_name

            name = auto_name("Functional")
        super().__init__(trainable=trainable, dtype=dtype, name=name, **more)
        self._set_up()
        if (inputs is None) != (outputs is None):
            raise ArgumentError(
                "keras_model_half", given="outputs" if inputs is None else "inputs"
            )
        if inputs is not None:
            self._connect(inputs, outputs)
        if not trainable:
            self.trainable = False

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Become the model between these KerasTensors."""
        self._graph = Graph(inputs, outputs)
        self.built = True

    # ── what it is made of ──────────────────────────────────────────────────────────────────

    def _tracked(self) -> Any:
        """Give the layers by their names, then those that are attributes."""
        mine: set[int] = set()
        if self._graph is not None:
            for layer in self._graph.layers:
                mine.add(id(layer))
                yield layer.name.replace(".", "_"), layer
        for name, child in super()._tracked():
            if id(child) not in mine and name != "optimizer":
                yield name, child

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order; operations such as x + y are not among them."""
        found = {id(c): c for _, c in self._tracked() if isinstance(c, Layer)}
        return [c for c in found.values() if not isinstance(c, Operation)]

    @layers.setter
    def layers(self, value: Any) -> None:
        raise ArgumentError("keras_layers_set")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Find a layer by name or by place. Raises OptionError, with the names that there are."""
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise OptionError("keras_layer_index", index=index, count=len(layers))
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise OptionError(
            "keras_no_layer", name=name, known=", ".join(layer.name for layer in layers)
        )

    @property
    def input_names(self) -> list[str] | None:
        """The inputs' names; None for a subclass with a `call` of its own."""
        return self._graph.input_names if self._graph else None

    @property
    def output_names(self) -> list[str] | None:
        """The outputs' names; None for a subclass with a `call` of its own."""
        return self._graph.output_names if self._graph else None

    @property
    def inputs(self) -> list[KerasTensor] | None:
        """The inputs of a functional model, as a list."""
        return list(self._graph.input_list) if self._graph else None

    @property
    def outputs(self) -> list[KerasTensor] | None:
        """The outputs of a functional model, as a list."""
        return list(self._graph.output_list) if self._graph else None

    @property
    def input(self) -> Any:
        """The inputs of a functional model, nested as they were given."""
        return self._graph.inputs if self._graph else super().input

    @property
    def output(self) -> Any:
        """The outputs of a functional model, nested as they were given."""
        return self._graph.outputs if self._graph else super().output

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs, nested as they were given."""
        return rebuild(self.input, [t.shape for t in leaves(self.input)])

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs, nested as they were given."""
        return rebuild(self.output, [t.shape for t in leaves(self.output)])

    # ── calling ─────────────────────────────────────────────────────────────────────────────

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute the outputs; a subclass writes its own."""
        if self._graph is None:
            raise ArgumentError("keras_no_call", layer=type(self).__name__)
        return self._graph.run(inputs)

    def build(self, input_shape: Any) -> None:
        """Build all layers for inputs of a shape, the batch included: build((None, 13))."""
        if self._graph is None:
            shapes = as_shapes(input_shape)
            made = rebuild(shapes, [KerasTensor(s, self.dtype) for s in leaves(shapes)])
            self.built = True
            self.compute_output_shape(rebuild(shapes, [t.shape for t in leaves(made)]))

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Give the shape of the output for that of the input, the batch axis included."""
        return super().compute_output_shape(*args, **kwargs)

    def _shape_rule(self) -> Any:
        """Give a subclass's own compute_output_shape, if it has one."""
        is_own = type(self).compute_output_shape is not Model.compute_output_shape
        return self.compute_output_shape if is_own else None

    # ── configuration ───────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        """Give what makes the model again by from_config, without its weights."""
        if self._graph is None or type(self).__init__ is not Model.__init__:
            return super().get_config()
        from .rebuilding import graph_config

        return {"name": self.name, "trainable": self.trainable, **graph_config(self._graph)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make a model from what get_config gave."""
        if "layers" not in config or "output_layers" not in config:
            return super().from_config(config)
        from .rebuilding import graph_from_config

        inputs, outputs = graph_from_config(config, custom_objects)
        made = cls(inputs, outputs, name=config.get("name"))
        if not config.get("trainable", True):
            made.trainable = False
        return made

    def to_json(self, **kwargs: Any) -> str:
        """Give the model, without its weights, as JSON text."""
        import json

        from ..saving import serialize_keras_object

        return json.dumps(serialize_keras_object(self), **kwargs)

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool = True, **more: Any) -> None:
        """Save architecture, weights and how it was compiled, as one .keras file."""
        from ..saving import save_model

        save_model(self, filepath, overwrite)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Save the weights alone, to a .weights.h5 or .safetensors file."""
        from ..saving import save_weights

        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False) -> None:
        """Take weights from a file that save_weights or save has written, here or in Keras."""
        from ..saving import load_weights

        load_weights(self, filepath, skip_mismatch)

    def summary(
        self, line_length: int | None = None, positions: Any = None, print_fn: Any = None,
        expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None,
    ) -> None:
        """Print a table of the layers: output shapes, parameters, what they are connected to."""
        from ..summary import table

        lines = table(self, expand_nested, show_trainable, line_length)
        (print_fn or print)(lines)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def is_input(layer: Any) -> bool:
    """Tell whether a layer is an InputLayer."""
    return isinstance(layer, InputLayer)
