"""Files and command lines that make no sense: a typed error, and nothing has changed.

Bytes are cut, flipped, put in and repeated; and files are written whose checksum is right but whose
structure is not, which no accident makes but a person could.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp import keras, nn, optim
from tinygrad_jp.__main__ import main
from tinygrad_jp.errors import TinygradError
from tinygrad_jp.saving import file, saving

quiet = settings(
    deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@st.composite
def damaged(draw, content):
    """Draw bytes that are not `content` any more."""
    at = draw(st.integers(0, len(content) - 1))
    kind = draw(st.sampled_from(["cut", "flip", "put in", "repeat", "length", "other"]))
    if kind == "cut":
        return content[:at]
    if kind == "flip":
        mask = draw(st.integers(1, 255))
        return content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]
    if kind == "put in":
        return content[:at] + draw(st.binary(min_size=1, max_size=9)) + content[at:]
    if kind == "repeat":
        return content + content[at:]
    if kind == "length":  # of the header, beyond all reason
        return draw(st.integers(0, 2**64 - 1)).to_bytes(8, "little") + content[8:]
    return draw(st.binary(max_size=200))


class Kept:
    """A training, and all of its numbers."""

    def __init__(self):
        tj.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        self.optimizer = optim.Adam(self.net.parameters(), lr=0.01)
        self.scheduler = optim.lr_scheduler.StepLR(self.optimizer, 2)
        self.net(tj.randn(4, 3)).sum().backward()
        self.optimizer.step()
        self.scheduler.step()

    @property
    def parts(self):
        return {"model": self.net, "optimizer": self.optimizer, "scheduler": self.scheduler}

    def numbers(self):
        arrays, words = saving.tree.encode({name: part.state_dict() for name, part in self.parts.items()})
        return words, {k: v.tobytes() for k, v in arrays.items()}, tj.get_rng_state()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write one file of each kind, and say how each is read."""
    folder = tmp_path_factory.mktemp("whole")
    kept = Kept()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3), "f"), np.ones((4, 2), "f"), verbose=0)
    tj.save(kept.net, folder / "model")
    tj.save_checkpoint(folder / "checkpoint", **kept.parts, epoch=3)
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    weights = lambda: [w.tobytes() for w in model.get_weights()]
    readers = {
        "model": (lambda path: tj.load(path, kept.net), kept.numbers),
        "checkpoint": (lambda path: tj.load_checkpoint(path, **kept.parts), kept.numbers),
        "model.keras": (keras.models.load_model, weights),
        "model.weights.h5": (model.load_weights, weights),
    }
    return {name: ((folder / name).read_bytes(), *how) for name, how in readers.items()}


@pytest.mark.parametrize("kind", ["model", "checkpoint", "model.keras", "model.weights.h5"])
def test_damaged_files(files, kind, tmp_path):
    content, read, numbers = files[kind]
    path = tmp_path / kind
    path.write_bytes(content)
    read(path)  # the whole one is read

    @settings(quiet, max_examples=150)
    @given(damaged(content))
    def every(bad):
        path.write_bytes(bad)
        before = numbers()  # HDF5 has no digests: a file may have been read that has other numbers
        try:
            read(path)
        except (TinygradError, OSError):
            assert numbers() == before
            return
        assert bad.startswith(content) or kind.endswith("h5")  # h5py has its own idea of padding

    if kind.endswith("h5"):
        pytest.importorskip("h5py")
    every()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(width=16) | st.text(max_size=4)
    | st.sampled_from([{"$": "array", "name": "nowhere"}, {"$": "tuple"}, {"$": "dict", "of": [1]}]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def with_another(tree, place, value):
    """Put a value at the place-th node of a tree of JSON."""
    count = [0]

    def walked(node):
        count[0] += 1
        if count[0] - 1 == place:
            return value
        if isinstance(node, dict):
            return {k: walked(v) for k, v in node.items()}
        return [walked(v) for v in node] if isinstance(node, list) else node

    return walked(tree), count[0]


def test_checkpoints_whose_structure_is_another(files, tmp_path):
    content, read, numbers = files["checkpoint"]
    path = tmp_path / "checkpoint"
    path.write_bytes(content)
    arrays, words = file.read(path)
    tree = json.loads(words[saving.TREE])
    size = with_another(tree, -1, None)[1]

    @settings(quiet, max_examples=300)
    @given(st.integers(0, size - 1), VALUES)
    def every(place, value):
        path.write_bytes(content)
        read(path)
        before = numbers()
        file.write(path, arrays, {saving.TREE: json.dumps(with_another(tree, place, value)[0])})
        try:
            read(path)
        except TinygradError:
            assert numbers() == before

    every()


WORDS = st.sampled_from([
    "draw", "explain", "diagnose", "check", "demo", "version", "--help", "-o", "--out", "--order", "-1", "0",
    "2", "--lang", "ja", "xx", "script.py", "script.py:loss", "script.py:none", ":", "a:b:c", "nowhere.py:x",
    "--highlight", "--theme", "dark", "--depth", "1,784", "1,,2", "1e999", "nan", "", " ", "--", "-", "--index",
    "loss.svg", "loss.nothing", "/", "é\u202e\x00", "sys:exit", "os.path:join", "--values", "w", "script:loss",
])


def test_command_lines(tmp_path, monkeypatch, capsys):
    """A line that makes no sense ends with a code and a word on standard error, never a traceback."""
    (tmp_path / "script.py").write_text(
        "import tinygrad_jp as tj\nw = tj.Tensor([1.0], requires_grad=True)\nloss = (w * w).sum()\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinygrad_jp.__main__.demo", lambda out, passes: None)

    @settings(quiet, max_examples=250)
    @given(st.lists(WORDS | st.text(max_size=5), max_size=5))
    def every(line):
        try:
            code = main(line)
        except SystemExit as end:  # --help; a command line that makes no sense
            code = end.code
        told = capsys.readouterr()
        assert isinstance(code, int)
        assert code == 0 or told.err
        assert "Traceback" not in told.err

    every()
