"""What every test has: hypothesis profiles, slow tests only on demand, and no state left behind."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings

from tinygrad_jp import errors
from tinygrad_jp.autograd import apply, backward, generate, mode
from tinygrad_jp.vocabulary.rule import REGISTRY

settings.register_profile(
    "ci", max_examples=30, derandomize=True, deadline=None, database=None, print_blob=True
)
settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless -m or a test's own name asks for them."""
    if config.getoption("-m") or any("::" in argument for argument in config.args):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def state() -> dict[str, Any]:
    """Say how the switches of the package stand."""
    return {
        "grad mode": mode.is_grad_enabled(),
        "anomaly mode": (generate.scope["watching"], list(apply.watchers), list(backward.observers)),
        "language": errors._chosen[0],
        "default dtype": apply.default_dtype[0],
    }


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves grad mode, anomaly mode, language or default dtype changed."""
    before = state()
    yield
    after = state()
    mode._mode.set(before["grad mode"])
    generate.scope["watching"], apply.watchers[:], backward.observers[:] = before["anomaly mode"]
    errors._chosen[0] = before["language"]
    apply.default_dtype[0] = before["default dtype"]
    left = {name: after[name] for name in before if after[name] != before[name]}
    assert not left, f"the test leaves behind: {left}"


# ── what the laws tried ─────────────────────────────────────────────────────────────────────────


def counts() -> Counter[str]:
    """Give the law module's count of examples, if the laws were collected at all."""
    import sys

    law = sys.modules.get("tests.laws.law")
    return law.tried if law else Counter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note with each test how many examples of which law it tried."""
    before = counts().copy()
    try:
        return (yield)
    finally:
        item.user_properties.extend((counts() - before).items())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the registry holds and how many examples the laws tried on it."""
    total: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                total.update(dict(report.user_properties))
    if not total:
        return
    kinds = Counter(entry.kind for entry in set(REGISTRY.values()))
    terminalreporter.section("laws")
    terminalreporter.write_line(", ".join(f"{n} {kind}s" for kind, n in sorted(kinds.items())))
    terminalreporter.write_line(
        f"{total.total()} examples: " + ", ".join(f"{law} {n}" for law, n in total.items())
    )


collect_ignore_glob = ["bench/*.py"]  # programs, run by `python3 run.py bench`
