"""Objects by name: get, serialize and deserialize as every part of Keras has them."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from ..errors import ArgumentError, OptionError

REGISTERED: dict[str, Any] = {}  # what register_keras_serializable put here: "package>name" -> it
SCOPED: dict[str, Any] = {}  # name -> class or function, while a custom_object_scope lasts
_counts: Counter[str] = Counter()


def to_snake_case(name: str) -> str:
    """Write a class name as Keras does.

    >>> to_snake_case("LeakyReLU"), to_snake_case("Dense")
    ('leaky_re_lu', 'dense')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(class_name: str) -> str:
    """Make the next name for an object of a class: "dense", "dense_1", ..."""
    prefix = to_snake_case(class_name)
    count = _counts[prefix]
    _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def forget_names() -> None:
    """Count names from the start again (keras.utils.clear_session)."""
    _counts.clear()


def named(*kinds: Any, **others: Any) -> dict[str, Any]:
    """Make a table of classes by "ClassName" and "class_name", and of whatever else is given."""
    table = {kind.__name__: kind for kind in kinds}
    table.update({to_snake_case(kind.__name__): kind for kind in kinds})
    table.update(others)
    return table


class Table:
    """The objects of one part of Keras by name.

    module: as Keras calls it, "keras.losses".  objects: name -> class or function.
    folds: whether case does not matter, as for optimizers.
    """

    def __init__(self, module: str, objects: dict[str, Any], folds: bool = False) -> None:
        self.module = module
        self.folds = folds
        self.objects = objects

    def find(self, name: str, custom: dict[str, Any] | None = None) -> Any:
        """Find a class or function. Raises OptionError, with what is spelt alike."""
        key = name.lower() if self.folds else name
        for place in (custom or {}, SCOPED, REGISTERED, self.objects):
            if name in place:
                return place[name]
            if key in place:
                return place[key]
        for registered, thing in REGISTERED.items():
            if registered.partition(">")[2] == name:
                return thing
        near = get_close_matches(key, self.objects, 3, 0.5)
        folded = {known.lower(): known for known in self.objects}
        near = near or [folded[n] for n in get_close_matches(name.lower(), folded, 3, 0.5)]
        shown = near or sorted(n for n in self.objects if n[:1].isupper() or self.folds)
        raise OptionError(
            "keras_unknown", module=self.module, name=name, near=", ".join(shown), matches=near
        )

    def get(self, identifier: Any) -> Any:
        """Give the object that a name, a config, a class or an object stands for.

        A class is called without arguments. Raises OptionError for what stands for nothing.
        """
        if identifier is None:
            return None
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        found = self.find(identifier) if isinstance(identifier, str) else identifier
        if not callable(found) and not hasattr(found, "get_config"):
            raise OptionError("keras_identifier", module=self.module, given=identifier)
        return found() if inspect.isclass(found) else found

    def serialize(self, thing: Any) -> Any:
        """Give the config of an object, or the name of a function: what `deserialize` takes."""
        if thing is None or isinstance(thing, (str, dict)):
            return thing
        if inspect.isfunction(thing) or inspect.isbuiltin(thing) or inspect.isclass(thing):
            return thing.__name__
        if not hasattr(thing, "get_config"):
            return getattr(thing, "__name__", type(thing).__name__)
        return {
            "module": self.module, "class_name": type(thing).__name__,
            "config": thing.get_config(), "registered_name": registered_name(type(thing)),
        }

    def deserialize(self, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """Make the object that `serialize` described.

        custom_objects: name -> class or function, looked in first. Raises OptionError for a name
        that nobody knows or a config without "class_name".
        """
        if config is None:
            return None
        if isinstance(config, str):
            found = self.find(config, custom_objects)
            return found() if inspect.isclass(found) else found
        if not isinstance(config, dict) or "class_name" not in config:
            raise OptionError("keras_identifier", module=self.module, given=config)
        name = config.get("registered_name") or config["class_name"]
        if not any(name in place for place in (custom_objects or {}, SCOPED, REGISTERED)):
            name = config["class_name"]
        kind = self.find(name, custom_objects)
        made: Callable[..., Any] = getattr(kind, "from_config", lambda given: kind(**given))
        return made(dict(config.get("config") or {})) if inspect.isclass(kind) else kind


def registered_name(kind: Any) -> str | None:
    """Give the name that a class was registered under, if it was."""
    return next((name for name, thing in REGISTERED.items() if thing is kind), None)


# how others, and Keras before version 3, call arguments
OLD_NAMES = {
    "lr": "learning_rate", "beta1": "beta_1", "beta2": "beta_2", "eps": "epsilon",
    "alpha": "rho", "input_dim": "input_shape", "axes": "axis",
}


def unknown_argument(owner: str, name: str, accepted: Iterable[str]) -> ArgumentError:
    """Make the error for an argument that a class does not take, with what was meant if known."""
    accepted = list(accepted)
    near = OLD_NAMES.get(name) or next(iter(get_close_matches(name, accepted, 1, 0.7)), None)
    facts = {"owner": owner, "name": name, "accepted": ", ".join(accepted)}
    if near in accepted:
        return ArgumentError("keras_argument_near", near=near, **facts)
    return ArgumentError("keras_argument", **facts)


class Configured:
    """What remembers its arguments: get_config and from_config for simple objects.

    A subclass lists its arguments in `_options`, each kept in an attribute of that name.
    """

    _options: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that make this object again."""
        return {name: getattr(self, name) for name in self._options}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make an object from what get_config gave."""
        return cls(**config)

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}={v!r}" for k, v in Configured.get_config(self).items())
        return f"{type(self).__name__}({shown})"
