"""Objects as configs of JSON's kinds of values, and back; classes are found by registered names."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ...errors import ArgumentError, OptionError
from ..identifiers import REGISTERED, SCOPED, registered_name
from ..layer import Layer


def serialize_keras_object(obj: Any) -> Any:
    """Describe a layer, a model, a function or a plain value as JSON's kinds of values.

    Raises ArgumentError for a layer whose arguments cannot be told, OptionError for another kind.
    """
    if isinstance(obj, (str, int, float, bool, type(None))):
        return obj
    if isinstance(obj, dict):
        return {key: serialize_keras_object(v) for key, v in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [serialize_keras_object(v) for v in obj]
    if inspect.isfunction(obj):
        return {"class_name": "function", "config": registered_name(obj) or obj.__name__}
    if not hasattr(obj, "get_config"):
        raise OptionError("keras_serialize", kind=type(obj).__name__)
    kind = type(obj)
    described = {
        "module": kind.__module__.replace("tinygrad_jp.", ""), "class_name": kind.__name__,
        "config": plain(obj.get_config()), "registered_name": registered_name(kind),
    }
    shape = getattr(obj, "_build_shape", None)
    if isinstance(obj, Layer) and getattr(obj, "_graph", None) is None and shape is not None:
        described["build_config"] = {"input_shape": plain(shape)}
    return described


def plain(value: Any) -> Any:
    """Turn tuples into lists and objects into their configs, all the way down."""
    if isinstance(value, dict):
        return {str(key): plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        return value.item()
    return value.tolist() if hasattr(value, "tolist") else serialize_keras_object(value)


def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **more: Any
) -> Any:
    """Make what serialize_keras_object described.

    custom_objects: name -> class or function, looked in first. Raises OptionError for a class that
    is neither there, nor registered, nor Keras's.
    """
    if custom_objects:  # what a layer is made with is looked up by name as well
        with CustomObjectScope(custom_objects):
            return deserialize_keras_object(config)
    if isinstance(config, list):
        return [deserialize_keras_object(c) for c in config]
    if not isinstance(config, dict) or "class_name" not in config:
        return config
    name = config["class_name"]
    if name == "function":
        return found(config["config"])
    module = config.get("module", "")
    kind = found(config.get("registered_name") or name, name, module)
    made = kind.from_config(dict(config.get("config") or {}))
    shape = (config.get("build_config") or {}).get("input_shape")
    if isinstance(made, Layer) and not made.built and shape is not None:
        build(made, shape)
    return made


def build(layer: Any, shape: Any) -> None:
    """Build a layer for a shape, or the shapes, that it was built for before."""
    if isinstance(shape, dict):
        layer.build(**{k: as_shape(v) for k, v in shape.items()})
    else:
        layer.build(as_shape(shape))


def as_shape(value: Any) -> Any:
    """Turn a list of lengths into a tuple, and lists of such into lists of tuples."""
    if isinstance(value, dict):
        return {key: as_shape(v) for key, v in value.items()}
    if all(n is None or isinstance(n, int) for n in value):
        return tuple(value)
    return [as_shape(v) for v in value]


def found(name: str, short: str | None = None, module: str = "") -> Any:
    """Find a class or function by name.

    module: where a class was defined; looked into if it is imported already, and never imported.
    """
    from .. import layers, models

    for table in (SCOPED, REGISTERED):
        for key in (name, short):
            if key is not None and key in table:
                return table[key]
    for key, thing in REGISTERED.items():
        if key.partition(">")[2] == (short or name):
            return thing
    short = short or name
    for place in (layers, models):
        if short in place.__all__:
            return getattr(place, short)
    kind = getattr(sys.modules.get(module), short, None)
    if inspect.isclass(kind) and issubclass(kind, Layer):
        return kind
    raise OptionError("keras_not_registered", name=short)


# ── names ───────────────────────────────────────────────────────────────────────────────────────

class CustomObjectScope(AbstractContextManager["CustomObjectScope"]):
    """Let names in configs mean these classes and functions, inside a `with` block."""

    def __init__(self, custom_objects: dict[str, Any]) -> None:
        self.custom_objects = custom_objects

    def __enter__(self) -> CustomObjectScope:
        self._before = dict(SCOPED)
        SCOPED.update(self.custom_objects)
        return self

    def __exit__(self, *error: Any) -> None:
        SCOPED.clear()
        SCOPED.update(self._before)


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict[str, Any]:
    """Give the table of names that are in force everywhere; put names in to add some."""
    return SCOPED


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Any], Any]:
    """Let a class with get_config, or a function, be found again when a model is loaded.

    >>> from tinygrad_jp import keras
    >>> @keras.saving.register_keras_serializable()
    ... def twice(x):
    ...     return 2 * x
    >>> keras.saving.get_registered_name(twice)
    'Custom>twice'
    """

    def register(thing: Any) -> Any:
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ArgumentError("keras_register", name=thing.__name__)
        REGISTERED[f"{package}>{name or thing.__name__}"] = thing
        return thing

    return register


def get_registered_name(thing: Any) -> str:
    """Give the name that a class or function is registered under, or its own."""
    return registered_name(thing) or str(thing.__name__)


def get_registered_object(name: str, custom_objects: Any = None, module_objects: Any = None) -> Any:
    """Find a class or function by its registered name; None if there is none."""
    for place in (custom_objects or {}, SCOPED, REGISTERED, module_objects or {}):
        if name in place:
            return place[name]
    return None


# ── what compile was told ───────────────────────────────────────────────────────────────────────


def compile_config(model: Any) -> dict[str, Any] | None:
    """Tell what compile was given; None before it."""
    from .. import losses, metrics, optimizers

    given = model._compile_arguments
    if given is None:
        return None
    config = {"optimizer": optimizers.serialize(model.optimizer)}
    for name in ("loss", "metrics", "weighted_metrics"):
        kind: Any = losses if name == "loss" else metrics
        config[name] = told(given[name], kind)
    config["loss_weights"] = plain(given["loss_weights"])
    return config


def told(given: Any, kind: Any) -> Any:
    """Describe losses or metrics, nested in lists and dicts."""
    if isinstance(given, dict):
        return {key: told(v, kind) for key, v in given.items()}
    if isinstance(given, (list, tuple)):
        return [told(v, kind) for v in given]
    if inspect.isfunction(given) and registered_name(given):
        return registered_name(given)
    return plain(kind.serialize(given))


def compile_arguments(config: dict[str, Any], custom_objects: Any = None) -> dict[str, Any]:
    """Give the arguments for compile that compile_config told."""
    from .. import losses, metrics, optimizers

    arguments = dict(config)
    arguments["optimizer"] = optimizers.deserialize(config["optimizer"], custom_objects)
    for name in ("loss", "metrics", "weighted_metrics"):
        kind: Any = losses if name == "loss" else metrics
        arguments[name] = read(config.get(name), kind, custom_objects)
    return arguments


def read(given: Any, kind: Any, custom_objects: Any) -> Any:
    """Make the losses or metrics that `told` described; names stay names."""
    if isinstance(given, dict) and "class_name" in given:
        return kind.deserialize(given, {**SCOPED, **(custom_objects or {})})
    if isinstance(given, dict):
        return {key: read(v, kind, custom_objects) for key, v in given.items()}
    if isinstance(given, list):
        return [read(v, kind, custom_objects) for v in given]
    for place in (custom_objects or {}, SCOPED, REGISTERED):
        if given in place:
            return place[given]
    return given
