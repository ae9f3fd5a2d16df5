"""Where Keras's older tutorials look for pad_sequences: keras.preprocessing.sequence."""

from __future__ import annotations

from .. import absent
from . import sequence as sequence

__all__ = ["sequence"]

__getattr__ = absent.refusal("keras.preprocessing")
