from __future__ import annotations

from typing import Any

import pytest

from tinygrad_jp.testing import readers
from tinygrad_jp.vocabulary.fast import FAST
from tinygrad_jp.vocabulary.rule import REGISTRY

from . import law


@law.over_rules
def test_readers(entry: Any) -> None:
    law.hold(readers.readers, entry)


@pytest.mark.parametrize("fn", FAST, ids=lambda fn: fn.__name__)
def test_fast(fn: Any) -> None:
    law.hold(readers.fast, REGISTRY[fn])
