"""Normalisation layers: standardize over some axes, then scale and shift by what is learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.arguments import tensor_of
from ..autograd.memory import changed
from ..autograd.tensor import Tensor
from ..errors import OptionError, ShapeError
from . import functional as F  # noqa: N812 - as everyone calls it
from . import init
from .module import Module
from .parameter import Parameter


class _Tracking(Module):
    """Weights and running statistics per channel, for batch and instance normalisation."""

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    dimensions: tuple[int, ...] = ()

    def __init__(
        self, num_features: int, eps: float, momentum: float | None, affine: bool,
        track_running_stats: bool, dtype: Any, bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = init.parameter((num_features,), dtype, 1.0) if affine else None
        self.bias = init.parameter((num_features,), dtype) if affine and bias else None
        zeros = init.values((num_features,), dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros if tracked else None)
        self.register_buffer("running_var", zeros + 1 if tracked else None)
        self.register_buffer("num_batches_tracked", np.array(0, np.int64) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the statistics gathered so far."""
        for buffer, value in (
            (self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0),
        ):
            if buffer is not None:
                buffer._data[...] = value
                changed(buffer._data)

    def reset_parameters(self) -> None:
        """Set weight to 1, bias to 0, and forget the statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _count(self) -> float:
        """Count a batch; give the share that it has in the running statistics."""
        counter = self.num_batches_tracked
        if counter is None:
            return 0.0 if self.momentum is None else self.momentum
        counter._data += 1
        changed(counter._data)
        return 1.0 / int(counter._data) if self.momentum is None else self.momentum

    def _check(self, x: Any) -> Tensor:
        x = tensor_of(x)
        place = 0 if self._unbatched(x) else 1
        if x.ndim not in self.dimensions or x.shape[place] != self.num_features:
            raise ShapeError(
                "norm_shape", layer=repr(self), given=x.shape, features=self.num_features,
                dimensions=" / ".join(map(str, self.dimensions)),
            )
        return x  # type: ignore[no-any-return]

    def _unbatched(self, x: Tensor) -> bool:
        return False

    def extra_repr(self) -> str:
        """Say the options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Tracking):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = True, track_running_stats: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, x: Any) -> Tensor:
        """Give x standardized; in training mode also move the running statistics."""
        x = self._check(x)
        share = self._count() if self.training else 0.0
        by_batch = self.training or self.running_mean is None
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, by_batch, share,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Standardize each feature of (N, C) or (N, C, L) over the batch, then scale and shift it.

    Training uses the batch's mean and variance and moves running_mean and running_var (with the
    unbiased variance) by `momentum` towards them; evaluation uses those. momentum=None: a plain
    average of all batches. track_running_stats=False: always the batch's own.
    Raises ShapeError for another shape, or a training batch of one value per feature.
    Source: S. Ioffe, C. Szegedy, Batch Normalization (2015).
    """

    dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Standardize each channel of (N, C, H, W) over batch and space (see BatchNorm1d)."""

    dimensions = (4,)


class _InstanceNorm(_Tracking):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def _unbatched(self, x: Tensor) -> bool:
        return x.ndim == self.dimensions[0]

    def forward(self, x: Any) -> Tensor:
        """Give x standardized; in training mode also move the running statistics, if any."""
        x = self._check(x)
        alone = self._unbatched(x)
        if alone:
            x = x.reshape((1, *x.shape))
        by_input = self.training or self.running_mean is None
        y = F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, by_input,
            self.momentum or 0.0, self.eps,
        )
        return y.reshape(y.shape[1:]) if alone else y


class InstanceNorm1d(_InstanceNorm):
    """Standardize each channel of each example of (N, C, L) or (C, L) over its length.

    Source: D. Ulyanov et al., Instance Normalization (2016).
    """

    dimensions = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Standardize each channel of each image of (N, C, H, W) or (C, H, W)."""

    dimensions = (3, 4)


class LayerNorm(Module):
    """Standardize each example over its last axes, those of normalized_shape.

    x: (..., *normalized_shape), a number or a tuple.  weight, bias: of normalized_shape.
    Source: J. Ba, J. Kiros, G. Hinton, Layer Normalization (2016).
    """

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape, affine = self.normalized_shape, elementwise_affine
        self.weight = init.parameter(shape, dtype, 1.0) if affine else None
        self.bias = init.parameter(shape, dtype) if affine and bias else None

    def forward(self, x: Any) -> Tensor:
        """Give x standardized, scaled and shifted."""
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Say the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Divide each example by its root mean square over the last axes, then scale.

    eps: None is the epsilon of the input's dtype.
    Source: B. Zhang, R. Sennrich, Root Mean Square Layer Normalization (2019).
    """

    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape = self.normalized_shape
        self.weight = init.parameter(shape, dtype, 1.0) if elementwise_affine else None

    def forward(self, x: Any) -> Tensor:
        """Give x divided by its root mean square, and scaled."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Say the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    """Standardize groups of channels of each example of (N, C, ...), then scale and shift.

    num_channels must be a multiple of num_groups. Source: Y. Wu, K. He, Group Normalization (2018).
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise OptionError("groups", groups=num_groups, channels=num_channels)
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight = init.parameter((num_channels,), dtype, 1.0) if affine else None
        self.bias = init.parameter((num_channels,), dtype) if affine and bias else None

    def forward(self, x: Any) -> Tensor:
        """Give x standardized, scaled and shifted."""
        x = tensor_of(x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ShapeError(
                "norm_shape", layer=repr(self), given=x.shape, features=self.num_channels,
                dimensions="2 / 3 / 4 / ...",
            )
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Say the options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


def _shape(given: Any) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(given)
