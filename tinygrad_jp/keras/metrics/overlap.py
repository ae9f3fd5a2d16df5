"""Metrics of overlap: intersection over union."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...train.overlap import IoU as Overlap
from .metric import Over


class IoU(Over):
    """The mean over target_class_ids of |both| / |either|.

    ignore_class: elements with this target do not count.  sparse_y_true, sparse_y_pred: whether
    these are class numbers; else classes are along `axis`, and the highest counts.
    """

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None,
        dtype: Any = None, ignore_class: int | None = None, sparse_y_true: bool = True,
        sparse_y_pred: bool = True, axis: int = -1,
    ) -> None:
        inner = Overlap(
            num_classes, target_class_ids, ignore_class, not sparse_y_true, not sparse_y_pred, axis
        )
        super().__init__(
            inner, name, dtype, num_classes=num_classes, target_class_ids=list(target_class_ids),
            ignore_class=ignore_class, sparse_y_true=sparse_y_true, sparse_y_pred=sparse_y_pred,
            axis=axis,
        )


class MeanIoU(IoU):
    """The mean over all classes of |both| / |either|."""

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true,
            sparse_y_pred, axis,
        )
        del self._arguments["target_class_ids"]


class OneHotIoU(IoU):
    """IoU of one-hot targets and of scores."""

    def __init__(
        self, num_classes: int, target_class_ids: Sequence[int], name: str | None = None,
        dtype: Any = None, ignore_class: int | None = None, sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )
        del self._arguments["sparse_y_true"]


class OneHotMeanIoU(MeanIoU):
    """MeanIoU of one-hot targets and of scores."""

    def __init__(
        self, num_classes: int, name: str | None = None, dtype: Any = None,
        ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
        del self._arguments["sparse_y_true"]


class BinaryIoU(Over):
    """IoU of yes and no: yes is a probability from the threshold up."""

    def __init__(
        self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5,
        name: str | None = None, dtype: Any = None,
    ) -> None:
        inner = Overlap(2, target_class_ids, threshold=threshold)
        super().__init__(
            inner, name, dtype, target_class_ids=list(target_class_ids), threshold=threshold
        )
