"""Which module each node belongs to, by the calls that were watched or by Parameters' paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Row = tuple[str, str, str, str | None, tuple[str, ...], str, int]  # a Group's fields, in order


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a module: what was computed between two ticks of the engine's clock."""

    path: str  # "" for the module that was called by the user
    kind: str  # its class
    start: int
    end: int


class GroupsByPath:
    """Modules, as the paths of parameters tell them.

    An operation belongs to the module whose parameters, or what was made of them alone, it uses;
    constants go with it, data that flow in do not. What the user's program computes of parameters
    beside the module's own methods, as a penalty on the weights, belongs to none.
    """

    def __init__(self, kinds: dict[str, str]) -> None:
        self.kinds = kinds  # path -> class, where the modules themselves are known
        self.path: dict[str, str] = {}  # of a node: the module it belongs to
        self.owned: dict[str, str] = {}  # made of one module's parameters alone

    def leaf(self, here: str, path: str) -> None:
        """Place a leaf with the path of a Parameter, or ""."""
        module = path.rpartition(".")[0]
        if module:
            self.path[here] = self.owned[here] = module

    def operation(
        self, here: str, seq: int, parents: Sequence[str], numbers: Sequence[str], arguments: int,
        beside: bool = False,
    ) -> None:
        """Place an operation, and the numbers among its arguments."""
        if beside:
            return
        modules = {self.owned[p] for p in parents if p in self.owned}
        if len(modules) != 1:
            return
        (module,) = modules
        self.path.update(dict.fromkeys([here, *numbers], module))
        if sum(p in self.owned for p in parents) + len(numbers) == arguments:
            self.owned[here] = module

    def listed(self, ids: Iterable[str]) -> Iterator[Row]:
        """List the groups, outer ones first."""
        members: dict[str, list[str]] = {}
        for here in ids:
            path = self.path.get(here)
            if path is not None:
                parts = path.split(".")
                for depth in range(1, len(parts) + 1):  # a module stands before its own modules
                    members.setdefault(".".join(parts[:depth]), [])
                members[path].append(here)
        known = {path: f"g{i}" for i, path in enumerate(members)}
        for path, inside in members.items():
            outer, _, name = path.rpartition(".")
            kind = self.kinds.get(path, "")
            yield known[path], name, path, known.get(outer), tuple(inside), kind, 1


class GroupsByCall:
    """Modules, as their calls were watched while the program ran: exact, whatever they compute.

    A parameter stands in the first call of the module that has it.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = sorted(calls, key=lambda call: call.start)
        self.outer: list[int | None] = []  # of each call: the call it was made in
        stack: list[int] = []
        for i, call in enumerate(self.calls):
            while stack and self.calls[stack[-1]].end < call.start:
                stack.pop()
            self.outer.append(stack[-1] if stack else None)
            stack.append(i)
        self.first: dict[str, int] = {}
        for i, call in enumerate(self.calls):
            self.first.setdefault(call.path, i)
        self.inside: dict[str, int] = {}  # node -> the call that it belongs to
        self._next, self._open = 0, list[int]()

    def leaf(self, here: str, path: str) -> None:
        """Place a leaf with the path of a Parameter, or ""."""
        while path:
            path = path.rpartition(".")[0]
            if path in self.first:
                self.inside[here] = self.first[path]
                return

    def operation(
        self, here: str, seq: int, parents: Sequence[str], numbers: Sequence[str], arguments: int,
        beside: bool = False,
    ) -> None:
        """Place an operation, and its constants; operations come in the order of their seq."""
        while self._next < len(self.calls) and self.calls[self._next].start < seq:
            start = self.calls[self._next].start
            while self._open and self.calls[self._open[-1]].end < start:
                self._open.pop()
            self._open.append(self._next)
            self._next += 1
        while self._open and self.calls[self._open[-1]].end < seq:
            self._open.pop()
        if self._open:
            self.inside.update(dict.fromkeys([here, *numbers], self._open[-1]))

    def listed(self, ids: Iterable[str]) -> Iterator[Row]:
        """List the groups that have something inside, outer ones first."""
        members: dict[int, list[str]] = {}
        for here in ids:
            if here in self.inside:
                members.setdefault(self.inside[here], []).append(here)
        wanted: set[int] = set()
        for i in members:
            at: int | None = i
            while at is not None and at not in wanted:
                wanted.add(at)
                at = self.outer[at]
        known = {i: f"g{k}" for k, i in enumerate(sorted(wanted))}
        times: dict[str, int] = {}
        for i, name in known.items():
            call, outer = self.calls[i], self.outer[i]
            times[call.path] = times.get(call.path, 0) + 1
            around = self.calls[outer].path if outer is not None else ""
            label = call.path.removeprefix(f"{around}.") if around else call.path
            yield (
                name, label, call.path, None if outer is None else known[outer],
                tuple(members.get(i, ())), call.kind, times[call.path],
            )
