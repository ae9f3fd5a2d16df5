"""What every optimizer of the front shares: the rate, clipping, decay, averages, and the step.

The update itself is one of `optim.keras_formulas`; an optimizer of the user's own writes
`update_step(gradient, variable, learning_rate)`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ...autograd.apply import wrap
from ...autograd.arguments import array_of
from ...autograd.memory import all_changed
from ...autograd.mode import no_grad, recording, without_grad
from ...autograd.node import Leaf
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, CompileError, GradientError, OptionError, ShapeError, warn
from ...optim import gradients
from ...optim.at_once import Call, at_once
from ...optim.optimizer import Optimizer as Engine
from ..config import floatx
from ..identifiers import auto_name, unknown_argument
from ..variable import Variable
from .schedules import LearningRateSchedule
from .schedules import table as schedules
from .state import Stateful

Array = Any


class Optimizer(Stateful):
    """Move variables along their gradients.

    learning_rate: a number, a schedule, or a function without arguments; assignable.
    weight_decay: shrink the weights by learning_rate · weight_decay at each step.
    clipnorm, clipvalue, global_clipnorm: bounds for each gradient's norm, for each element, for
        the norm of all gradients together; at most one of them.
    use_ema: keep the exponential moving average of the weights, with ema_momentum; put in every
        ema_overwrite_frequency steps, or at the end of fit.
    loss_scale_factor: what the loss was multiplied by.  gradient_accumulation_steps: average the
        gradients of so many steps, and move only then.
    Raises OptionError for arguments that make no sense.
    """

    _engine: ClassVar[type[Engine] | None] = None

    def __init__(
        self, learning_rate: Any = 0.001, weight_decay: float | None = None,
        clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None, name: str | None = None, **unknown: Any,
    ) -> None:
        owner = type(self).__name__
        if unknown.pop("decay", None) is not None:
            warn("keras_decay", stacklevel=4, owner=owner)
        for argument in unknown:
            raise unknown_argument(owner, argument, self._accepted())
        if sum(limit is not None for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise OptionError("keras_clipping", owner=owner)
        if not 0 <= ema_momentum <= 1:
            raise OptionError(
                "keras_range", owner=owner, name="ema_momentum", wants="0 ≤ ema_momentum ≤ 1",
                given=ema_momentum,
            )
        if gradient_accumulation_steps is not None and gradient_accumulation_steps < 2:
            raise OptionError(
                "keras_range", owner=owner, name="gradient_accumulation_steps",
                wants="≥ 2", given=gradient_accumulation_steps,
            )
        self.name = name or auto_name(owner)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self.engine = None
        self._trainable_variables = []
        self._own_variables = []
        self._iterations = Variable(
            np.zeros((), np.int64), trainable=False, name="iteration"
        )
        self._rate = None
        self._average = None
        self._sums = []
        self._undecayed: Callable[[Any], bool] | None = None
        self._told_missing = False
        # iterations as this object has counted them, and as they are after the step at hand
        self._known, self._following = np.zeros((), np.int64), np.zeros((), np.int64)
        self._count_by()
        self.learning_rate = learning_rate

    def _accepted(self) -> list[str]:
        makers = [type(self).__init__, Optimizer.__init__]
        names = [n for f in makers for n in f.__code__.co_varnames[1 : f.__code__.co_argcount]]
        return list(dict.fromkeys(names))

    # ── the rate and the count ──────────────────────────────────────────────────────────────

    @property
    def learning_rate(self) -> Any:
        """The rate of the next step: a Variable, or of a schedule what it says for now."""
        if isinstance(self._rate, LearningRateSchedule):
            return self._rate(self._iterations)
        return self._rate() if not isinstance(self._rate, Variable) else self._rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule) or (
            callable(value) and not isinstance(value, Tensor)
        ):
            self._rate = value
        elif isinstance(self._rate, LearningRateSchedule):
            raise OptionError("keras_scheduled", owner=type(self).__name__)
        elif isinstance(value, str) or array_of(value).size != 1:
            raise OptionError("keras_rate", owner=type(self).__name__, given=value)
        elif isinstance(self._rate, Variable):
            self._rate.assign(array_of(value).reshape(()))
        else:
            self._rate = Variable(
                array_of(value).reshape(()), dtype=floatx(), trainable=False, name="learning_rate"
            )
            self._rate_held = self._rate._data

    def current_rate(self) -> float:
        """Give the rate of the next step as a number."""
        rate = self._rate
        if isinstance(rate, Variable):
            return self._rate_held.item()  # type: ignore[no-any-return]
        if hasattr(rate, "rate"):  # a schedule of ours; rounded as the Variable would be
            return np.dtype(floatx()).type(rate.rate(float(self._taken))).item()  # type: ignore[no-any-return]
        return float(rate(wrap(self._taken)) if isinstance(rate, LearningRateSchedule) else rate())

    @property
    def iterations(self) -> Any:
        """How many steps were taken: a Variable; of moves, where gradients are accumulated."""
        if self.gradient_accumulation_steps:
            return self._iterations // self.gradient_accumulation_steps
        return self._iterations

    # ── variables ───────────────────────────────────────────────────────────────────────────

    def build(self, variables: Iterable[Any]) -> None:
        """Get ready to move these variables; called by itself at the first `apply`."""
        if self.built:
            return
        self.built = True
        self._trainable_variables = list(variables)
        self._sums = [None] * len(self._trainable_variables)
        if self.use_ema:
            self._average = gradients.MovingAverage(self._trainable_variables, self.ema_momentum)
        if self._engine is None or not self._trainable_variables:
            return
        decay = self.weight_decay or 0.0
        options = {**self._settings(), "lr": self.current_rate()}
        groups: list[dict[str, Any]] = [
            {"params": [v for v in self._trainable_variables if self._decays(v)],
             "weight_decay": decay},
            {"params": [v for v in self._trainable_variables if not self._decays(v)],
             "weight_decay": 0.0},
        ]
        make: Any = self._engine
        self.engine = make([g for g in groups if g["params"]], **options)
        self._count_by()

    def _settings(self) -> dict[str, Any]:
        """Give the engine's options that are this class's own."""
        return {}

    def _decays(self, variable: Any) -> bool:
        return self._undecayed is None or not self._undecayed(variable)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables out of the decay: these, or those whose names match; before build."""
        if self.built:
            raise OptionError("keras_built", owner=type(self).__name__)
        listed = {id(v) for v in var_list or ()}
        pattern = re.compile("|".join(var_names)) if var_names else None
        self._undecayed = lambda v: id(v) in listed or bool(
            pattern and pattern.search(v.name or "")
        )

    # ── the step ────────────────────────────────────────────────────────────────────────────

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable. An optimizer of the user's own writes it."""
        raise ArgumentError(
            "keras_method", owner=type(self).__name__,
            method="update_step(gradient, variable, learning_rate)",
        )

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Any:
        """Move each variable by its gradient: pairs (gradient, variable); gives `iterations`."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Move the variables by gradients given beside them; None is no gradient.

        Raises ArgumentError for variables that the optimizer was not built with.
        """
        grads = list(grads)
        if not grads:
            return
        variables = trainable_variables
        variables = self._trainable_variables if variables is None else list(variables)
        self.build(variables)
        known = {id(v) for v in self._trainable_variables}
        if len(grads) != len(variables) or any(id(v) not in known for v in variables):
            raise ArgumentError(
                "keras_variables", owner=type(self).__name__, given=len(grads),
                built=len(self._trainable_variables),
            )
        before = [(v, v._node.grad) for v in self._trainable_variables if _is_leaf(v)]
        try:
            for v in self._trainable_variables:
                if _is_leaf(v):
                    v._node.grad = None
            for g, v in zip(grads, variables, strict=True):
                if g is not None and _is_leaf(v):
                    v._node.grad = array = array_of(g).astype(v.dtype, copy=False)
                    if array.shape != v.shape:
                        raise ShapeError("gradient_shape", given=array.shape, shape=v.shape)
            self.step()
        finally:
            for v, grad in before:
                v._node.grad = grad

    def zero_grad(self) -> None:
        """Forget the gradients of all variables."""
        for v in self._trainable_variables:
            node = v._node
            if node is not None:
                node.grad = None

    def step(self) -> None:
        """Move every variable that has a gradient in `.grad`.

        Raises GradientError where none has one.
        """
        for v in self._trainable_variables:
            node = v._node
            if node is not None and node.grad is None:
                self._check_gradients()
                break
        recorder = recording.get()
        if recorder is not None:
            self._check_recordable()
            recorder.host_call(self._begin)
            if self._alters_gradients():
                self._alter([])
            assert self.engine is not None
            self.engine.step()
            recorder.counts += self._counting
            self._constrain(deque(self._constrained()))
            return
        self._begin()
        waiting = deque(self._constrained())
        try:
            self._move()
            self._constrain(waiting)
        except BaseException:  # Ctrl-C: the step is taken wholly, or not at all
            if self._known == self._following:
                self._constrain(waiting)
            raise

    def _begin(self) -> None:
        """Tell the engine the rate, and how often it has moved if that is not what it thinks."""
        count = int(self._taken)
        if self.engine is not None:
            if self._told_missing or count != int(self._known):
                self._align(count // (self.gradient_accumulation_steps or 1))
            rate = self.current_rate()
            for group in self.engine.param_groups:
                group["lr"] = rate
        self._known[()], self._following[()] = count, count + 1

    def _move(self) -> None:
        """Move the variables, and what goes with them: sums, averages and the count, at once."""
        along = [*self._counting]
        moves_now = not self._alters_gradients() or self._alter(along)
        if self._average is not None:
            moves = int(self._known) // (self.gradient_accumulation_steps or 1)
            along += self._average.updating(is_first=moves == 0)
            often = self.ema_overwrite_frequency
            if often and (moves + 1) % often == 0:
                along += self._average.putting_in()
        if not moves_now or self.engine is None:
            if moves_now:
                self._step_by_step()
            at_once(along)
            return
        self.engine.along = along
        self.engine.step()
        self.engine.along = self._counting  # the rest is as large as the variables

    def _constrained(self) -> list[Any]:
        return [v for v in self._trainable_variables if getattr(v, "constraint", None) is not None]

    def _constrain(self, waiting: deque[Any]) -> None:
        """Put variables that have just moved back to where they may be."""
        while waiting:
            v = waiting[0]
            value = without_grad(v.constraint, v)
            if recording.get() is not None:
                waiting.popleft().assign(value)
                continue
            all_changed([v._data])
            at_once([partial(v._data.__setitem__, ..., v._admitted(value)), waiting.popleft])

    def _check_recordable(self) -> None:
        """Refuse to be compiled with what changes from step to step in Python."""
        for name, given in (
            ("use_ema", self._average is not None),
            ("gradient_accumulation_steps", self.gradient_accumulation_steps),
            ("update_step", self.engine is None),
        ):
            if given:
                raise CompileError("keras_compile", owner=type(self).__name__, name=name)

    def _align(self, moves: int) -> None:
        """Let the engine count moves as Keras does: for all variables, even those that stood."""
        assert self.engine is not None
        update = self.engine._update
        if not update.counts:
            return
        state = self.engine.state
        for name in update.numbers:  # of Nadam, the product of all steps' momenta
            known = [float(r[name]._data) for r in state.values() if name in r]
            for v in self._trainable_variables if known else ():
                state[v][name] = wrap(np.array(min(known)))
        for v in self._trainable_variables:
            state[v]["step"] = wrap(np.array(moves, np.float32))

    def _check_gradients(self) -> None:
        """Say which variables have no gradient. Raises GradientError where none has one."""
        missing = [v for v in self._trainable_variables if _is_leaf(v) and v._node.grad is None]
        if len(missing) == sum(map(_is_leaf, self._trainable_variables)):
            raise GradientError("keras_no_gradients", owner=type(self).__name__)
        if missing and not self._told_missing:
            self._told_missing = True
            names = ", ".join(getattr(v, "path", None) or v.name or "?" for v in missing)
            warn("keras_missing_gradients", stacklevel=5, names=names)

    def _alters_gradients(self) -> bool:
        return bool(
            self.clipnorm or self.clipvalue or self.global_clipnorm or self.loss_scale_factor
            or self.gradient_accumulation_steps
        )

    def _alter(self, along: list[Call]) -> bool:
        """Scale, gather and clip the gradients; tell whether to move by them now.

        along: gets what is to change with the step.
        """
        places = [
            i for i, v in enumerate(self._trainable_variables)
            if _is_leaf(v) and v._node.grad is not None
        ]
        leaves = [self._trainable_variables[i]._node for i in places]
        grads = [array_of(leaf.grad) for leaf in leaves]
        if self.loss_scale_factor:
            grads = [g * (1 / self.loss_scale_factor) for g in grads]
        steps = self.gradient_accumulation_steps
        if steps:
            sums = list(self._sums)
            for i, g in zip(places, grads, strict=True):
                held = sums[i]
                sums[i] = g.copy() if held is None else held + g
            is_due = self._following % steps == 0
            left = [None] * len(sums) if is_due else sums
            along.append(partial(vars(self).update, {"_sums": left}))
            if not is_due:
                return False
            grads = [array_of(sums[i]) * (1 / steps) for i in places]
        if self.clipnorm:
            grads = gradients.clipped_by_norm(grads, self.clipnorm)
        elif self.global_clipnorm:
            grads = gradients.clipped_by_global_norm(grads, self.global_clipnorm)
        elif self.clipvalue:
            grads = gradients.clipped_by_value(grads, self.clipvalue)
        for leaf, g in zip(leaves, grads, strict=True):
            leaf.grad = g
        return True

    def _step_by_step(self) -> None:
        rate = self.current_rate()
        with no_grad():
            for v in self._trainable_variables:
                if _is_leaf(v) and v._node.grad is not None:
                    if self.weight_decay and self._decays(v):
                        v.assign(v._data - v._data * v.dtype.type(self.weight_decay * rate))
                    self.update_step(wrap(array_of(v._node.grad)), v, wrap(v.dtype.type(rate)))

    def finalize_variable_values(self, var_list: Any = None) -> None:
        """Put the moving averages in, at the end of training."""
        if self._average is not None:
            self._average.put_in()

    # ── config and state ────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that make this optimizer again."""
        rate: Any = self._rate
        if isinstance(rate, Variable):
            rate = float(rate._data)
        elif isinstance(rate, LearningRateSchedule):
            rate = schedules.serialize(rate)
        return {
            "name": self.name, "learning_rate": rate, "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm, "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue, "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps, **self._arguments(),
        }

    def _arguments(self) -> dict[str, Any]:
        """Give the arguments that are this class's own."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make an optimizer from what get_config gave."""
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, learning_rate={self.current_rate():g}>"


def _is_leaf(v: Any) -> bool:
    return type(v._node) is Leaf
