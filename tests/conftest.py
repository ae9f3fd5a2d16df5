"""What every test has: hypothesis profiles, slow tests only on demand, and no state left behind."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Generator
from getpass import getuser
from pathlib import Path
from typing import Any

import pytest

from tinygrad_jp.testing import load_profile
from tinygrad_jp.testing.assertions import tried
from tinygrad_jp.vocabulary.rule import REGISTRY

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background by a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what the tests of Ctrl-C rest on
# compiled objects of test runs: kept from one to the next, but not among the user's own
os.environ.setdefault(
    "TINYGRAD_JP_CACHE", str(Path(tempfile.gettempdir(), f"tinygrad_jp-tests-{getuser()}"))
)
load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tj-ci"))


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Use the kit's own plugin in a checkout that is not installed too."""
    if not pluginmanager.has_plugin("tinygrad_jp"):
        from tinygrad_jp.testing import plugin

        pluginmanager.register(plugin, "tinygrad_jp")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless -m or a test's own name asks for them."""
    if config.getoption("-m") or any("::" in argument for argument in config.args):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


# ── what the laws tried ─────────────────────────────────────────────────────────────────────────


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note with each test how many examples of which law it tried."""
    before = tried.copy()
    try:
        return (yield)
    finally:
        item.user_properties.extend((tried - before).items())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the registry holds and how many examples the laws tried on it."""
    total: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                total.update(dict(report.user_properties))
    if not total:
        return
    import tinygrad_jp.nn  # which fills the registry, where others have run the tests
    import tinygrad_jp.rules  # noqa: F401

    kinds = Counter(entry.kind for entry in set(REGISTRY.values()))
    terminalreporter.section("laws")
    terminalreporter.write_line(", ".join(f"{n} {kind}s" for kind, n in sorted(kinds.items())))
    terminalreporter.write_line(
        f"{total.total()} examples: " + ", ".join(f"{law} {n}" for law, n in total.items())
    )


collect_ignore_glob = ["bench/*.py"]  # programs, run by `python3 run.py bench`
