"""From the training loop's moments to Keras's callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import ArgumentError
from ...train.callback import Callback as LoopCallback
from .callback import Callback, History

if TYPE_CHECKING:
    from ...train.loop import Run


class CallbackList:
    """Callbacks told one after another; of each moment only those that listen.

    history: the History among them, or one that was added.
    """

    def __init__(
        self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False,
        model: Any = None, **params: Any,
    ) -> None:
        given = [] if callbacks is None else callbacks
        self.callbacks: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
        for one in self.callbacks:
            if isinstance(one, type) or not isinstance(one, Callback):
                kind = one.__name__ if isinstance(one, type) else type(one).__name__
                raise ArgumentError("keras_not_a_callback", given=kind)
        found = next((c for c in self.callbacks if isinstance(c, History)), None)
        self.history: Any = found
        if add_history and found is None:
            self.history = History()
            self.callbacks.append(self.history)
        self._listening: dict[str, list[Any]] = {}
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Add one at the end."""
        self.callbacks.append(callback)
        self._listening.clear()

    def set_model(self, model: Any) -> None:
        """Tell all of them the model."""
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all of them the number of epochs and steps."""
        for callback in self.callbacks:
            callback.set_params(params)

    def listening(self, moment: str) -> list[Any]:
        """List the methods that were written for a moment."""
        if moment not in self._listening:
            names = [moment]
            if moment.startswith("on_train_batch"):
                names.append(moment.replace("train_", ""))  # the one calls the other
            self._listening[moment] = [
                getattr(c, moment) for c in self.callbacks if any(is_written(c, n) for n in names)
            ]
        return self._listening[moment]

    def tell(self, moment: str, *args: Any) -> None:
        """Call everyone who listens."""
        for method in self.listening(moment):
            method(*args)


def is_written(callback: Any, moment: str) -> bool:
    """Tell whether a callback does something at a moment."""
    method = getattr(callback, moment)
    return getattr(method, "__func__", method) is not vars(Callback)[moment]


def callback_list(
    given: Any, model: Any, epochs: int, steps: int | None, with_history: bool = True,
    verbose: int = 0,
) -> CallbackList:
    """Make the list of what fit, evaluate or predict was given."""
    if isinstance(given, CallbackList):
        return given
    return CallbackList(
        given, add_history=with_history, model=model, epochs=epochs, steps=steps, verbose=verbose
    )


class Bridge(LoopCallback):
    """The one callback of the loop that tells all of Keras's.

    The numbers are told sorted by name, as Keras tells them.
    """

    is_last = False

    def __init__(self, callbacks: CallbackList, task: Any, progress: Any = None) -> None:
        self.callbacks = callbacks
        self.progress = progress
        self.task = task
        self.model = task.model
        self.logs: dict[str, Any] = {}  # of the last epoch, with what callbacks put in
        if callbacks.listening("on_train_batch_begin"):
            self.on_batch_begin = self._batch_begin  # type: ignore[method-assign]
        self._tells_batches = bool(callbacks.listening("on_train_batch_end"))
        if self._tells_batches:
            self.on_batch_end = self._batch_end  # type: ignore[method-assign]
        if callbacks.listening("on_test_batch_begin") or callbacks.listening("on_test_batch_end"):
            task.watch = self._judged

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch."""
        self.callbacks.tell("on_train_begin", {})
        self._look(run)

    def on_train_end(self, run: Run) -> None:
        """After the last epoch."""
        self.callbacks.tell("on_train_end", self.logs)

    def on_epoch_begin(self, run: Run) -> None:
        """Before an epoch."""
        if self.progress is not None:
            self.progress.epoch_begin(run)
        self.callbacks.tell("on_epoch_begin", run.epoch, {})

    def on_epoch_end(self, run: Run) -> None:
        """After an epoch and its validation; the loop has counted it already."""
        self.logs = ordered(run.logs)
        self.callbacks.tell("on_epoch_end", run.history.epoch[-1], self.logs)
        self._look(run)

    def _batch_begin(self, run: Run) -> None:
        self.task.catch_up()
        self.callbacks.tell("on_train_batch_begin", run.batch, {})

    def _batch_end(self, run: Run) -> None:
        self.callbacks.tell("on_train_batch_end", run.batch, ordered(run.logs))
        self._look(run)

    def on_validation_begin(self, run: Run) -> None:
        """Before validation."""
        self.test_begin()

    def on_validation_end(self, run: Run) -> None:
        """After validation."""
        self.test_end({k.removeprefix("val_"): v for k, v in run.validation.items()})

    def _look(self, run: Run) -> None:
        """End the training where a callback has asked the model to."""
        if self.model.stop_training and not run.is_halted:
            run.stop("stop_training")

    def test_begin(self) -> None:
        """Tell that the model is about to be judged."""
        self.callbacks.tell("on_test_begin", {})

    def test_end(self, logs: dict[str, Any]) -> None:
        """Tell the numbers that it was judged by."""
        self.callbacks.tell("on_test_end", ordered(logs))

    def _judged(self, moment: str, batch: int) -> None:
        logs = {}
        if moment == "end":
            logs = ordered({"loss": self.task.judged_loss(), **self.task.results()})
        self.callbacks.tell(f"on_test_batch_{moment}", batch, logs)

    def predict(self, moment: str) -> None:
        """Tell the beginning or the end of predict."""
        self.callbacks.tell(f"on_predict_{moment}", {})

    def predict_batch(self, moment: str, batch: int, outputs: Any = None) -> None:
        """Tell the beginning or the end of a batch of predict."""
        if self.callbacks.listening(f"on_predict_batch_{moment}"):
            logs = {} if moment == "begin" else {"outputs": outputs}
            self.callbacks.tell(f"on_predict_batch_{moment}", batch, logs)


def ordered(logs: dict[str, Any]) -> dict[str, Any]:
    """Sort numbers by name, as Keras does; one that an own train_step did not give is left out."""
    return {name: logs[name] for name in sorted(logs)}
