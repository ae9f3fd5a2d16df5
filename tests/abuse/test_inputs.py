"""Whatever an array looks like, the answer is right or the error clear and typed, in ja and en."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.errors import TinygradError, set_language
from tinygrad_jp.nn import functional

X = np.array([[1.5, -2.0, 0.25], [3.0, 0.5, -1.0]], np.float32)


def mapped_to_a_file(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def read_only(tmp_path):
    x = X.copy()
    x.flags.writeable = False
    return x


FORMS = {
    "big endian": lambda _: X.astype(">f4"),
    "little endian": lambda _: X.astype("<f4"),
    "fortran": lambda _: np.asfortranarray(X),
    "strided": lambda _: np.repeat(X, 2, axis=1)[:, ::2],
    "backwards": lambda _: X[::-1, ::-1].copy()[::-1, ::-1],
    "broadcast": lambda _: np.broadcast_to(X, (2, 3)),
    "unaligned": lambda _: np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float32).reshape(2, 3),
    "subclass": lambda _: X.view(type("Mine", (np.ndarray,), {})),
    "masked": lambda _: np.ma.masked_array(X),
    "read-only": read_only,
    "memory-mapped": mapped_to_a_file,
    "lists": lambda _: X.tolist(),
    "memoryview": lambda _: memoryview(X),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_training_step_does_not_care_how_an_array_lies_in_memory(form, tmp_path):
    given = FORMS[form](tmp_path)

    def step(x):
        tj.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
        optimizer = optim.Adam(net.parameters(), lr=0.1)
        inputs = tj.Tensor(x, requires_grad=True)
        loss = functional.cross_entropy(net(inputs), np.array([0, 1]))
        loss.backward()
        optimizer.step()
        return [loss, inputs.grad, *net.parameters()]

    for a, b in zip(step(given), step(X), strict=True):
        assert a.dtype == np.float32
        assert a.dtype.isnative
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ["big endian", "fortran", "strided", "read-only", "memory-mapped", "subclass"])
def test_such_an_array_beside_a_tensor(form, tmp_path):
    given = FORMS[form](tmp_path)
    for f in (lambda a, b: a * b, lambda a, b: np.maximum(a, b), lambda a, b: a @ np.transpose(b),
              lambda a, b: functional.mse_loss(a, b)):
        x, y = (tj.Tensor(X + 1, requires_grad=True) for _ in range(2))
        f(x, given).sum().backward()
        f(y, X).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), y.grad.numpy())
        assert x.grad.dtype == np.float32


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64])
def test_integers_and_booleans_beside_a_tensor_do_not_widen_it(kind):
    whole = np.array([[1, 0, 1], [0, 1, 1]], kind)
    x = tj.Tensor(X, requires_grad=True)
    for y in (x * whole, x + whole, x - tj.Tensor(whole), np.maximum(x, whole)):
        assert y.dtype == np.float32
    (x * whole).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), whole.astype(np.float32))
    assert nn.Linear(3, 2)(tj.Tensor(whole)).dtype == np.float32


def test_empty_batches_and_numbers_without_axes():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.LayerNorm(4), nn.Linear(4, 2))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    before = [p.numpy().copy() for p in net.parameters()]
    out = net(tj.zeros(0, 3))
    assert out.shape == (0, 2)
    out.sum().backward()
    optimizer.step()
    for p, q in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.numpy(), q)  # nothing was seen, nothing is learned
    x = tj.Tensor(2.0, requires_grad=True)
    (x * x * np.float32(3.0)).backward()
    assert x.grad.item() == 12.0
    assert x.grad.shape == ()


def test_nan_and_infinity_go_where_arithmetic_sends_them():
    x = tj.Tensor([1.0, np.nan, np.inf, -np.inf], requires_grad=True)
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 2, 2, 2])
    with pytest.raises(TinygradError, match="NaN"), tj.detect_anomaly():
        np.log(tj.Tensor([-1.0], requires_grad=True))
    net = nn.Linear(2, 2)
    state = {k: v.numpy() * np.nan for k, v in net.state_dict().items()}
    with pytest.raises(TinygradError):
        net.load_state_dict(state)
    assert np.isfinite(net.weight.numpy()).all()
    with pytest.raises(TinygradError):
        optim.SGD([tj.Tensor([np.inf], requires_grad=True)], lr=0.1)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_half_precision_overflows_to_infinity_and_is_found():
    x = tj.Tensor(np.array([300.0, 1.0], np.float16), requires_grad=True)
    y = x * x
    assert y.dtype == np.float16
    assert np.isinf(y.detach().numpy()[0])
    with pytest.raises(TinygradError, match="float16"), tj.detect_anomaly():
        _ = x * x
    np.testing.assert_allclose(functional.softmax(tj.Tensor(np.array([6e4, 0], np.float16)), -1).numpy(), [1, 0])
    assert np.isfinite(tj.Tensor(np.full(1000, 100, np.float16)).mean().item())


# ── what cannot be, is refused ──────────────────────────────────────────────────────────────────

REFUSED = {
    "zeros(-1)": lambda: tj.zeros(-1),
    "ones((2, -1))": lambda: tj.ones((2, -1)),
    "rand(-1)": lambda: tj.rand(-1),
    "eye(-1)": lambda: tj.eye(-1),
    "full": lambda: tj.full((-1,), 1.0),
    "full large": lambda: tj.full((2,), 2**70),
    "zeros(2**63)": lambda: tj.zeros(2**63),
    "linspace": lambda: tj.linspace(0, 1, -1),
    "arange": lambda: tj.arange(float("nan")),
    "arange inf": lambda: tj.arange(float("inf")),
    "randperm": lambda: tj.randperm(-1),
    "new_zeros": lambda: tj.ones(2).new_zeros(-1),
    "load_state_dict(3)": lambda: nn.Linear(1, 1).load_state_dict(3),
    "load_state_dict(None)": lambda: nn.Linear(1, 1).load_state_dict(None),
    "load_state_dict([1])": lambda: nn.Linear(1, 1).load_state_dict([1]),
    "load complex": lambda: nn.Linear(1, 1).load_state_dict({"weight": np.ones((1, 1), complex), "bias": [0]}),
    "load ragged": lambda: nn.Linear(1, 1).load_state_dict({"weight": [[1], [1, 2]], "bias": [0]}),
    "load text": lambda: nn.Linear(1, 1).load_state_dict({"weight": "a", "bias": [0]}),
    "optimizer": lambda: optim.SGD([tj.ones(1, requires_grad=True)], lr=0.1).load_state_dict(3),
    "rule(3)": lambda: tj.rule(3),
    "rule(None)": lambda: tj.rule(None, lambda g: g),
    "primitive(3)": lambda: tj.primitive(3),
    "int32 * 2**40": lambda: tj.Tensor(np.array([1], np.int32)) * 2**40,
    "int64 * 2**70": lambda: tj.Tensor([1]) * 2**70,
    "int8 + 200": lambda: tj.Tensor(np.array([1], np.int8)) + 200,
    "float * 10**400": lambda: tj.ones(1) * 10**400,
    "longdouble": lambda: tj.Tensor(np.ones(2, np.longdouble)),
    "longdouble dtype": lambda: tj.Tensor([1.0], dtype=np.longdouble),
    "longdouble default": lambda: tj.set_default_dtype(np.longdouble),
    "astype longdouble": lambda: np.astype(tj.ones(2), np.longdouble),
    "x * longdouble": lambda: tj.ones(2, requires_grad=True) * np.ones(2, np.longdouble),
    "complex": lambda: tj.Tensor([1j]),
    "x * complex": lambda: tj.ones(2, requires_grad=True) * np.ones(2, complex),
    "x * 1j": lambda: tj.ones(2) * 1j,
    "objects": lambda: tj.Tensor(np.array([object()])),
    "text": lambda: tj.Tensor("abc"),
    "dates": lambda: tj.Tensor(np.array(["2020-01-01"], "M8[D]")),
    "records": lambda: tj.Tensor(np.zeros(2, [("a", float)])),
    "ragged": lambda: tj.Tensor([[1.0], [1.0, 2.0]]),
    "integers with a gradient": lambda: tj.Tensor([1, 2], requires_grad=True),
    "cross_entropy of nothing": lambda: functional.cross_entropy(tj.zeros(0, 3), np.zeros(0, int)),
    "max of nothing": lambda: tj.zeros(0).max(),
    "label": lambda: functional.cross_entropy(tj.zeros(1, 3), np.array([3])),
    "backward('a')": lambda: tj.ones(1, requires_grad=True).sum().backward("a"),
    "True - True": lambda: tj.Tensor([True]) - tj.Tensor([True]),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_cannot_be_is_refused_with_a_reason(what, language):
    set_language(language)
    try:
        with pytest.raises(TinygradError) as caught:
            REFUSED[what]()
        assert len(str(caught.value)) > 15
    finally:
        set_language(None)
