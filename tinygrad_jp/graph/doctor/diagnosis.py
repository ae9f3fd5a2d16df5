"""`diagnose`: what is ill in a network, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ...autograd import apply as engine
from ...autograd import generate
from ...autograd.lines import user_line
from ...autograd.memory import owner
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, Language, ShapeError
from ...nn.module import Module
from ..names import Named, named_tensors
from ..recording import Recording
from ..traced import traced
from ..wording import Look
from . import signals, structure, weights
from .chart import Chart
from .finding import SEVERITIES, Finding
from .report import Diagnosis

CHECKS = (
    signals.non_finite, signals.fading, signals.dead, signals.saturated,
    weights.without_part, weights.uncomputed, weights.zero_gradients, weights.symmetric,
    weights.raw_inputs,
    structure.linear_linear, structure.softmax_twice, structure.broadcast_loss,
)


def diagnose(
    subject: Any,
    x: Any = None,
    t: Any = None,
    loss_fn: Callable[..., Any] | None = None,
    *,
    names: Any = None,
    lang: Language | None = None,
) -> Diagnosis:
    """Look for what keeps a network from learning, node by node, and say what to do about it.

    subject: a loss, a Tensor of one number whose graph is still there; or a Module.
    x: the batch for the Module, a Tensor or an array, or a tuple of several. t: the targets.
    loss_fn: takes (output, t), or (output) where no t is given; without one, the Module's output
        is the loss if it is one number, else the sum of its elements stands for it.
    names: for a loss, where to find names: locals(), or the Module, whose parameters without a path
        to the loss are then reported.
    lang: "ja" or "en"; None for the language in force.
    Found are gradients that vanish or explode with depth, ReLUs that are dead and sigmoids that
    are saturated over the batch, NaN and infinities and where they first arose, parameters that
    take no part, units that cannot be told apart, layers with nothing between them, softmax before
    a loss that applies its own, (N, 1) against (N,), inputs that are not normalised. No `.grad` is
    touched, and a Module's buffers are left as they were.
    Raises ArgumentError for what is neither; ShapeError where the loss is not one number;
    GradientError where there is no graph, or backward() has freed it.

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp import nn
    >>> _ = tj.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3), nn.Softmax(1))
    >>> report = tj.diagnose(model, tj.randn(16, 4), lang="en")
    >>> [(f.kind, f.place) for f in report.findings]
    [('linear_linear', '0.weight (n0) → 1.weight (n2)')]
    """
    if lang is not None:
        Look(language=lang)  # refuses one that there is not
    if isinstance(subject, Module):
        return _of_model(subject, x, t, loss_fn, lang)
    if not isinstance(subject, Tensor):
        raise ArgumentError("diagnose_what", kind=type(subject).__name__)
    if x is not None or t is not None or loss_fn is not None:
        raise ArgumentError("diagnose_batch")
    if subject._data.size != 1:
        raise ShapeError("not_a_loss", shape=tuple(subject._data.shape))
    named = named_tensors(names)
    recording = Recording(subject, named)
    return _examined(recording, _missing(recording, named, names, None), lang)


def _of_model(
    model: Module, x: Any, t: Any, loss_fn: Callable[..., Any] | None, lang: Language | None
) -> Diagnosis:
    if x is None:
        raise ArgumentError("diagnose_no_batch", model=type(model).__name__)
    if t is not None and loss_fn is None:
        raise ArgumentError("diagnose_no_loss_fn")
    if loss_fn is not None and not callable(loss_fn):
        raise ArgumentError("diagnose_loss_fn", kind=type(loss_fn).__name__)
    given = x if isinstance(x, tuple) else (x,)
    batch = [a if isinstance(a, Tensor) else Tensor(a) for a in given]
    here = user_line()
    with _arrays_used() as used:
        run = traced(lambda: _loss(model(*batch), t, loss_fn), (), model)
    run.named.pairs += [("x" if len(batch) == 1 else f"x{i}", a) for i, a in enumerate(batch)]
    (loss,) = run.outputs
    recording = Recording(loss, run.named, run.calls)
    missing = _missing(recording, named_tensors(model), model, used)
    return _examined(recording, missing, lang, loss._data.size != 1, str(here))


@contextmanager
def _arrays_used() -> Iterator[dict[int, Any]]:
    """Gather the memory that operations read, by id."""
    used: dict[int, Any] = {}

    def watch(rule: Any, values: Any, y: Any, node: Any) -> None:
        used.update((id(o), o) for o in (owner(v) for v in values if isinstance(v, np.ndarray)))

    engine.watchers.append(watch)
    generate.watch(True, watch)
    try:
        yield used
    finally:
        engine.watchers.remove(watch)
        generate.watch(False, watch)


def _loss(output: Any, t: Any, loss_fn: Callable[..., Any] | None) -> Tensor:
    if loss_fn is not None:
        output = loss_fn(output) if t is None else loss_fn(output, t)
        if isinstance(output, Tensor) and output._data.size != 1:
            raise ShapeError("not_a_loss", shape=tuple(output._data.shape))
    while isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        raise ArgumentError("diagnose_output", kind=type(output).__name__)
    return output


def _missing(
    recording: Recording, named: Named, names: Any, used: dict[int, Any] | None
) -> dict[str, str]:
    """Find what has a name and no path to the loss: name -> the kind of the finding."""
    leaves = [
        (name, tensor) for name, tensor in named.pairs
        if tensor.is_leaf and tensor.requires_grad and (
            name in named.paths or not isinstance(names, Module)
        )
    ]
    reached = {name for name, tensor in leaves if tensor._node in recording.ids}
    roots = {name.partition(".")[0] for name in reached & named.paths}
    missing = {}
    for name, tensor in leaves:
        if name in reached:
            continue
        if name not in named.paths:  # a variable, which may well belong to something else
            missing[name] = "unreached_tensor"
        elif used is not None:
            missing[name] = "no_path" if id(owner(tensor._data)) in used else "unused_parameter"
        elif isinstance(names, Module) or name.partition(".")[0] in roots:
            missing[name] = "unreached_parameter"
    return missing


def _examined(
    recording: Recording, missing: dict[str, str], lang: Language | None,
    stands_in: bool = False, here: str = "",
) -> Diagnosis:
    chart = Chart(recording.graph, recording.gradients, missing)
    found: list[Finding] = []
    with np.errstate(all="ignore"):
        for check in CHECKS:
            found += check(chart)
    if any(f.kind.startswith("non_finite") for f in found):
        found = [f for f in found if f.kind not in ("zero_gradient",)]
    found.sort(key=lambda f: SEVERITIES.index(f.severity))
    found = [replace(f, line=None) if f.line == here else f for f in found]  # says nothing new
    return Diagnosis(chart, found, lang, stands_in)
