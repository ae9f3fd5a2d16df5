from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

import tinygrad_jp as tj

BACKENDS = ["numpy", *(["native"] if find_spec("llvmlite") else [])]


@pytest.fixture(params=BACKENDS)
def compiled(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Compile with each backend that this machine has."""
    return lambda fn, **options: tj.compile(fn, backend=request.param, **options)
