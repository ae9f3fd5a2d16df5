from __future__ import annotations

from typing import Any

from . import law


@law.over_rules
def test_broadcast(entry: Any) -> None:
    law.hold(law.broadcast, entry)
