"""Files: what is saved comes back to the bit; what is broken is refused; a kill loses nothing."""

from __future__ import annotations

import json
import os
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_jp as tj
from tinygrad_jp import errors, nn
from tinygrad_jp.saving import file, tree

DTYPES = sorted(file.DTYPES)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def small():
    return {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "日本": np.array(7), "e": np.zeros((0, 2))}


# ── there and back ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back_to_the_bit(path, dtype):
    rng = np.random.default_rng(0)
    array = np.frombuffer(rng.bytes(24 * 16), np.uint8).copy()
    array = (array % 2).astype(bool) if dtype == "bool" else array.view(dtype)
    tj.save({"a": array, "one": array[:1].reshape(())}, path)
    found = tj.load(path)
    for name, want in (("a", array), ("one", array[:1].reshape(()))):
        assert found[name].dtype == want.dtype
        assert found[name].shape == want.shape
        assert found[name].numpy().tobytes() == want.tobytes()  # NaN's bits too


@pytest.mark.parametrize("change", [
    lambda a: a.T, lambda a: a[::2], lambda a: a[:, ::-1], lambda a: np.asfortranarray(a),
    lambda a: a.astype(">f4"), lambda a: np.broadcast_to(a[0], (3, 6)),
], ids=["transposed", "strided", "reversed", "fortran", "big endian", "broadcast"])
def test_arrays_of_any_layout(path, change):
    array = change(np.arange(24, dtype=np.float32).reshape(4, 6))
    tj.save({"a": array}, path)
    np.testing.assert_array_equal(tj.load(path)["a"].numpy(), array)


leaf = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | hnp.arrays(st.sampled_from([np.float32, np.int64, np.bool_]), hnp.array_shapes(min_dims=0, max_side=3))
)
keys = st.text(max_size=3) | st.integers() | st.sampled_from(["$", "a.b", "a", "__metadata__"])
trees = st.recursive(
    leaf,
    lambda part: st.lists(part, max_size=3) | st.tuples(part, part) | st.dictionaries(keys, part, max_size=3),
    max_leaves=8,
)


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, float):
        assert np.float64(a).tobytes() == np.float64(b).tobytes() or (a != a and b != b)
    else:
        assert a == b


@given(trees)
def test_trees_come_back_as_they_were(tmp_path_factory, made):
    arrays, words = tree.encode(made)
    same(tree.decode(arrays, words), made)
    path = tmp_path_factory.getbasetemp() / "tree.safetensors"
    file.write(path, arrays, {"tree": words})
    arrays, found = file.read(path)
    same(tree.decode(arrays, found["tree"]), made)


def test_tensors_and_numpy_scalars_in_trees(path):
    tj.save({"t": tj.ones(2), "s": np.float32(0.1), "n": [tj.tensor(1.0, requires_grad=True)]}, path)
    found = tj.load(path)
    assert isinstance(found["t"], tj.Tensor)
    assert type(found["s"]) is np.float32
    assert found["s"] == np.float32(0.1)
    assert not found["n"][0].requires_grad


def test_a_model_comes_back_and_pytorch_reads_it(path):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    tj.save(model, path)
    twin = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    tj.load(path, twin)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(twin.state_dict()[name].numpy(), value.numpy())
    load_file = pytest.importorskip("safetensors.torch").load_file
    assert set(load_file(path)) == set(model.state_dict())


def test_loaded_tensors_may_be_written(path):
    tj.save({"a": np.ones(3)}, path)
    a = tj.load(path)["a"]
    a.data[0] = 5.0
    assert a.tolist() == [5, 1, 1]


# ── what is broken ──────────────────────────────────────────────────────────────────────────────


def refused(path, words=""):
    model = nn.Linear(3, 2)
    before = model.weight.numpy().copy()
    for load in (lambda: tj.load(path), lambda: tj.load(path, model), lambda: tj.load_checkpoint(path, m=model)):
        with pytest.raises(errors.FileFormatError) as caught:
            load()
        assert words in str(caught.value)
    np.testing.assert_array_equal(model.weight.numpy(), before)


def test_every_truncation_is_refused(path):
    file.write(path, small(), {"note": "x"})
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(errors.FileFormatError):
            tj.load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(errors.FileFormatError):
        tj.load(path)


def test_every_flipped_bit_is_refused(path):
    file.write(path, small(), {"note": "x"})
    whole = path.read_bytes()
    for i in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[i // 8] ^= 1 << i % 8
        path.write_bytes(flipped)
        with pytest.raises(errors.FileFormatError):
            tj.load(path)
    path.write_bytes(whole)
    assert len(tj.load(path)) == 3


def raw(path, header, data=b""):
    words = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(words)) + words + data)


@pytest.mark.parametrize("make", [
    lambda p: p.write_bytes(b""),
    lambda p: p.write_bytes(os.urandom(100)),
    lambda p: p.write_bytes(struct.pack("<Q", 2**62) + b"{}"),
    lambda p: p.write_bytes(struct.pack("<Q", 100_000_001) + b"{" * 50),
    lambda p: raw(p, b"not json"),
    lambda p: raw(p, b"[" * 50_000),
    lambda p: raw(p, {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}}, b"\0" * 8),
    lambda p: raw(p, {"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}, b"\0" * 16),
    lambda p: raw(p, {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]}}, b"\0" * 8),
    lambda p: raw(p, {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"\0" * 4),
    lambda p: raw(p, {"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
    lambda p: raw(p, {"__metadata__": {"x": 3}}),
    lambda p: raw(p, {"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"\0" * 2),
    lambda p: raw(p, {"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, b"\0"),
    lambda p: p.write_bytes(b"\x80\x04K\x01."),  # a pickle
])
def test_malformed_files_are_refused(path, make):
    make(path)
    refused(path)


@given(st.binary(max_size=200))
def test_noise_is_refused(tmp_path_factory, noise):
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    path.write_bytes(noise)
    with pytest.raises(errors.FileFormatError):
        tj.load(path)


@pytest.mark.parametrize("words", ["", "[", '{"$": "array", "name": "none"}', '{"$": "dict", "of": [[[], 1]]}', '{"$": "tuple"}'])
def test_a_table_of_contents_that_does_not_fit_is_refused(path, words):
    file.write(path, {}, {"tinygrad_jp.tree": words})
    refused(path)


def test_another_programs_file_is_read_without_a_checksum(path):
    pytest.importorskip("safetensors.numpy").save_file({"a": np.ones(2)}, path)
    assert tj.load(path)["a"].tolist() == [1, 1]


@pytest.mark.parametrize(("change", "words"), [
    ({"weight": np.ones((2, 3))}, "float64"),
    ({"weight": np.ones((2, 3), np.int32)}, "int32"),
    ({"weight": np.ones((2, 3), np.complex64)}, "complex64"),
    ({"weight": np.ones((3, 2), np.float32)}, r"\(3, 2\)"),
    ({"other": np.ones(2, np.float32)}, "other"),
    ({"bias": None}, "bias"),
])
def test_what_does_not_fit_the_model_changes_nothing(path, change, words):
    model = nn.Linear(3, 2)
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    made = {"weight": np.zeros((2, 3), np.float32), "bias": np.zeros(2, np.float32), **change}
    tj.save({k: v for k, v in made.items() if v is not None}, path)
    with pytest.raises(errors.StateDictError, match=words):
        tj.load(path, model)
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name].numpy(), value)


def test_fewer_digits_may_become_more(path):
    tj.save({"weight": np.ones((2, 3), np.float16), "bias": np.ones(2, np.float32)}, path)
    model = nn.Linear(3, 2)
    tj.load(path, model)
    assert model.weight.dtype == np.float32
    assert model.weight.numpy().sum() == 6


def test_not_strict(path):
    tj.save({"weight": np.ones((2, 3), np.float32), "more": np.ones(1)}, path)
    model = nn.Linear(3, 2)
    tj.load(path, model, strict=False)
    assert model.weight.numpy().sum() == 6
    tj.save({"epoch": 3}, path)
    with pytest.raises(errors.StateDictError, match="dict"):
        tj.load(path, model)


@pytest.mark.parametrize(("obj", "kind"), [
    ({"a": np.ones(1, np.complex128)}, errors.DTypeError),
    ({"a": np.array(["x"])}, errors.DTypeError),
    ({"a": np.array([object()])}, errors.DTypeError),
    ({"__metadata__": np.ones(1)}, errors.DTypeError),
    ({"a": [1, object()]}, errors.ArgumentError),
    ({"a": {1, 2}}, errors.ArgumentError),
    (lambda: 3, errors.ArgumentError),
])
def test_what_cannot_be_saved_leaves_the_old_file(path, obj, kind):
    tj.save({"old": np.ones(1)}, path)
    with pytest.raises(kind):
        tj.save(obj, path)
    assert list(tj.load(path)) == ["old"]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


# ── whole or not at all ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failure_while_writing_leaves_the_old_file(path, monkeypatch, failing):
    tj.save({"old": np.ones(1)}, path)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="disk full"):
        tj.save({"new": np.ones(1)}, path)
    assert list(tj.load(path)) == ["old"]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_it_is_forced_to_the_disk_before_it_takes_the_place(path, monkeypatch):
    seen = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: (seen.append(name), real(*a))[1])
    tj.save({"a": np.ones(1)}, path)
    assert seen == ["fsync", "replace", "fsync"]  # the file, its name, the folder


def test_what_killed_writers_left_is_removed_and_what_others_write_is_not(path):
    dead = path.with_name(f".{path.name}.999999999-ab.part")
    alive = path.with_name(f".{path.name}.{os.getpid()}-cd.part")
    other = path.with_name(".other.999999999-ab.part")
    for p in (dead, alive, other):
        p.write_bytes(b"")
    tj.save({"a": np.ones(1)}, path)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()


def test_a_link_stays_a_link(path, tmp_path):
    real = tmp_path / "real.safetensors"
    tj.save({"a": np.ones(1)}, real)
    path.symlink_to(real)
    tj.save({"b": np.ones(1)}, path)
    assert path.is_symlink()
    assert list(tj.load(real)) == ["b"]


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError):
        tj.load(tmp_path / "none")
    with pytest.raises(OSError, match=r"director"):
        tj.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        tj.save({"a": np.ones(1)}, tmp_path / "none" / "file")


def test_without_safetensors(path, monkeypatch):
    tj.save({"a": np.ones(1)}, path)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (lambda: tj.save({"a": np.ones(1)}, path), lambda: tj.load(path)):
        with pytest.raises(errors.MissingExtraError, match=r"\[io\]"):
            call()


def test_an_optimizer_is_saved_and_loaded(path):
    model = nn.Linear(3, 2)
    optimizer = tj.optim.Adam(model.parameters(), lr=0.5)
    model(tj.ones(1, 3)).sum().backward()
    optimizer.step()
    tj.save(optimizer, path)
    twin = tj.optim.Adam(model.parameters())
    tj.load(path, twin)
    assert twin.param_groups[0]["lr"] == 0.5
    assert twin.param_groups[0]["betas"] == (0.9, 0.999)
    a, b = optimizer.state_dict()["state"], twin.state_dict()["state"]
    assert a.keys() == b.keys()
    np.testing.assert_array_equal(a[0]["exp_avg"].numpy(), b[0]["exp_avg"].numpy())
