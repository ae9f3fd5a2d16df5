"""Repeat a recorded call: the Python that is left around the program.

For each Capture a function is written out, `replay(arrays...)`: it sees that everything still
holds, fills in the numbers of optimizers, runs the program, and leaves gradients, step counts and
clocks as eager execution would. It gives MISSED where the capture does not fit, EAGER where the
program itself said no.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from sys import getrefcount
from threading import Lock
from types import BuiltinFunctionType
from typing import Any

import numpy as np

from ..autograd import generate, memory
from ..autograd.apply import wrap
from ..autograd.memory import all_changed
from ..autograd.mode import changes
from ..autograd.tensor import Tensor
from ..optim.parts import SWEEP
from ..optim.recorded import counted
from ..program.program import Program
from ..program.recording import Found
from ..vocabulary.quiet import quietly
from .capture import Capture, Gradient, add_gradient
from .stretches import noting
from .template import Given, Made, founds, put_in, tensors_of

Array = Any
MISSED: Any = object()
EAGER: Any = object()


class Replay:
    """A Capture bound to memory of its own, ready to be repeated.

    build: makes of a Program something to bind (native.build, or NumpyProgram).
    """

    def __init__(self, capture: Capture, build: Callable[[Program], Any]) -> None:
        self.capture = capture
        self.build = build
        self.executable = build(capture.program)
        self.is_fresh = self.executable.gives_results  # or leaves them in buffers of ours
        self.outputs = {} if self.is_fresh else {
            v: np.empty(v.shape, v.dtype) for v in capture.program.outputs
        }
        self.outcome: list[int] = []  # of the last stretch of a program that has several
        self.entry = self._bound()
        self.lock = Lock()
        self.seen = changes[0]
        self.is_first = [False]  # whether the call that is replayed has been recorded just now
        self.source = ""
        self.fast: Callable[..., Any] | None = None  # a quick way in, once it was written
        self.run = self._written()

    def _bound(self) -> Any:
        program, given = self.capture.program, self.capture.bound
        inputs = {v: given[v] for v in program.inputs if v in given}
        entry = self.executable.bind({**inputs, **self.outputs})
        if self.is_fresh or isinstance(entry, BuiltinFunctionType):
            return entry
        if self.capture.parts:
            noting(entry, self.outcome)
        return partial(quietly, entry)  # it warns of nothing, and NumPy's calls are in it

    def view(self, found: Found) -> Array:
        """Show a result in its buffer, its axes in order."""
        return self.outputs[found.value].transpose(found.axes)

    def text(self, found: Found, scope: dict[str, Any]) -> str:
        """Write how the function calls a result."""
        place = self.capture.program.outputs.index(found.value)
        in_order = found.axes == tuple(range(len(found.axes)))
        if self.is_fresh:
            return f"w{place}" if in_order else f"w{place}.transpose({found.axes!r})"
        name = f"o{place}_{''.join(map(str, found.axes))}"
        scope.setdefault(name, self.view(found))
        return name

    def own(self, found: Found, scope: dict[str, Any]) -> str:
        """Write how the function makes an array that the next call will not write over."""
        return self.text(found, scope) + ("" if self.is_fresh else ".copy()")

    # ── the function ────────────────────────────────────────────────────────────────────────

    def _written(self) -> Callable[..., Any]:
        capture = self.capture
        arrays = [f"a{i}" for i in range(len(capture.arguments))]
        scope: dict[str, Any] = {
            "changes": changes, "seen": [self.seen], "MISSED": MISSED, "EAGER": EAGER,
            "lock": self.lock, "entry": self.entry, "replay": self, "engine": generate.scope,
            "Tensor": Tensor, "new": object.__new__, "tick": memory.tick, "settle": self.settle,
            "give": self.give, "is_first": self.is_first, "last_write": memory.last_write,
            "writes": memory._writes, "recheck": self._recheck, "outcome": self.outcome,
        }
        checks = ["if changes[0] != seen[0] and not recheck(seen): return MISSED",
                  "if engine['watching']: return EAGER"]
        checks += self._name_checks(scope)
        for i, leaf in enumerate(capture.needs_none):
            scope[f"bare{i}"] = leaf
            checks.append(f"if bare{i}.grad is not None: return MISSED")
        lines = self._calls(scope, False)
        after = []
        for i, part in enumerate(capture.parts):
            scope |= {f"opt{i}": part.optimizer, f"plan{i}": part.plan, f"part{i}": part.part,
                      f"group{i}": part.group, f"fill{i}": part.fill, f"rec{i}": part}
            checks.append(f"if opt{i}._plans[{part.place}] is not plan{i}: return MISSED")
            lines += [f"k{i} = part{i}.step + 1",
                      f"n{i} = fill{i}(group{i}, k{i}, *part{i}.numbers)",
                      f"if n{i} is None: return MISSED"]
            after += [f"part{i}.step = k{i}", f"part{i}.numbers = n{i}",
                      f"if not k{i} % {SWEEP}: rec{i}.sweep()"]
        scope |= {f"along{i}": call for i, call in enumerate(capture.counts)}
        after += [f"along{i}()" for i in range(len(capture.counts))]
        mine = []
        for i, g in enumerate(capture.gradients):
            if g.leaf is None:
                continue
            scope[f"leaf{i}"] = g.leaf
            if g.found is None:
                after.append(f"leaf{i}.grad = None")
            elif g.before is not None:
                scope[f"old{i}"] = g.before
                checks.append(f"if not (leaf{i}.grad is old{i} or (type(leaf{i}.grad) is Tensor "
                              f"and leaf{i}.grad._data is old{i})): return MISSED")
                after.append(f"old{i}[...] = {self.text(g.found, scope)}")
            elif self.is_fresh:
                after.append(f"leaf{i}.grad = {self.text(g.found, scope)}")
            else:
                scope[f"g{i}"] = self.view(g.found)
                mine.append(f"leaf{i}.grad is g{i}")
        if mine:  # nobody has looked at the gradients: the usual case
            lines += [f"kept = {' and '.join(mine)}", "if not kept: settle()"]
            after.append("if not kept: give()")
        is_counted = False
        if self.is_fresh:
            made = "".join(f"w{i}, " for i in range(len(capture.program.outputs)))
            lines += [f"results = entry({', '.join(arrays)})", "if results is True: return EAGER"]
            lines += [f"{made}= results"] if made else []
        else:
            run = f"failed = entry({', '.join(arrays)})"
            refused = "if failed is not None: return EAGER"
            if capture.parts:
                done = "True"
                if not isinstance(self.entry, BuiltinFunctionType):
                    run, done = f"outcome.clear(); {run}", "outcome == [0]"
                lines += counted(run, refused, [*after, *self._clock(scope)], done)
                is_counted = True
            else:
                lines += [run, refused]
        lines += self._calls(scope, True)
        if not is_counted:
            lines += [*after, *self._clock(scope)]
        lines += self._results(scope)
        body = [*checks, "with lock:", *(f"    {line}" for line in lines), "    return result"]
        self.gradients = {
            i: self.view(g.found) for i, g in enumerate(capture.gradients)
            if g.found is not None and g.leaf is not None and g.before is None
            and not self.is_fresh
        }
        scope |= {f"g{i}": array for i, array in self.gradients.items()}
        self.source = "\n    ".join([f"def replay_({', '.join([*arrays, 'leaves=()'])}):", *body])
        self.scope = scope
        self.source += "\n"
        exec(compile(self.source, "<tinygrad_jp replay>", "exec"), scope)
        self.own_holders = {i: self._holders(i) for i in self.gradients}
        return scope["replay_"]  # type: ignore[no-any-return]

    def _name_checks(self, scope: dict[str, Any]) -> list[str]:
        checks = []
        for i, (place, key, value) in enumerate(self.capture.guards.names):
            scope |= {f"place{i}": place, f"value{i}": value}
            if isinstance(place, dict):
                scope[f"get{i}"] = place.get
                checks.append(f"if get{i}({key!r}) is not value{i} and not replay.same({i}): "
                              f"return MISSED")
            else:
                checks.append(f"if place{i}.cell_contents is not value{i} and not "
                              f"replay.same({i}): return MISSED")
        return checks

    def same(self, i: int) -> bool:
        """Compare by value what is not the same object any more."""
        from ..program.reach import read, same

        place, key, value = self.capture.guards.names[i]
        return same(value, read(place, key))

    def _clock(self, scope: dict[str, Any]) -> list[str]:
        """Write down that arrays were changed, so that a graph that needs them will notice."""
        if self.capture.argument_writes:
            scope["all_changed"] = all_changed
            places = "".join(f"a{i}, " for i, _ in self.capture.argument_writes)
            return [f"all_changed(written + ({places}))"] if self._register(scope) else [
                f"all_changed(({places}))"
            ]
        if not self._register(scope):
            return []
        keys = [f"writes[{id(memory.owner(a))}]" for a in self.capture.written]
        return [f"last_write[0] = {' = '.join(dict.fromkeys(keys))} = tick()"]

    def _register(self, scope: dict[str, Any]) -> bool:
        scope["written"] = tuple(self.capture.written)
        all_changed(self.capture.written)  # so that each is known, and forgotten when it dies
        return bool(self.capture.written)

    def _calls(self, scope: dict[str, Any], after: bool) -> list[str]:
        lines = []
        for i, call in enumerate(self.capture.calls):
            if call.is_after == after:
                scope[f"call{i}"] = call.call
                given = []
                for j, x in enumerate(call.args):
                    if isinstance(x, Found):
                        scope["wrap"] = wrap
                        given.append(f"wrap({self.own(x, scope)})")
                    else:
                        scope[f"x{i}_{j}"] = x
                        given.append(f"x{i}_{j}")
                back = []
                for j, (leaf, found) in enumerate(call.gradients):
                    scope[f"l{i}_{j}"] = leaf
                    lines.append(f"k{i}_{j} = l{i}_{j}.grad")
                    lines.append(f"l{i}_{j}.grad = {self.text(found, scope)}")
                    back.append(f"l{i}_{j}.grad = k{i}_{j}")
                ready = "" if call.is_after else "if not is_first[0]: "
                lines += [f"{ready}call{i}({', '.join(given)})", *back]
        return lines

    def _results(self, scope: dict[str, Any]) -> list[str]:
        template, lines = self.capture.template, []
        for i, g in enumerate(self.capture.gradients):
            if g.leaf is None and g.found is not None:
                scope |= {f"ag{i}": g, "add_gradient": add_gradient}
                array = self.own(g.found, scope)
                lines.append(f"add_gradient(leaves[{g.place}]._node, ag{i}, {array})")
        if self.capture.pullback is not None:
            return [*lines, *self._attached(scope)]
        made = self._written_out(template, scope, lines)
        return [*lines, f"result = {made}"]

    def _written_out(self, part: Any, scope: dict[str, Any], lines: list[str]) -> str:
        """Write how a part of the result is made; lines to come before are added."""
        if isinstance(part, Made):
            array = self.own(part.found, scope)
            if not part.is_tensor:
                return array
            name = f"t{len(lines)}"
            lines += [f"{name} = new(Tensor)", f"{name}._data = {array}", f"{name}._node = None"]
            return name
        if isinstance(part, dict):
            pairs = []
            for key, v in part.items():
                name = f"key{len(scope)}"
                scope[name] = key
                pairs.append(f"{name}: {self._written_out(v, scope, lines)}")
            return f"{{{', '.join(pairs)}}}"
        if type(part) in (list, tuple):
            inner = "".join(f"{self._written_out(v, scope, lines)}, " for v in part)
            return f"[{inner}]" if type(part) is list else f"({inner})"
        if isinstance(part, Given):
            return f"leaves[{part.place}]"
        name = f"kept{len(scope)}"
        scope[name] = part
        if isinstance(part, tuple):  # a named one
            scope["rebuilt"] = rebuilt
            arrays = "".join(f"{self.own(f, scope)}, " for f in founds(part))
            return f"rebuilt({name}, ({arrays}), leaves)"
        return name

    def _attached(self, scope: dict[str, Any]) -> list[str]:
        """Write how results become part of the graph outside."""
        capture = self.capture
        assert capture.pullback is not None
        capture.pullback.build = self.build
        scope |= {"template": capture.template, "rebuilt": rebuilt, "tensors_of": tensors_of,
                  "attach": capture.pullback.attach}
        arrays = "".join(f"{self.own(f, scope)}, " for f in self.results())
        draws = "".join(f"{self.own(f, scope)}, " for f in capture.draws)
        given = "".join(f"a{i}, " for i in range(len(capture.arguments)))
        return [
            f"result = rebuilt(template, ({arrays}), leaves)",
            f"attach(tensors_of(template, result), leaves, ({given}), ({draws}))",
        ]

    # ── what happens seldom ─────────────────────────────────────────────────────────────────

    def _recheck(self, seen: list[int]) -> bool:
        """Look at everything, since something somewhere was changed."""
        now = changes[0]
        if not self.capture.guards.holds():
            return False
        seen[0] = now
        return True

    def settle(self) -> None:
        """Leave the last call's gradients to whoever looked at them: they are written over now."""
        for i in list(self.gradients):  # no name for an array here: it would count as a holder
            leaf = self.capture.gradients[i].leaf
            if leaf is not None and leaf.grad is not self.gradients[i]:
                self._settle(i)

    def give(self) -> None:
        """Give the gradients to their leaves."""
        for i, mine in self.gradients.items():
            leaf = self.capture.gradients[i].leaf
            if leaf is not None:
                leaf.grad = mine

    def _settle(self, i: int) -> None:
        g = self.capture.gradients[i]
        assert g.leaf is not None
        mine, held = self.gradients[i], g.leaf.grad
        if isinstance(held, Tensor) and held._data is mine:
            held._data = mine.copy()
        del mine, held  # or they would count among the holders
        if self._holders(i) > self.own_holders[i]:
            self._renew(g)

    def _holders(self, i: int) -> int:
        """Count who refers to the memory of a gradient: views that somebody took among them."""
        memory_ = self.outputs[self.capture.gradients[i].found.value]  # type: ignore[union-attr]
        return getrefcount(memory_) + getrefcount(self.gradients[i])

    def _renew(self, g: Gradient) -> None:
        """Give a gradient a buffer of its own, since somebody holds the old one."""
        value = g.found.value  # type: ignore[union-attr]
        self.outputs[value] = np.empty(value.shape, value.dtype)
        self.entry = self.scope["entry"] = self._bound()
        for i, other in enumerate(self.capture.gradients):
            if i in self.gradients and other.found is not None and other.found.value is value:
                self.gradients[i] = self.scope[f"g{i}"] = self.view(other.found)
        self.own_holders = {i: self._holders(i) for i in self.gradients}

    def results(self) -> list[Found]:
        """List what the recorded call gave."""
        found: list[Found] = []
        put_in(self.capture.template, lambda m: found.append(m.found))
        return found


def rebuilt(template: Any, arrays: Sequence[Array], leaves: Any) -> Any:
    """Put arrays in the place of what stands for them in a result."""
    rest = iter(arrays)
    return put_in(template, lambda m: m.made(next(rest)), leaves)


__all__ = ["EAGER", "MISSED", "Replay"]
