from __future__ import annotations

from typing import Any

from . import law


@law.over_all
def test_purity(entry: Any) -> None:
    law.hold(law.purity, entry)
