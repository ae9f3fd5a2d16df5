"""The callbacks that come with the loop: when to stop, what to keep, what to write down."""

from __future__ import annotations

import csv
import math
import os
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, text, warn
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..saving.checkpoint import copied
from ..saving.saving import save
from .callback import Callback

if TYPE_CHECKING:
    from .loop import Run

HIGHER = ("acc", "auc", "precision", "recall", "f1", "r2", "iou", "similarity", "top", "score")


class Best:
    """The best value so far of one of a training's numbers.

    monitor: its name; None for val_loss, or loss where nothing is validated.
    mode: "min", "max", or "auto": by the name (accuracy and its kin are better high).
    min_delta: by how much better a value must be to count.
    """

    def __init__(self, monitor: str | None, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise OptionError("monitor_mode", given=mode)
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.value: float | None = None

    def improves(self, run: Run) -> bool | None:
        """Tell whether this epoch's value is the best so far; None if there is no value."""
        logs = run.logs
        name = self.monitor or ("val_loss" if "val_loss" in logs else "loss")
        if name not in logs:
            warn("monitor_missing", name=name, known=", ".join(logs))
            return None
        value = float(logs[name])
        sign = 1.0 if self.is_higher_better(name) else -1.0
        if math.isnan(value):
            return False
        if self.value is None or sign * (value - self.value) > self.min_delta:
            self.value = value
            return True
        return False

    def is_higher_better(self, name: str) -> bool:
        """Tell by mode, or by the name, whether a higher value is better."""
        if self.mode != "auto":
            return self.mode == "max"
        return not name.endswith("loss") and any(word in name for word in HIGHER)


class EarlyStopping(Callback):
    """Stop when a number stagnates, and go back to the weights of the best epoch.

    monitor: None for val_loss, or loss where nothing is validated.
    patience: epochs without improvement that are let pass.
    min_delta: by how much better a value must be to count.  mode: "min", "max" or "auto".
    start_from_epoch: epochs at the beginning that are not watched.
    restore_best: put back the weights of the best epoch at the end (not after Ctrl-C).

    best_epoch, best: where it was best, and the value; None if it was never watched.
    """

    def __init__(
        self, monitor: str | None = None, *, patience: int = 10, min_delta: float = 0.0,
        mode: str = "auto", start_from_epoch: int = 0, restore_best: bool = True,
    ) -> None:
        self._best = Best(monitor, mode, min_delta)
        self.patience = patience
        self.start_from_epoch = start_from_epoch
        self.restore_best = restore_best
        self.wait = 0
        self.best_epoch: int | None = None
        self.weights: Any = None

    @property
    def best(self) -> float | None:
        """The best value so far."""
        return self._best.value

    def on_train_begin(self, run: Run) -> None:
        """Forget an earlier training, unless this one goes on with it."""
        if not run.is_resumed:
            self.wait, self.best_epoch, self.weights, self._best.value = 0, None, None, None

    def on_epoch_end(self, run: Run) -> None:
        """Look at the number; stop if it has not been better for too long."""
        if run.epoch < self.start_from_epoch:
            return
        improves = self._best.improves(run)
        if improves is None:
            return
        if improves:
            self.wait, self.best_epoch = 0, run.epoch
            if self.restore_best:
                self.weights = copied(run.model.state_dict())
            return
        self.wait += 1
        if self.wait >= max(self.patience, 1) and run.epoch + 1 < run.epochs:
            best = f"{self.best:.6g}" if self.best is not None else "-"
            run.stop(text("stop_stagnates", wait=self.wait, best=best,
                          epoch=(self.best_epoch or 0) + 1))

    def on_train_end(self, run: Run) -> None:
        """Put the best weights back."""
        if self.weights is not None and not run.is_interrupted:
            run.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """Give the best so far, with its weights."""
        return {"wait": self.wait, "best_epoch": self.best_epoch, "best": self.best,
                "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.wait, self.best_epoch = state["wait"], state["best_epoch"]
        self._best.value, self.weights = state["best"], state["weights"]


class SaveBest(Callback):
    """Save the model's weights whenever a number is better than ever; see `tj.save`."""

    def __init__(
        self, path: Any, monitor: str | None = None, *, mode: str = "auto", min_delta: float = 0.0
    ) -> None:
        self.path = path
        self._best = Best(monitor, mode, min_delta)

    def on_epoch_end(self, run: Run) -> None:
        """Save, if this epoch is the best so far."""
        if self._best.improves(run):
            save(run.model, self.path)

    def state_dict(self) -> dict[str, Any]:
        """Give the best value so far."""
        return {"best": self._best.value}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._best.value = state["best"]


class StopOnNaN(Callback):
    """Stop at the first batch whose loss is NaN or infinite. Reads every batch's loss."""

    def on_batch_end(self, run: Run) -> None:
        """Look at the loss."""
        if not math.isfinite(run.loss):
            run.stop(text("stop_nan", loss=run.loss, epoch=run.epoch + 1, batch=run.batch + 1))


class Schedule(Callback):
    """Step a learning-rate scheduler once an epoch, or once a batch.

    by: "epoch" or "batch".  monitor: the number that a ReduceLROnPlateau is shown; None for
    val_loss, or loss where nothing is validated.
    """

    def __init__(self, scheduler: Any, by: str = "epoch", monitor: str | None = None) -> None:
        if by not in ("epoch", "batch"):
            raise OptionError("schedule_by", given=by)
        self.scheduler = scheduler
        self.by = by
        self.monitor = monitor
        if by == "epoch":
            self.on_epoch_end = self.step  # type: ignore[method-assign]
        else:
            self.on_batch_end = self.step  # type: ignore[method-assign]

    def step(self, run: Run) -> None:
        """Set the rates of what comes next."""
        if not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
            return
        if self.by == "batch" and self.monitor is None:
            self.scheduler.step(run.loss)
            return
        logs = run.logs
        name = self.monitor or ("val_loss" if "val_loss" in logs else "loss")
        if name not in logs:
            warn("monitor_missing", name=name, known=", ".join(logs))
            return
        self.scheduler.step(logs[name])

    def state_dict(self) -> dict[str, Any]:
        """Give the scheduler's state."""
        return self.scheduler.state_dict()  # type: ignore[no-any-return]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.scheduler.load_state_dict(state)


class CSVLog(Callback):
    """Write the numbers of every epoch to a CSV file: epoch, loss, metrics, learning rate.

    Written anew at the beginning, from the history if the training was resumed.
    """

    def __init__(self, path: Any) -> None:
        self.path = path
        self._columns: list[str] = []

    def on_train_begin(self, run: Run) -> None:
        """Write what is known already."""
        folder = os.path.dirname(os.fspath(self.path))
        if folder:
            os.makedirs(folder, exist_ok=True)
        self._rewrite(run)

    def on_epoch_end(self, run: Run) -> None:
        """Add a row."""
        if list(run.history.keys()) != self._columns:
            self._rewrite(run)
            return
        with open(self.path, "a", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerow([run.epoch + 1, *run.history.last.values()])

    def _rewrite(self, run: Run) -> None:
        history = run.history
        self._columns = list(history.keys())
        with open(self.path, "w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["epoch", *self._columns])
            columns = history.history.values()
            for epoch, *row in zip(history.epoch, *columns, strict=True):
                writer.writerow([epoch + 1, *row])
