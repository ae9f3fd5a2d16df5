"""Functions to functions, as in JAX: grad, vjp, jvp, jacobian, hessian, hvp.

Each call gives the function arguments of its own, with nodes of their own, so that a gradient
with respect to an argument is never mixed up with a Tensor that the function closes over, nor with
another level of differentiation. Nothing touches a `.grad`. The result leads back into a graph
only if there is somebody outside to ask for its gradient: an outer transform, or a Tensor that the
function closes over. Else the plain, fast backward pass runs and the graph is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any
from weakref import ref

import numpy as np
from numpy import ndarray

from ..errors import ArgumentError, DTypeError, GradientError, OptionError, ShapeError
from . import backward as engine
from .apply import cast_to, wrap
from .generate import op
from .memory import tick
from .mode import enable_grad, is_grad_enabled
from .node import Leaf
from .structure import flatten, leaves, rebuild, shape_of
from .tensor import Tensor

Array = Any
Argnums = int | Sequence[int]
_again = op(np.positive)


class _Lent(ref[Tensor]):
    """The owner of a leaf that a transform made for one call: nobody else asks for its gradient."""

    __slots__ = ()


def is_lent(leaf: Leaf) -> bool:
    """Tell whether a leaf is an argument that a transform made for one call."""
    return isinstance(leaf.owner, _Lent)


class Level:
    """One call of a function on arguments of its own, recorded."""

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any],
        argnums: Argnums, has_aux: bool = False,
    ) -> None:
        self.name = getattr(f, "__name__", type(f).__name__)
        places = _places(self.name, argnums, len(args))
        self.wanted = tuple(args[i] for i in places)
        self.single = isinstance(argnums, (int, np.integer))
        self.recording = is_grad_enabled()
        self.start = tick()
        with enable_grad():
            found = [flatten(args[i], f"args[{i}]") for i in places]
            own = [[_argument(v, path, self.recording) for path, v in part] for part in found]
            self.inputs = [t for part in own for t in part]
            given = list(args)
            for i, part in zip(places, own, strict=True):
                given[i] = rebuild(args[i], part)
            result = f(*given, **kwargs)
        self.aux: Any = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise ArgumentError("has_aux", name=self.name, kind=type(result).__name__)
            result, self.aux = result
        self.result = result
        self.outputs = leaves(result)
        for t in self.outputs:
            if not isinstance(t, Tensor):
                raise GradientError("not_a_tensor", name=self.name, kind=type(t).__name__)
        tensors = [t for t in leaves([result, self.aux]) if isinstance(t, Tensor)]
        self.shared = self.leads_out(tensors)

    def leads_out(self, tensors: Iterable[Tensor]) -> bool:
        """Tell whether somebody outside this level can ask for a gradient of these."""
        todo = [t._node for t in tensors if t._node is not None]
        seen = set(todo)
        while todo:
            node = todo.pop()
            if isinstance(node, Leaf):
                if node.seq < self.start or not is_lent(node):
                    return True
            elif node.seq < self.start or node.parents is None:
                return True
            else:
                fresh = [p for p in node.parents if p not in seen]
                seen.update(fresh)
                todo += fresh
        return False

    def reaches(self) -> bool:
        """Tell whether any output was computed from any input."""
        wanted = {t._node for t in self.inputs}
        todo = [t._node for t in self.outputs if t._node is not None]
        seen = set(todo)
        while todo:
            node = todo.pop()
            if node in wanted:
                return True
            if not isinstance(node, Leaf) and node.seq > self.start and node.parents:
                fresh = [p for p in node.parents if p not in seen]
                seen.update(fresh)
                todo += fresh
        return False

    def pull(
        self, outputs: Sequence[Tensor], cotangents: Sequence[Any], create_graph: bool,
        retain: bool = True,
    ) -> list[Tensor]:
        """Send gradients of outputs back to the inputs; zeros where there is no path."""
        pairs = [(t, g) for t, g in zip(outputs, cotangents, strict=True) if t._node is not None]
        if pairs:
            found = engine.grad(
                [t for t, _ in pairs], self.inputs, [g for _, g in pairs],
                retain_graph=retain, create_graph=create_graph, allow_unused=True,
            )
        else:
            found = (None,) * len(self.inputs)
        return [
            wrap(np.zeros_like(t._data)) if g is None else g
            for t, g in zip(self.inputs, found, strict=True)
        ]

    def free(self, tensors: Iterable[Any]) -> list[Any]:
        """Cut Tensors off this level's graph, unless it leads on to somebody outside."""
        return [
            t if not isinstance(t, Tensor) or t._node is None
            or (self.recording and self.leads_out([t]))
            else wrap(t._data)
            for t in tensors
        ]

    def freed(self, value: Any) -> Any:
        """Cut off what lies in nested lists, tuples and dicts."""
        return rebuild(value, self.free(leaves(value)))

    def arranged(self, gradients: Sequence[Any]) -> Any:
        """Put one gradient per input into the form of the arguments asked for."""
        parts = rebuild(self.wanted, gradients)
        return parts[0] if self.single else parts


def _asked(function: str, argnums: Any) -> None:
    """Refuse PyTorch's jacobian(f, x): here the arguments go to the function that is made."""
    numbers = (argnums,) if isinstance(argnums, (int, np.integer)) else argnums
    if not isinstance(numbers, (tuple, list, range)) or not all(
        isinstance(i, (int, np.integer)) for i in numbers
    ):
        raise ArgumentError("argnums_kind", function=function, kind=type(argnums).__name__)


def _places(name: str, argnums: Argnums, count: int) -> list[int]:
    asked = [int(argnums)] if isinstance(argnums, (int, np.integer)) else list(argnums)
    for i in asked:
        if not -count <= i < count:
            raise OptionError("argnums", name=name, argnum=i, count=count)
    return [i % count for i in asked]


def _argument(value: Any, path: str, recording: bool) -> Tensor:
    """Make a Tensor of a function's own out of an argument."""
    if isinstance(value, Tensor):
        t: Tensor = wrap(value._data)
    elif isinstance(value, (ndarray, np.generic)):
        t = Tensor(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        t = Tensor(float(value))
    else:
        raise ArgumentError("argument_kind", path=path, kind=type(value).__name__)
    if t._data.dtype.kind != "f":
        raise DTypeError("argument_dtype", path=path, dtype=t._data.dtype)
    if recording and isinstance(value, Tensor) and value._node is not None:
        t = _again(value)
    else:
        t._node = Leaf(t._data.shape, t._data.dtype, tick(), _Lent(t))
    if isinstance(value, Tensor) and value.name is not None:
        t.name = value.name
    return t


def _callable(transform: str, f: Any) -> None:
    if not callable(f) or isinstance(f, Tensor):
        raise ArgumentError("transform_of", transform=transform, kind=type(f).__name__)


def _cotangents(like: Any, outputs: Sequence[Tensor], given: Any, what: str) -> list[Tensor]:
    """Match gradients or tangents to Tensors: the same nesting, the same shapes, their dtype."""
    if shape_of(like) != shape_of(given):
        raise ArgumentError("structure", what=what, given=shape_of(given), wanted=shape_of(like))
    result = []
    for t, (path, g) in zip(outputs, flatten(given, what), strict=True):
        h = g if isinstance(g, Tensor) else wrap(np.array(g, dtype=t._data.dtype))
        if h.shape != t.shape:
            raise ShapeError("tangent_shape", what=path, given=h.shape, shape=t.shape)
        result.append(h if h._data.dtype == t._data.dtype else cast_to(h, t._data.dtype))
    return result


def _recorded(tensors: Iterable[Tensor]) -> bool:
    return any(t._node is not None for t in tensors)


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Make the function that gives the gradient of a scalar function.

    f: takes Tensors and gives one number as a Tensor. It may use other Tensors besides.
    argnums: which positional arguments to differentiate with respect to: a number, or several for
        a tuple of gradients. Such an argument is an array, a Tensor or a number, or lists, tuples
        and dicts of them; f gets Tensors in their place, and the gradient has the same form.
    has_aux: f gives (scalar, anything else), and the result is (gradient, anything else).
    Raises GradientError where f gives no Tensor, or one of several elements (use jacobian);
    DTypeError for an argument of integers. May be nested: grad(grad(f)).

    >>> import tinygrad_jp as tj
    >>> slope = tj.grad(lambda x: x**3)
    >>> slope(2.0).item(), tj.grad(slope)(2.0).item()
    (12.0, 12.0)
    """
    _callable("grad", f)
    _asked("grad", argnums)
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, result = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Make the function that gives (value, gradient) of a scalar function (see `grad`).

    With has_aux the result is ((value, anything else), gradient).

    >>> import tinygrad_jp as tj
    >>> value, slope = tj.value_and_grad(lambda x: x**3)(2.0)
    >>> value.item(), slope.item()
    (8.0, 12.0)
    """
    _callable("value_and_grad", f)
    _asked("value_and_grad", argnums)

    @wraps(f, updated=())
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        level = Level(f, args, kwargs, argnums, has_aux)
        if not isinstance(level.result, Tensor):
            raise GradientError("not_a_tensor", name=level.name, kind=type(level.result).__name__)
        if level.result._data.size != 1:
            raise GradientError("grad_not_scalar", name=level.name, shape=level.result.shape)
        value = level.freed((level.result, level.aux) if has_aux else level.result)
        create = level.shared and level.recording
        gradients = level.pull([level.result], [None], create, retain=level.shared)
        return value, level.arranged(level.free(gradients))

    return value_and_gradient


def vjp(
    f: Callable[..., Any], *primals: Any, has_aux: bool = False
) -> tuple[Any, ...]:
    """Give (value, pullback): f's value, and the function that takes a gradient of it back.

    pullback(gradient of the value) gives a tuple of gradients, one per primal; it may be called
    again and again. Also called the vector-Jacobian product, vᵀJ.
    has_aux: f gives (value, anything else), and the result is (value, pullback, anything else).
    Raises ShapeError where the gradient's shape is not the value's.

    >>> import tinygrad_jp as tj
    >>> value, pullback = tj.vjp(lambda x, y: x * y, 2.0, 5.0)
    >>> [g.item() for g in pullback(1.0)]
    [5.0, 2.0]
    """
    _callable("vjp", f)
    level = Level(f, primals, {}, range(len(primals)), has_aux)

    def pullback(gradient: Any) -> Any:
        given = _cotangents(level.result, level.outputs, gradient, "gradient")
        create = is_grad_enabled() and (level.shared or _recorded(given))
        return level.arranged(level.free(level.pull(level.outputs, given, create)))

    value = level.freed(level.result)
    return (value, pullback, level.freed(level.aux)) if has_aux else (value, pullback)


def jvp(f: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Give (value, tangent): f's value, and how it moves when the primals move by the tangents.

    primals, tangents: a tuple or list with one entry per argument of f; or, for f of one argument,
    that argument itself. Also called the Jacobian-vector product, Jv, or directional derivative.
    Raises ArgumentError or ShapeError where the tangents do not match the primals.
    Method: the pullback is linear in its gradient, so its own pullback is the tangent map
    (J. Townsend, A new trick for calculating Jacobian vector products, 2017).

    >>> import tinygrad_jp as tj
    >>> value, tangent = tj.jvp(lambda x, y: x * y, (2.0, 5.0), (1.0, 10.0))
    >>> value.item(), tangent.item()
    (10.0, 25.0)
    """
    _callable("jvp", f)
    primals, tangents = _several(primals), _several(tangents)
    level = Level(f, primals, {}, range(len(primals)))
    moves = _cotangents(list(primals), level.inputs, list(tangents), "tangents")
    dummies = [Tensor(np.ones_like(t._data), requires_grad=t._node is not None)
               for t in level.outputs]
    for dummy in dummies:
        if dummy._node is not None:
            dummy._node.owner = _Lent(dummy)
    value = level.freed(level.result)
    with enable_grad():
        back = level.pull(level.outputs, dummies, True)
    linear = [(b, m) for b, m in zip(back, moves, strict=True) if b._node is not None]
    asked = [d for d in dummies if d._node is not None]
    found: tuple[Any, ...] = ()
    if linear and asked:
        create = level.recording and (level.shared or _recorded(moves))
        found = engine.grad(
            [b for b, _ in linear], asked, [m for _, m in linear],
            retain_graph=create, create_graph=create, allow_unused=True,
        )
    by_dummy = dict(zip(map(id, asked), found, strict=False))
    pushed = [
        wrap(np.zeros_like(t._data)) if by_dummy.get(id(d)) is None else by_dummy[id(d)]
        for t, d in zip(level.outputs, dummies, strict=True)
    ]
    return value, rebuild(level.result, level.free(pushed))


def _several(primals: Any) -> Any:
    return primals if isinstance(primals, (tuple, list)) else (primals,)


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Make the function that gives the matrix of all first derivatives of f.

    The result has shape (*shape of f's value, *shape of the argument); where the value or the
    argument is made of lists, tuples or dicts, so is the result, the value's form outermost.
    Cost: one backward pass per element of the value. argnums as in `grad`.

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> tj.jacobian(lambda x: x * x)(np.array([1.0, 2.0, 3.0], np.float32))
    tensor([[2., 0., 0.],
            [0., 4., 0.],
            [0., 0., 6.]])
    """
    _callable("jacobian", f)
    _asked("jacobian", argnums)

    @wraps(f, updated=())
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        level = Level(f, args, kwargs, argnums)
        create = level.shared and level.recording
        blocks = []
        for t in level.outputs:
            rows = []
            for i in range(t._data.size):
                one = np.zeros(t._data.size, t._data.dtype)
                one[i] = 1
                unit = np.asarray(one.reshape(t.shape), like=t._data)
                rows.append(level.free(level.pull([t], [unit], create)))
            blocks.append(level.arranged([
                _stacked([row[k] for row in rows], t.shape + x.shape, x.dtype)
                for k, x in enumerate(level.inputs)
            ]))
        return rebuild(level.result, blocks)

    return derivatives


def _stacked(rows: list[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    if not _recorded(rows):
        arrays = [r._data for r in rows]
        return wrap((np.stack(arrays) if rows else np.zeros(0, dtype)).astype(dtype).reshape(shape))
    return np.reshape(np.stack(rows), shape)


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Make the function that gives the matrix of all second derivatives of a scalar function.

    For an argument of shape s the result has shape (*s, *s); for several argnums, or a dict of
    parameters, a tuple of tuples or a dict of dicts. Where f needs only products with vectors,
    `hvp` costs far less.

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> tj.hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0], np.float32))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    _callable("hessian", f)
    _asked("hessian", argnums)
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable[..., Any], primals: Any, v: Any) -> Any:
    """Give the product of the Hessian of a scalar function with a vector, without the Hessian.

    primals, v: a tuple or list with one entry per argument of f, and the result is a tuple too;
    or, for f of one argument, that argument itself. Cost: a few times that of f.

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> tj.hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0], np.float32), np.array([1.0, 1.0]))
    tensor([ 6., 12.])
    """
    _callable("hvp", f)
    several = _several(primals)
    slopes = grad(f, range(len(several)))
    _, pullback = vjp(slopes, *several)
    product = pullback(tuple(_several(v)))  # the Hessian is symmetric: vᵀH is Hv
    return product if several is primals else product[0]
