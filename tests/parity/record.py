"""Record what PyTorch and Keras give afresh, dropping cases that are no more.

python -m tests.parity.record, and names of files (functions, nn, optim, keras_losses, ...); without
any, all are written whose library is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .golden import FOLDER, HAS_KERAS, HAS_TORCH


def main(names: list[str]) -> int:
    if not HAS_TORCH:
        raise SystemExit("recording needs PyTorch: pip install torch")
    here = Path(__file__).resolve().parent
    tests = [here / f"test_{n}.py" for n in names] or sorted(here.glob("test_*.py"))
    if not HAS_KERAS:
        tests = [test for test in tests if "keras" not in test.stem]
    for test in tests:
        (FOLDER / f"{test.stem.removeprefix('test_')}.json").unlink(missing_ok=True)
    return int(pytest.main([*map(str, tests), "--record", "-q"]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
