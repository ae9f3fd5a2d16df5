"""The generated functions: made lazily, once, and readable."""

import threading

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp.autograd import generate
from tinygrad_jp.errors import ArgumentError, ShapeError
from tinygrad_jp.rules.einsum import contract
from tinygrad_jp.vocabulary.primitive import primitive
from tinygrad_jp.vocabulary.rule import REGISTRY, rule


def test_op_is_a_plain_function_whose_code_is_written_at_the_first_call():
    @primitive
    def thrice(x):
        return x * 3

    rule(thrice, lambda g: g * 3)
    try:
        f = generate.op(thrice)
        assert f is generate.op(thrice)
        assert f.__name__ == "thrice"
        stub = f.__code__
        assert f(tj.Tensor([2.0])).tolist() == [6.0]
        assert f.__code__ is not stub
        x = tj.Tensor([2.0], requires_grad=True)
        f(x).sum().backward()
        assert x.grad.tolist() == [3.0]
    finally:
        del REGISTRY[thrice]


def test_first_call_from_many_threads():
    @primitive
    def fourfold(x, k=4):
        return x * k

    rule(fourfold, lambda g, k=4: g * k)
    results, start = [], threading.Barrier(8)

    def call():
        start.wait()
        results.append(generate.op(fourfold)(tj.Tensor([1.0])).item())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    del REGISTRY[fourfold]
    assert results == [4.0] * 8


def test_python_numbers_and_numpy_scalars_widen_nothing():
    x = tj.Tensor([1.0, 2.0])
    for y in (x * 2, x * 2.5, 2.5 * x, x * np.float64(2.5), np.float64(2.5) * x, np.float32(2) * x):
        assert y.dtype == np.float32
    assert (x * np.array([1.0, 2.0])).dtype == np.float64
    half = tj.Tensor(np.array([1.0], np.float16))
    assert (half * 2.5).dtype == np.float16
    assert (half * np.float64(2.5)).dtype == np.float16


def test_integers_take_the_dtype_beside_them():
    whole = tj.Tensor([1, 2, 3])
    assert whole.dtype == np.int64
    assert (whole + 1).dtype == np.int64
    assert (whole / whole).dtype == np.float32
    assert (whole / 2).dtype == np.float32
    assert np.exp(whole).dtype == np.float32
    x = tj.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * whole
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 3.0]


def test_gradient_of_a_mixed_dtype_product_comes_back_in_each_dtype():
    a = tj.Tensor(np.array([1.0, 2.0], np.float32), requires_grad=True)
    b = tj.Tensor(np.array([3.0, 4.0]), requires_grad=True)
    y = np.exp(a) * b
    assert y.dtype == np.float64
    y.sum().backward()
    assert a.grad.dtype == np.float32
    assert b.grad.dtype == np.float64
    np.testing.assert_allclose(a.grad.numpy(), np.exp([1.0, 2.0]) * [3.0, 4.0], rtol=1e-6)


def leaf(*shape, dtype=np.float32, seed=0):
    values = np.random.default_rng(seed).normal(size=shape).astype(dtype)
    return tj.Tensor(values, requires_grad=True)


def text_of(fn):
    """Give the text that was written for an operation."""
    made = REGISTRY[fn].name
    return next(text for key, text in generate.SOURCES.items() if key.startswith(f"{made}_"))


@pytest.fixture
def by_text(monkeypatch):
    """Make `apply` fail wherever the generated functions would fall back on it."""

    def refused(rule, arguments, static=()):
        raise AssertionError(f"{rule.name} went through apply")

    monkeypatch.setitem(generate.scope, "apply", refused)


def test_a_list_of_tensors_of_one_dtype_takes_the_written_way(by_text):
    a, b = leaf(2, 3), leaf(1, 3, seed=1)
    y = np.concatenate([a, b])
    assert y.dtype == np.float32
    assert y.shape == (3, 3)
    (y * np.arange(9.0, dtype=np.float32).reshape(3, 3)).sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(b.grad.numpy(), [[6, 7, 8]])
    assert "for x_ in xs" in text_of(np.concatenate)


def test_arrays_and_constants_in_a_list(by_text):
    a, b = leaf(2), np.ones(2, np.float32)
    y = np.stack([b, a, tj.Tensor([5.0, 6.0])], axis=1)
    assert y._node.plan.places == (1,)
    y.sum().backward()
    assert a.grad.tolist() == [1.0, 1.0]
    with tj.no_grad():
        assert not np.stack([a, a]).requires_grad
    assert not np.stack([tj.Tensor([1.0]), tj.Tensor([2.0])]).requires_grad


def test_an_array_in_a_list_is_kept_as_it_was():
    a, b = leaf(2, 2), np.ones((2, 2), np.float32)
    y = contract([a, b], "ij,jk->ik")
    b[:] = 7.0
    y.sum().backward()
    assert a.grad.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_a_list_of_mixed_dtypes_goes_the_long_way():
    a, b = leaf(2), leaf(2, dtype=np.float64)
    y = np.concatenate([a, b, [1, 2]])
    assert y.dtype == np.float64
    y.sum().backward()
    assert a.grad.dtype == np.float32
    assert b.grad.dtype == np.float64
    whole = np.concatenate([a, tj.Tensor([1, 2])])
    assert whole.dtype == np.float32
    assert np.concatenate([tj.Tensor([1]), tj.Tensor([2])]).dtype == np.int64


def test_a_list_that_does_not_fit_is_explained():
    with pytest.raises(ShapeError, match=r"xs\[0\].*xs\[1\]"):
        np.concatenate([leaf(2, 3), leaf(2, 2)])
    with pytest.raises(ShapeError):
        generate.op(np.concatenate)([])
    with pytest.raises(ArgumentError, match="str"):
        np.stack([leaf(2), "ab"])


def test_a_generator_is_read_once():
    a = leaf(2)
    y = generate.op(np.concatenate)(x for x in (a, a, np.ones(1)))
    assert y.shape == (5,)


@pytest.mark.parametrize(
    ("fn", "kind"), [(np.linalg.eigh, "EighResult"), (np.linalg.slogdet, "SlogdetResult")]
)
def test_several_results_take_the_written_way_and_keep_their_names(fn, kind):
    square = np.eye(3) + 0.1 * np.arange(9.0).reshape(3, 3)
    x = tj.Tensor(square + square.T, requires_grad=True)
    fn(x)
    generate.watch(True, fn)  # by `apply`, which is the version to read
    try:
        wanted = fn(x)
    finally:
        generate.watch(False, fn)
    found = fn(x)
    assert type(found).__name__ == type(wanted).__name__ == kind
    assert found._fields == wanted._fields
    for y, z in zip(found, wanted, strict=True):
        assert type(y._data) is np.ndarray
        np.testing.assert_array_equal(y._data, z._data)
        assert y._node.parents[0] is found[0]._node.parents[0]
    with tj.no_grad():
        assert all(y._node is None for y in fn(x))
    assert all(y._node is None for y in fn(x.detach()))


def test_results_that_nothing_is_made_of_have_no_gradient():
    @primitive
    def both(x):
        return x * 2, x * 3

    seen = []

    def pull(g):
        seen.append(g)
        return g[0] * 2 + g[1] * 3

    rule(both, pull, outputs=2)
    try:
        x = leaf(2)
        both(x)[1].sum().backward()
        assert x.grad.tolist() == [3.0, 3.0]
        ((missing, given),) = seen
        assert missing.tolist() == [0.0, 0.0]
        assert missing.dtype == given.dtype == np.float32
        first, second = both(x)
        x.grad = None
        (first * second).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), 12 * x.numpy(), rtol=1e-6)
        assert text_of(both).count("apply(") == 1  # for watchers only
    finally:
        del REGISTRY[both]


def test_the_wrong_number_of_results_is_said():
    @primitive
    def three(x):
        return x, x, x

    rule(three, lambda g: g[0] + g[1], outputs=2)
    try:
        with pytest.raises(ShapeError, match="three"):
            three(leaf(2))
    finally:
        del REGISTRY[three]


def test_a_number_where_an_array_is_needed_is_said():
    with pytest.raises(ShapeError, match=r"linear.*3\.0 where an array is needed"):
        tj.nn.functional.linear(3.0, tj.ones(2, 3))


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_has_the_dtype_of_its_tensor_on_the_way_too(create_graph):
    a = tj.tensor([1.0, 2.0], dtype=tj.float32, requires_grad=True)
    wide, seen = np.array([3.0, 4.0]), []
    h = a * 2.0
    h.register_hook(lambda g: seen.append(g.dtype))
    (h * wide).sum().backward(create_graph=create_graph)
    assert seen == [np.float32]
    assert (a.grad.dtype, a.grad.tolist()) == (np.float32, [6.0, 8.0])
