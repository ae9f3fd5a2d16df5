"""What the tests of pictures share: the golden files, and the engines to draw with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "golden" / "graph"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with a golden file; TINYGRAD_JP_GOLDEN=write writes the files anew."""

    def compare(name: str, text: str) -> None:
        file = FOLDER / name
        if os.environ.get("TINYGRAD_JP_GOLDEN") == "write":
            file.write_text(text, encoding="utf-8", newline="\n")
        assert text == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this machine one without any program that lays graphs out."""
    from tinygrad_jp.graph import render

    monkeypatch.delenv("TINYGRAD_JP_DOT", raising=False)
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
