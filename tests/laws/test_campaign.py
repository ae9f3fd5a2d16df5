"""Long campaigns of every law, with new seeds each time: pytest -m slow tests/laws."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

from tinygrad_jp.vocabulary.rule import Rule

from . import law

LAWS = [
    law.same_values, law.first_order, law.second_order, law.purity, law.layout, law.empty, law.gpu,
]
LAWS_OF_RULES = [law.broadcast, law.readers, law.edges]


@pytest.mark.slow
@pytest.mark.parametrize("law_of", [*LAWS, *LAWS_OF_RULES], ids=lambda f: f.__name__)
@law.over_all
def test_campaign(entry: Any, law_of: law.Law) -> None:
    if law_of in LAWS_OF_RULES and not isinstance(entry, Rule):
        return
    with_new_seeds = settings(settings.get_profile("thorough"))
    law.hold(law_of, entry, share=0.05, profile=with_new_seeds)
