"""What PyTorch and Keras give: computed where installed, else read from `tests/golden/*.json`.

    def test_exp():
        want = expected("functions/exp", lambda torch: torch.exp(torch.tensor(X)))
        np.testing.assert_allclose(tj.exp(X).numpy(), want)

The part of a case's name before the first "/" is the file: functions, nn, optim, keras_losses, ...
After adding or changing a case, record it where PyTorch (for the files keras_*: Keras 3 with
PyTorch below it) is installed: `pytest tests/parity --record`, or `python -m tests.parity.record`
to write the files afresh. A case that is not recorded, or whose record no longer agrees, fails
where the library is installed; so the records cannot fall behind.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "golden"
HAS_TORCH = importlib.util.find_spec("torch") is not None
HAS_KERAS = HAS_TORCH and importlib.util.find_spec("keras") is not None
os.environ.setdefault("KERAS_BACKEND", "torch")

recording = False  # set by --record
_files: dict[str, dict[str, Any]] = {}
_touched: set[str] = set()


def expected(case: str, compute: Callable[[Any], Any]) -> Any:
    """Give what `compute(library)` gives, with arrays in place of the library's tensors.

    case: "file/name", unique; in a file keras_* the library is Keras, else torch.  compute: takes
    that module, returns a tensor, an array, a number, None, or a list, tuple or dict of those (a
    tuple comes back as a list).
    """
    is_keras = case.startswith("keras")
    if not (HAS_KERAS if is_keras else HAS_TORCH):
        return _decoded(_lookup(case))
    library = importlib.import_module("keras" if is_keras else "torch")
    with warnings.catch_warnings():
        if is_keras:
            warnings.simplefilter("ignore")  # its own dealings with NumPy
        want = _plain(compute(library))
    if recording:
        name = case.partition("/")[0]
        cases = _load(name)
        text = _encoded(want)
        if cases.get(case) != text:
            cases[case] = text
            _touched.add(name)
    else:
        _agree(case, want, _decoded(_lookup(case)))
    return want


def close(case: str, got: Any, want: Any, rtol: float, atol: float, what: str = "") -> None:
    """Assert that two arrays agree, and note by how much they differ (see --differences).

    case: as given to `expected`.  what: a part of it that is compared apart: "slope", ...
    """
    a, b = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if a.shape == b.shape and a.size:
        both = np.isfinite(a) & np.isfinite(b)
        largest = float(np.abs(a - b)[both].max(initial=0))
        scale = float(np.abs(b)[both].max(initial=0))
        place = case.partition(" ")[0] + (f" {what}" if what else "")
        old = differences.get(place, (0.0, 0.0))
        differences[place] = max(old[0], largest), max(old[1], largest / scale if scale else 0.0)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=f"{case} {what}")


differences: dict[str, tuple[float, float]] = {}  # place -> largest, and largest beside the values


def write() -> None:
    """Write the files whose cases changed, one case a line, sorted."""
    for name in sorted(_touched):
        lines = [
            f"{json.dumps(case)}: {json.dumps(value, separators=(',', ':'))}"
            for case, value in sorted(_load(name).items())
        ]
        FOLDER.mkdir(exist_ok=True)
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
    _touched.clear()


def _load(name: str) -> dict[str, Any]:
    if name not in _files:
        path = FOLDER / f"{name}.json"
        _files[name] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return _files[name]


def _lookup(case: str) -> Any:
    cases = _load(case.partition("/")[0])
    library = "Keras" if case.startswith("keras") else "torch"
    assert case in cases, f"{case} is not recorded: run `pytest tests/parity --record` with {library}"
    return cases[case]


def _plain(value: Any) -> Any:
    """Turn torch's tensors into arrays, inside lists, tuples and dicts too."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    value = getattr(value, "value", value)  # a Keras Variable's tensor
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.array(value)


def _encoded(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict):
        return {"dict": {key: _encoded(v) for key, v in value.items()}}
    if isinstance(value, list):
        return [_encoded(v) for v in value]
    # the shortest decimals that read back as the same number of this dtype
    flat = value.ravel()
    data = [float(str(x)) for x in flat] if value.dtype.kind == "f" else flat.tolist()
    return {"dtype": str(value.dtype), "shape": list(value.shape), "data": data}


def _decoded(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return [_decoded(v) for v in value]
    if "dict" in value:
        return {key: _decoded(v) for key, v in value["dict"].items()}
    return np.array(value["data"], value["dtype"]).reshape(value["shape"])


def _agree(case: str, want: Any, kept: Any) -> None:
    """Fail if the record is of another computation; loosely, for versions of torch differ."""
    stale = f"the record of {case} has fallen behind: run `pytest tests/parity --record`"
    assert type(want) is type(kept), stale
    if isinstance(want, dict):
        assert want.keys() == kept.keys(), stale
        want, kept = list(want.values()), [kept[key] for key in want]
    if isinstance(want, list):
        assert len(want) == len(kept), stale
        for a, b in zip(want, kept, strict=True):
            _agree(case, a, b)
    elif want is not None:
        assert want.dtype == kept.dtype, stale
        assert want.shape == kept.shape, stale
        assert np.allclose(want, kept, rtol=1e-3, atol=1e-5, equal_nan=True), stale
