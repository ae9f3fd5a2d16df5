from __future__ import annotations

from typing import Any

from . import law


@law.over_all
def test_second_order(entry: Any) -> None:
    law.hold(law.second_order, entry)
