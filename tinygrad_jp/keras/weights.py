"""What a layer is made of: its variables, the layers in it, and values in and out of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, ShapeError
from ..nn.layout import joined
from ..nn.module import Module
from ..nn.parameter import Parameter
from . import constraints, initializers, regularizers
from .variable import Variable

Array = Any


class Owner(Module):
    """A Module that keeps Keras's account of its variables, and finds layers in lists as well."""

    name: str
    built: bool
    _dtype: np.dtype[Any]
    _trainable: bool
    _trainable_weights: list[Variable]
    _frozen_weights: list[Variable]  # those that no optimizer moves: statistics, counters

    # ── weights ─────────────────────────────────────────────────────────────────────────────

    def add_weight(
        self, shape: Any = None, initializer: Any = None, dtype: Any = None,
        trainable: bool = True, autocast: bool = True, regularizer: Any = None,
        constraint: Any = None, aggregation: Any = None, overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a Variable that belongs to this layer.

        initializer: by name, object or function; Glorot's uniform one for floats, unless given.
        regularizer, constraint: by name, object or function.
        """
        if not self.__dict__.get("_trainable_weights", None) and "training" not in self.__dict__:
            raise ArgumentError("init_first", module=type(self).__name__, name=name or "weight")
        kind = np.dtype(dtype) if dtype is not None else self._dtype
        if initializer is None:
            initializer = "glorot_uniform" if kind.kind == "f" else "zeros"
        if isinstance(shape, (int, np.integer)):
            shape = (int(shape),)
        shape = () if shape is None else tuple(shape)
        if any(n is None for n in shape):
            raise ShapeError("keras_weight_shape", layer=self.name, name=name, shape=shape)
        made = Variable(
            initializers.get(initializer), shape, kind, trainable and self._trainable, name=name
        )
        made.path = f"{self.name}/{made.name}"
        made.regularizer = regularizers.get(regularizer)
        made.constraint = constraints.get(constraint)
        self._own(made, trainable)
        return made

    def _own(self, variable: Variable, trainable: bool) -> None:
        """Count a variable among this layer's, under an attribute that a Module finds."""
        (self._trainable_weights if trainable else self._frozen_weights).append(variable)
        key = name = (variable.name or "weight").replace(".", "_")
        number = 0
        while self.__dict__.get(key) is not None or hasattr(type(self), key):
            number += 1
            key = f"{name}_{number}"
        self.__dict__.pop(key, None)  # a None there: weights stand in the order of their making
        object.__setattr__(self, key, variable)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable) and "training" in self.__dict__:
            known = [*self._trainable_weights, *self._frozen_weights]
            if not any(value is v for v in known):
                (self._trainable_weights if value.trainable else self._frozen_weights).append(value)
            for key in [k for k, v in self.__dict__.items() if v is value and k != name]:
                object.__delattr__(self, key)  # the name that add_weight had found for it
                self.__dict__.pop(name, None)
        if type(value) in (list, tuple, dict) or isinstance(getattr(type(self), name, 0), property):
            object.__setattr__(self, name, value)  # lists of layers are followed, see _tracked
        elif isinstance(value, Tensor) and not isinstance(value, Parameter):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def variables(self) -> list[Variable]:
        """All variables of this layer and the layers in it, each once."""
        return self.weights

    @property
    def weights(self) -> list[Variable]:
        """The weights of this layer, those of no optimizer last, then of the layers in it."""
        found: dict[int, Any] = {
            id(v): v for v in (*self._trainable_weights, *self._frozen_weights)
        }
        for _, child in self._tracked():
            more = child.weights if isinstance(child, Owner) else child.parameters()
            found.update((id(v), v) for v in more)
        return list(found.values())

    @property
    def trainable_variables(self) -> list[Variable]:
        """The weights that an optimizer moves."""
        return [v for v in self.weights if v.requires_grad] if self._trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The weights that no optimizer moves: frozen ones, and statistics."""
        moved = {id(v) for v in self.trainable_variables}
        return [v for v in self.weights if id(v) not in moved]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may move the weights; setting it freezes or frees all of them."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        object.__setattr__(self, "_trainable", bool(value))
        for variable in self._trainable_weights:
            variable.trainable = value
        for _, child in self._tracked():
            if isinstance(child, Owner):
                child.trainable = value
            else:
                child.requires_grad_(value)

    @property
    def dtype(self) -> str:
        """The dtype of the weights, by name."""
        return self._dtype.name

    variable_dtype = compute_dtype = dtype

    def count_params(self) -> int:
        """Count the numbers in all weights. Raises ArgumentError before the layer is built."""
        if not self.built and not self.weights:
            raise ArgumentError("keras_not_built", name=self.name, kind=type(self).__name__)
        return sum(v._data.size for v in self.weights)

    def get_weights(self) -> list[Array]:
        """Give copies of all weights, in the order of `weights`."""
        return [v._data.copy() for v in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Write values into all weights, in the order of `weights`.

        Raises ShapeError where their number or a shape does not fit; then nothing has changed.
        """
        mine, given = self.weights, [np.asarray(w) for w in weights]
        if len(mine) != len(given):
            raise ShapeError(
                "keras_set_weights", name=self.name, given=len(given), wanted=len(mine),
                names=", ".join(v.path for v in mine),
            )
        for variable, array in zip(mine, given, strict=True):
            if array.shape != variable.shape:
                raise ShapeError(
                    "keras_assign", name=variable.path, given=array.shape, shape=variable.shape
                )
        for variable, array in zip(mine, given, strict=True):
            variable.assign(array)

    # ── the layers in it ────────────────────────────────────────────────────────────────────

    def _tracked(self) -> Iterator[tuple[str, Module]]:
        """Give the layers that are attributes of this one, in lists and dicts too, with names."""
        for name, value in list(self.__dict__.items()):
            if isinstance(value, Module):
                yield name, value
            elif type(value) in (list, tuple, dict) and name[0] != "_":
                yield from _listed(name, value)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Give the layers in this one, each once, with their names."""
        seen = set()
        for name, child in self._tracked():
            if child not in seen:
                seen.add(child)
                yield name, child

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Give this layer ("") and all below it, parents first, with their dotted names."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._tracked():
            yield from child.named_modules(memo, joined(prefix, name), remove_duplicate)

    def get_submodule(self, target: str) -> Module:
        """Find a layer by its dotted name; "" is this one. Raises OptionError if there is none."""
        if not target:
            return self
        for name, child in self._tracked():
            if target == name:
                return child
            if target.startswith(f"{name}."):
                return child.get_submodule(target.removeprefix(f"{name}."))
        raise OptionError("no_submodule", name=target, module=type(self).__name__)

    def _shown_children(self) -> list[str]:
        shown = ((name, repr(child).replace("\n", "\n  ")) for name, child in self.named_children())
        return [f"({name}): {text}" for name, text in shown]

    def extra_repr(self) -> str:
        """Say the name."""
        return f"name={self.name}"


def _listed(name: str, value: Any) -> Iterator[tuple[str, Module]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in pairs:
        if isinstance(item, Module):
            yield f"{name}.{key}", item
        elif type(item) in (list, tuple, dict):
            yield from _listed(f"{name}.{key}", item)
