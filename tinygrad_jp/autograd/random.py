"""The one generator of random numbers that everything draws from, unless given another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..errors import OptionError

if TYPE_CHECKING:
    from numpy.random import Generator

_current: list[Generator] = []  # made at the first draw, from the system's entropy
_seed: list[int | None] = [None]
_lent: ContextVar[Any] = ContextVar("tinygrad_jp_generator", default=None)


def generator(given: Any = None) -> Generator:
    """Give the generator in force, or the one given; a NumPy Generator (PCG64)."""
    if given is not None:
        return given  # type: ignore[no-any-return]
    lent = _lent.get()
    if lent is not None:
        return lent  # type: ignore[no-any-return]
    if not _current:
        _start(None)
    return _current[0]


def _start(seed: int | None) -> None:
    from numpy.random import PCG64, Generator, SeedSequence

    sequence = SeedSequence(seed)
    _seed[0] = int(sequence.entropy)  # type: ignore[arg-type]
    _current[:] = [Generator(PCG64(sequence))]


@contextmanager
def using(source: Generator) -> Iterator[None]:
    """Draw from `source` inside the block, in this thread or task alone."""
    token = _lent.set(source)
    try:
        yield
    finally:
        _lent.reset(token)


def manual_seed(seed: int) -> Generator:
    """Start the random numbers anew from a seed (a whole number ≥ 0); gives the generator.

    >>> import tinygrad_jp as tj
    >>> _ = tj.manual_seed(0)
    >>> a = tj.rand(2)
    >>> _ = tj.manual_seed(0)
    >>> tj.equal(a, tj.rand(2))
    True
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed.__index__() < 0:
        raise OptionError("seed", given=seed)
    _start(seed.__index__())
    return _current[0]


def initial_seed() -> int:
    """Give the seed that the random numbers started from."""
    generator()
    assert _seed[0] is not None
    return _seed[0]


def get_rng_state() -> dict[str, Any]:
    """Give the state of the generator, to go back to with set_rng_state."""
    return dict(generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Go back to a state that get_rng_state gave."""
    try:
        generator().bit_generator.state = state
    except (TypeError, ValueError, KeyError):
        raise OptionError("rng_state") from None
