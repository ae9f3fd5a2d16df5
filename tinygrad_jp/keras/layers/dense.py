"""Layers that multiply by a matrix or look up a table, and the one that a model starts with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.structure import leaves
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, OptionError, ShapeError
from ...nn import functional as F  # noqa: N812 - as everyone calls it
from ...nn.linear import linear
from .. import activations, constraints, initializers, regularizers
from ..layer import Layer
from ..symbolic import Call, KerasTensor
from ..variable import Variable


class InputLayer(Layer):
    """The place where a model's input comes in; `Input` makes one."""

    def __init__(
        self, shape: Any = None, batch_size: int | None = None, dtype: Any = None,
        batch_shape: Any = None, name: str | None = None, **more: Any,
    ) -> None:
        super().__init__(name=name, **more)
        if (shape is None) == (batch_shape is None):
            raise ArgumentError("keras_input_shape", given=shape)
        if batch_shape is None:
            if isinstance(shape, (int, np.integer)) or not all(map(_is_length, shape)):
                raise ArgumentError("keras_input_shape", given=shape)
            batch_shape = (batch_size, *shape)
        self.batch_shape = tuple(batch_shape)
        self.kind = np.dtype(dtype).name if dtype is not None else self.dtype
        self.built = True
        made = KerasTensor(self.batch_shape, self.kind, name=self.name)
        call = Call(self, (), {}, [made])
        made.history = (call, 0)
        self._calls.append(call)

    def call(self, inputs: Any) -> Any:
        """Give the input back."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Tell shape, dtype and name."""
        return {"batch_shape": list(self.batch_shape), "dtype": self.kind, "name": self.name}


def _is_length(n: Any) -> bool:
    return n is None or (isinstance(n, (int, np.integer)) and int(n) >= 0)


def Input(  # noqa: N802 - Keras's name
    shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None,
    batch_shape: Any = None, name: str | None = None, tensor: Any = None, optional: bool = False,
) -> KerasTensor:
    """Give the KerasTensor that a functional model starts from.

    shape: of one example, without the batch: Input(shape=(13,)). dtype: float32 unless given.
    name: by which inputs in a dict are found. Raises ArgumentError for a shape that is no tuple.

    >>> from tinygrad_jp import keras
    >>> keras.Input(shape=(13,)).shape
    (None, 13)
    """
    if sparse or tensor is not None:
        raise ArgumentError("keras_input_dense", name="sparse" if sparse else "tensor")
    if isinstance(shape, (KerasTensor, Tensor)):
        raise ArgumentError("keras_input_shape", given=shape)
    layer = InputLayer(shape, batch_size, dtype, batch_shape, name)
    return layer._calls[0].outputs[0]


class Dense(Layer):
    """Give activation(x·kernel + bias) along the last axis.

    x: (N, ..., D)  →  (N, ..., units).  kernel: (D, units), Glorot uniform; bias: (units,), zeros.
    Raises ShapeError where the last axis of x is not the one that the layer was built for.

    >>> import numpy as np
    >>> from tinygrad_jp.keras.layers import Dense
    >>> layer = Dense(4, activation="relu")
    >>> layer(np.ones((2, 3))).shape, layer.kernel.shape
    ((2, 4), (3, 4))
    """

    _options = (
        "units", "activation", "use_bias", "kernel_initializer", "bias_initializer",
        "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
        "bias_constraint",
    )
    kernel: Variable
    bias: Variable | None

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **more: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **more)
        if isinstance(units, bool) or not isinstance(units, (int, np.integer)) or units < 1:
            raise OptionError("keras_units", layer="Dense", given=units)
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias = None
        self._activates = self.activation is not activations.linear

    def build(self, input_shape: Any) -> None:
        """Make kernel (D, units) and bias (units,)."""
        if len(input_shape) < 2:
            raise ShapeError(
                "keras_min_ndim", layer=self.name, kind="Dense", given=tuple(input_shape)
            )
        if input_shape[-1] is None:
            raise ShapeError("keras_last_axis", layer=self.name, given=tuple(input_shape))
        self.kernel = self.add_weight(
            (int(input_shape[-1]), self.units), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )

    def call(self, inputs: Any) -> Tensor:
        """Give activation(x·kernel + bias)."""
        kernel = self.kernel
        if inputs.ndim < 2 or inputs.shape[-1] != kernel.shape[0]:
            raise self._misfit(tuple(inputs.shape))
        y = linear(inputs, kernel.T, self.bias)
        return self.activation(y) if self._activates else y

    def _misfit(self, given: tuple[int, ...]) -> ShapeError:
        if len(given) < 2:
            return ShapeError("keras_min_ndim", layer=self.name, kind="Dense", given=given)
        return ShapeError(
            "keras_last_axis_other", layer=self.name, given=given, wanted=self.kernel.shape[0]
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give (..., units)."""
        return (*input_shape[:-1], self.units)


class Embedding(Layer):
    """Look rows up in a table: integers of any shape (...)  →  (..., output_dim).

    embeddings: (input_dim, output_dim), uniform in ±0.05. Raises LabelError for an index outside.
    """

    _options = (
        "input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer",
        "embeddings_constraint",
    )
    embeddings: Variable

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None, embeddings_constraint: Any = None,
        mask_zero: bool = False, weights: Any = None, input_length: int | None = None, **more: Any,
    ) -> None:
        if input_length is not None:  # of Keras before version 3: what the input's shape says
            more.setdefault("input_shape", (input_length,))
        super().__init__(**more)
        if mask_zero:
            raise OptionError("keras_mask", name="mask_zero")
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self._given = weights

    def build(self, input_shape: Any = None) -> None:
        """Make the table."""
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings",
            regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
        )
        if self._given is not None:
            table = leaves(self._given)[0] if isinstance(self._given, list) else self._given
            self.embeddings.assign(table)

    def call(self, inputs: Any) -> Tensor:
        """Give the rows of the table."""
        index = inputs._data
        return F.embedding(index if index.dtype.kind in "iu" else index.astype(np.int64),
                           self.embeddings)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give (..., output_dim)."""
        return (*input_shape, self.output_dim)
