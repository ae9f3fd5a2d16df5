"""The flags --record, to write what PyTorch and Keras give into tests/golden, and --differences."""

from __future__ import annotations

from typing import Any

import pytest

from . import golden


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="record what PyTorch gives (see golden)")
    parser.addoption("--differences", action="store_true", help="show how far we are from Keras 3")


def pytest_configure(config: pytest.Config) -> None:
    golden.recording = bool(config.getoption("--record", False))


def pytest_sessionfinish() -> None:
    golden.write()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the largest difference of each case from Keras: absolute, and beside its values."""
    if not config.getoption("--differences", False):
        return
    terminalreporter.section("largest differences: absolute, and relative to the largest value")
    for place, (largest, beside) in sorted(golden.differences.items()):
        terminalreporter.write_line(f"{place:50s} {largest:9.1e} {beside:9.1e}")
