from __future__ import annotations

from typing import Any

from tinygrad_jp.testing import laws

from . import law


@law.over_all
def test_purity(entry: Any) -> None:
    law.hold(laws.purity, entry)
