"""Intersection over union of classes, from a table of what was what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.arguments import array_of
from ..errors import OptionError, ShapeError
from .metric import Metric
from .row_losses import EPSILON

Array = Any


class IoU(Metric):
    """The mean over classes of |both| / |either|: elements that are, or are said to be, of a class.

    num_classes: K.  target_class_ids: which of them to average over; None is all.
    ignore_class: elements with this target do not count.  is_one_hot_true, is_one_hot_output:
    whether classes are along `axis`, the highest counting, instead of being numbers.
    threshold: for two classes, outputs from this up are of class 1.
    """

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int] | None = None,
        ignore_class: int | None = None, is_one_hot_true: bool = False,
        is_one_hot_output: bool = False, axis: int = -1, threshold: float | None = None,
        name: str | None = None,
    ) -> None:
        ids = range(num_classes) if target_class_ids is None else target_class_ids
        if max(ids) >= num_classes or min(ids) < 0:
            raise OptionError("class_ids", given=list(ids), classes=num_classes)
        self.num_classes, self.target_class_ids = num_classes, list(ids)
        self.ignore_class, self.axis, self.threshold = ignore_class, axis, threshold
        self.is_one_hot_true, self.is_one_hot_output = is_one_hot_true, is_one_hot_output
        super().__init__(name or "iou")

    @property
    def adds_rows(self) -> bool:
        """Whether batches may come joined: not where classes may be along the samples."""
        return self.axis == -1

    def reset(self) -> None:
        """Forget every batch."""
        self.table = np.zeros((self.num_classes, self.num_classes))

    def update(self, output: Any, target: Any = None, weight: Any = None) -> None:
        """Take a batch in; elements outside the classes do not count. weight: one an element."""
        t, p = array_of(target), array_of(output)
        if self.is_one_hot_true:
            t = t.argmax(self.axis)
        if self.is_one_hot_output:
            p = p.argmax(self.axis)
        if self.threshold is not None:
            p = p >= p.dtype.type(self.threshold)
        if t.size != p.size:
            raise ShapeError("loss_rows", loss=self.name, y_true=t.shape, y_pred=p.shape)
        w = 1.0 if weight is None else np.asarray(array_of(weight), np.float64).reshape(-1)
        t, p = (a.reshape(-1).astype(np.int64) for a in (t, p))
        counts = (t >= 0) & (t < self.num_classes) & (p >= 0) & (p < self.num_classes)
        if self.ignore_class is not None:
            counts &= t != self.ignore_class
        place = (t * self.num_classes + p)[counts]
        w = np.broadcast_to(w, t.shape)[counts]
        self.table = self.table + np.bincount(place, w, self.num_classes**2).reshape(
            self.table.shape
        )

    def result(self) -> float:
        """Give the mean over those classes that occur."""
        both = np.diag(self.table)[self.target_class_ids]
        either = (self.table.sum(0) + self.table.sum(1))[self.target_class_ids] - both
        occurs = either > 1e-9
        share = np.where(occurs, both / (either + EPSILON), 0.0)
        return float(share.sum() / (occurs.sum() + EPSILON))
