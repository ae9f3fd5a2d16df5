"""Where the elements of a value are: in which array, from which place on, how far apart."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from .. import operations
from ..program import Instruction, Value

Shape = tuple[int, ...]


def packed(shape: Shape) -> Shape:
    """Give the strides, in elements, of an array in C order."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


@dataclass(frozen=True, slots=True)
class Ref:
    """A value read out of `base`: element i is at offset + Σ i·strides, counted in elements."""

    base: Value
    offset: int
    strides: Shape
    shape: Shape

    @property
    def whole(self) -> bool:
        """Whether it is its base, element by element."""
        ordered = all(
            s == p for s, p, n in zip(self.strides, packed(self.shape), self.shape, strict=True)
            if n != 1
        )
        return self.offset == 0 and ordered and prod(self.shape) == self.base.size

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    def to(self, shape: Shape) -> Ref:
        """Broadcast."""
        extra = len(shape) - len(self.shape)
        strides = tuple(
            0 if n == 1 != m else s
            for s, n, m in zip(self.strides, self.shape, shape[extra:], strict=True)
        )
        return Ref(self.base, self.offset, (0,) * extra + strides, shape)

    def transpose(self, axes: Shape) -> Ref:
        """Put the axes in another order."""
        return Ref(
            self.base, self.offset, tuple(self.strides[a] for a in axes),
            tuple(self.shape[a] for a in axes),
        )

    def getitem(self, index: tuple[Any, ...]) -> Ref | None:
        """Take a part; None for an index that is not of slices and integers."""
        offset, strides, shape, axis = self.offset, [], [], 0
        for part in index:
            if part is None:
                strides.append(0)
                shape.append(1)
                continue
            if part is Ellipsis:
                free = len(self.shape) - sum(p is not None and p is not Ellipsis for p in index)
                for _ in range(free):
                    strides.append(self.strides[axis])
                    shape.append(self.shape[axis])
                    axis += 1
                continue
            n, s = self.shape[axis], self.strides[axis]
            axis += 1
            if isinstance(part, slice):
                start, stop, step = part.indices(n)
                offset += start * s
                strides.append(s * step)
                shape.append(len(range(start, stop, step)))
            elif isinstance(part, int) and not isinstance(part, bool):
                offset += (part % n) * s
            else:
                return None
        strides += self.strides[axis:]
        shape += self.shape[axis:]
        return Ref(self.base, offset, tuple(strides), tuple(shape))

    def reshape(self, shape: Shape) -> Ref | None:
        """Give another shape, or None where that takes a copy."""
        if prod(shape) == 0:
            return Ref(self.base, self.offset, packed(shape), shape)
        old = [(n, s) for n, s in zip(self.shape, self.strides, strict=True) if n != 1]
        strides: list[int] = []
        at = 0
        for n in shape:
            if n == 1:
                strides.append(0)
                continue
            if at == len(old):
                return None
            # join old axes until they hold n, as long as they lie end to end
            have, step = old[at]
            while have % n:
                at += 1
                if at == len(old):
                    return None
                more, inner = old[at]
                if step != more * inner:
                    return None
                have, step = have * more, inner
            if have == n:
                strides.append(step)
                at += 1
            else:  # split: this axis is the outer part
                strides.append(step * (have // n))
                old[at] = (have // n, step)
        return Ref(self.base, self.offset, tuple(strides), shape)

    def collapse(self, k: int) -> tuple[int, int, int] | None:
        """Read as a matrix, split before axis k: (offset, row stride, column stride) or None."""
        rows = line(self.shape[:k], self.strides[:k])
        columns = line(self.shape[k:], self.strides[k:])
        return None if rows is None or columns is None else (self.offset, rows, columns)


def line(shape: Shape, strides: Shape) -> int | None:
    """Give the one stride of some axes that lie end to end; 0 if they have one element."""
    step = extent = None
    for n, s in zip(reversed(shape), reversed(strides), strict=True):
        if n == 1:
            continue
        if step is None or extent is None:
            step, extent = s, n
        elif s == step * extent:
            extent *= n
        else:
            return None
    return step or 0


def plain(value: Value) -> Ref:
    """Read a value where it was made."""
    return Ref(value, 0, packed(value.shape), value.shape)


def viewed(step: Instruction, x: Ref) -> Ref | None:
    """Follow a view; None where it takes a copy."""
    given = step.static
    if step.fn is operations.transpose:
        return x.transpose(tuple(a % len(x.shape) for a in given["axes"]))
    if step.fn is operations.broadcast:
        return x.to(tuple(given["shape"]))
    if step.fn is operations.reshape:
        return x.reshape(step.output.shape)
    index = given["index"]
    return x.getitem(index if isinstance(index, tuple) else (index,))


def split_of(shape: Shape, rows: int) -> int | None:
    """Find the axis before which `shape` has so many rows, or None."""
    count = 1
    for k in range(len(shape) + 1):
        if count == rows:
            return k
        if k < len(shape):
            count *= shape[k]
    return None
