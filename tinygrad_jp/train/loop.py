"""The training loop: epochs, batches, validation, and everybody told in turn.

Between two batches there is next to nothing: a loss is put aside unread, callbacks that listen are
called, the clock is looked at if there is a progress display.
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from ..autograd import random
from ..autograd.mode import without_grad
from ..autograd.tensor import Tensor
from ..errors import OptionError
from .callback import MOMENTS, listeners
from .history import History
from .task import Task

ASIDE = 32  # so many losses are put aside before they are read; more would age in the cache


class Run:
    """A training under way: what a callback is given.

    epoch, batch: where it is, counted from 0.  epochs, batches: where it ends (None: unknown).
    done: batches of this epoch that are learned from.  step: of all epochs.
    """

    def __init__(
        self, task: Task, feed: Any, epochs: int, callbacks: Sequence[Any], seed: int | None,
        initial_epoch: int = 0,
    ) -> None:
        self.task = task
        self.feed = feed
        self.epochs = epochs
        self.callbacks = list(callbacks)
        self.told = {m.removeprefix("on_"): listeners(self.callbacks, m) for m in MOMENTS}
        self.seed = int(random.generator().integers(2**63)) if seed is None else seed
        self.draws = np.random.default_rng([self.seed, 1])  # dropout and the like
        self.history = History()
        self.epoch = initial_epoch
        self.batch = self.done = self.step = 0
        self.batches = length(feed)
        self.sum = Sum()
        self.validation: dict[str, Any] = {}  # of this epoch, once it is known
        self.phase = "train"  # or "validation"
        self.is_between = False  # epoch `epoch` is over, and the next one has not begun
        self.is_resumed = False
        self.is_halted = False
        self.is_interrupted = False
        self._loss = math.nan
        self._results: dict[str, Any] = {}

    @property
    def model(self) -> Any:
        """What is trained."""
        return self.task.model

    @property
    def optimizer(self) -> Any:
        """What updates the parameters."""
        return self.task.optimizer

    @property
    def loss(self) -> float:
        """The loss of the last batch."""
        return self.sum.last()

    @property
    def logs(self) -> dict[str, Any]:
        """The numbers of this epoch so far: loss, metrics, and val_... after validation."""
        if self.phase == "train" and not self.is_between:
            return {"loss": self.sum.mean(), **self.task.results()}
        return {"loss": self._loss, **self._results, **self.validation}

    def tell(self, moment: str) -> None:
        """Call everyone who listens to a moment."""
        for callback in self.told[moment]:
            callback(self)

    def freeze(self) -> None:
        """Keep this epoch's numbers, before the metrics are reset for validation."""
        self._loss, self._results = self.sum.mean(), self.task.results()

    def state_dict(self) -> dict[str, Any]:
        """Give everything that decides how the training goes on, as it is between two batches."""
        return {
            "epoch": self.epoch + self.is_between, "done": 0 if self.is_between else self.done,
            "step": self.step, "seed": self.seed, "sum": self.sum.state_dict(),
            "draws": self.draws.bit_generator.state, "history": self.history.state_dict(),
            "task": self.task.state_dict(),
            "feed": self.feed.state_dict() if hasattr(self.feed, "state_dict") else {},
            "callbacks": [[type(c).__name__, c.state_dict()] for c in self._stateful()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where another run stopped.

        Callbacks are found again by their class and order. Raises StateDictError where model,
        optimizer or data do not fit.
        """
        if hasattr(self.feed, "load_state_dict"):
            self.feed.load_state_dict(state["feed"])
        self.task.load_state_dict(state["task"])
        for name in ("epoch", "done", "step", "seed"):
            setattr(self, name, state[name])
        self.sum.load_state_dict(state["sum"])
        self.draws.bit_generator.state = state["draws"]
        self.history.load_state_dict(state["history"])
        saved = list(state["callbacks"])
        for callback in self._stateful():
            kind = type(callback).__name__
            mine = next((entry for entry in saved if entry[0] == kind), None)
            if mine is not None:
                saved.remove(mine)
                callback.load_state_dict(mine[1])
        if self.step and self.optimizer is not None:
            self.optimizer._has_stepped = True
        self.is_resumed = True
        self.is_halted = self.history.ended == "stopped"
        if not self.is_halted:
            self.history.ended, self.history.partial = None, {}

    def _stateful(self) -> list[Any]:
        return [c for c in self.callbacks if hasattr(c, "load_state_dict")]

    def stop(self, reason: str = "") -> None:
        """End the training after this batch; the epoch still gets its validation."""
        self.is_halted = True
        self.history.ended, self.history.reason = "stopped", reason


class Sum:
    """The mean of the losses of an epoch, each batch by its samples; read as late as may be."""

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0
        self.losses: list[Any] = []
        self.sizes: list[int] = []
        self._last = math.nan

    def fold(self) -> None:
        """Read the losses that were put aside."""
        for loss, size in zip(self.losses, self.sizes, strict=True):
            self._last = value = read(loss)
            self.total += value * size
            self.count += size
        self.losses.clear()
        self.sizes.clear()

    def mean(self) -> float:
        """Give the mean so far; NaN before the first batch."""
        self.fold()
        return self.total / self.count if self.count else math.nan

    def last(self) -> float:
        """Give the last loss; NaN before the first batch."""
        return read(self.losses[-1]) if self.losses else self._last

    def state_dict(self) -> dict[str, Any]:
        """Give what was added up."""
        self.fold()
        return {"total": self.total, "count": self.count, "last": self._last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.__init__()  # type: ignore[misc]
        self.total, self.count, self._last = state["total"], state["count"], state["last"]


def read(loss: Any) -> float:
    """Give a loss as a Python number."""
    return float(loss._data if isinstance(loss, Tensor) else loss)


def length(feed: Any) -> int | None:
    """Give the number of batches in a pass, if it is known."""
    try:
        return len(feed)
    except TypeError:
        return None


def train(
    task: Task, feed: Any, *, epochs: int = 1, validation: Any = None, validation_every: Any = 1,
    callbacks: Sequence[Any] = (), progress: Any = None, seed: int | None = None,
    initial_epoch: int = 0, resume: Any = None,
) -> History:
    """Train a task on a feed for some epochs; give the History.

    feed, validation: DataLoaders, or what `as_feed` makes.  progress: see progress.py.
    validation_every: after how many epochs, or after which, counted from 1.
    seed: of what the model draws (dropout); the order of the data is the feed's.
    resume: called with the Run before it begins, to set it to where another one stopped.
    Ctrl-C ends the training after the batch it is at; a second one raises KeyboardInterrupt.
    """
    if isinstance(epochs, bool) or not hasattr(epochs, "__index__") or epochs < 0:
        raise OptionError("loader_option", name="epochs", given=epochs, least=0)
    if isinstance(validation_every, int) and validation_every < 1:
        raise OptionError("loader_option", name="validation_every", given=validation_every, least=1)
    run = Run(task, feed, int(epochs), callbacks, seed, initial_epoch)
    if resume is not None:
        resume(run)
    began = perf_counter() - run.history.seconds
    with training(task), interruptible(run), random.using(run.draws):
        if progress is not None:
            progress.begin(run)
        try:
            run.tell("train_begin")
            while run.epoch < run.epochs and not run.is_halted:
                if run.done == 0:
                    task.reset()
                    run.sum = Sum()
                    run.tell("epoch_begin")
                run.validation = {}
                learn(run, progress)
                run.freeze()
                if run.is_interrupted:
                    break
                if validation is not None and is_due(validation_every, run.epoch + 1):
                    run.validation = validated(run, validation, progress)
                    if run.is_interrupted:
                        break
                run.is_between = True
                run.history.add(run.epoch, run.logs)
                run.history.seconds = perf_counter() - began
                run.tell("epoch_end")
                if progress is not None:
                    progress.epoch_end(run)
                run.is_between = False
                run.epoch, run.done = run.epoch + 1, 0
            finish(run)
            run.history.seconds = perf_counter() - began
            run.tell("train_end")
        finally:
            if progress is not None:
                progress.end(run)
    return run.history


def is_due(every: Any, epoch: int) -> bool:
    """Tell whether something is to be done after this epoch, counted from 1.

    >>> is_due(2, 4), is_due([1, 3], 4)
    (True, False)
    """
    return bool(epoch % every == 0) if isinstance(every, int) else epoch in every


def finish(run: Run) -> None:
    """Write down how the training ended."""
    history = run.history
    if run.is_interrupted:
        history.ended = "interrupted"
        history.partial = {
            "epoch": run.epoch, "batches": run.done, "loss": run._loss, **run._results
        }
    elif history.ended is None:
        history.ended = "done"


def learn(run: Run, progress: Any) -> None:
    """Learn from the batches of an epoch that are still to come."""
    step = run.task.train_step
    begin, end = run.told["batch_begin"], run.told["batch_end"]
    total = run.sum
    losses, sizes = total.losses, total.sizes
    for n, batch in run.feed.batches(run.epoch, run.done):
        run.batch = done = run.done
        for callback in begin:
            callback(run)
        losses.append(step(*batch))
        sizes.append(n)
        run.done = done + 1
        run.step += 1
        for callback in end:
            callback(run)
        if len(losses) >= ASIDE:
            total.fold()
        if progress is not None and perf_counter() >= progress.due:
            progress.tick(run)
        if run.is_halted:
            break
    total.fold()
    if not run.done:
        raise OptionError("no_batches", epoch=run.epoch)


def validated(run: Run, feed: Any, progress: Any) -> dict[str, Any]:
    """Judge the model in the middle of a training; give its numbers as val_..."""
    run.phase = "validation"
    run.tell("validation_begin")
    try:
        found = evaluate(run.task, feed, run=run, progress=progress)
    finally:
        run.phase = "train"
    run.validation = {f"val_{name}": value for name, value in found.items()}
    if not run.is_interrupted:
        run.tell("validation_end")
    return run.validation


def evaluate(
    task: Task, feed: Any, *, run: Run | None = None, progress: Any = None
) -> dict[str, Any]:
    """Judge a task's model by all batches of a feed; give {"loss": ..., metric: ...}."""
    step = task.evaluate_step

    def judge() -> dict[str, Any]:
        total = Sum()
        task.reset()
        for n, batch in feed.batches(0, 0):
            total.losses.append(step(*batch))
            total.sizes.append(n)
            if len(total.losses) >= ASIDE:
                total.fold()
            if progress is not None and perf_counter() >= progress.due:
                progress.tick(run)
            if run is not None and run.is_interrupted:
                break
        return {"loss": total.mean(), **task.results()}

    found: dict[str, Any] = judging(task, judge)
    return found


def judging(task: Task, work: Callable[[], Any]) -> Any:
    """Work in evaluation mode and without recording; afterwards both are as they were."""
    modes = [(m, m.training) for m in task.modules()]

    def put_back() -> None:
        for module, mode in modes:
            module.training = mode

    try:
        try:
            for module, _ in modes:
                module.training = False
            return without_grad(work)
        finally:
            put_back()
    finally:
        put_back()  # Ctrl-C may have cut the first one short


@contextmanager
def training(task: Task) -> Iterator[None]:
    """Put the model in training mode, if it as a whole is not; afterwards as it was.

    A part that was set to eval() inside a model in training mode stays frozen; one that was never
    told its mode (None, as a layer of the Keras front) follows the rest.
    """
    modes = [(m, m.training) for m in task.modules()]
    is_idle = bool(modes) and not modes[0][1]
    for module, mode in modes:
        if is_idle or mode is None:
            module.training = True
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def interruptible(run: Run) -> Iterator[None]:
    """Let Ctrl-C end the training between two batches, where everything is consistent.

    Only where Python's own handler is in force, in the main thread; the second one goes through.
    """

    def interrupt(*_: Any) -> None:
        if run.is_interrupted:
            raise KeyboardInterrupt
        run.is_interrupted = run.is_halted = True

    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if is_ours:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
