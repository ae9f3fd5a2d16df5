"""Property tests for operations, layers, losses and optimizers: strategies and assertions.

Needs hypothesis (the extra `test`). strategies.py, networks.py and programs.py draw; assertions.py
and models.py assert; laws.py and readers.py are what every operation keeps; failures.py says what
went wrong; plugin.py is for pytest. May import everything below; nothing imports it.
"""

from __future__ import annotations

import importlib.util

from ..errors import missing

if importlib.util.find_spec("hypothesis") is None:
    raise missing("hypothesis", "test")

from ..vocabulary.domain import (
    ABOVE_MINUS_ONE,
    ABOVE_ONE,
    NONZERO,
    POSITIVE,
    REAL,
    UNIT,
    Domain,
    Sampler,
    call,
)
from .assertions import (
    assert_broadcast_law,
    assert_gradients,
    assert_linear_in,
    assert_rule,
    assert_values,
)
from .models import assert_module, assert_optimizer
from .networks import modules
from .profiles import load_profile
from .programs import Program, programs
from .strategies import (
    arrays,
    broadcastable_shapes,
    dtypes,
    elements,
    labels,
    optimizers,
    register,
    shapes,
    tensors,
)

__all__ = [
    "ABOVE_MINUS_ONE", "ABOVE_ONE", "NONZERO", "POSITIVE", "REAL", "UNIT", "Domain", "Program",
    "Sampler", "arrays", "assert_broadcast_law", "assert_gradients", "assert_linear_in",
    "assert_module", "assert_optimizer", "assert_rule", "assert_values", "broadcastable_shapes",
    "call", "dtypes", "elements", "labels", "load_profile", "modules", "optimizers", "programs",
    "register", "shapes", "tensors",
]

register()
