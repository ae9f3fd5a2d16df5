"""What a Keras callback is: methods for moments, with `self.model` and numbers in `logs`."""

from __future__ import annotations

from typing import Any

Logs = dict[str, Any] | None


class Callback:
    """Do something at certain moments; override the methods for those you want.

    model: what is trained; `self.model.stop_training = True` ends it. params: {"epochs", "steps",
    "verbose"}. logs: the numbers so far, by name; not to be changed.

    >>> import numpy as np
    >>> from tinygrad_jp import keras
    >>> class Shout(keras.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=2, verbose=0, callbacks=[Shout()])
    0 ['loss']
    1 ['loss']
    """

    params: dict[str, Any]
    _model: Any = None

    def __init__(self) -> None:
        self.params = {}

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Be told the number of epochs and steps."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Be told the model."""
        self._model = model

    def on_train_begin(self, logs: Logs = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Before an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """After an epoch and its validation."""

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch is learned from; the same as on_train_batch_begin."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch was learned from; the same as on_train_batch_end."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch is learned from."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch was learned from."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Before the model is judged, in evaluate or by validation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """After the model was judged."""

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch that the model is judged by."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch that the model is judged by."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Before predict."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """After predict."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Before a batch of predict."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """After a batch of predict; logs["outputs"] has its outputs."""


class History(Callback):
    """What `fit` gives: every number of every epoch.

    history: {"loss": [...], "val_loss": [...]}, sorted by name. epoch: their numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start with no epochs."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Note the numbers."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        return f"<History epochs={len(self.epoch)}: {', '.join(self.history)}>"


class LambdaCallback(Callback):
    """Call plain functions: LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))."""

    def __init__(
        self, on_epoch_begin: Any = None, on_epoch_end: Any = None, on_train_begin: Any = None,
        on_train_end: Any = None, on_train_batch_begin: Any = None, on_train_batch_end: Any = None,
        **more: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end, **more,
        }
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)
