"""A compiled training step leaves what eager execution leaves: values, gradients, state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.optim import lr_scheduler

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adam_decay": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "rmsprop_centered": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1),
    "adadelta": lambda p: optim.Adadelta(p),
    "adamax": lambda p: optim.Adamax(p, lr=0.01),
    "nadam": lambda p: optim.NAdam(p, lr=0.01),
    "radam": lambda p: optim.RAdam(p, lr=0.01),
}
SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "step": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=20),
    "warm_restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "sequential": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
}


def training(
    compile_: Callable[..., Any] | None, make_model: Callable[[], Any], make_optimizer: Any,
    loss_fn: Any, make_batch: Callable[[int], Any], steps: int = 6, make_scheduler: Any = None,
    extra: Callable[[Any], None] | None = None,
) -> tuple[Any, Any, list[float]]:
    """Train, compiled or not: (model, optimizer, losses)."""
    tj.manual_seed(0)
    model = make_model()
    optimizer = make_optimizer(model.parameters())
    scheduler = make_scheduler(optimizer) if make_scheduler else None

    def step(x: Any, t: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_fn(model(x), t)
        loss.backward()
        if extra is not None:
            extra(model)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        return loss

    run = step if compile_ is None else compile_(step)
    losses = [run(*make_batch(i)).item() for i in range(steps)]
    return model, optimizer, losses


def agree(compile_: Any, *args: Any, tolerance: float = 2e-5, **kwargs: Any) -> None:
    """Hold compiled training to eager training."""
    eager, eager_optimizer, eager_losses = training(None, *args, **kwargs)
    model, optimizer, losses = training(compile_, *args, **kwargs)
    np.testing.assert_allclose(losses, eager_losses, rtol=tolerance, atol=tolerance)
    for (name, a), b in zip(model.named_parameters(), eager.parameters(), strict=True):
        close(a, b, tolerance, name)
        assert (a.grad is None) == (b.grad is None), name
        if a.grad is not None:
            close(a.grad, b.grad, tolerance, f"{name}.grad")
            assert a.grad.shape == a.shape
    for (name, a), b in zip(model.named_buffers(), eager.buffers(), strict=True):
        close(a, b, tolerance, name)
    mine, theirs = optimizer.state_dict(), eager_optimizer.state_dict()
    assert mine["param_groups"] == theirs["param_groups"]
    assert mine["state"].keys() == theirs["state"].keys()
    for index, record in theirs["state"].items():
        assert mine["state"][index].keys() == record.keys()
        for key, value in record.items():
            close(mine["state"][index][key], value, tolerance, f"state {index} {key}")


def close(a: Any, b: Any, tolerance: float, name: str) -> None:
    left, right = np.asarray(tj.tensor(a).detach()), np.asarray(tj.tensor(b).detach())
    scale = max(float(np.abs(right).max(initial=0)), 1e-3)
    np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def network(dtype: Any = None) -> Any:
    return nn.Sequential(nn.Linear(5, 7, dtype=dtype), nn.Tanh(), nn.Linear(7, 3, dtype=dtype))


def labelled(i: int, dtype: Any = np.float32, rows: int = 11) -> Any:
    rng = np.random.default_rng(i)
    return (
        tj.tensor(rng.standard_normal((rows, 5)).astype(dtype)), tj.tensor(rng.integers(0, 3, rows))
    )


def continuous(i: int, dtype: Any = np.float32, rows: int = 11) -> Any:
    rng = np.random.default_rng(i)
    return (
        tj.tensor(rng.standard_normal((rows, 5)).astype(dtype)),
        tj.tensor(rng.standard_normal((rows, 3)).astype(dtype)),
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_optimizer(compiled: Any, name: str, dtype: Any) -> None:
    tolerance = 2e-4 if dtype == np.float32 else 1e-8
    agree(
        compiled, lambda: network(dtype), OPTIMIZERS[name], nn.CrossEntropyLoss(),
        lambda i: labelled(i, dtype), tolerance=tolerance,
    )


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler(compiled: Any, name: str) -> None:
    agree(
        compiled, network, OPTIMIZERS["momentum"], nn.MSELoss(), continuous,
        make_scheduler=SCHEDULERS[name], tolerance=1e-4,
    )


LOSSES = {
    "mse": (nn.MSELoss, continuous), "l1": (nn.L1Loss, continuous),
    "huber": (nn.HuberLoss, continuous), "smooth_l1": (nn.SmoothL1Loss, continuous),
    "cross_entropy": (nn.CrossEntropyLoss, labelled),
    "smoothed": (lambda: nn.CrossEntropyLoss(label_smoothing=0.1), labelled),
    "weighted": (lambda: nn.CrossEntropyLoss(weight=tj.tensor([1.0, 2.0, 0.5])), labelled),
    "sum": (lambda: nn.CrossEntropyLoss(reduction="sum"), labelled),
    "bce_logits": (
        nn.BCEWithLogitsLoss, lambda i: (continuous(i)[0], (continuous(i)[1] > 0).float())
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(compiled: Any, name: str) -> None:
    make, batch = LOSSES[name]
    agree(compiled, network, OPTIMIZERS["adam"], make(), batch, tolerance=2e-4)


ACTIVATIONS = [
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Softplus,
    nn.Hardtanh, nn.Softsign, nn.LogSigmoid, nn.Tanh, lambda: nn.Softmax(-1),
    lambda: nn.LogSoftmax(-1), lambda: nn.GELU("tanh"),
]


@pytest.mark.parametrize("make", ACTIVATIONS)
def test_every_activation(compiled: Any, make: Any) -> None:
    agree(
        compiled, lambda: nn.Sequential(nn.Linear(5, 7), make(), nn.Linear(7, 3)),
        OPTIMIZERS["adam"], nn.MSELoss(), continuous, tolerance=3e-4,
    )


LAYERS = {
    "batch_norm": lambda: nn.BatchNorm1d(7), "layer_norm": lambda: nn.LayerNorm(7),
    "rms_norm": lambda: nn.RMSNorm(7), "dropout": lambda: nn.Dropout(0.3),
    "alpha_dropout": lambda: nn.AlphaDropout(0.3), "batch_norm_plain": lambda: nn.BatchNorm1d(
        7, affine=False),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_with_state_and_chance(compiled: Any, name: str) -> None:
    make = lambda: nn.Sequential(
        nn.Linear(5, 7), LAYERS[name](), nn.ReLU(), nn.Linear(7, 3)
    )
    agree(compiled, make, OPTIMIZERS["sgd"], nn.MSELoss(), continuous, tolerance=2e-4)


def test_two_heads_with_dropout(compiled: Any) -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(5, 16)
            self.drop = nn.Dropout(0.2)
            self.a, self.b = nn.Linear(16, 1), nn.Linear(16, 3)

        def forward(self, x: Any) -> Any:
            h = self.drop(self.body(x).relu())
            return self.a(h), self.b(h)

    huber, mse = nn.HuberLoss(), nn.MSELoss()

    def loss(outputs: Any, t: Any) -> Any:
        return mse(outputs[0], t[:, :1]) + 0.8 * huber(outputs[1], t)

    agree(compiled, Heads, OPTIMIZERS["rmsprop"], loss, continuous, tolerance=2e-4)


def test_clipping_of_gradients(compiled: Any) -> None:
    agree(
        compiled, network, OPTIMIZERS["sgd"], nn.MSELoss(), continuous, tolerance=1e-4,
        extra=lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.05),
    )
    agree(
        compiled, network, OPTIMIZERS["sgd"], nn.MSELoss(), continuous, tolerance=1e-4,
        extra=lambda m: nn.utils.clip_grad_value_(m.parameters(), 0.01),
    )


def test_batches_of_another_size_get_a_program_of_their_own(compiled: Any) -> None:
    agree(
        compiled, network, OPTIMIZERS["adam"], nn.MSELoss(),
        lambda i: continuous(i, rows=7 + i % 2), tolerance=1e-4,
    )


def test_frozen_layers_stay(compiled: Any) -> None:
    def make() -> Any:
        model = network()
        model[0].requires_grad_(False)
        return model

    agree(compiled, make, OPTIMIZERS["adam"], nn.MSELoss(), continuous, tolerance=1e-4)


def test_two_batch_sizes_take_turns_without_new_memory(compiled):
    w = tj.Tensor(np.ones((3, 1), np.float32), requires_grad=True)
    optimizer = tj.optim.SGD([w], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = (x @ w).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    step = compiled(step)
    full, rest = tj.Tensor(np.ones((4, 3))), tj.Tensor(np.ones((2, 3)))
    for x in (full, rest, full, rest):
        step(x)
    replays = [r for several in step._replays.values() for r in several]
    entries = [r.entry for r in replays]
    for _ in range(3):
        step(full)
        step(rest)
    assert sum(map(len, step._replays.values())) == len(replays)
    assert [r.entry for r in replays] == entries  # none was bound anew
    assert len(step._fast) == 2  # each size has its quick way in


def test_lists_and_missing_arguments_have_a_quick_way_in(compiled):
    def step(x, ys, more=None):
        return {"loss": (x * ys[0]).sum() + ys[1]["b"].sum(), "each": [ys[0] * 2]}

    step = compiled(step)
    for i in range(4):
        x = tj.Tensor(np.full((2, 3), float(i)))
        found = step(x, [tj.Tensor(np.ones((2, 3))), {"b": tj.Tensor(np.arange(3.0))}], None)
        assert found["loss"].item() == 6.0 * i + 3.0
        assert found["each"][0].numpy().tolist() == [[2.0] * 3] * 2
    assert len(step._fast) == sum(map(len, step._replays.values())) == 1


def test_a_module_that_changes_is_noticed_however_it_does():
    from tinygrad_jp.compiled.guards import Attributes

    module = nn.Linear(2, 3)
    module.note = ["free"]
    seen = Attributes(module)
    assert seen.hold()
    module.note.append("to change")
    module.more = {}
    assert seen.hold()
    del module.note
    assert seen.hold()
    module.factor = 2.0  # one that a forward pass may go by
    assert not seen.hold()
    seen = Attributes(module)
    module.factor = 2.0 + 0.0
    assert seen.hold()
    module.factor = 3.0
    assert not seen.hold()
    seen = Attributes(module)
    module.more = 1.0
    assert not seen.hold()
