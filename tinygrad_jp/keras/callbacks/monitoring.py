"""Callbacks that look at one of the numbers: when to stop, what to keep, when to go slower."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OptionError, text, warn
from ...train.callbacks import HIGHER
from .callback import Callback, Logs


class MonitorCallback(Callback):
    """What the callbacks below share: the best value so far of one of the numbers.

    monitor: its name. mode: "min", "max", or "auto": by the name. baseline: what the first value
    has to beat. min_delta: by how much a value must be better to count.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise OptionError("monitor_mode", given=mode)
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)

    def is_higher_better(self) -> bool:
        """Tell by mode, by the metric's own word, or by the name."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        for metric in getattr(self.model, "metrics", ()):
            if metric.name == name and getattr(metric, "_direction", None):
                return str(metric._direction) == "up"
        return not name.endswith("loss") and any(word in name for word in HIGHER)

    def value(self, logs: Logs) -> Any:
        """Find the number; None, with a warning, where there is none of the name."""
        found = (logs or {}).get(self.monitor)
        if found is None:
            warn("monitor_missing", name=self.monitor, known=", ".join(logs or {}))
        return found

    def improves(self, value: float, reference: float | None) -> bool:
        """Tell whether a value is better than another by more than min_delta."""
        if reference is None:
            return True
        if self.is_higher_better():
            return value - self.min_delta > reference
        return value + self.min_delta < reference


class EarlyStopping(MonitorCallback):
    """Stop when a number has not been better for `patience` epochs.

    baseline: what has to be beaten. restore_best_weights: put back the weights of the best epoch
    at the end. start_from_epoch: epochs at the beginning that are not watched.
    """

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0,
        mode: str = "auto", baseline: float | None = None, restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, None, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget an earlier training."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights: Any = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look at the number; ask to stop if it has not been better for too long."""
        current = self.value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.improves(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Put the best weights back."""
        if self.stopped_epoch and self.verbose:
            say("keras_said_stop", epoch=self.stopped_epoch + 1)
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say("keras_said_restore", epoch=self.best_epoch + 1)
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by `factor` when a number has not been better for a while.

    patience: epochs that are let pass. cooldown: epochs after a reduction that do not count.
    min_lr: the rate goes no lower.
    """

    def __init__(
        self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0,
        mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0,
        **more: Any,
    ) -> None:
        super().__init__(monitor, mode, None, min_delta)
        if not 0 < factor < 1:
            raise OptionError("keras_lr_factor", given=factor)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.on_train_begin()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget an earlier training."""
        self.wait = self.cooldown_counter = 0
        self.best = None

    def in_cooldown(self) -> bool:
        """Tell whether the last reduction is too short ago."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look at the number, and go slower if it stagnates."""
        logs = {} if logs is None else logs
        optimizer = self.model.optimizer
        rate = float(np.asarray(optimizer.learning_rate))
        logs["learning_rate"] = rate
        current = self.value(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and rate > np.float32(self.min_lr):
                new = max(rate * self.factor, self.min_lr)
                optimizer.learning_rate = new
                if self.verbose:
                    say("keras_said_rate", epoch=epoch + 1, rate=new)
                self.cooldown_counter, self.wait = self.cooldown, 0


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, after each epoch, or whenever it is better than ever.

    filepath: may name the epoch and the numbers: "{epoch:02d}-{val_loss:.2f}.keras"; for
    save_weights_only one that ends in .weights.h5 or .safetensors. save_freq: "epoch", or a number
    of batches. initial_value_threshold: what the first value has to beat.
    """

    def __init__(
        self, filepath: Any, monitor: str = "val_loss", verbose: int = 0,
        save_best_only: bool = False, save_weights_only: bool = False, mode: str = "auto",
        save_freq: Any = "epoch", initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise OptionError("keras_save_freq", given=save_freq)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._epoch = self._batches = 0
        if save_freq != "epoch":
            self.on_train_batch_end = self._batch_end  # type: ignore[method-assign]
        from ..saving import check_path  # at the beginning, not after an epoch's work

        check_path(self.filepath, weights=save_weights_only)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def _batch_end(self, batch: int, logs: Logs = None) -> None:
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save, if it is due."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        if self.save_best_only:
            current = self.value(logs)
            if current is None or not self.improves(current, self.best):
                return
            self.best = current
        facts = {"epoch": epoch + 1, **(logs or {})}
        if batch is not None:
            facts["batch"] = batch + 1
        try:
            path = self.filepath.format(**facts)
        except KeyError as missing:
            raise OptionError(
                "keras_checkpoint_name", path=self.filepath, name=missing.args[0],
                known=", ".join(facts),
            ) from None
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose:
            say("keras_said_saved", epoch=epoch + 1, path=path)


def say(key: str, **facts: Any) -> None:
    """Print a line in the language in force."""
    print(text(key, **facts))  # noqa: T201 - what verbose=1 asks for
