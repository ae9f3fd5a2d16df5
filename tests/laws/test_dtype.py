from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_jp.testing import laws

from . import law


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@law.over_all
def test_dtype(entry: Any, dtype: Any) -> None:
    law.hold(laws.dtype, entry, dtype)
