"""Python's operators on Tensors, and changes in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy import ndarray

from ..errors import DTypeError, GradientError, ShapeError
from ..vocabulary.primitives import getitem, set_at
from ..vocabulary.rule import REGISTRY, Rule, label
from . import apply as generic
from .explain import explained
from .generate import op
from .memory import changed, own
from .mode import is_grad_enabled, recording
from .node import Leaf, Node

if TYPE_CHECKING:
    from .tensor import Tensor

add, subtract, multiply, divide = op(np.add), op(np.subtract), op(np.multiply), op(np.divide)
power, matmul, negative = op(np.power), op(np.matmul), op(np.negative)
_getitem, _set_at = op(getitem), op(set_at)


VIEWS = {
    getitem, np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.squeeze,
    np.expand_dims, np.broadcast_to, np.diagonal,
}  # operations whose result shows the memory of their argument


def index_of(key: Any) -> Any:
    """Make an index of our own out of the user's: Tensors and lists become arrays, copied."""
    if isinstance(key, tuple):
        return tuple(map(index_of, key))
    if isinstance(key, generic.Tensor):
        return key._data if key._data.dtype.kind in "bi" else key
    if isinstance(key, list):
        return np.asarray(key, dtype=None if key else int)
    if isinstance(key, ndarray) and recording.get() is not None:
        return recording.get().tape.state(key)
    return own(key)


class Operators:
    """What +, *, [], == and their kin mean; a base class of Tensor."""

    __slots__ = ()

    if TYPE_CHECKING:
        _data: Any
        _node: Any
        name: str | None

    __add__ = add
    __sub__ = subtract
    __mul__ = multiply
    __truediv__ = divide
    __floordiv__ = op(np.floor_divide)
    __mod__ = op(np.remainder)
    __pow__ = power
    __matmul__ = matmul
    __neg__ = negative
    __abs__ = op(np.absolute)

    def __radd__(self, other: Any) -> Tensor:
        return add(other, self)

    def __rsub__(self, other: Any) -> Tensor:
        return subtract(other, self)

    def __rmul__(self, other: Any) -> Tensor:
        return multiply(other, self)

    def __rtruediv__(self, other: Any) -> Tensor:
        return divide(other, self)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return op(np.floor_divide)(other, self)

    def __rmod__(self, other: Any) -> Tensor:
        return op(np.remainder)(other, self)

    def __rpow__(self, other: Any) -> Tensor:
        return power(other, self)

    def __rmatmul__(self, other: Any) -> Tensor:
        return matmul(other, self)

    def __pos__(self) -> Tensor:
        return self  # type: ignore[return-value]

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __eq__(self, other: object) -> Any:
        return _compare(np.equal, self, other)

    def __ne__(self, other: object) -> Any:
        return _compare(np.not_equal, self, other)

    def __lt__(self, other: Any) -> Tensor:
        return np.less(self, other)  # type: ignore[call-overload, no-any-return]

    def __le__(self, other: Any) -> Tensor:
        return np.less_equal(self, other)  # type: ignore[call-overload, no-any-return]

    def __gt__(self, other: Any) -> Tensor:
        return np.greater(self, other)  # type: ignore[call-overload, no-any-return]

    def __ge__(self, other: Any) -> Tensor:
        return np.greater_equal(self, other)  # type: ignore[call-overload, no-any-return]

    def __and__(self, other: Any) -> Tensor:
        return np.bitwise_and(self, other)  # type: ignore[call-overload, no-any-return]

    def __or__(self, other: Any) -> Tensor:
        return np.bitwise_or(self, other)  # type: ignore[call-overload, no-any-return]

    def __xor__(self, other: Any) -> Tensor:
        return np.bitwise_xor(self, other)  # type: ignore[call-overload, no-any-return]

    def __invert__(self) -> Tensor:
        return np.invert(self)  # type: ignore[call-overload, no-any-return]

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    __hash__ = object.__hash__

    def __getitem__(self, key: Any) -> Tensor:
        return _getitem(self, index_of(key))

    # ── in place ────────────────────────────────────────────────────────────────────────────
    #
    # On a leaf that requires a gradient: only under no_grad. On a Tensor outside any graph: its
    # memory changes, and is reported. Inside a graph the name is moved to the new result and the
    # old array stays for whoever recorded it, so every gradient is right.

    def __setitem__(self, key: Any, value: Any) -> None:
        key = index_of(key)
        if self._recorded_with(value):
            if self._data.dtype.kind != "f":
                self._refuse_dtype(set_at, value)  # it would lose the gradient of value
            self._become(_set_at(self, value, key))
            return
        try:
            self._data[key] = value._data if isinstance(value, generic.Tensor) else value
        except (ValueError, TypeError, IndexError) as reason:
            raise explained(cast(Rule, REGISTRY[set_at]), (self, value), (key,), reason) from reason
        changed(self._data)

    def copy_(self, value: Any) -> Tensor:
        """Put the values of `value`, broadcast, in place of this Tensor's."""
        self._refuse_view()
        self[...] = value
        return self  # type: ignore[return-value]

    def fill_(self, value: float) -> Tensor:
        """Put one number everywhere, in place."""
        self._refuse_view()
        self[...] = value
        return self  # type: ignore[return-value]

    def zero_(self) -> Tensor:
        """Put zero everywhere, in place."""
        return self.fill_(0)

    def __iadd__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self._in_place(np.add, add, other)

    def __isub__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self._in_place(np.subtract, subtract, other)

    def __imul__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self._in_place(np.multiply, multiply, other)

    def __itruediv__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self._in_place(np.divide, divide, other)

    def __ipow__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self._in_place(np.power, power, other)

    def add_(self, other: Any, *, alpha: float = 1) -> Tensor:
        """Add alpha · other, in place."""
        self._refuse_view()
        return self.__iadd__(other if alpha == 1 else other * alpha)

    def sub_(self, other: Any, *, alpha: float = 1) -> Tensor:
        """Subtract alpha · other, in place."""
        self._refuse_view()
        return self.__isub__(other if alpha == 1 else other * alpha)

    def mul_(self, other: Any) -> Tensor:
        """Multiply by other, in place."""
        self._refuse_view()
        return self.__imul__(other)

    def div_(self, other: Any) -> Tensor:
        """Divide by other, in place."""
        self._refuse_view()
        return self.__itruediv__(other)

    def _refuse_view(self) -> None:
        """Refuse y[:2].zero_() inside a graph: y would not follow, as y[:2] = 0 makes it do."""
        if not isinstance(self._node, Node) or not is_grad_enabled():
            return
        fn = self._node.plan.rule.fn
        if fn in VIEWS and self._data.base is not None:
            self._recorded_with(None)  # a view of a leaf is refused as the leaf is
            raise GradientError("view_in_place", op=label(fn))

    def _recorded_with(self, other: Any) -> bool:
        """Tell whether a change in place belongs to a graph; refuse it on a leaf."""
        if not is_grad_enabled():
            return False
        node = self._node
        if isinstance(node, Leaf):
            raise GradientError("leaf_in_place", name=f" '{self.name}'" if self.name else "")
        for parent in getattr(node, "parents", None) or ():  # x[:2] and x.view(-1) are x still
            leaf = parent.owner() if isinstance(parent, Leaf) else None
            if leaf is not None and np.may_share_memory(leaf._data, self._data):
                raise GradientError("leaf_in_place", name=f" '{leaf.name}'" if leaf.name else "")
        return self._node is not None or getattr(other, "_node", None) is not None

    def _in_place(self, ufunc: Any, operation: Any, other: Any) -> Tensor:
        if self._recorded_with(other):
            result = operation(self, other)
            if result.shape != self._data.shape:
                raise ShapeError(
                    "in_place_shape", op=ufunc.__name__, result=result.shape, shape=self._data.shape
                )
            if not np.can_cast(result.dtype, self._data.dtype, "same_kind"):
                self._refuse_dtype(ufunc, other)
            self._become(result)
            return self  # type: ignore[return-value]
        value = other._data if isinstance(other, generic.Tensor) else other
        if type(self._data) is not ndarray and not hasattr(self._data, "written"):
            self._data = ufunc(self._data, value)  # on a GPU
            return self  # type: ignore[return-value]
        try:
            if type(self._data) is ndarray:
                ufunc(self._data, value, out=self._data, casting="same_kind")
            else:
                ufunc(self._data, value, out=self._data)
        except ValueError as reason:
            shape = np.shape(value)
            raise ShapeError(
                "in_place_shape", op=ufunc.__name__, result=shape, shape=self._data.shape
            ) from reason
        except TypeError:
            self._refuse_dtype(ufunc, value)
        changed(self._data)
        return self  # type: ignore[return-value]

    def _refuse_dtype(self, ufunc: Any, value: Any) -> None:
        other = getattr(value, "dtype", type(value).__name__)
        raise DTypeError("in_place_dtype", op=ufunc.__name__, other=other, dtype=self._data.dtype)

    def _become(self, result: Tensor) -> None:
        if result._data.dtype != self._data.dtype:
            result = generic.cast_to(result, self._data.dtype)
        self._data, self._node = result._data, result._node


def _compare(ufunc: Any, a: Any, b: Any) -> Any:
    if b is None or isinstance(b, str):
        return NotImplemented
    return ufunc(a, b)
