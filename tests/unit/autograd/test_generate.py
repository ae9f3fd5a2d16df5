"""The generated functions: made lazily, once, and readable."""

import threading

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp.autograd import generate
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
