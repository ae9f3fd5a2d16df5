"""What every optimizer shares: parameter groups, options, state, and taking a step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from ..autograd.mode import enable_grad, recording
from ..autograd.node import Node
from ..autograd.tensor import Tensor
from ..errors import (
    ArgumentError,
    GradientError,
    NonFiniteError,
    OptionError,
    StateDictError,
    text,
)
from .at_once import Call, at_once
from .in_place import Update
from .parts import Plan, fitting

Array = Any
Params = Iterable[Any]

# what an option must satisfy, as shown to the user and as tested
LIMITS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "lr": ("0 ≤ lr", lambda v: 0 <= v < inf),
    "betas": ("0 ≤ β₁ < 1, 0 ≤ β₂ < 1", lambda v: len(v) == 2 and all(0 <= b < 1 for b in v)),
    "eps": ("0 ≤ eps", lambda v: 0 <= v < inf),
    "weight_decay": ("0 ≤ weight_decay", lambda v: 0 <= v < inf),
    "momentum": ("0 ≤ momentum", lambda v: 0 <= v < inf),
    "dampening": ("-∞ < dampening < ∞", lambda v: -inf < v < inf),
    "alpha": ("0 ≤ alpha", lambda v: 0 <= v < inf),
    "rho": ("0 ≤ rho ≤ 1", lambda v: 0 <= v <= 1),
    "lr_decay": ("0 ≤ lr_decay", lambda v: 0 <= v < inf),
    "momentum_decay": ("0 ≤ momentum_decay", lambda v: 0 <= v < inf),
    "initial_accumulator_value": ("0 ≤ initial_accumulator_value", lambda v: 0 <= v < inf),
    "max_iter": ("1 ≤ max_iter", lambda v: v >= 1),
    "max_eval": ("1 ≤ max_eval", lambda v: v >= 1),
    "history_size": ("1 ≤ history_size", lambda v: v >= 1),
    "line_search_fn": ("'strong_wolfe', None", lambda v: v in (None, "strong_wolfe")),
}

# how others spell our options, and options of PyTorch's that choose among its implementations
SYNONYMS = {
    "learning_rate": "lr", "l2": "weight_decay", "wd": "weight_decay", "beta1": "betas",
    "beta2": "betas", "beta_1": "betas", "beta_2": "betas", "epsilon": "eps", "decay": "lr_decay",
}
IMPLEMENTATION = ("foreach", "fused", "capturable", "differentiable")


class Optimizer:
    """Update parameters from their gradients.

    A subclass gives `rule`, a pure function (see `adam` for one, and Update for its form), and an
    `__init__` that lists its options. Everything else is here. Or it has a `step` of its own, as
    in PyTorch, which reads `self.param_groups` and keeps what it needs in `self.state[p]`.
    params: Tensors, (name, Tensor) pairs, or groups.  defaults: the options, by name.
    unknown: arguments that the subclass does not know, for a clear error.
    """

    not_lifted = ("_state", "_plans")  # by `compile`, which sees to them part by part
    along: Sequence[Call] = ()  # what else is to change with a step, at once with it
    rule: ClassVar[Callable[..., Any]]
    _update: ClassVar[Update]

    def __init_subclass__(cls) -> None:
        if "rule" in cls.__dict__:
            cls._update = Update(cls.rule)

    def __init__(
        self, params: Params, defaults: dict[str, Any], unknown: dict[str, Any] | None = None
    ) -> None:
        self.defaults = defaults
        for name in unknown or {}:
            raise self._unknown(name)
        self.param_groups: list[dict[str, Any]] = []
        self._state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self._plans: list[Plan | None] = []
        self._has_stepped = False  # for schedulers, which come after the first step
        groups = self._listed(params)
        if not groups:
            raise OptionError("optim_no_params", optimizer=type(self).__name__)
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    # ── parameters and options ──────────────────────────────────────────────────────────────

    def _listed(self, params: Any) -> list[Any]:
        """List what was given, which must have an order."""
        name = type(self).__name__
        if isinstance(params, (Tensor, ndarray, str, set, frozenset)) or hasattr(
            params, "parameters"
        ):
            raise ArgumentError("optim_params", optimizer=name, kind=type(params).__name__)
        try:
            return list(params.items()) if isinstance(params, dict) else list(params)
        except TypeError:
            raise ArgumentError(
                "optim_params", optimizer=name, kind=type(params).__name__
            ) from None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own: {"params": [...], "lr": 0.1}.

        Options that are not given take the optimizer's defaults. Raises ArgumentError for what is
        no Tensor or a misspelt option, OptionError for a parameter that is here already or an
        option that makes no sense, GradientError for a Tensor that was computed, NonFiniteError
        for a parameter with a NaN or an infinity.
        """
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise ArgumentError("optim_group", optimizer=type(self).__name__)
        group = dict(param_group)
        given = group["params"]
        listed = [given] if isinstance(given, Tensor) else self._listed(given)
        pairs: list[Any] = [
            p if isinstance(p, tuple) and len(p) == 2 else (None, p) for p in listed
        ]
        if not pairs:
            raise OptionError("optim_no_params", optimizer=type(self).__name__)
        group["params"] = [p for _, p in pairs]
        if all(isinstance(name, str) for name, _ in pairs):
            group["param_names"] = [name for name, _ in pairs]
        for name in group:
            if name not in self.defaults and self._misspelt(name):
                raise self._unknown(name)
        group = {**self.defaults, **group}
        self.check(group)
        count = sum(len(g["params"]) for g in self.param_groups)
        seen = {id(p): i for i, p in enumerate(self._params())}
        for i, (name, p) in enumerate(pairs, count):
            self._admit(name or f"params[{i}]", p, seen)
            seen[id(p)] = i
        self.param_groups.append(group)
        self._plans.append(None)

    def _admit(self, place: str, p: Any, seen: dict[int, int]) -> None:
        """Refuse what cannot be trained."""
        if not isinstance(p, Tensor):
            raise ArgumentError(
                "optim_not_tensor", optimizer=type(self).__name__, place=place,
                kind=type(p).__name__,
            )
        name = shown(place, p)
        if id(p) in seen:
            raise OptionError("optim_duplicate", name=name, first=seen[id(p)])
        if not p.is_leaf:
            raise GradientError("optim_not_leaf", name=name)
        array = p._data
        if type(array) is ndarray and array.dtype.kind == "f":
            finite = np.isfinite(array)
            if not finite.all():
                where = tuple(int(i) for i in np.argwhere(~finite)[0])
                raise NonFiniteError(
                    "optim_not_finite", name=name, count=int(array.size - finite.sum()),
                    place=where, value=float(array[where]),
                )

    def _params(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def check(self, group: dict[str, Any]) -> None:
        """Refuse options that make no sense; numbers in Tensors and arrays become Python's."""
        for name in self.defaults:
            value = group[name]
            if isinstance(value, (Tensor, ndarray)) and value.size == 1:
                value = group[name] = value.item()
            if isinstance(value, list):
                value = group[name] = tuple(value)
            if name in LIMITS:
                wants, holds = LIMITS[name]
                try:
                    fine = holds(value)
                except TypeError:
                    fine = False
                if not fine:
                    raise OptionError(
                        "optim_option", optimizer=type(self).__name__, name=name, given=value,
                        wants=wants,
                    )

    def _misspelt(self, name: str) -> str | None:
        """Find the option that was meant by a name, if it looks like one."""
        from difflib import get_close_matches  # only when something went wrong

        if name in IMPLEMENTATION:
            return name
        if SYNONYMS.get(name) in self.defaults:
            return SYNONYMS[name]
        return next(iter(get_close_matches(name, self.defaults, 1, 0.75)), None)

    def _unknown(self, name: str) -> ArgumentError:
        """Make the error for an option that this optimizer does not have."""
        near = self._misspelt(name)
        hint = ""
        if name in IMPLEMENTATION:
            hint = text("optim_implementation")
        elif near:
            hint = text("optim_near", near=near)
        return ArgumentError(
            "optim_argument", optimizer=type(self).__name__, name=name, hint=hint,
            accepted=", ".join(self.defaults), near=near,
        )

    # ── the step ────────────────────────────────────────────────────────────────────────────

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with set_to_none=False make them zero."""
        for group in self.param_groups:
            for p in group["params"]:
                leaf = p._node
                if leaf is None:
                    continue
                if set_to_none:  # unseen, so that a recorded step serves with and without one
                    leaf.grad = None
                elif leaf.grad is not None:
                    leaf.grad = np.zeros_like(p._data)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        closure: computes the loss anew, with its gradients; called first, its result is returned.
        Raises ShapeError where a gradient or a state does not fit its parameter. Whatever is
        raised, Ctrl-C too: every parameter and its state have taken the step, or none has.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._has_stepped = True
        recorder = recording.get()
        if recorder is not None:
            from .recorded import record_step

            record_step(self, recorder)
            return loss
        calls: list[Call] = []
        for place, group in enumerate(self.param_groups):
            plan = self._plans[place]
            grads = plan.gradients() if plan and len(plan.params) == len(group["params"]) else None
            if grads is None:
                plan, grads = self._planned(place, group)
            if plan is not None and grads:
                listed = plan.calls(group, grads)
                calls = calls + listed if calls else listed
        at_once([*calls, *self.along] if self.along else calls)
        return loss

    def _planned(self, place: int, group: dict[str, Any]) -> tuple[Plan | None, list[Array]]:
        """Sort the parameters of a group that have a gradient into parts, if they fit together."""
        params, leaves, arrays, grads = [], [], [], []
        for p in group["params"]:
            leaf = p._node
            if leaf is None:
                continue  # frozen
            if type(leaf) is Node:
                raise GradientError("optim_not_leaf", name=shown(f"group {place}", p))
            g = leaf.grad
            if g is not None:
                params.append(p)
                leaves.append(leaf)
                arrays.append(p._data)
                grads.append(g if type(g) is ndarray else getattr(g, "_data", g))
        plan = self._plans[place]
        if not leaves or (plan and plan.fits(leaves, arrays, grads)):
            return plan, grads
        self._settle()
        records = [self._state[p] for p in params]
        for p, array, grad, record in zip(params, arrays, grads, records, strict=True):
            i = next(i for i, q in enumerate(group["params"]) if q is p)
            fitting(shown(f"params[{i}]", p), array, grad, record)
        plan = self._plans[place] = Plan(self._update, params, leaves, arrays, records)
        return plan, grads

    # ── state ───────────────────────────────────────────────────────────────────────────────

    def _settle(self) -> None:
        for plan in self._plans:
            for part in plan.parts if plan else ():
                part.settle()

    @property
    def state(self) -> dict[Tensor, dict[str, Any]]:
        """What is remembered of each parameter: {parameter: {"step": ..., "exp_avg": ...}}.

        May be changed: the next step reads it anew.
        """
        self._settle()
        self._plans = [None] * len(self.param_groups)
        return self._state

    def state_dict(self) -> dict[str, Any]:
        """Give a copy of the state and the options, laid out as PyTorch's.

        {"state": {index: {"step": ..., "exp_avg": ...}}, "param_groups": [{"lr": ...,
        "params": [indices]}]}, where an index counts the parameters over all groups.
        """
        self._settle()
        index = {id(p): i for i, p in enumerate(self._params())}
        groups = []
        for group in self.param_groups:
            copy = {k: v for k, v in group.items() if k != "params"}
            groups.append({**copy, "params": [index[id(p)] for p in group["params"]]})
        state = {
            index[id(p)]: {key: copied(value) for key, value in record.items()}
            for p, record in self._state.items()
            if record and id(p) in index
        }
        return {"state": dict(sorted(state.items())), "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, here or in PyTorch; all of it, or nothing.

        Raises StateDictError where groups, numbers of parameters or shapes differ.
        """
        name = type(self).__name__
        try:
            groups, state = state_dict["param_groups"], state_dict["state"]
            sizes = [len(g["params"]) for g in groups]
        except (KeyError, TypeError):
            raise StateDictError("optim_state_form", optimizer=name) from None
        mine = [len(g["params"]) for g in self.param_groups]
        if sizes != mine:
            raise StateDictError("optim_state_groups", optimizer=name, given=sizes, mine=mine)
        loaded = []
        for group, old in zip(groups, self.param_groups, strict=True):
            options = {k: v for k, v in group.items() if k not in IMPLEMENTATION}
            new = {**old, **options, "params": old["params"]}
            self.check(new)
            loaded.append(new)
        keys = [key for g in groups for key in g["params"]]
        records: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for key, p in zip(keys, self._params(), strict=True):
            record = state.get(key, state.get(str(key), {}))
            records[p] = {k: self._taken(p, key, k, v) for k, v in record.items()}
        self.param_groups[:] = loaded
        self._state = records
        self._plans = [None] * len(loaded)

    def _taken(self, p: Tensor, index: Any, key: str, value: Any) -> Any:
        """Copy one entry of a loaded state, in the parameter's dtype."""
        from ..nn.state import as_array

        array = np.array(as_array(value))
        if key == "step" or array.ndim == 0 != p.ndim:
            return Tensor(array)
        if array.shape != p.shape:
            raise StateDictError(
                "optim_state_misfit", entry=key, index=index, given=array.shape, shape=p.shape
            )
        return Tensor(array.astype(p.dtype))

    def __getstate__(self) -> dict[str, Any]:
        return {"groups": self.param_groups, "defaults": self.defaults, "saved": self.state_dict()}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.defaults, self.param_groups = kept["defaults"], kept["groups"]
        self._has_stepped = bool(kept["saved"]["state"])
        self._state, self._plans = defaultdict(dict), []
        self.load_state_dict(kept["saved"])

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {group[k]}" for k in sorted(group) if k != "params"]
        return "\n".join([*lines, ")"])


def shown(place: str, p: Tensor) -> str:
    """Name a parameter in an error: by its name, or its place and shape."""
    return f"'{p.name}'" if p.name else f"{place} (shape {p.shape})"


def copied(value: Any) -> Any:
    """Copy an entry of a state."""
    if isinstance(value, Tensor):
        return Tensor(value)
    return [copied(v) for v in value] if isinstance(value, list) else value
