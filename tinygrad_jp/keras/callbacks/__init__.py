"""Keras's callbacks: told by the training loop through `bridge.py`.

To add one, subclass Callback (`callback.py`) and list it here. `monitoring.py` has those that look
at a number, `writing.py` those that write.
"""

from __future__ import annotations

from .. import absent
from .bridge import CallbackList
from .callback import Callback, History, LambdaCallback
from .monitoring import EarlyStopping, ModelCheckpoint, MonitorCallback, ReduceLROnPlateau
from .writing import (
    CSVLogger,
    LearningRateScheduler,
    ProgbarLogger,
    TensorBoard,
    TerminateOnNaN,
)

__all__ = [
    "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "ModelCheckpoint", "MonitorCallback", "ProgbarLogger",
    "ReduceLROnPlateau", "TensorBoard", "TerminateOnNaN",
]

__getattr__ = absent.refusal("keras.callbacks")
