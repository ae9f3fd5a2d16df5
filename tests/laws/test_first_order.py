from __future__ import annotations

from typing import Any

from . import law


@law.over_all
def test_first_order(entry: Any) -> None:
    law.hold(law.first_order, entry)
