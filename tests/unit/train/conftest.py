"""Texts are matched in English, whatever the locale; the tests of this folder share `nets`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("TINYGRAD_JP_LANG", "en")
