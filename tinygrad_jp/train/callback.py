"""What a callback is, and how the loop tells only those who listen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError

if TYPE_CHECKING:
    from .loop import Run


class Callback:
    """Do something at certain moments of a training; write the methods for the moments you want.

    Each is given the Run: `run.epoch`, `run.batch`, `run.loss`, `run.logs` (the numbers so far),
    `run.model`, `run.optimizer`, `run.history`, `run.stop("why")`.

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp import nn, optim
    >>> class Shout(tj.train.Callback):
    ...     def on_epoch_end(self, run):
    ...         print("epoch", run.epoch, sorted(run.logs))
    >>> model = nn.Linear(1, 1)
    >>> x = t = tj.ones(4, 1)
    >>> history = tj.fit(model, (x, t), nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1),
    ...                  epochs=2, callbacks=[Shout()], verbose=0)
    epoch 0 ['loss']
    epoch 1 ['loss']
    """

    is_last = False  # whether it is told after all others, to save what they have done

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_train_end(self, run: Run) -> None:
        """After the last epoch, also if the training was stopped or interrupted."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first batch of an epoch; not told again where one is resumed midway."""

    def on_epoch_end(self, run: Run) -> None:
        """After validation; `run.logs` has the numbers of the epoch."""

    def on_batch_begin(self, run: Run) -> None:
        """Before a batch is learned from."""

    def on_batch_end(self, run: Run) -> None:
        """After a batch; `run.batch` is its number, `run.loss` its loss."""

    def on_validation_begin(self, run: Run) -> None:
        """Before the first batch that the model is judged by."""

    def on_validation_end(self, run: Run) -> None:
        """After the last batch that the model is judged by; `run.logs` has its numbers."""

    def state_dict(self) -> dict[str, Any]:
        """Give what a resumed training must know; numbers, text, arrays, and lists of them."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""


class On(Callback):
    """Call plain functions at the moments named: `On(epoch_end=lambda run: print(run.logs))`.

    Raises ArgumentError for a moment that there is none of.
    """

    def __init__(self, **functions: Callable[[Run], Any]) -> None:
        for moment, function in functions.items():
            if f"on_{moment}" not in MOMENTS:
                known = ", ".join(m.removeprefix("on_") for m in MOMENTS)
                raise ArgumentError("callback_moment", given=moment, known=known)
            setattr(self, f"on_{moment}", function)


MOMENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


def listeners(callbacks: Sequence[Any], moment: str) -> list[Callable[[Run], Any]]:
    """List the methods that were written for a moment, in the order in which they are told.

    At the end of the training a checkpoint comes first: others then put best weights back, from
    which the training would not go on as if nothing had happened.
    """
    found = []
    last = moment != "on_train_end"
    for callback in sorted(callbacks, key=lambda c: bool(getattr(c, "is_last", False)) == last):
        method = getattr(callback, moment, None)
        if method is not None and getattr(method, "__func__", method) is not vars(Callback)[moment]:
            found.append(method)
    return found
