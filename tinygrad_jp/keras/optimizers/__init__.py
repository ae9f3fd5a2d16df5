"""Optimizers and schedules of the learning rate.

`optimizer.py` has what they share, `classes.py` the optimizers, `schedules.py` the schedules. For
one of your own, subclass Optimizer with `update_step(gradient, variable, learning_rate)`.
"""

from __future__ import annotations

from typing import Any

from ...errors import OptionError
from .. import absent
from ..identifiers import Table
from . import schedules as schedules
from .classes import SGD as SGD
from .classes import Adadelta as Adadelta
from .classes import Adagrad as Adagrad
from .classes import Adam as Adam
from .classes import Adamax as Adamax
from .classes import AdamW as AdamW
from .classes import Ftrl as Ftrl
from .classes import Lion as Lion
from .classes import Nadam as Nadam
from .classes import RMSprop as RMSprop
from .optimizer import Optimizer as Optimizer

_CLASSES = (SGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Ftrl, Lion, Nadam, RMSprop)
table = Table("keras.optimizers", {kind.__name__.lower(): kind for kind in _CLASSES}, folds=True)
serialize, deserialize = table.serialize, table.deserialize


def get(identifier: Any) -> Any:
    """Give the optimizer that a name, a config or an object stands for.

    Raises OptionError for what is no optimizer.
    """
    found = table.get(identifier)
    if found is None or isinstance(found, Optimizer):
        return found
    raise OptionError("keras_identifier", module="keras.optimizers", given=identifier)


__getattr__ = absent.refusal("keras.optimizers")
