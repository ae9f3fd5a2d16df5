from __future__ import annotations

from typing import Any

from tinygrad_jp.testing import readers

from . import law


@law.over_all
def test_gpu_standin(entry: Any) -> None:
    law.hold(readers.gpu, entry)
