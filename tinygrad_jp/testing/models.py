"""What a test asserts of a module or an optimizer as a whole."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from ..autograd import random
from ..autograd.structure import leaves
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, LawError, Phrase
from ..nn.module import Module
from .assertions import assert_gradients, cause, plain, title, wanted
from .failures import ensure, same

__tracebackhide__ = True  # pytest points to the line of the test
Array = Any


def assert_module(
    module: Module, *inputs: Any, gradients: bool = True, unused: Iterable[str] = (),
    compiled: bool = True,
) -> None:
    """See that a module does what every module should; the module itself is left as it is.

    inputs: what it is called with: arrays, Tensors, labels.
    gradients: check first derivatives by inputs and parameters against differences; False for a
        module that is at a kink, or whose gradient is an estimate.
    unused: names of parameters that get no gradient on purpose. compiled: whether `tj.compile`
        can take it.
    Seen: the same output for the same input in evaluation mode, and for the same seed in training;
    train() and eval() reach every part; the state dict goes round; copies and pickles are the
    same; float32 and float64 in, the same out, with gradients in the dtype of the parameters;
    inputs are not written into; every parameter gets a gradient; compiled is eager.
    Raises LawError, naming which.

    >>> import numpy as np
    >>> from tinygrad_jp import nn
    >>> from tinygrad_jp.testing import assert_module
    >>> assert_module(nn.Sequential(nn.Linear(2, 3), nn.Tanh()), np.ones((4, 2)))
    """
    if not isinstance(module, Module):
        raise ArgumentError("not_a_module", given=type(module).__name__)
    given = [np.array(plain(x)) if hasattr(x, "dtype") else x for x in inputs]
    by_differences = partial(_gradients, differences=gradients, unused=set(unused))
    laws: list[tuple[str, Callable[[Module, list[Any]], None]]] = [
        ("testing_module_modes", _modes),
        ("testing_module_inputs", _inputs_kept),
        ("testing_module_repeats", _repeats),
        ("testing_module_state", _state_goes_round),
        ("testing_module_copies", _copies),
        ("testing_module_dtypes", _dtypes),
        ("testing_module_gradients", by_differences),
    ]
    if compiled:
        laws.append(("testing_module_compiled", _compiled))
    for key, law in laws:
        try:
            law(copy.deepcopy(module), [np.array(x) if hasattr(x, "dtype") else x for x in given])
        except Exception as reason:
            error = LawError(
                "testing_module", name=type(module).__name__, law=Phrase(key), reason=reason,
                module=module,
            )
            error.results = partial(_drawn_results, module, given)  # type: ignore[attr-defined]
            raise error from cause(reason)


def _drawn_results(module: Module, inputs: list[Any]) -> tuple[list[Tensor], Module]:
    twin = copy.deepcopy(module)
    return called(twin, inputs), twin


def called(module: Module, inputs: list[Any], kind: Any = None) -> list[Tensor]:
    """Call a module on Tensors, in a dtype; list its floating point results."""
    return results_of(module(*as_tensors(module, inputs, kind)))


def as_tensors(module: Module, inputs: list[Any], kind: Any = None) -> list[Any]:
    """Make Tensors of floating point inputs, in the dtype of the module's parameters."""
    kind = kind or next((p.dtype for p in module.parameters()), np.dtype(np.float64))
    return [Tensor(x.astype(kind)) if wanted(x) and hasattr(x, "dtype") else x for x in inputs]


def results_of(result: Any) -> list[Tensor]:
    """List the floating point Tensors in what a module gave."""
    return [y for y in leaves(result) if isinstance(y, Tensor) and wanted(y)]


def alike(found: list[Any], like: list[Any], key: str, rtol: float = 0.0) -> None:
    """Compare lists of results."""
    ensure(len(found) == len(like), "testing_count", name=key, found=len(found), wanted=len(like))
    for i, (a, b) in enumerate(zip(found, like, strict=True)):
        size = float(np.abs(plain(b)).max(initial=0))
        same(a, b, Phrase(key, place=i), rtol, rtol * size)


def _modes(module: Module, inputs: list[Any]) -> None:
    for mode in (False, True):
        returned = module.train() if mode else module.eval()
        ensure(returned is module, "testing_other", what=Phrase("testing_mode_returns"))
        for name, part in module.named_modules():
            ensure(part.training is mode, "testing_other",
                   what=Phrase("testing_mode", name=name or type(module).__name__))


def _inputs_kept(module: Module, inputs: list[Any]) -> None:
    for training in (False, True):
        given = as_tensors(module.train(training), inputs)
        before = [np.array(plain(x)) if hasattr(x, "dtype") else x for x in given]
        module(*given)
        for i, (x, kept) in enumerate(zip(given, before, strict=True)):
            if hasattr(x, "dtype"):
                same(x, kept, Phrase("testing_input", place=i))


def _repeats(module: Module, inputs: list[Any]) -> None:
    module.eval()
    first = called(module, inputs)
    ensure(first, "testing_no_result", name=type(module).__name__)
    alike(called(module, inputs), first, "testing_again")
    twin = copy.deepcopy(module.train())
    with random.using(np.random.default_rng(1)):
        first = called(module, inputs)
    with random.using(np.random.default_rng(1)):
        alike(called(twin, inputs), first, "testing_seeded")


def _state_goes_round(module: Module, inputs: list[Any]) -> None:
    module.eval()
    before = called(module, inputs)
    saved = {name: np.array(value._data) for name, value in module.state_dict().items()}
    other = copy.deepcopy(module)
    for value in (*other.parameters(), *other.buffers()):
        if wanted(value):
            value.data[...] += 1.0
    other.load_state_dict(saved)
    alike(called(other, inputs), before, "testing_loaded")
    again = other.state_dict()
    ensure(list(again) == list(saved), "testing_other", what=Phrase("testing_state_keys"))
    for name, array in saved.items():
        same(again[name], array, name)


def _copies(module: Module, inputs: list[Any]) -> None:
    module.eval()
    before = called(module, inputs)
    alike(called(copy.deepcopy(module), inputs), before, "testing_copied")
    try:
        kept = pickle.dumps(module)
    except (AttributeError, pickle.PicklingError):
        return  # a class inside a function has no name to be found by
    alike(called(pickle.loads(kept), inputs), before, "testing_copied")


def _dtypes(module: Module, inputs: list[Any]) -> None:
    for kind in (np.dtype(np.float32), np.dtype(np.float64)):
        module.to(kind)
        for name, p in module.named_parameters():
            ensure(p.dtype == kind, "testing_dtype", what=name, found=p.dtype, wanted=kind)
        module.zero_grad()
        total = None
        for i, y in enumerate(called(module, inputs, kind)):
            ensure(y.dtype == kind, "testing_dtype", what=Phrase("testing_result", place=i),
                   found=y.dtype, wanted=kind)
            total = y.sum() if total is None else total + y.sum()
        if total is not None and total.requires_grad:
            total.backward()
        for name, p in module.named_parameters():
            if p.grad is not None:
                ensure(p.grad.dtype == kind, "testing_dtype", what=f"{name}.grad",
                       found=p.grad.dtype, wanted=kind)


def _gradients(
    module: Module, inputs: list[Any], differences: bool, unused: set[str]
) -> None:
    module.to(np.float64)
    module.zero_grad()
    with random.using(np.random.default_rng(1)):
        results = [y for y in called(module, inputs, np.float64) if y.requires_grad]
    for y in results:
        weights = np.linspace(0.5, 1.5, y._data.size).reshape(y.shape)  # a norm's sum is constant
        (y * weights).sum().backward(retain_graph=True)
    for name, p in module.named_parameters():
        if p.requires_grad and name not in unused:
            ensure(p.grad is not None, "testing_unused", name=name)
    if differences:
        module.eval()
        assert_gradients(module, *inputs, order=1)


def _compiled(module: Module, inputs: list[Any]) -> None:
    module.eval()
    before = called(module, inputs)
    from ..compiled.function import compile

    fast = compile(module)
    for _ in range(2):  # the call that records, and one that replays
        found = results_of(fast(*as_tensors(module, inputs)))
        alike(found, before, "testing_compiled", rtol=1e-6)


# ── optimizers ──────────────────────────────────────────────────────────────────────────────────


def assert_optimizer(
    make: Callable[[Any], Any], steps: int = 200, falls_to: float = 0.999, seed: int = 0
) -> None:
    """See that an optimizer does what every optimizer should.

    make: takes a list of parameters, gives the optimizer: `lambda params: MyOptimizer(params)`.
    steps, falls_to: a quadratic must fall to this share of where it started, in so many steps.
    Seen: it descends (ascends with maximize=True); parameters keep dtype, shape and memory;
    gradients are left alone; parameters without a gradient stay; what state_dict() saves resumes
    bit for bit; it works on 0-d and on empty parameters. Raises LawError, naming which.

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp.testing import assert_optimizer
    >>> assert_optimizer(lambda params: tj.optim.Adam(params, lr=0.05))
    """
    laws: list[Callable[[], None]] = [
        partial(_descends, make, steps, falls_to), partial(_leaves_alone, make, seed),
        partial(_resumes, make, seed),
    ]
    for law in laws:
        try:
            law()
        except Exception as reason:
            made = make([Tensor([1.0], requires_grad=True)])
            raise LawError(
                "testing_module", name=type(made).__name__, law=title("optimizer"), reason=reason,
                module=made,
            ) from cause(reason)


PARAMETERS = [(3, 4), (5,), (), (0, 2)]


def _drawn(rng: np.random.Generator, dtype: Any) -> list[Array]:
    return [np.asarray(rng.standard_normal(shape)).astype(dtype) for shape in PARAMETERS]


def _params(rng: np.random.Generator, dtype: Any = np.float32) -> list[Tensor]:
    return [Tensor(x, requires_grad=True) for x in _drawn(rng, dtype)]


def _descends(make: Callable[[Any], Any], steps: int, falls_to: float) -> None:
    w = Tensor([2.0, -3.0, 0.5], requires_grad=True)
    optimizer = make([w])
    sign = -1.0 if optimizer.param_groups[0].get("maximize") else 1.0

    def loss() -> Tensor:
        return (w * w).sum() * 0.5

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss() * sign
        value.backward()
        return value

    first = loss().item()
    for _ in range(steps):
        optimizer.step(closure)
    last = loss().item()
    ensure(last <= first * falls_to, "testing_descends", first=first, last=last, steps=steps)


def _leaves_alone(make: Callable[[Any], Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    for kind in (np.float32, np.float64):
        params = _params(rng, kind)
        still = Tensor(np.ones(2, kind), requires_grad=True)
        optimizer = make([*params, still])
        memory = [p._data for p in params]
        for _ in range(3):
            grads = _drawn(rng, kind)
            for p, g in zip(params, grads, strict=True):
                p.grad = Tensor(g)
            held = [p.grad for p in params]
            optimizer.step(lambda: Tensor(1.0))
            for p, g, h in zip(params, grads, held, strict=True):
                ensure(p.grad is h, "testing_other", what=Phrase("testing_optimizer_grad"))
                same(h, g, Phrase("testing_optimizer_grad"))
        for p, x, shape in zip(params, memory, PARAMETERS, strict=True):
            ensure(p.dtype == kind, "testing_dtype", what=f"params{shape}", found=p.dtype,
                   wanted=np.dtype(kind))
            ensure(p.shape == shape, "testing_shape", what="params", found=p.shape, wanted=shape)
            ensure(np.shares_memory(p._data, x) or not x.size, "testing_other",
                   what=Phrase("testing_optimizer_memory"))
        same(still, np.ones(2), Phrase("testing_optimizer_still"))


def _train(optimizer: Any, params: list[Tensor], seeds: range) -> None:
    for seed in seeds:
        for p, g in zip(params, _drawn(np.random.default_rng(seed), np.float32), strict=True):
            p.grad = Tensor(g)
        optimizer.step(lambda: Tensor(1.0))


def _resumes(make: Callable[[Any], Any], seed: int) -> None:
    params = _params(np.random.default_rng(seed))
    optimizer = make(params)
    _train(optimizer, params, range(7))
    twins = [Tensor(p.detach(), requires_grad=True) for p in params]
    twin = make(twins)
    twin.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    _train(optimizer, params, range(7, 14))
    _train(twin, twins, range(7, 14))
    for p, q in zip(params, twins, strict=True):
        same(q, p, Phrase("testing_resumed"))
