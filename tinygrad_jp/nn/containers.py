"""Modules made of a list or a dict of others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

from ..errors import ArgumentError, OptionError
from .layout import tree
from .module import Module
from .parameter import Parameter

T = TypeVar("T")
L = TypeVar("L", bound="Numbered[Any]")


class Numbered(Module, Generic[T]):
    """A list of items that are attributes "0", "1", ... of the module."""

    _items: list[T]  # the same items in order, ready to be walked over

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__()
        object.__setattr__(self, "_items", [])
        self.extend(items)

    def _checked(self, item: Any) -> Any:
        if not isinstance(item, Module):
            raise ArgumentError("not_a_module", given=_kind(item))
        return item

    def _keys(self) -> list[str]:
        return [name for name, value in self.__dict__.items() if isinstance(value, Module)]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self._sync()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._sync()

    def _sync(self) -> None:
        items = [self.__dict__[key] for key in self._keys()]
        object.__setattr__(self, "_items", items)

    def _renew(self, items: Iterable[Any]) -> None:
        """Number the items anew."""
        items = [self._checked(item) for item in items]
        for key in self._keys():
            object.__delattr__(self, key)
        for i, item in enumerate(items):
            Module.__setattr__(self, str(i), item)
        self._sync()

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        return True  # an empty container is still a module

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._items))

    def __contains__(self, item: object) -> bool:
        return any(item is mine for mine in self._items)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(index)
        return self._items[self._place(index)]

    def _part(self, index: slice) -> Any:
        return type(self)(self._items[index])

    def _place(self, index: Any) -> int:
        size = len(self._items)
        place = index.__index__()
        if not -size <= place < size:
            raise OptionError("container_index", index=place, kind=type(self).__name__, size=size)
        return int(place % size)

    def __setitem__(self, index: int, item: Any) -> None:
        setattr(self, self._keys()[self._place(index)], self._checked(item))

    def __delitem__(self, index: Any) -> None:
        kept = list(self._items)
        del kept[index if isinstance(index, slice) else self._place(index)]
        self._renew(kept)

    def append(self: L, item: Any) -> L:
        """Put one more at the end; gives itself."""
        setattr(self, str(len(self)), self._checked(item))
        return self

    def extend(self: L, items: Iterable[Any]) -> L:
        """Put several more at the end; gives itself."""
        for item in items:
            self.append(item)
        return self

    def insert(self: L, index: int, item: Any) -> L:
        """Put one before the place `index`; gives itself."""
        items = list(self._items)
        items.insert(index, item)
        self._renew(items)
        return self

    def pop(self, index: int = -1) -> T:
        """Take one out, and give it."""
        item = self._items[self._place(index)]
        del self[index]
        return item

    def __add__(self: L, other: Iterable[Any]) -> L:
        return type(self)([*self._items, *other])

    def __iadd__(self: L, other: Iterable[Any]) -> L:
        return self.extend(other)


class Sequential(Numbered[Module]):
    """Modules called one after another, each on what the one before it gave.

    Takes modules, or one dict of names to modules. Raises ArgumentError for what is no module
    (nn.functional's functions have a module each: nn.ReLU() for F.relu).

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp import nn
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    >>> net(tj.ones(5, 2)).shape
    (5, 2)
    >>> net[0]
    Linear(in_features=2, out_features=3, bias=True)
    """

    def __init__(self, *modules: Any) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            super().__init__()
            for name, module in modules[0].items():
                self.add_module(name, self._checked(module))
        else:
            super().__init__(modules)

    def forward(self, x: Any) -> Any:
        """Send x through every module in turn."""
        for module in self._items:
            x = module(x)
        return x

    def _part(self, index: slice) -> Any:
        names = self._keys()[index]
        return type(self)({name: self.__dict__[name] for name in names})

    def __add__(self, other: Iterable[Any]) -> Any:
        return type(self)(*self._items, *other)


class ModuleList(Numbered[Module]):
    """A list whose modules are known to the module that holds it; call them yourself.

    >>> from tinygrad_jp import nn
    >>> nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
    ModuleList(
      (0-2): 3 x Linear(in_features=4, out_features=4, bias=True)
    )
    """

    def _shown_children(self) -> list[str]:
        runs: list[tuple[str, str, int]] = []  # first name, text, how many alike
        for name in self._keys():
            shown = repr(self.__dict__[name])
            if runs and runs[-1][1] == shown:
                runs[-1] = (runs[-1][0], shown, runs[-1][2] + 1)
            else:
                runs.append((name, shown, 1))
        return [
            (f"({first}): {shown}" if count == 1
             else f"({first}-{int(first) + count - 1}): {count} x {shown}").replace("\n", "\n  ")
            for first, shown, count in runs
        ]


class ParameterList(Numbered[Parameter]):
    """A list of Parameters known to the module that holds it; Tensors and arrays become such."""

    def _checked(self, item: Any) -> Any:
        return item if isinstance(item, Parameter) else Parameter(item)

    def _keys(self) -> list[str]:
        return [name for name, value in self.__dict__.items() if isinstance(value, Parameter)]

    def _shown_children(self) -> list[str]:
        return [f"({name}): {_facts(self.__dict__[name])}" for name in self._keys()]


class Named(Module, Generic[T]):
    """A dict of items that are attributes of the module."""

    def __init__(self, items: Any = None) -> None:
        super().__init__()
        if items is not None:
            self.update(items)

    def _checked(self, item: Any) -> Any:
        if not isinstance(item, Module):
            raise ArgumentError("not_a_module", given=_kind(item))
        return item

    def keys(self) -> list[str]:
        """List the names, in order."""
        return [name for name, value in self.__dict__.items() if isinstance(value, Module)]

    def values(self) -> list[T]:
        """List the items, in order."""
        return [self.__dict__[name] for name in self.keys()]

    def items(self) -> list[tuple[str, T]]:
        """List names and items, in order."""
        return [(name, self.__dict__[name]) for name in self.keys()]

    def update(self, items: Any) -> None:
        """Put in the items of a dict, or pairs."""
        for name, item in items.items() if hasattr(items, "items") else items:
            self[name] = item

    def pop(self, name: str) -> T:
        """Take one out, and give it."""
        item = self[name]
        del self[name]
        return item

    def clear(self) -> None:
        """Take all out."""
        for name in self.keys():
            del self[name]

    def __getitem__(self, name: str) -> T:
        if name not in self:
            raise OptionError(
                "container_key", name=name, kind=type(self).__name__, names=self.keys()
            )
        return cast(T, self.__dict__[name])

    def __setitem__(self, name: str, item: Any) -> None:
        if name not in self:
            self._check_name(name)
        setattr(self, name, self._checked(item))

    def __delitem__(self, name: str) -> None:
        self[name]  # refuses a name that is not there
        delattr(self, name)

    def __len__(self) -> int:
        return len(self.keys())

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()


class ModuleDict(Named[Module]):
    """A dict whose modules are known to the module that holds it; call them yourself."""


class ParameterDict(Named[Parameter]):
    """A dict of Parameters known to the module that holds it; Tensors and arrays become such."""

    def _checked(self, item: Any) -> Any:
        return item if isinstance(item, Parameter) else Parameter(item)

    def keys(self) -> list[str]:
        """List the names, in order."""
        return [name for name, value in self.__dict__.items() if isinstance(value, Parameter)]

    def __repr__(self) -> str:
        shown = [f"({name}): {_facts(item)}" for name, item in self.items()]
        return tree(type(self).__name__, "", shown)


def _facts(parameter: Parameter) -> str:
    size = "x".join(map(str, parameter.shape)) or "1"
    return f"Parameter containing: [{parameter.dtype} of size {size}]"


def _kind(item: Any) -> str:
    return getattr(item, "__name__", None) or type(item).__name__
