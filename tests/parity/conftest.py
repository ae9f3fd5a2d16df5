"""The --record flag: write what PyTorch gives into tests/golden."""

from __future__ import annotations

import pytest

from . import golden


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="record what PyTorch gives (see golden)")


def pytest_configure(config: pytest.Config) -> None:
    golden.recording = bool(config.getoption("--record", False))


def pytest_sessionfinish() -> None:
    golden.write()
