"""Native code made by these tests is kept apart from the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled objects in a folder of the tests' own."""
    before = os.environ.get("TINYGRAD_JP_CACHE")
    os.environ["TINYGRAD_JP_CACHE"] = str(tmp_path_factory.mktemp("native"))
    yield
    if before is None:
        del os.environ["TINYGRAD_JP_CACHE"]
    else:
        os.environ["TINYGRAD_JP_CACHE"] = before
