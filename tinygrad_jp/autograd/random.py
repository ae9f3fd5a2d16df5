"""The generator of random numbers that everything draws from, unless given another.

There is one for the whole process, and one of its own for each thread and asyncio task that calls
`manual_seed`, so that what they train at once gets the numbers that it would get alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..errors import OptionError

if TYPE_CHECKING:
    from numpy.random import Generator

# (generator, seed) of the process, made at the first draw, from the system's entropy
_current: list[tuple[Generator, int]] = []
_own: ContextVar[Any] = ContextVar("tinygrad_jp_seeded", default=None)  # the same, of a context
_lent: ContextVar[Any] = ContextVar("tinygrad_jp_generator", default=None)


def generator(given: Any = None) -> Generator:
    """Give the generator in force, or the one given; a NumPy Generator (PCG64)."""
    if given is not None:
        return given  # type: ignore[no-any-return]
    lent = _lent.get()
    if lent is not None:
        return lent  # type: ignore[no-any-return]
    return _seeded()[0]


def _seeded() -> tuple[Generator, int]:
    """Give this thread's or task's own generator and its seed, or those of the process."""
    own = _own.get()
    if own is not None:
        return own  # type: ignore[no-any-return]
    if not _current:
        _current[:] = [_started(None)]
    return _current[0]


def _started(seed: int | None) -> tuple[Generator, int]:
    from numpy.random import PCG64, Generator, SeedSequence

    sequence = SeedSequence(seed)
    return Generator(PCG64(sequence)), int(sequence.entropy)  # type: ignore[arg-type]


@contextmanager
def using(source: Generator) -> Iterator[None]:
    """Draw from `source` inside the block, in this thread or task alone."""
    before = _lent.get()
    try:  # with nothing before it: Ctrl-C may come as soon as it is set
        _lent.set(source)
        yield
    finally:
        _lent.set(before)


def manual_seed(seed: int) -> Generator:
    """Start the random numbers anew from a seed (a whole number ≥ 0); gives the generator.

    In another thread than the main one, or in an asyncio task, for that thread or task and the
    tasks that it starts. In the main thread also for the threads that have no seed of their own.

    >>> import tinygrad_jp as tj
    >>> _ = tj.manual_seed(0)
    >>> a = tj.rand(2)
    >>> _ = tj.manual_seed(0)
    >>> tj.equal(a, tj.rand(2))
    True
    """
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed.__index__() < 0:
        raise OptionError("seed", given=seed)
    from threading import current_thread, main_thread  # at its first use: it loads slowly

    made = _started(seed.__index__())
    _own.set(made)
    if current_thread() is main_thread():  # a notebook's cells are tasks, and the next goes on here
        _current[:] = [made]
    return made[0]


def initial_seed() -> int:
    """Give the seed that the random numbers started from."""
    return _seeded()[1]


def get_rng_state() -> dict[str, Any]:
    """Give the state of the generator, to go back to with set_rng_state."""
    return dict(generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Go back to a state that get_rng_state gave."""
    try:
        generator().bit_generator.state = state
    except (TypeError, ValueError, KeyError):
        raise OptionError("rng_state") from None
