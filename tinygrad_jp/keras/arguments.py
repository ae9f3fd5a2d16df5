"""What a layer's `call`, `build` and `__init__` take: read off the functions themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..autograd.structure import leaves, rebuild
from ..autograd.tensor import Tensor
from ..errors import ArgumentError
from .symbolic import KerasTensor

PLAIN = (str, int, float, bool, type(None))


class Signature:
    """What a `call` takes: the names of its arguments, and whether `training` is one."""

    __slots__ = ("names", "takes_training")

    def __init__(self, call: Callable[..., Any]) -> None:
        code = inspect.unwrap(call).__code__
        count = code.co_argcount + code.co_kwonlyargcount
        self.names = code.co_varnames[1:count]
        self.takes_training = "training" in self.names


def shape_of(value: Any) -> Any:
    """Give the shape of a tensor, or of each in nested lists and dicts."""
    return rebuild(value, [tuple(v.shape) for v in leaves(value)])


def is_tensors(value: Any) -> bool:
    """Tell whether an argument is a tensor, or a nest of such."""
    found = leaves(value)
    return bool(found) and all(isinstance(v, (Tensor, KerasTensor)) for v in found)


def build_arguments(
    layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Give the shapes that a layer's `build` is to be called with, for a call's arguments.

    A `build` of one argument gets the first input's shape; one of several gets `x_shape` for the
    argument `x` of `call`, by name. None where there is nothing to tell.
    """
    named = dict(zip(layer._signature.names, args, strict=False)) | kwargs
    tensors = {name: value for name, value in named.items() if is_tensors(value)}
    if not tensors:
        tensors = {str(i): value for i, value in enumerate(args) if is_tensors(value)}
    if not tensors:
        return None
    parameters = [
        p for p in inspect.signature(layer.build).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(parameters) <= 1:
        first = shape_of(next(iter(tensors.values())))
        return ((first,) if parameters else ()), {}
    shapes = {f"{name}_shape": shape_of(value) for name, value in tensors.items()}
    known = {p.name for p in parameters}
    if not set(shapes) >= {p.name for p in parameters if p.default is p.empty}:
        raise ArgumentError(
            "keras_build_arguments", layer=type(layer).__name__, known=", ".join(sorted(known)),
            wanted=", ".join(shapes),
        )
    return (), {name: shape for name, shape in shapes.items() if name in known}


def remembered(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Tell the arguments that a user's layer was made with, where they are plain values.

    Raises ArgumentError where one is not: then the class has to write its own get_config.
    """
    cls = type(layer)
    signature = inspect.signature(cls.__init__)
    bound = signature.bind_partial(layer, *args, **kwargs)
    given: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            given |= {k: v for k, v in value.items() if k not in ("name", "trainable", "dtype")}
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            raise ArgumentError("keras_get_config", layer=cls.__name__, name=f"*{name}")
        elif name not in ("name", "trainable", "dtype"):
            given[name] = value
    for name, value in given.items():
        if not all(isinstance(v, PLAIN) for v in leaves(value)):
            raise ArgumentError("keras_get_config", layer=cls.__name__, name=name)
    return given


def listed_options(cls: type) -> tuple[str, ...] | None:
    """Give the options that a class lists; None where a subclass of it has others."""
    for owner in cls.__mro__:
        if "_options" in owner.__dict__:
            return owner.__dict__["_options"]  # type: ignore[no-any-return]
        if "__init__" in owner.__dict__:
            return None
    return None


def unaccepted(cls: type, config: dict[str, Any]) -> set[str]:
    """List what every layer's config has and this class's `__init__` does not take."""
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return set()
    return {"name", "trainable", "dtype"} & set(config) - set(parameters)


def described(name: str, value: Any) -> Any:
    """Describe an option so that the layer's `__init__` takes it: by name, or by its config."""
    from . import activations, constraints, initializers, regularizers

    kinds: dict[str, Any] = {
        "activation": activations, "initializer": initializers, "regularizer": regularizers,
        "constraint": constraints,
    }
    kind = kinds.get(name.rpartition("_")[2])
    return value if kind is None else kind.serialize(value)
