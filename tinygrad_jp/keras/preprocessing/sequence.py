"""Sequences of different lengths, made rows of one length."""

from __future__ import annotations

from .. import absent
from ..utils.arrays import pad_sequences as pad_sequences

__all__ = ["pad_sequences"]

__getattr__ = absent.refusal("keras.preprocessing.sequence")
