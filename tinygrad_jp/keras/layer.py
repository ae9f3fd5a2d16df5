"""The Layer: a Module that is built at its first call, under Keras's names."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from inspect import signature
from typing import Any

import numpy as np

from ..autograd.apply import default_dtype
from ..autograd.arguments import tensor_of
from ..autograd.structure import leaves, rebuild
from ..autograd.tensor import Tensor
from ..errors import ArgumentError
from . import regularizers
from .abstract import as_shapes, output_spec
from .arguments import Signature, build_arguments, described, listed_options, remembered, unaccepted
from .identifiers import auto_name, unknown_argument
from .symbolic import Call, KerasTensor, symbols
from .variable import Variable
from .weights import Owner


class Pass:
    """One call of the outermost layer: whether it trains, as far as the caller has said.

    outermost: that layer, which remembers who has added to the loss.
    """

    __slots__ = ("outermost", "training")

    def __init__(self, training: bool | None, outermost: Layer) -> None:
        self.training = training
        self.outermost = outermost


_pass: ContextVar[Pass | None] = ContextVar("pass", default=None)


class Layer(Owner):
    """What every layer and every model of the Keras front is; subclass it for one's own.

    Write `__init__`, `build(input_shape)` with `add_weight` in it, and `call(inputs)`, which may
    take `training`. It is a Module: tj.draw, tj.summary and tj.save take it, and in a Module it
    may stand beside layers of nn.
    activity_regularizer: adds to the loss by the layer's output. trainable: False for a frozen
    one. dtype: of the weights and of the floating inputs.

    >>> import numpy as np
    >>> from tinygrad_jp import keras
    >>> class Scale(keras.Layer):
    ...     def build(self, input_shape):
    ...         self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs * self.scale
    >>> Scale()(np.ones((2, 3))).shape
    (2, 3)
    """

    _options: tuple[str, ...]  # what get_config tells, each an attribute of that name
    _init_arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in cls.__dict__:
            cls._signature = Signature(cls.__dict__["call"])
        if "build" in cls.__dict__:
            cls.build = _marking(cls.__dict__["build"])  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Remember the arguments, which get_config tells where a class does not."""
        made = super().__new__(cls)
        object.__setattr__(made, "_init_arguments", (args, kwargs))
        return made

    def __init__(
        self, *, activity_regularizer: Any = None, trainable: bool = True, dtype: Any = None,
        autocast: bool = True, name: str | None = None, input_shape: Any = None,
        input_dim: int | None = None, **unknown: Any,
    ) -> None:
        super().__init__()
        for word in unknown:
            raise unknown_argument(type(self).__name__, word, arguments_of(type(self)))
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ArgumentError("keras_layer_name", layer=type(self).__name__, name=name)
        # as Keras: only fit, training=True and train() switch dropout on
        self.training = None  # type: ignore[assignment]
        self.name = name or auto_name(type(self).__name__)
        self.built = False
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._dtype = np.dtype(dtype) if dtype is not None else default_dtype[0]
        self._trainable = bool(trainable)
        self._trainable_weights: list[Variable] = []
        self._frozen_weights: list[Variable] = []  # those that no optimizer moves
        self._loss_terms: list[Tensor] = []
        self._adding: list[Layer] = []  # layers that have added to the loss in the last call
        self._calls: list[Call] = []  # in functional models
        self._build_shape: Any = None
        if input_dim is not None:
            input_shape = (input_dim,)
        if input_shape is not None:
            shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
            self._batch_shape = (None, *shape)

    # ── to be written by subclasses ─────────────────────────────────────────────────────────

    def build(self, input_shape: Any) -> None:
        """Make the weights, once the shape of the input is known; override it.

        input_shape: with the batch axis first, or a list of shapes for several inputs. A layer
        made of other layers need not have one: those build themselves at their first call.
        """
        self._build_shape = input_shape
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; each layer writes its own."""
        raise ArgumentError("keras_no_call", layer=type(self).__name__)

    _signature = Signature(call)

    def get_config(self) -> dict[str, Any]:
        """Give what makes the layer again by from_config: JSON's kinds of values only.

        A class with arguments of its own may override it; else those it was made with are told.
        Raises ArgumentError where they cannot be.
        """
        config = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        options = listed_options(type(self))
        if options is not None:
            return {**config, **{name: described(name, getattr(self, name)) for name in options}}
        if not type(self).get_config.__module__.startswith(__package__):
            return config  # its own get_config adds the rest
        return {**config, **remembered(self, *self._init_arguments)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a layer from what get_config gave."""
        refused = unaccepted(cls, config)
        made = cls(**{k: v for k, v in config.items() if k not in refused})
        if "name" in refused:  # an __init__ that passes nothing on
            made.name = config["name"]
        if "trainable" in refused and not config["trainable"]:
            made.trainable = False
        return made

    # ── losses ──────────────────────────────────────────────────────────────────────────────

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to what training makes small; call it inside `call`."""
        now = _pass.get()
        root = self if now is None else now.outermost
        root._adding.append(self)
        for term in leaves(loss):
            self._loss_terms.append(tensor_of(term).mean() if np.ndim(term) else tensor_of(term))

    @property
    def losses(self) -> list[Tensor]:
        """What the layers have added to the loss in the last call, and the regularizers' terms."""
        terms: list[Tensor] = []
        for module in self.modules():
            if isinstance(module, Layer):
                terms += module._loss_terms
        for variable in self.trainable_variables:
            regularizer = getattr(variable, "regularizer", None)
            if regularizer is not None:
                terms.append(tensor_of(regularizer(variable)))
        return terms

    def _clear_losses(self) -> None:
        for layer in self._adding:
            layer._loss_terms.clear()
        self._adding.clear()

    def _activity(self, outputs: Any) -> None:
        for y in leaves(outputs):
            self.add_loss(self.activity_regularizer(y) / y.shape[0])

    # ── calling ─────────────────────────────────────────────────────────────────────────────

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Build the layer if that is to be done, and call it; on KerasTensors, record the call.

        training: of this layer and all below it; unless given, what the call around this one was
        told, else the layer's own `training`, which fit and train() set.
        """
        told = kwargs.pop("training", None) if kwargs else None
        if len(args) != 1 or kwargs or type(args[0]) is not Tensor or not self.built:
            if symbols([args, kwargs]):
                return self._record(args, kwargs if told is None else {**kwargs, "training": told})
            args, kwargs = self._read(args, kwargs)
            if not self.built:
                self._build(args, kwargs)
        elif args[0]._data.dtype is not self._dtype:
            args = (self._cast(args[0]),)
        now = _pass.get()
        if now is None or told is not None:
            outputs = self._call_outermost(now, told, args, kwargs)
        else:
            if self._signature.takes_training:
                kwargs["training"] = bool(self.training if now.training is None else now.training)
            outputs = self.call(*args, **kwargs)
        if self.activity_regularizer is not None:
            self._activity(outputs)
        return outputs

    def _call_outermost(
        self, now: Pass | None, told: bool | None, args: Any, kwargs: dict[str, Any]
    ) -> Any:
        """Call with `training` in force for all layers below, where the caller has said it."""
        if now is None:
            self._clear_losses()
        elif told is None:
            told = now.training
        if self._signature.takes_training:
            kwargs["training"] = bool(self.training if told is None else told)
        try:  # with nothing before it: Ctrl-C may come as soon as it is set
            _pass.set(Pass(told, self if now is None else now.outermost))
            return self.call(*args, **kwargs)
        finally:
            _pass.set(now)

    def _read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make Tensors of the arrays among the arguments."""
        return tuple(map(self._tensors, args)), {
            k: self._tensors(v) if k != "mask" else v for k, v in kwargs.items()
        }

    def _tensors(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._tensors(v) for key, v in value.items()}
        if isinstance(value, (list, tuple)):
            if any(hasattr(v, "__array__") or isinstance(v, Tensor) for v in leaves(value)):
                return rebuild(value, map(self._tensors, leaves(value)))
            return Tensor(value, self._dtype) if _is_numbers(value) else value
        if isinstance(value, Tensor):
            return self._cast(value)
        if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
            return self._cast(Tensor(np.asarray(value)))
        return value

    def _cast(self, x: Tensor) -> Tensor:
        kind = x._data.dtype
        if kind == self._dtype or kind.kind != "f" or not self.autocast:
            return x
        return x.to(self._dtype)

    def _build(self, args: Any, kwargs: Any) -> None:
        given = build_arguments(self, args, kwargs)
        if given is not None:
            self.build(*given[0], **given[1])
        self.built = True

    def _record(self, args: Any, kwargs: Any) -> Any:
        """Record a call on KerasTensors."""
        if not self.built:
            self._build(args, kwargs)
        spec = output_spec(self, args, kwargs)
        outputs = [KerasTensor(s.shape, s.dtype, history=None) for s in leaves(spec)]
        call = Call(self, args, kwargs, outputs)
        self._calls.append(call)
        for place, tensor in enumerate(outputs):
            tensor.history = (call, place)
        return rebuild(spec, outputs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Give the shape of the output for that of the input, the batch axis included.

        A layer that does not override it is run on numbers to find out.
        """
        shapes = as_shapes(args[0] if args else next(iter(kwargs.values())))
        made = rebuild(shapes, [KerasTensor(s, self.dtype) for s in leaves(shapes)])
        if not self.built:
            self._build((made,), {})
        spec = output_spec(self, (made,), {})
        return rebuild(spec, [s.shape for s in leaves(spec)])

    def _shape_rule(self) -> Any:
        """Give the layer's own compute_output_shape, if it has one."""
        is_own = type(self).compute_output_shape is not Layer.compute_output_shape
        return self.compute_output_shape if is_own else None

    def output_dtype(self, dtypes: list[str]) -> str:
        """Say the dtype of the output for those of the inputs, by name."""
        return self.dtype

    @property
    def input(self) -> Any:
        """The KerasTensors that the layer was first called on."""
        return self._first_call("input").args[0]

    @property
    def output(self) -> Any:
        """The KerasTensors that the layer gave when it was first called on such."""
        outputs = self._first_call("output").outputs
        return outputs[0] if len(outputs) == 1 else outputs

    def _first_call(self, what: str) -> Call:
        if not self._calls:
            raise ArgumentError("keras_layer_calls", name=self.name, what=what)
        return self._calls[0]


def _marking(build: Callable[..., Any]) -> Callable[..., Any]:
    """Let a layer know that it is built after its `build`, and of what shape."""

    def marked(self: Layer, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        object.__setattr__(self, "built", True)
        shape = args[0] if len(args) == 1 and not kwargs else (args or kwargs)
        object.__setattr__(self, "_build_shape", shape)

    marked.__doc__ = build.__doc__
    marked.__wrapped__ = build  # type: ignore[attr-defined]
    return marked


def arguments_of(kind: type[Layer]) -> list[str]:
    """List the arguments that a class of layers takes by name, its own first."""
    found: dict[str, None] = {}
    for one in (kind, Layer):
        for name, parameter in signature(one.__init__).parameters.items():
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found[name] = None
    return [name for name in found if name != "self"]


def _is_numbers(value: Any) -> bool:
    return bool(leaves(value)) and all(isinstance(v, (int, float)) for v in leaves(value))
