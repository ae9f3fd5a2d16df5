"""The pytest plugin: seeds, no switch left turned, pictures of failures, hypothesis profiles.

Installed as the module `tinygrad_jp_pytest` too (see pyproject.toml), outside the package, so that
a pytest run that never imports tinygrad_jp does not pay for it, and coverage sees the import.
Everything is imported where it is used.

    tj_seed               fixture: the program's random numbers start from a seed of the test's name
    leak check            a test that leaves grad mode, anomaly mode, the language or the default
                          dtype changed fails; `tj_leak_check = false` in the ini file turns it off
    --tj-draw-failures    draw the graph of what broke a law, of the shrunk example; else that of
                          what a failing test has computed
    --hypothesis-profile  tj-ci, tj-dev and tj-thorough are there
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the line for the ini file."""
    group = parser.getgroup("tinygrad_jp")
    group.addoption(
        "--tj-draw-failures", nargs="?", const="tj-failures", default=None, metavar="FOLDER",
        help="draw the graph of the (shrunk) failing example into FOLDER, SVG and text",
    )
    parser.addini(
        "tj_leak_check", type="bool", default=True,
        help="fail tests that leave grad mode, anomaly mode, language or default dtype changed",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register our profiles before hypothesis looks for the one that is asked for."""
    name = config.getoption("--hypothesis-profile", None)
    if isinstance(name, str) and name.startswith("tj-"):
        from tinygrad_jp.testing import profiles

        assert name in profiles.NAMES, f"{name}: {profiles.NAMES}"


@pytest.fixture
def tj_seed(request: pytest.FixtureRequest) -> int:
    """Start tinygrad_jp's random numbers from a seed made of the test's name; gives the seed."""
    from tinygrad_jp.autograd.random import manual_seed

    seed = zlib.crc32(request.node.nodeid.encode())
    manual_seed(seed)
    return seed


@pytest.fixture(autouse=True)
def tj_nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a switch of tinygrad_jp turned; put it back for the next test."""
    if not request.config.getini("tj_leak_check") or "tinygrad_jp" not in sys.modules:
        yield
        return
    from tinygrad_jp.testing import switches

    before = switches.state()
    yield
    left = switches.restore(before)
    if left:
        pytest.fail(left, pytrace=False)


# ── pictures of failures ────────────────────────────────────────────────────────────────────────


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Draw what a broken law computed, if asked to."""
    report = yield
    folder = item.config.getoption("--tj-draw-failures")
    if folder and call.when == "call" and call.excinfo is not None and report.failed:
        from tinygrad_jp.testing import pictures

        said = pictures.save(call.excinfo.value, Path(folder), item.nodeid, str(item.path))
        if said:
            report.sections.append(("tinygrad_jp", said))
    return report


# ── hypothesis ──────────────────────────────────────────────────────────────────────────────────


def offer_strategies() -> None:
    """Make st.from_type(tj.Tensor) work where tinygrad_jp was imported before hypothesis.

    Hypothesis calls this when it is imported (entry point `hypothesis`); tinygrad_jp's own import
    does the same where hypothesis came first.
    """
    package = sys.modules.get("tinygrad_jp")
    if package is not None and hasattr(package, "_offer_strategies"):
        package._offer_strategies()
