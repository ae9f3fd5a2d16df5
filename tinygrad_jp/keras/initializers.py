"""First values of weights: functions of a shape, with Keras's names, defaults and fans.

A kernel here is (inputs, outputs), its receptive field in front. `seed`: a whole number or a
SeedGenerator; None takes a seed when the object is made, which then gives the same values again at
every call of one shape, as in Keras 3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.arguments import array_of
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, ShapeError
from ..nn.init import orthogonal_
from . import absent, random
from .config import standardize_dtype
from .identifiers import Configured, Table, named

SPREAD = 0.87962566103423978  # deviation of the standard normal distribution cut off at ±2


class Initializer(Configured):
    """What every initializer is: called with a shape and a dtype, it gives a Tensor."""

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Give values of this shape. A subclass writes it."""
        raise ArgumentError(
            "keras_method", owner=type(self).__name__, method="__call__(shape, dtype=None)"
        )

    def clone(self) -> Any:
        """Make another with the same arguments."""
        return type(self).from_config(self.get_config())


def _dtype(dtype: Any) -> np.dtype[Any]:
    return np.dtype(standardize_dtype(dtype))


class Zeros(Initializer):
    """0 everywhere."""

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Give values of this shape."""
        return Tensor(np.zeros(tuple(shape), _dtype(dtype)))


class Ones(Initializer):
    """1 everywhere."""

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Give values of this shape."""
        return Tensor(np.ones(tuple(shape), _dtype(dtype)))


class Constant(Initializer):
    """One number everywhere, or an array that broadcasts to the shape."""

    _options = ("value",)

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Give values of this shape."""
        return Tensor(np.broadcast_to(array_of(self.value), tuple(shape)), _dtype(dtype))


class Identity(Initializer):
    """The identity matrix times `gain`."""

    _options = ("gain",)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Give a matrix. Raises ShapeError for a shape that is none."""
        if len(shape) != 2:
            raise ShapeError("init_dimensions", name="Identity", wanted="2", shape=tuple(shape))
        return Tensor(self.gain * np.eye(*shape), _dtype(dtype))


class RandomInitializer(Initializer):
    """An initializer that draws; `seed` as at the top of this module."""

    _options: tuple[str, ...] = ("seed",)

    def __init__(self, seed: Any = None) -> None:
        if isinstance(seed, dict):
            seed = random.SeedGenerator.from_config(seed.get("config", seed))
        self._given = seed
        self.seed = random.make_default_seed() if seed is None else seed

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        given = self._given
        if isinstance(given, random.SeedGenerator):
            given = {"class_name": "SeedGenerator", "config": given.get_config()}
        return {**super().get_config(), "seed": given}


class RandomNormal(RandomInitializer):
    """The normal distribution."""

    _options = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Draw values of this shape."""
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)


class TruncatedNormal(RandomNormal):
    """The normal distribution within two deviations of the mean."""

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Draw values of this shape."""
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


class RandomUniform(RandomInitializer):
    """Evenly from [minval, maxval)."""

    _options = ("minval", "maxval", "seed")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Draw values of this shape."""
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)


class VarianceScaling(RandomInitializer):
    """A distribution of variance scale / n, n the inputs, outputs or their mean.

    mode: "fan_in", "fan_out" or "fan_avg".  distribution: "truncated_normal",
    "untruncated_normal" or "uniform".  input_axes, output_axes: which axes of the kernel are
    inputs and outputs, if not the last two.
    """

    _options: tuple[str, ...] = (
        "scale", "mode", "distribution", "seed", "input_axes", "output_axes",
    )

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal",
        seed: Any = None, input_axes: Any = None, output_axes: Any = None,
    ) -> None:
        distribution = distribution.lower()
        distribution = "truncated_normal" if distribution == "normal" else distribution
        owner = type(self).__name__
        if not scale > 0:
            raise OptionError(
                "keras_range", owner=owner, name="scale", wants="scale > 0", given=scale
            )
        for name, given, known in (("mode", mode, MODES), ("distribution", distribution, SHAPES)):
            if given not in known:
                raise OptionError(
                    "no_choice", op=owner, name=name, given=given, choices=", ".join(known)
                )
        super().__init__(seed)
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Draw values of this shape."""
        inputs, outputs = fans(tuple(shape), self.input_axes, self.output_axes)
        units = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}
        variance = self.scale / max(1.0, units[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        deviation = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, deviation, dtype, self.seed)
        return random.truncated_normal(shape, 0.0, deviation / SPREAD, dtype, self.seed)


MODES = ("fan_in", "fan_out", "fan_avg")
SHAPES = ("uniform", "truncated_normal", "untruncated_normal")


def fans(
    shape: tuple[int, ...], input_axes: Any = None, output_axes: Any = None
) -> tuple[int, int]:
    """Count the inputs and outputs of one unit of a kernel (..., inputs, outputs)."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        count = shape[0] if shape else 1
        return count, count
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class _Scaled(VarianceScaling):
    """VarianceScaling with its first three arguments settled."""

    _options = ("seed", "input_axes", "output_axes")
    _settled: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(*self._settled, seed, input_axes, output_axes)


class GlorotUniform(_Scaled):
    """Evenly from ±√(6 / (inputs + outputs)): the first values of Dense. Glorot, Bengio (2010)."""

    _settled = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal of variance 2 / (inputs + outputs). Glorot, Bengio (2010)."""

    _settled = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Scaled):
    """Truncated normal of variance 1 / inputs. LeCun et al. (1998)."""

    _settled = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Evenly from ±√(3 / inputs). LeCun et al. (1998)."""

    _settled = (1.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normal of variance 2 / inputs, for ReLU. He et al. (2015)."""

    _settled = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Scaled):
    """Evenly from ±√(6 / inputs), for ReLU. He et al. (2015)."""

    _settled = (2.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """Orthonormal rows or columns, whichever are fewer, times `gain`. Saxe et al. (2014)."""

    _options = ("gain", "seed")

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
        """Draw a matrix (..., outputs). Raises ShapeError for fewer than two axes."""
        if len(shape) < 2:
            raise ShapeError("init_dimensions", name="Orthogonal", wanted="2", shape=tuple(shape))
        flat = Tensor(np.zeros((math.prod(shape[:-1]), shape[-1]), _dtype(dtype)))
        return orthogonal_(flat, self.gain, random.source(self.seed)).reshape(tuple(shape))


IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
constant, zeros, ones, identity = Constant, Zeros, Ones, Identity
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, orthogonal = VarianceScaling, Orthogonal
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal, lecun_uniform, lecun_normal = HeUniform, HeNormal, LecunUniform, LecunNormal

table = Table("keras.initializers", named(
    Initializer, Constant, Zeros, Ones, Identity, RandomNormal, RandomUniform, TruncatedNormal,
    VarianceScaling, GlorotUniform, GlorotNormal, LecunNormal, LecunUniform, HeNormal, HeUniform,
    Orthogonal, IdentityInitializer=Identity, OrthogonalInitializer=Orthogonal,
    normal=RandomNormal, uniform=RandomUniform, zero=Zeros, one=Ones,
))
serialize, deserialize = table.serialize, table.deserialize


def get(identifier: Any) -> Any:
    """Give the initializer that a name, a config, a class, a function or an array stands for."""
    if isinstance(identifier, (Tensor, np.ndarray, np.generic)):
        values = array_of(identifier)

        def given(shape: Any, dtype: Any = None) -> Tensor:
            if tuple(shape) != values.shape:
                raise ShapeError(
                    "keras_assign", name="initializer", given=values.shape, shape=tuple(shape)
                )
            return Tensor(values, _dtype(dtype))

        return given
    return table.get(identifier)


__getattr__ = absent.refusal("keras.initializers")
