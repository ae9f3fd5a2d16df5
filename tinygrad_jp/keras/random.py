"""Random numbers: distributions under Keras's names, and the SeedGenerator.

seed: None draws from the one generator (keras.utils.set_random_seed, tj.manual_seed); a whole
number gives the same numbers at every call; a SeedGenerator other ones at each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.arguments import array_of, tensor_of
from ..autograd.random import generator
from ..autograd.tensor import Tensor
from ..errors import OptionError
from ..nn.init import trunc_normal_
from . import absent
from .config import standardize_dtype
from .identifiers import auto_name
from .symbolic import recordable

if TYPE_CHECKING:
    from numpy.random import Generator


class SeedGenerator:
    """Give seed after seed, from one to start with.

    seed: a whole number; None takes one from the one generator.

    >>> from tinygrad_jp import keras
    >>> seeds = keras.random.SeedGenerator(7)
    >>> a = keras.random.uniform((2,), seed=seeds)
    >>> b = keras.random.uniform((2,), seed=seeds)
    >>> bool((a == b).all())
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        if seed is not None and (isinstance(seed, bool) or not hasattr(seed, "__index__")):
            raise OptionError("seed", given=seed)
        self.seed = make_default_seed() if seed is None else int(seed)
        self.name = name or auto_name("SeedGenerator")
        self._initial_seed = seed
        self._count = 0

    def next(self) -> tuple[int, int]:
        """Give the next seed."""
        self._count += 1
        return self.seed, self._count - 1

    def get_config(self) -> dict[str, Any]:
        """Give the arguments."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """Make one from what get_config gave."""
        return cls(**config)


def make_default_seed() -> int:
    """Draw a seed from the one generator."""
    return int(generator().integers(2**31 - 1))


def source(seed: Any) -> Generator:
    """Give the generator that a seed stands for. Raises OptionError for what is no seed."""
    if seed is None:
        return generator()
    if isinstance(seed, SeedGenerator):
        return np.random.default_rng(seed.next())
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or int(seed) < 0:
        raise OptionError("seed", given=seed)
    return np.random.default_rng(int(seed))


def _made(array: Any, dtype: Any) -> Tensor:
    return Tensor(np.asarray(array), np.dtype(standardize_dtype(dtype)))


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw from the normal distribution."""
    return _made(source(seed).normal(mean, stddev, tuple(shape)), dtype)


def uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw evenly from [minval, maxval)."""
    return _made(source(seed).uniform(minval, maxval, tuple(shape)), dtype)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw from the normal distribution within two deviations of the mean."""
    made = Tensor(np.zeros(tuple(shape), standardize_dtype(dtype)))
    if stddev == 0:
        return made + mean
    return trunc_normal_(
        made, mean, stddev, mean - 2 * stddev, mean + 2 * stddev, source(seed)
    )


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw whole numbers from minval up to maxval, without it."""
    return _made(source(seed).integers(minval, maxval, tuple(shape)), dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw class numbers (N, num_samples) with the probabilities softmax(logits), logits (N, K)."""
    scores = array_of(logits).astype(np.float64)
    noise = source(seed).gumbel(size=(len(scores), num_samples, scores.shape[-1]))
    return _made((scores[:, None, :] + noise).argmax(-1), dtype)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from the gamma distribution of shape alpha and scale 1."""
    return _made(source(seed).gamma(array_of(alpha), size=tuple(shape)), dtype)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from the beta distribution."""
    return _made(source(seed).beta(array_of(alpha), array_of(beta), size=tuple(shape)), dtype)


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw how often something of a probability happens in `counts` trials."""
    n = array_of(counts).astype(np.int64)
    return _made(source(seed).binomial(n, array_of(probabilities), tuple(shape)), dtype)


@recordable
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """Put the slices along an axis in a random order."""
    x = tensor_of(x)
    return x.take(source(seed).permutation(x.shape[axis]), axis)  # type: ignore[no-any-return]


@recordable
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Zero elements with probability `rate`, and scale the rest by 1 / (1 − rate).

    noise_shape: the shape of the mask, which broadcasts; None entries are those of the inputs.
    """
    if not 0 <= rate <= 1:
        raise OptionError(
            "keras_range", owner="dropout", name="rate", wants="0 ≤ rate ≤ 1", given=rate
        )
    x = tensor_of(inputs)
    if rate in (0, 1):
        return x * (1.0 - rate)
    shape = x.shape
    if noise_shape is not None:
        shape = tuple(m if n is None else n for n, m in zip(noise_shape, x.shape, strict=True))
    kept = source(seed).random(shape, np.float32) >= rate
    return x * (kept.astype(x.dtype) * x.dtype.type(1 / (1 - rate)))  # type: ignore[no-any-return]


__getattr__ = absent.refusal("keras.random")
