"""Making Tensors: sizes, dtypes, ranges, random numbers, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors


@pytest.mark.parametrize("make", [tj.zeros, tj.ones, tj.empty, tj.rand, tj.randn])
def test_sizes_in_every_spelling(make: Any) -> None:
    assert make(2, 3).shape == (2, 3)
    assert make((2, 3)).shape == (2, 3)
    assert make([2, 3]).shape == (2, 3)
    assert make(3).shape == (3,)
    assert make().shape == ()
    assert make(()).shape == ()
    assert make(0, 2).shape == (0, 2)
    assert make(np.int64(2), tj.tensor(3)).shape == (2, 3)
    assert make(2).dtype == np.float32
    assert make(2, dtype=tj.float64).dtype == np.float64
    assert make((2,), np.float16).dtype == np.float16  # NumPy's second position
    assert make(2, requires_grad=True).requires_grad
    assert make(2, device="cpu").shape == (2,)


def test_dtypes_are_numpys() -> None:
    for name in ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"):
        assert getattr(tj, name) == np.dtype(name)
    assert tj.bool == np.dtype(bool)
    assert (tj.half, tj.float, tj.double) == (tj.float16, tj.float32, tj.float64)
    assert (tj.short, tj.int, tj.long) == (tj.int16, tj.int32, tj.int64)


def test_tensor_infers_as_pytorch_does_and_keeps_arrays() -> None:
    assert tj.tensor(1.5).dtype == np.float32
    assert tj.tensor([1, 2]).dtype == np.int64
    assert tj.tensor([1, 2.0]).dtype == np.float32
    assert tj.tensor(True).dtype == np.bool_
    assert tj.tensor(np.zeros(2)).dtype == np.float64
    assert tj.tensor(np.float64(2)).dtype == np.float64
    assert tj.tensor([tj.tensor(1.0), tj.tensor(2.0)]).tolist() == [1.0, 2.0]
    a = np.zeros(2)
    t = tj.tensor(a)
    a[0] = 7
    assert t.tolist() == [0.0, 0.0]


def test_as_tensor_passes_a_tensor_on_and_from_numpy_copies() -> None:
    t = tj.ones(2)
    assert tj.as_tensor(t) is t
    assert tj.as_tensor(t, tj.float64).dtype == np.float64
    a = np.ones(2)
    u = tj.from_numpy(a)
    a[0] = 7
    assert u.tolist() == [1.0, 1.0]
    assert u.dtype == np.float64


def test_full_takes_the_dtype_of_its_value() -> None:
    assert tj.full((2,), 1.5).dtype == np.float32
    assert tj.full((2,), 3).dtype == np.int64
    assert tj.full(2, True).dtype == np.bool_
    assert tj.full((2,), 3, dtype=tj.float16).dtype == np.float16
    assert tj.full((), tj.tensor(2.0, tj.float64)).dtype == np.float64
    assert tj.full_like(tj.arange(2), 2.5).tolist() == [2, 2]


def test_default_dtype_is_followed() -> None:
    from tinygrad_jp.autograd.tensor import set_default_dtype

    set_default_dtype("float64")
    try:
        for t in (tj.zeros(2), tj.rand(2), tj.randn(2), tj.linspace(0, 1, 3), tj.full((1,), 1.5), tj.arange(1.0),
                  tj.eye(2), tj.normal(0.0, 1.0, (2,)), tj.bernoulli(0.5), tj.arange(2) / 2):
            assert t.dtype == np.float64
    finally:
        set_default_dtype("float32")


def test_like() -> None:
    x = tj.ones(2, 3, dtype=tj.float16)
    for make in (tj.zeros_like, tj.ones_like, tj.empty_like, tj.rand_like, tj.randn_like):
        assert make(x).dtype == np.float16
        assert make(x).shape == (2, 3)
        assert make(x, dtype=tj.float64).dtype == np.float64
        assert make(x, requires_grad=True).requires_grad
    assert tj.zeros_like(np.ones((2, 2), np.int32)).dtype == np.int32


def test_ranges() -> None:
    assert tj.arange(3).dtype == np.int64
    assert tj.arange(3.0).dtype == np.float32
    assert tj.arange(1, 7, 2).tolist() == [1, 3, 5]
    assert tj.arange(3, 0, -1).tolist() == [3, 2, 1]
    assert tj.arange(2, 2).shape == (0,)
    assert tj.arange(tj.tensor(3)).tolist() == [0, 1, 2]
    assert tj.linspace(0, 1, 3).tolist() == [0.0, 0.5, 1.0]
    assert tj.linspace(0, 1, num=2).tolist() == [0.0, 1.0]
    assert tj.linspace(0, 1).shape == (50,)
    assert tj.logspace(0, 2, 3).tolist() == pytest.approx([1, 10, 100])
    assert tj.logspace(0, 3, 4, base=2).tolist() == [1, 2, 4, 8]
    assert tj.tril_indices(2).tolist() == [[0, 1, 1], [0, 0, 1]]


def draws() -> list[Any]:
    return [
        f().tolist()
        for f in (lambda: tj.rand(3), lambda: tj.randn(3), lambda: tj.randint(0, 9, (3,)), lambda: tj.randperm(5),
                  lambda: tj.normal(0.0, 1.0, (2,)), lambda: tj.bernoulli(tj.full((3,), 0.5)),
                  lambda: tj.multinomial(tj.ones(4), 2), lambda: tj.zeros(2).uniform_(), lambda: tj.zeros(2).normal_())
    ]


def test_a_seed_gives_the_same_numbers_again() -> None:
    tj.manual_seed(3)
    first = draws()
    assert draws() != first
    tj.manual_seed(3)
    assert draws() == first
    assert tj.initial_seed() == 3
    state = tj.get_rng_state()
    again = draws()
    tj.set_rng_state(state)
    assert draws() == again


def test_the_state_is_a_copy() -> None:
    tj.manual_seed(0)
    state = tj.get_rng_state()
    first = tj.rand(2).tolist()
    tj.rand(5)
    tj.set_rng_state(state)
    assert tj.rand(2).tolist() == first


def test_a_generator_of_ones_own() -> None:
    tj.manual_seed(0)
    want = tj.rand(2).tolist()
    mine = np.random.default_rng(7)
    tj.manual_seed(0)
    a = tj.rand(2, generator=mine).tolist()
    assert a == np.random.default_rng(7).random(2, np.float32).tolist()
    assert tj.rand(2).tolist() == want  # the other was not touched


def test_distributions() -> None:
    tj.manual_seed(0)
    n = 40_000
    u = tj.rand(n)
    assert u.min().item() >= 0
    assert u.max().item() < 1
    assert u.mean().item() == pytest.approx(0.5, abs=0.01)
    z = tj.randn(n)
    assert z.mean().item() == pytest.approx(0, abs=0.03)
    assert z.std().item() == pytest.approx(1, abs=0.03)
    half = tj.rand(n, dtype=tj.float16)
    assert half.dtype == np.float16
    assert half.max().item() < 1
    assert sorted(set(tj.randint(2, 5, (n,)).tolist())) == [2, 3, 4]
    assert sorted(set(tj.randint(3, (n,)).tolist())) == [0, 1, 2]
    assert sorted(tj.randperm(9).tolist()) == list(range(9))
    assert tj.randperm(9).dtype == np.int64
    assert tj.randperm(9, dtype=tj.float32).dtype == np.float32
    y = tj.normal(tj.tensor([0.0, 100.0]), 2.0)
    assert y.shape == (2,)
    assert y[1].item() > 50
    b = tj.bernoulli(tj.full((n,), 0.3))
    assert b.dtype == np.float32
    assert b.mean().item() == pytest.approx(0.3, abs=0.02)
    k = tj.multinomial(tj.tensor([0.0, 1.0, 3.0]), n, replacement=True)
    assert k.dtype == np.int64
    assert (k == 2).float().mean().item() == pytest.approx(0.75, abs=0.02)
    assert sorted(tj.multinomial(tj.ones(2, 3), 3)[1].tolist()) == [0, 1, 2]
    w = tj.zeros(n).uniform_(-2, 4)
    assert w.mean().item() == pytest.approx(1, abs=0.05)
    assert tj.zeros(n).normal_(3, 0.5).std().item() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("make", [tj.rand_like, tj.randn_like])
def test_what_is_drawn_after_another_takes_the_rest_by_name(make: Any) -> None:
    like = tj.zeros(2, 3, dtype=tj.float16)
    assert (make(like).shape, make(like).dtype) == ((2, 3), np.float16)
    assert make(like, dtype=tj.float64, requires_grad=True).dtype == np.float64
    with pytest.raises(TypeError, match="positional"):
        make(like, tj.float64)


def test_distributions_if_nothing_is_said() -> None:
    for short, said in (
        (lambda: tj.zeros(9).normal_(), lambda: tj.zeros(9).normal_(0.0, 1.0)),
        (lambda: tj.zeros(9).uniform_(), lambda: tj.zeros(9).uniform_(0.0, 1.0)),
        (lambda: tj.normal(size=9), lambda: tj.normal(0.0, 1.0, 9)),
        (lambda: tj.normal(size=(9,)), lambda: tj.randn(9)),
    ):
        drawn = []
        for draw in (short, said):
            tj.manual_seed(5)
            drawn.append(draw().tolist())
        assert drawn[0] == drawn[1]


def test_nothing_is_drawn_at_import() -> None:
    import subprocess
    import sys

    code = "import tinygrad_jp.autograd.random as r; assert not r._current"
    subprocess.run([sys.executable, "-c", code], check=True)


ERRORS: list[tuple[str, Any, type[Exception]]] = [
    ("requires_grad_dtype", lambda: tj.zeros(2, dtype=tj.int64, requires_grad=True), errors.DTypeError),
    ("requires_grad_dtype", lambda: tj.tensor([1, 2], requires_grad=True), errors.DTypeError),
    ("not_numbers", lambda: tj.tensor([[1.0], [1.0, 2.0]]), errors.ArgumentError),
    ("dtype_unknown", lambda: tj.tensor("a"), errors.DTypeError),
    ("dtype_unknown", lambda: tj.zeros(2, dtype="complex64"), errors.DTypeError),
    ("dtype_twice", lambda: tj.zeros((2,), tj.float32, dtype=tj.float64), errors.ArgumentError),
    ("not_an_array", lambda: tj.from_numpy([1.0]), errors.ArgumentError),
    ("arange_step", lambda: tj.arange(3, 0), errors.OptionError),
    ("arange_step", lambda: tj.arange(0, 3, 0), errors.OptionError),
    ("randint_range", lambda: tj.randint(3, 3, (2,)), errors.OptionError),
    ("negative_std", lambda: tj.normal(0.0, -1.0, (2,)), errors.OptionError),
    ("negative_std", lambda: tj.zeros(2).normal_(0, -1), errors.OptionError),
    ("uniform_range", lambda: tj.zeros(2).uniform_(1, 0), errors.OptionError),
    ("probability", lambda: tj.bernoulli(tj.tensor([1.5])), errors.OptionError),
    ("probability", lambda: tj.bernoulli(tj.tensor([1])), errors.OptionError),
    ("draw_weights", lambda: tj.multinomial(tj.zeros(3), 1), errors.OptionError),
    ("too_many_draws", lambda: tj.multinomial(tj.ones(3), 4), errors.OptionError),
    ("seed", lambda: tj.manual_seed(-1), errors.OptionError),
    ("seed", lambda: tj.manual_seed(1.5), errors.OptionError),  # type: ignore[arg-type]
    ("rng_state", lambda: tj.set_rng_state({"no": "state"}), errors.OptionError),
    ("no_device", lambda: tj.tensor(1.0, device="cuda"), errors.OptionError),
]


@pytest.mark.parametrize("make", [tj.zeros, tj.ones, tj.empty, tj.rand, tj.randn])
def test_a_dtype_after_the_shape_as_numpy_has_it(make: Any) -> None:
    for made in (make((2, 3), np.float64), make(2, 3, np.float64), make(2, 3, dtype=np.float64)):
        assert (made.shape, made.dtype) == ((2, 3), np.float64)
    assert make(2, 3).dtype == np.float32


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(("key", "call", "kind"), ERRORS)
def test_error(key: str, call: Any, kind: type[Exception], language: Any) -> None:
    errors.set_language(language)
    try:
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.key == key  # type: ignore[attr-defined]
        text = str(caught.value)
        assert any(ord(c) > 0x3000 for c in text) == (language == "ja")
    finally:
        errors.set_language(None)
