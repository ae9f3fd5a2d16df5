"""SIGKILL at any moment, fifty times over: what was saved is whole, and what ends has the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


def kill(folder, count, seed):
    made = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed.py"), folder, str(count), str(seed)],
        capture_output=True, text=True, timeout=600, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def test_fifty_kills_are_survived(tmp_path):
    found = kill(tmp_path, 50, 0)
    assert found["kills"] >= 50
    assert found["with_a_file"] > 20  # killed while there was something to lose
    assert found["ended"] >= 3
    assert found["parts"] <= 1  # a file that was being written; the next writer removes it


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_hundreds_of_kills_are_survived(tmp_path, seed):
    assert kill(tmp_path, 400, seed)["kills"] >= 400
