"""Callbacks that write numbers down, set the learning rate, or stop at NaN."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...autograd.arguments import array_of
from ...errors import ArgumentError, OptionError, missing
from .callback import Callback, Logs
from .monitoring import say


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch: schedule(epoch, rate) gives it."""

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the rate. Raises ArgumentError where the schedule gives no number."""
        optimizer = self.model.optimizer
        now = float(np.asarray(array_of(optimizer.learning_rate)))
        try:
            rate = self.schedule(epoch, now)
        except TypeError:  # a schedule of the epoch alone
            rate = self.schedule(epoch)
        rate = rate if isinstance(rate, (int, float)) else np.asarray(array_of(rate)).item()
        if not isinstance(rate, (int, float)):
            raise ArgumentError("keras_schedule_value", given=rate)
        optimizer.learning_rate = float(rate)
        if self.verbose:
            say("keras_said_rate", epoch=epoch + 1, rate=rate)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Note the rate among the numbers."""
        if logs is not None:
            logs["learning_rate"] = float(np.asarray(array_of(self.model.optimizer.learning_rate)))


class TerminateOnNaN(Callback):
    """Stop at the first batch whose loss is NaN or infinite."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss so far."""
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            say("keras_said_nan", batch=batch)
            self.model.stop_training = True


class CSVLogger(Callback):
    """Write the numbers of every epoch to a CSV file: epoch (from 0), then by name.

    append: go on with a file that is there.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin the file, unless it is to be gone on with."""
        self.keys = None
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._has_head = self.append and path.exists() and path.stat().st_size > 0
        if not self._has_head:
            path.write_text("", encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add a row."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]  # they may come in later epochs
        with open(self.filename, "a", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, delimiter=self.sep)
            if not self._has_head:
                writer.writerow(["epoch", *self.keys])
                self._has_head = True
            writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])


class ProgbarLogger(Callback):
    """The bar that `verbose=1` shows; taken for Keras's sake, fit shows it by itself."""


class TensorBoard(Callback):
    """Write the numbers of every epoch for TensorBoard, through tensorboardX.

    log_dir: where to; those of training in train/, those of validation in validation/.
    histogram_freq: every how many epochs the weights' histograms are written; 0: never.
    write_graph: the model's layers as text. Raises MissingExtraError without tensorboardX.
    """

    def __init__(
        self, log_dir: Any = "logs", histogram_freq: int = 0, write_graph: bool = True,
        write_images: bool = False, write_steps_per_second: bool = False,
        update_freq: Any = "epoch", profile_batch: int = 0, embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        for name, value in (
            ("write_images", write_images), ("profile_batch", profile_batch),
            ("embeddings_freq", embeddings_freq),
        ):
            if value:
                raise OptionError("keras_tensorboard_option", name=name)
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.update_freq = update_freq
        self._writers: dict[str, Any] = {}
        self._steps = 0
        if update_freq != "epoch":
            every = 1 if update_freq == "batch" else update_freq
            if not isinstance(every, int) or every < 1:
                raise OptionError("keras_save_freq", given=update_freq)
            self._every = every
            self.on_train_batch_end = self._batch_end  # type: ignore[method-assign]

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            try:
                from tensorboardX import SummaryWriter
            except ImportError:
                raise missing("tensorboardX", "tensorboard") from None
            self._writers[part] = SummaryWriter(os.path.join(self.log_dir, part))
        return self._writers[part]

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the writer, and write the layers down."""
        writer = self._writer("train")
        if self.write_graph:
            from ..summary import table

            writer.add_text("model", f"```\n{table(self.model)}\n```", 0)

    def _batch_end(self, batch: int, logs: Logs = None) -> None:
        self._steps += 1
        if self._steps % self._every == 0:
            for name, value in (logs or {}).items():
                self._writer("train").add_scalar(f"batch_{name}", value, self._steps)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the numbers of the epoch."""
        for name, value in (logs or {}).items():
            part = "validation" if name.startswith("val_") else "train"
            label = "epoch_" + name.removeprefix("val_")
            if isinstance(value, (int, float)):
                self._writer(part).add_scalar(label, value, epoch)
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None:
            value = float(np.asarray(array_of(rate)))
            self._writer("train").add_scalar("epoch_learning_rate", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                self._writer("train").add_histogram(weight.path, weight._data, epoch)

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
