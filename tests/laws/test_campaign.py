"""Long campaigns of every law, with new seeds each time: pytest -m slow tests/laws."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

from tinygrad_jp.testing import laws, readers
from tinygrad_jp.vocabulary.rule import Rule

from . import law

LAWS = [
    laws.same_values, laws.first_order, laws.second_order, laws.purity, laws.layout, laws.empty,
    readers.gpu,
]
LAWS_OF_RULES = [laws.broadcast, readers.readers, laws.edges]


@pytest.mark.slow
@pytest.mark.parametrize("law_of", [*LAWS, *LAWS_OF_RULES], ids=lambda f: f.__name__)
@law.over_all
def test_campaign(entry: Any, law_of: laws.Law) -> None:
    if law_of in LAWS_OF_RULES and not isinstance(entry, Rule):
        return
    with_new_seeds = settings(settings.get_profile("tj-thorough"))
    law.hold(law_of, entry, share=0.05, profile=with_new_seeds)
