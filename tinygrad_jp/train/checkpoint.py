"""What survives a kill: the whole Run, saved now and then, and set to where it was."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, warn
from ..saving.checkpoint import load_checkpoint, save_checkpoint
from .callback import Callback

if TYPE_CHECKING:
    from .loop import Run

SECONDS = 10.0  # between two checkpoints, unless something else is asked for


class Checkpoint(Callback):
    """Save the training so that it can go on bit for bit, even after SIGKILL.

    path: the file; replaced whole or not at all (see tj.save_checkpoint).
    epochs, batches, seconds: how often; the first that is due counts. Unless given, every 10
    seconds. Saved once more when the training ends, also by Ctrl-C.
    Raises OptionError for what makes no sense.
    """

    is_last = True  # it saves what the other callbacks have done

    def __init__(
        self, path: Any, *, epochs: int | None = None, batches: int | None = None,
        seconds: float | None = None,
    ) -> None:
        for name, value in (("epochs", epochs), ("batches", batches), ("seconds", seconds)):
            if value is not None and not value > 0:
                raise OptionError("checkpoint_every", name=name, given=value)
        if epochs is batches is seconds is None:
            seconds = SECONDS
        self.path = path
        self.epochs, self.batches, self.seconds = epochs, batches, seconds
        if batches is None and seconds is None:
            self.on_batch_end = None  # type: ignore

    def on_train_begin(self, run: Run) -> None:
        """Make the folder, and start the clock."""
        folder = os.path.dirname(os.path.realpath(self.path))
        os.makedirs(folder, exist_ok=True)
        self._saved = monotonic()

    def on_batch_end(self, run: Run) -> None:
        """Save, if it is due."""
        if (self.batches is not None and run.step % self.batches == 0) or self._is_time():
            self.save(run)

    def on_epoch_end(self, run: Run) -> None:
        """Save, if it is due."""
        if (self.epochs is not None and (run.epoch + 1) % self.epochs == 0) or self._is_time():
            self.save(run)

    def on_train_end(self, run: Run) -> None:
        """Save what is there."""
        self.save(run)

    def _is_time(self) -> bool:
        return self.seconds is not None and monotonic() - self._saved >= self.seconds

    def save(self, run: Run) -> None:
        """Save the Run as it is now, between two batches.

        A full disk does not end a training that is hours old: it warns, and tries again later.
        """
        try:
            save_checkpoint(self.path, run=run)
        except OSError as reason:
            warn("checkpoint_failed", path=self.path, reason=reason)
        self._saved = monotonic()


def as_checkpoint(given: Any) -> Checkpoint | None:
    """Give the Checkpoint meant by `fit(checkpoint=...)`: one, a path, or None."""
    return given if given is None or isinstance(given, Checkpoint) else Checkpoint(given)


def resumption(resume: Any, checkpoint: Checkpoint | None) -> Any:
    """Give what sets a Run to where another one stopped; None if it is to begin.

    resume: False; True for the checkpoint's own file, if it is there yet; or a path.
    Raises OptionError for True without a checkpoint.
    """
    if resume is False or resume is None:
        return None
    path = resume
    if resume is True:
        if checkpoint is None:
            raise OptionError("resume_without_checkpoint")
        path = checkpoint.path
        if not os.path.exists(path):
            return None
    return lambda run: load_checkpoint(path, run=run)
