from __future__ import annotations

from typing import Any

from tinygrad_jp.testing import laws

from . import law


@law.over_rules
def test_broadcast(entry: Any) -> None:
    law.hold(laws.broadcast, entry)
