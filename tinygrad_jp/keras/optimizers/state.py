"""What an optimizer keeps: its variables, and all that a resumed training needs of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...autograd.apply import wrap
from ...optim.at_once import Call
from ...optim.gradients import MovingAverage
from ...optim.optimizer import Optimizer as Engine
from ..variable import Variable

Array = Any


class Stateful:
    """The part of an optimizer that keeps things."""

    engine: Engine | None  # of `optim`, which has the moments; None for the user's own optimizers
    _iterations: Variable
    _taken: Array  # its array
    _known: Array
    _following: Array
    _counting: list[Call]
    _rate: Any
    _rate_held: Array  # the rate's array, where it is a Variable
    _trainable_variables: list[Any]
    _own_variables: list[Variable]
    _average: MovingAverage | None
    _sums: list[Array | None]  # of the gradients that are being accumulated

    @property
    def variables(self) -> list[Any]:
        """What the optimizer keeps: the count, the rate, the moments."""
        kept: list[Any] = [self._iterations]
        if isinstance(self._rate, Variable):
            kept.append(self._rate)
        kept += self._own_variables
        if self.engine is not None:
            for record in self.engine.state.values():
                kept += [v for k, v in record.items() if k != "step"]
        if self._average is not None:
            kept += [wrap(a) for a in self._average.averages]
        return kept

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "none",
        layout: Any = None, name: str | None = None,
    ) -> Variable:
        """Make a Variable of the optimizer's own."""
        made = Variable(initializer, shape, dtype, trainable=False, name=name)
        self._own_variables.append(made)
        return made

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a Variable of the shape and dtype of another."""
        return self.add_variable(
            reference_variable.shape, initializer, reference_variable.dtype, name=name
        )

    def add_optimizer_variables(
        self, trainable_variables: Any, name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Make one Variable, or one of each name, for each of the trainable variables."""
        if isinstance(name, str):
            return [
                self.add_variable_from_reference(v, name, initializer) for v in trainable_variables
            ]
        alike = not isinstance(initializer, (list, tuple))
        starts = [initializer] * len(name) if alike else initializer
        return tuple(
            self.add_optimizer_variables(trainable_variables, n, i)
            for n, i in zip(name, starts, strict=True)
        )

    def assign(self, variable: Any, value: Any) -> None:
        """Give a Variable other values."""
        variable.assign(value)

    def assign_add(self, variable: Any, value: Any) -> None:
        """Add to a Variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtract from a Variable."""
        variable.assign_sub(value)

    def _count_by(self) -> None:
        """Note how a step is counted: by C functions, which Ctrl-C cannot part from the move."""
        self._taken = self._iterations._data  # the array itself: in a recording, _data is none
        self._counting = [
            partial(counter.__setitem__, (), self._following)
            for counter in (self._taken, self._known)
        ]
        if self.engine is not None:
            self.engine.along = self._counting

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._count_by()  # a copy's own arrays again
        if isinstance(self._rate, Variable):
            self._rate_held = self._rate._data

    def state_dict(self) -> dict[str, Any]:
        """Give all that a resumed training needs: count, rate, moments, averages."""
        average = self._average
        return {
            "iterations": int(self._taken),
            "learning_rate": float(self._rate._data) if isinstance(self._rate, Variable) else None,
            "engine": self.engine.state_dict() if self.engine is not None else None,
            "own": [np.array(v._data) for v in self._own_variables],
            "sums": [None if s is None else s.copy() for s in self._sums],
            "averages": None if average is None else [a.copy() for a in average.averages],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave; the optimizer must be built with like variables."""
        self._iterations.assign(state["iterations"])
        if state["learning_rate"] is not None and isinstance(self._rate, Variable):
            self._rate.assign(state["learning_rate"])
        if state["engine"] is not None and self.engine is not None:
            self.engine.load_state_dict(state["engine"])
        for v, value in zip(self._own_variables, state["own"], strict=True):
            v.assign(value)
        self._sums = [None if s is None else np.array(s) for s in state["sums"]]
        if self._average is not None and state["averages"] is not None:
            for mine, value in zip(self._average.averages, state["averages"], strict=True):
                mine[...] = value
