"""Over what the laws are held: every rule, and every composite, of the registry."""

from __future__ import annotations

import pytest

from tinygrad_jp.testing.assertions import hold
from tinygrad_jp.vocabulary.rule import REGISTRY, Composite, Entry, label, rules

__all__ = ["composites", "hold", "name", "over_all", "over_rules"]


def composites() -> list[Composite]:
    """List every composite once that brings samples."""
    found = dict.fromkeys(e for e in REGISTRY.values() if isinstance(e, Composite))
    return [e for e in found if e.samples or e.domain]


def name(entry: Entry) -> str:
    return label(entry.fn)


over_rules = pytest.mark.parametrize("entry", rules(), ids=name)
over_all = pytest.mark.parametrize("entry", [*rules(), *composites()], ids=name)
