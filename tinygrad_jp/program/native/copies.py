"""Copies of parts of arrays: transposed, sliced, joined."""

from __future__ import annotations

from typing import Any

from .kinds import kind_of
from .registers import Reg, Writer
from .views import Ref


def merged(source: Ref | None, target: Ref) -> list[tuple[int, int, int]]:
    """List (length, target stride, source stride) of the axes, outermost first, few of them."""
    steps = source.strides if source is not None else (0,) * len(target.shape)
    axes: list[tuple[int, int, int]] = []
    for n, t, s in zip(target.shape, target.strides, steps, strict=True):
        if n == 1:
            continue
        if axes and axes[-1][1] == n * t and axes[-1][2] == n * s:
            axes[-1] = (axes[-1][0] * n, t, s)
        else:
            axes.append((n, t, s))
    return axes


def write_copy(source: Any, target: Ref, register: int) -> tuple[Writer, str]:
    """Write the function (ptr %p0 target, ptr %p1 source) that copies; a number fills."""
    w = Writer()
    kind = kind_of(target.base.dtype)
    assert kind is not None
    ref = source if isinstance(source, Ref) else None
    lanes = register // target.base.dtype.itemsize
    axes = merged(ref, target)

    def at(base: str, offset: int, places: list[tuple[Reg, int]]) -> str:
        total: Reg | int = offset
        for index, stride in places:
            if stride:
                total = index * stride + total
        return w.pointer(base, total, kind)

    def move(places: list[tuple[Reg, int, int]], width: int, mask: Reg | None) -> None:
        into = at("%p0", target.offset, [(i, t) for i, t, _ in places])
        if ref is None:
            x = w.constant(source, kind, width)
        else:
            wide = width if not axes or axes[-1][2] == 1 else 0
            x = w.load(at("%p1", ref.offset, [(i, s) for i, _, s in places]), kind, wide,
                       mask if wide else None)
        w.store(into, w.spread(x, width), mask)

    def squares(places: list[tuple[Reg, int, int]]) -> None:
        """Transpose the last two axes, square by square."""
        (m, t, _), (n, _, s) = axes[-2:]

        def square(i: Reg | int, j: Reg | int, rows: int, columns: int) -> None:
            def spot(base: str, offset: int, stride: int, across: Reg | int, along: Reg | int,
                     which: int) -> str:
                total: Reg | int = offset
                for index, *strides in places:
                    if strides[which]:
                        total = index * strides[which] + total
                start = w.pointer(base, total, kind)
                start = w.pointer(start, across * stride, kind)
                return w.pointer(start, along, kind)

            assert ref is not None
            source = spot("%p1", ref.offset, s, j, i, 1)
            mask = w.table([p < rows for p in range(lanes)], "i1") if rows < lanes else None
            lines = [
                w.load(w.pointer(source, q * s, kind), kind, lanes, mask) for q in range(columns)
            ]
            lines += [w.constant(0, kind, lanes)] * (lanes - columns)
            made = w.transposed(lines)
            into = spot("%p0", target.offset, t, i, j, 0)
            mask = w.table([p < columns for p in range(lanes)], "i1") if columns < lanes else None
            for p in range(rows):
                w.store(w.pointer(into, p * t, kind), made[p], mask)

        def across(i: Reg | int, rows: int) -> None:
            whole = n // lanes * lanes
            if whole:
                loop = w.loop(whole, lanes)
                square(i, loop.index, rows, lanes)
                loop.close()
            if whole < n:
                square(i, w.constant(whole, "i64", 0), rows, n - whole)

        whole = m // lanes * lanes
        if whole:
            loop = w.loop(whole, lanes)
            across(loop.index, lanes)
            loop.close()
        if whole < m:
            across(w.constant(whole, "i64", 0), m - whole)

    def nest(depth: int, places: list[tuple[Reg, int, int]]) -> None:
        if depth == len(axes):
            move(places, 0, None)
            return
        if depth == len(axes) - 2 and axes[-1][1] == 1 == axes[-2][2] and kind != "i1":
            squares(places)
            return
        n, t, s = axes[depth]
        if depth == len(axes) - 1 and t == 1 and s in (0, 1) and n > 1:
            whole = n // lanes * lanes
            if whole:
                loop = w.loop(whole, lanes)
                move([*places, (loop.index, t, s)], lanes, None)
                loop.close()
            if whole < n:
                mask = w.table([i < n - whole for i in range(lanes)], "i1")
                move([*places, (w.constant(whole, "i64", 0), t, s)], lanes, mask)
            return
        loop = w.loop(n)
        nest(depth + 1, [*places, (loop.index, t, s)])
        loop.close()

    nest(0, [])
    return w, "\n".join([*w.lines, "  ret void"])
