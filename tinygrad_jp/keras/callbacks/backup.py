"""BackupAndRestore: a training that was killed goes on where it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...errors import OptionError
from ...train.checkpoint import Checkpoint
from .callback import Callback


class BackupAndRestore(Callback):
    """Save the whole training now and then; a fit that finds such a file goes on from it.

    backup_dir: the folder. save_freq: "epoch", or a number of batches. delete_checkpoint: remove
    the file once the training has come to its end (not after Ctrl-C). The weights, the optimizer's
    state, random draws and the order of the data come back bit for bit; the History holds the
    epochs of this fit alone, as Keras's does.
    """

    def __init__(
        self, backup_dir: Any, save_freq: Any = "epoch", double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise OptionError("keras_save_freq", given=save_freq)
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.delete_checkpoint = delete_checkpoint

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.backup_dir) / "latest.safetensors"

    def checkpoint(self) -> Checkpoint:
        """Give the loop's own callback, which does the work."""
        if self.save_freq == "epoch":
            return Checkpoint(self.path, epochs=1)
        return Checkpoint(self.path, batches=self.save_freq)

    def finish(self) -> None:
        """Remove the file, if that is wanted."""
        if self.delete_checkpoint:
            self.path.unlink(missing_ok=True)
