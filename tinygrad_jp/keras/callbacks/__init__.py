"""Keras's callbacks: told by the training loop through `bridge.py`.

To add one, subclass Callback (`callback.py`) and list it here. `monitoring.py` has those that look
at a number, `writing.py` those that write, `backup.py` the one that survives a kill.
"""

from __future__ import annotations

from .. import absent
from .backup import BackupAndRestore
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
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "MonitorCallback",
    "ProgbarLogger", "ReduceLROnPlateau", "TensorBoard", "TerminateOnNaN",
]

__getattr__ = absent.refusal("keras.callbacks")
