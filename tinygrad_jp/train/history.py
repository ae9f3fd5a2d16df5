"""What a training leaves behind: every number of every epoch, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class History:
    """The numbers of each epoch, by name, and how the training ended.

    history["loss"] is the list over epochs; so is history.history["loss"], as in Keras.
    epoch: the numbers of the epochs, counted from 0.
    ended: "done", "stopped" (by a callback), "interrupted" (by Ctrl-C), or None while it runs.
    reason: what the callback that stopped it said.
    partial: the numbers of an epoch that was interrupted, or {}.
    seconds: how long the training took, over all runs that were resumed.

    >>> h = History()
    >>> h.add(0, {"loss": 0.5})
    >>> h.add(1, {"loss": 0.25})
    >>> h["loss"], len(h), h.last
    ([0.5, 0.25], 2, {'loss': 0.25})
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.ended: str | None = None
        self.reason = ""
        self.partial: dict[str, Any] = {}
        self.seconds = 0.0

    def add(self, epoch: int, logs: dict[str, Any]) -> None:
        """Add the numbers of an epoch; one that other epochs lack is NaN there."""
        for name in {**self.history, **logs}:
            column = self.history.setdefault(name, [float("nan")] * len(self.epoch))
            column.append(logs.get(name, float("nan")))
        self.epoch.append(epoch)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training."""
        return self.ended == "interrupted"

    @property
    def last(self) -> dict[str, Any]:
        """The numbers of the last epoch."""
        return {name: column[-1] for name, column in self.history.items()}

    def best(self, name: str = "loss", mode: str = "min") -> tuple[int, Any]:
        """Give the (epoch, value) where a number was best: "min" or "max"."""
        column = self.history[name]
        i = (min if mode == "min" else max)(
            (i for i, v in enumerate(column) if v == v), key=column.__getitem__
        )
        return self.epoch[i], column[i]

    def __getitem__(self, name: str) -> list[Any]:
        return self.history[name]

    def __contains__(self, name: str) -> bool:
        return name in self.history

    def __iter__(self) -> Iterator[str]:
        return iter(self.history)

    def keys(self) -> Any:
        """Give the names of the numbers; so dict(history) works."""
        return self.history.keys()

    def __len__(self) -> int:
        return len(self.epoch)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{k}={v:.6g}" for k, v in self.last.items() if isinstance(v, float))
        return f"History(epochs={len(self)}, ended={self.ended!r}, last: {numbers or '-'})"

    def state_dict(self) -> dict[str, Any]:
        """Give everything, to go on from."""
        return dict(self.__dict__)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.__dict__.update(state)
