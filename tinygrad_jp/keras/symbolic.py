"""Tensors that have a shape but no values yet, of which functional models are made."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from ..autograd.structure import leaves
from ..errors import ArgumentError
from .identifiers import auto_name

F = TypeVar("F", bound=Callable[..., Any])
Shape = tuple[int | None, ...]


class KerasTensor:
    """A place in a functional model: what `Input` gives, and a layer called on one.

    shape: None for a length that is not known yet, the batch above all. dtype: by name.
    history: the call that it comes from, and its place among that call's outputs.
    """

    __slots__ = ("dtype", "history", "name", "shape")

    def __init__(
        self, shape: Shape, dtype: Any = "float32", name: str | None = None,
        history: tuple[Call, int] | None = None,
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = str(dtype)
        self.name = name or auto_name("KerasTensor")
        self.history = history

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    rank = ndim

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def _refused(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentError("keras_symbolic_value", name=self.name, shape=self.shape)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Take np.exp(tensor) and array * tensor as keras.ops.exp and multiply."""
        return self._by_name(ufunc.__name__ if method == "__call__" else "", inputs, kwargs)

    def __array_function__(self, fn: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Take np.sum(tensor) as keras.ops.sum."""
        return self._by_name(fn.__name__, args, kwargs)

    def _by_name(self, name: str, args: Any, kwargs: Any) -> Any:
        from . import ops

        fn = vars(ops).get(name)
        return self._refused() if fn is None or "out" in kwargs else fn(*args, **kwargs)

    __array__ = __bool__ = __float__ = __int__ = __index__ = __len__ = __iter__ = _refused
    numpy = item = tolist = backward = _refused


class Call:
    """One symbolic call of a layer: a node of the functional graph."""

    __slots__ = ("args", "inputs", "kwargs", "layer", "outputs")

    def __init__(
        self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: list[KerasTensor]
    ) -> None:
        self.layer = layer
        self.args = args
        self.kwargs = kwargs
        self.inputs = symbols([args, kwargs])
        self.outputs = outputs

    @property
    def index(self) -> int:
        """Which of its layer's calls this is."""
        calls: list[Call] = self.layer._calls
        return next(i for i, call in enumerate(calls) if call is self)


def symbols(value: Any) -> list[KerasTensor]:
    """List the KerasTensors in nested lists, tuples and dicts."""
    return [x for x in leaves(value) if isinstance(x, KerasTensor)]


# what an operator on a KerasTensor is called in a model, and what it does
OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "true_divide": operator.truediv, "floor_divide": operator.floordiv, "mod": operator.mod,
    "power": operator.pow, "matmul": operator.matmul, "negative": operator.neg,
    "absolute": operator.abs, "get_item": operator.getitem, "less": operator.lt,
    "less_equal": operator.le, "greater": operator.gt, "greater_equal": operator.ge,
}


def record(name: str, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Put a function into the functional graph as an operation of that name."""
    from .layers.operation import Operation

    return Operation(name, fn)(*args, **kwargs)


# what Keras calls the first arguments of its functions; here they have other names, or none
FIRST = ("condition", "x", "x1", "x2")


def recordable(fn: F, name: str | None = None) -> F:
    """Let a function of Tensors take KerasTensors as well: then it becomes part of the model.

    Its first arguments may be called as Keras calls them, too. name: Keras's, where it is another.
    """

    @wraps(fn)
    def either(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args += tuple([kwargs.pop(name) for name in FIRST if name in kwargs])
        for value in args:
            if type(value) is KerasTensor or (type(value) in (list, tuple) and symbols(value)):
                return record(either.__name__, either, args, kwargs)
        if kwargs and symbols(kwargs):
            return record(either.__name__, either, args, kwargs)
        return fn(*args, **kwargs)

    either.__name__ = name or fn.__name__
    return cast(F, either)


def _operator(name: str, is_reflected: bool = False) -> Any:
    fn = OPERATORS[name]

    def method(self: KerasTensor, *others: Any) -> Any:
        args = (*others, self) if is_reflected else (self, *others)
        return record(name, fn, args, {})

    return method


for _method, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "mod", "pow": "power", "matmul": "matmul",
}.items():
    setattr(KerasTensor, f"__{_method}__", _operator(_name))
    setattr(KerasTensor, f"__r{_method}__", _operator(_name, is_reflected=True))
for _method, _name in {
    "neg": "negative", "abs": "absolute", "getitem": "get_item", "lt": "less", "le": "less_equal",
    "gt": "greater", "ge": "greater_equal",
}.items():
    setattr(KerasTensor, f"__{_method}__", _operator(_name))
