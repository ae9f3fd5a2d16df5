from __future__ import annotations

from typing import Any

import pytest

from tinygrad_jp.testing import laws
from tinygrad_jp.vocabulary.rule import rules

from . import law


@pytest.mark.parametrize("entry", [e for e in rules() if laws.is_analytic(e)], ids=law.name)
def test_complex_step(entry: Any) -> None:
    law.hold(laws.complex_step, entry)
