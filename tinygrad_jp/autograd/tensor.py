"""The Tensor: an array, and the node that says where it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np
from numpy import ndarray

from ..errors import DTypeError, GradientError, OptionError, RuleError, ShapeError
from ..vocabulary.rule import label
from . import apply as generic
from . import backward as engine
from .apply import wrap
from .explain import shown_name
from .functions import Methods
from .generate import scope
from .hooks import RemovableHook, add_hook
from .memory import Data, changed, guarded, is_same_view, plain, tick
from .mode import changes
from .node import Leaf, Node, note
from .operators import Operators
from .protocols import REDUCTIONS, answer, as_data, call

Array = Any


class Tensor(Operators, Methods):
    """An n-dimensional array that records what is computed from it.

    data: a number, nested lists, an array or a Tensor; always copied. Python floats take the
        default dtype (float32, see set_default_dtype), arrays keep theirs, a 0-d array its shape.
    dtype: a NumPy dtype; None keeps or infers it.
    requires_grad: gather the gradient of this Tensor in `.grad`; floating point only.
    Raises DTypeError for integers with requires_grad, or for what is not numbers.

    >>> import tinygrad_jp as tj
    >>> x = tj.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    __slots__ = ("__weakref__", "_data", "_name", "_node")
    __array_priority__ = 1000

    _data: Array
    _node: Any
    _name: str

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        self._data = as_data(data, dtype)
        self._node = None
        if requires_grad:
            self.requires_grad_()

    # ── what it is ──────────────────────────────────────────────────────────────────────────

    @property
    def data(self) -> Array:
        """The values, as a view: writes go through, and a graph that needs them will notice."""
        return guarded(self._data) if type(self._data) is ndarray else self._data

    @data.setter
    def data(self, value: Any) -> None:
        if isinstance(value, Data) and is_same_view(value, self._data):
            return  # `p.data -= ...` has written already
        array = as_data(value, None)
        changes[0] += 1
        if isinstance(self._node, Leaf):
            if array.shape != self._node.shape:
                self._node.shape = array.shape
            self._node.dtype = array.dtype
        self._data = array

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._data.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the values."""
        return self._data.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> Size:
        """The number of elements; called as PyTorch's size(), the shape."""
        return Size(self._data.size, self._data.shape)

    @property
    def device(self) -> str:
        """Where the values are: "cpu"."""
        return "cpu" if isinstance(self._data, ndarray) else "gpu"

    @property
    def name(self) -> str | None:
        """A name for pictures and error texts; None until one is given."""
        return getattr(self, "_name", None)

    @name.setter
    def name(self, value: str | None) -> None:
        self._name = value  # type: ignore[assignment]
        if isinstance(self._node, Node):
            note(self._node)["name"] = value

    # ── its place in the graph ──────────────────────────────────────────────────────────────

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient can come back to this Tensor."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Gather the gradient of this Tensor in `.grad`, or no longer; gives itself.

        Raises DTypeError unless it is floating point; GradientError on turning it off for a
        Tensor that was computed (use detach).
        """
        changes[0] += 1
        if not requires_grad:
            if isinstance(self._node, Node):
                raise GradientError("not_a_leaf", name=shown_name(self))
            self._node = None
        elif self._node is None:
            if self._data.dtype.kind != "f":
                raise DTypeError(
                    "requires_grad_dtype", dtype=self._data.dtype, name=shown_name(self)
                )
            self._node = Leaf(self._data.shape, self._data.dtype, tick(), ref(self))
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the user made this Tensor, rather than an operation that is recorded."""
        return not isinstance(self._node, Node)

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this Tensor; None for a leaf."""
        return self._node if isinstance(self._node, Node) else None

    @property
    def grad(self) -> Tensor | None:
        """The gradient gathered so far; None until there is one."""
        node = self._node
        if node is None:
            return None
        if isinstance(node, Node):
            return note(node).get("grad") if hasattr(node, "note") else None
        if node.grad is not None and not isinstance(node.grad, Tensor):
            node.grad = wrap(node.grad)  # the same object at every look, as p.grad is p.grad
        return node.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if not isinstance(self._node, Leaf):
            if value is None:
                return
            raise GradientError("input_no_grad", index=0, name=shown_name(self))
        if value is not None:
            value = value if isinstance(value, Tensor) else Tensor(value, self._data.dtype)
            if value.shape != self.shape:
                raise ShapeError("gradient_shape", given=value.shape, shape=self.shape)
        self._node.grad = value

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add the gradient of this Tensor to `.grad` of every leaf it was computed from.

        gradient: the gradient to start with, of this Tensor's shape; 1 for a scalar.
        retain_graph: keep the graph, to go back through it again (else it is freed).
        create_graph: record the backward pass too, so that `.grad` can be differentiated.
        Raises GradientError: no graph, not a scalar, freed already, or changed in place since.
        """
        engine.backward(self, gradient, retain_graph, create_graph)

    def retain_grad(self) -> None:
        """Keep the gradient of this intermediate Tensor in its `.grad`."""
        node = self._node
        if isinstance(node, Node):
            kept = note(node)

            def keep(g: Tensor) -> None:
                old = kept.get("grad")
                kept["grad"] = g if old is None else old + g

            if "keeps" not in kept:
                kept["keeps"] = add_hook(self, keep)

    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHook:
        """Call hook(gradient) whenever the gradient of this Tensor is known.

        What the hook returns, unless None, takes the gradient's place.
        """
        return RemovableHook(add_hook(self, hook))

    def detach(self) -> Tensor:
        """Give the same values, in the same memory, outside the graph."""
        return wrap(self._data)  # type: ignore[no-any-return]

    # ── out of the graph, into Python and NumPy ─────────────────────────────────────────────

    def numpy(self) -> Array:
        """Give the values as an array that shares this Tensor's memory (see `.data`)."""
        return self.data

    def item(self) -> Any:
        """Give the one element as a Python number; ShapeError if there is not just one."""
        if self._data.size != 1:
            raise ShapeError("item_not_one", shape=self.shape)
        return self._data.item()

    def tolist(self) -> Any:
        """Give the values as nested lists of Python numbers."""
        return self._data.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if self._node is not None:
            raise GradientError("array_of_grad", name=shown_name(self))
        if type(self._data) is not ndarray:
            return np.asarray(self._data)  # a GPU array refuses in its own words
        if dtype is not None and dtype != self._data.dtype:
            return self._data.astype(dtype)
        if copy:
            return self._data.copy()
        view = self._data.view()
        view.flags.writeable = False  # writes behind our back would change recorded values
        return view

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            return self._into(ufunc, method, inputs, kwargs)
        if method == "outer":
            a, b = inputs
            a = np.reshape(a, np.shape(a) + (1,) * np.ndim(b))
            return call(ufunc, (a, b), kwargs)
        if method != "__call__":
            whole = REDUCTIONS.get((ufunc, method))
            if whole is None:
                raise RuleError("ufunc_method", op=ufunc.__name__, method=method)
            kwargs.setdefault("axis", 0)
            return call(whole, inputs, kwargs)
        return call(ufunc, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call(func, args, kwargs)

    def _into(self, ufunc: Any, method: str, inputs: Any, kwargs: Any) -> Any:
        """Serve `array += tensor` and np.add(t, u, out=w): write values, where no gradient is."""
        outs = kwargs.pop("out")
        result = getattr(ufunc, method)(*inputs, **kwargs)
        (out,) = outs if isinstance(outs, tuple) else (outs,)
        if isinstance(out, Tensor):
            return out.copy_(result)
        if result.requires_grad:
            raise GradientError("array_of_grad", name=shown_name(result))
        plain(out)[...] = result._data
        changed(out)
        return out

    def __len__(self) -> int:
        if self.ndim == 0:
            raise ShapeError("len_of_0d")
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise ShapeError("len_of_0d")
        return (self[i] for i in range(len(self._data)))

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ShapeError("bool_not_one", shape=self.shape)
        return bool(self._data)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "biu":
            raise DTypeError("not_an_index", dtype=self.dtype)
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self._data.size == 1 else str(self)

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    __hash__ = object.__hash__

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: Any) -> Tensor:
        if isinstance(self._node, Node):
            raise GradientError("deepcopy_of_graph", name=shown_name(self))
        twin = type(self).__new__(type(self))
        twin._data, twin._node = self._data.copy("K"), None
        if self.name is not None:
            twin._name = self.name
        if self._node is not None:
            twin.requires_grad_()
            if self.grad is not None:
                twin.grad = Tensor(self.grad)
        return twin

    def __reduce__(self) -> Any:
        return _unpickle, (type(self), np.asarray(self._data), self._node is not None)

    # ── how it shows itself ─────────────────────────────────────────────────────────────────

    def __repr__(self) -> str:
        body = np.array2string(self._data, separator=", ", prefix="tensor(")
        extra = ""
        if self._data.dtype not in (generic.default_dtype[0], np.dtype(int), np.dtype(bool)):
            extra += f", dtype={self._data.dtype}"
        if isinstance(self._node, Node):
            extra += f", grad_fn={rule_name(self._node)}"
        elif self._node is not None:
            extra += ", requires_grad=True"
        return f"tensor({body}{extra})"

    def _repr_html_(self) -> str:
        from html import escape

        facts = f"shape={self.shape} dtype={self.dtype}"
        if isinstance(self._node, Node):
            facts += f" grad_fn={rule_name(self._node)}"
        title = f"{self.name}: " if self.name else ""
        body = escape(np.array2string(self._data, separator=", ", threshold=100))
        return f"<div><small>{escape(title + facts)}</small><pre>{body}</pre></div>"


class Size(int):
    """The number of elements (NumPy's `size`), and when called the shape (PyTorch's `size()`)."""

    _shape: tuple[int, ...]

    def __new__(cls, value: int, shape: tuple[int, ...]) -> Size:
        """Remember the shape beside the number."""
        made = super().__new__(cls, value)
        made._shape = shape
        return made

    def __call__(self, dim: int | None = None) -> Any:
        """Give the shape, or the length of one axis."""
        return self._shape if dim is None else self._shape[dim]


def rule_name(node: Node) -> str:
    """Name the operation that made a node."""
    rule = node.plan.rule
    return label(rule.fn) if rule.fn.__name__ != "_item" else rule_name_of_item(node)


def rule_name_of_item(node: Node) -> str:
    """Name one of several results: np.linalg.svd[1]."""
    if node.parents is None:
        return "item"
    return f"{label(node.parents[0].plan.rule.fn)}[{node.saved[0]}]"


def _unpickle(kind: type[Tensor], data: Array, requires_grad: bool) -> Tensor:
    twin = kind.__new__(kind)
    twin._data, twin._node = data, None
    return twin.requires_grad_(requires_grad)


def set_default_dtype(dtype: Any) -> None:
    """Choose the dtype of Python floats: float16, float32 (as it starts) or float64."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise OptionError("default_dtype", given=dtype)
    generic.default_dtype[0] = dtype
    changes[0] += 1


def get_default_dtype() -> np.dtype[Any]:
    """Give the dtype of Python floats."""
    return generic.default_dtype[0]


generic.Tensor = Tensor
scope["Tensor"] = Tensor
scope["answer"] = answer
