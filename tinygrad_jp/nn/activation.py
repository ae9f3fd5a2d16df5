"""Every activation as a module."""

from __future__ import annotations

from typing import Any

from ..autograd.tensor import Tensor
from . import functional as F  # noqa: N812 - as everyone calls it
from .init import parameter
from .module import Module


class _Activation(Module):
    """An activation whose options are named in `_shown`, which is also how it prints."""

    _shown: tuple[str, ...] = ()

    def extra_repr(self) -> str:
        """Say the options."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)


class _InPlace(_Activation):
    """An activation that takes PyTorch's `inplace`, which changes nothing here."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Say the options, and `inplace` where it was asked for."""
        shown = [super().extra_repr()] if self._shown else []
        return ", ".join(shown + (["inplace=True"] if self.inplace else []))


class ReLU(_InPlace):
    """max(x, 0)."""

    def forward(self, x: Any) -> Tensor:
        """Give max(x, 0)."""
        return F.relu(x)


class ReLU6(_InPlace):
    """x kept between 0 and 6."""

    def forward(self, x: Any) -> Tensor:
        """Give x kept between 0 and 6."""
        return F.relu6(x)


class LeakyReLU(_InPlace):
    """x where x > 0, else negative_slope·x."""

    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Tensor:
        """Give x, or negative_slope·x below 0."""
        return F.leaky_relu(x, self.negative_slope)


class PReLU(_Activation):
    """x where x > 0, else weight·x; the weight is learned, one or one per channel."""

    _shown = ("num_parameters",)

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = parameter((num_parameters,), dtype, init)

    def forward(self, x: Any) -> Tensor:
        """Give x, or weight·x below 0."""
        return F.prelu(x, self.weight)


class RReLU(_InPlace):
    """x where x ≥ 0, else x times a slope: drawn from [lower, upper] in training, their mean."""

    _shown = ("lower", "upper")

    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False
    ) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, x: Any) -> Tensor:
        """Give x, or a slope times x below 0."""
        return F.rrelu(x, self.lower, self.upper, self.training)


class ELU(_InPlace):
    """x where x > 0, else alpha·(eˣ − 1)."""

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, x: Any) -> Tensor:
        """Give x, or alpha·(eˣ − 1) below 0."""
        return F.elu(x, self.alpha)


class CELU(ELU):
    """x where x > 0, else alpha·(e^(x/alpha) − 1)."""

    def forward(self, x: Any) -> Tensor:
        """Give x, or alpha·(e^(x/alpha) − 1) below 0."""
        return F.celu(x, self.alpha)


class SELU(_InPlace):
    """λ·x where x > 0, else λα·(eˣ − 1), with the constants that keep mean 0 and variance 1."""

    def forward(self, x: Any) -> Tensor:
        """Give the scaled ELU of x."""
        return F.selu(x)


class GELU(_Activation):
    """x·Φ(x), with Φ the normal distribution function; approximate="tanh" for its formula."""

    _shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        """Give x·Φ(x)."""
        return F.gelu(x, approximate=self.approximate)


class SiLU(_InPlace):
    """x·σ(x), also known as swish."""

    def forward(self, x: Any) -> Tensor:
        """Give x·σ(x)."""
        return F.silu(x)


class Mish(_InPlace):
    """x·tanh(log(1 + eˣ))."""

    def forward(self, x: Any) -> Tensor:
        """Give x·tanh(log(1 + eˣ))."""
        return F.mish(x)


class Sigmoid(_Activation):
    """σ(x) = 1 / (1 + e⁻ˣ)."""

    def forward(self, x: Any) -> Tensor:
        """Give σ(x)."""
        return F.sigmoid(x)


class LogSigmoid(_Activation):
    """log σ(x), exact for large |x|."""

    def forward(self, x: Any) -> Tensor:
        """Give log σ(x)."""
        return F.logsigmoid(x)


class Tanh(_Activation):
    """tanh x."""

    def forward(self, x: Any) -> Tensor:
        """Give tanh x."""
        return F.tanh(x)


class Softplus(_Activation):
    """log(1 + e^(beta·x)) / beta; x itself where beta·x is above the threshold."""

    _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: Any) -> Tensor:
        """Give log(1 + e^(beta·x)) / beta."""
        return F.softplus(x, self.beta, self.threshold)


class Softsign(_Activation):
    """x / (1 + |x|)."""

    def forward(self, x: Any) -> Tensor:
        """Give x / (1 + |x|)."""
        return F.softsign(x)


class _AlongAxis(_Activation):
    _shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim


class Softmax(_AlongAxis):
    """eˣ / Σ eˣ along an axis, the last unless another is named.

    CrossEntropyLoss has its own: feed it what comes before this layer.
    """

    def forward(self, x: Any) -> Tensor:
        """Give eˣ / Σ eˣ."""
        return F.softmax(x, self.dim)


class LogSoftmax(_AlongAxis):
    """x − log Σ eˣ along an axis, the last unless another is named."""

    def forward(self, x: Any) -> Tensor:
        """Give x − log Σ eˣ."""
        return F.log_softmax(x, self.dim)


class Softmin(_AlongAxis):
    """softmax(−x) along an axis, the last unless another is named."""

    def forward(self, x: Any) -> Tensor:
        """Give softmax(−x)."""
        return F.softmin(x, self.dim)


class GLU(_AlongAxis):
    """a·σ(b) for the halves a and b of x along an axis."""

    def forward(self, x: Any) -> Tensor:
        """Give a·σ(b)."""
        return F.glu(x, self.dim)


class Hardtanh(_InPlace):
    """x kept between min_val and max_val."""

    _shown = ("min_val", "max_val")

    def __init__(
        self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
    ) -> None:
        super().__init__(inplace)
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, x: Any) -> Tensor:
        """Give x kept between min_val and max_val."""
        return F.hardtanh(x, self.min_val, self.max_val)


class Hardsigmoid(_InPlace):
    """x/6 + 1/2, kept between 0 and 1."""

    def forward(self, x: Any) -> Tensor:
        """Give x/6 + 1/2, kept between 0 and 1."""
        return F.hardsigmoid(x)


class Hardswish(_InPlace):
    """x times hardsigmoid(x)."""

    def forward(self, x: Any) -> Tensor:
        """Give x times hardsigmoid(x)."""
        return F.hardswish(x)


class Threshold(_InPlace):
    """x where x > threshold, else value."""

    _shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, x: Any) -> Tensor:
        """Give x, or value where x is not above the threshold."""
        return F.threshold(x, self.threshold, self.value)


class _Shrink(_Activation):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Say the width."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """x where |x| > lambd, else 0."""

    def forward(self, x: Any) -> Tensor:
        """Give x, or 0 near 0."""
        return F.hardshrink(x, self.lambd)


class Softshrink(_Shrink):
    """x moved towards 0 by lambd, and 0 where it would pass it."""

    def forward(self, x: Any) -> Tensor:
        """Give x moved towards 0."""
        return F.softshrink(x, self.lambd)


class Tanhshrink(_Activation):
    """x − tanh x."""

    def forward(self, x: Any) -> Tensor:
        """Give x − tanh x."""
        return F.tanhshrink(x)
