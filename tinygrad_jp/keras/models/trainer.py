"""compile, fit, evaluate, predict: what a Model has beside a Layer, over the one training loop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ...autograd.arguments import array_of
from ...autograd.mode import without_grad
from ...autograd.structure import leaves, rebuild
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, OptionError
from ...train import loop
from ...train.checkpoint import resumption
from .. import optimizers
from ..metrics import Mean
from .compiling import CompiledLoss, CompiledMetrics
from .feeding import Data, Peeked, feed_of, first, is_arrays, tensors
from .measured import Measured
from .task import KerasTask, plain

Array = Any


class Trainer(Measured):
    """The part of a Model that trains it."""

    optimizer: Any
    history: Any
    stop_training: bool

    def _set_up(self) -> None:
        put = object.__setattr__
        for name, value in (
            ("optimizer", None), ("loss", None), ("history", None), ("stop_training", False),
            ("compiled", False), ("_compiled_loss", None), ("_compiled_metrics", None),
            ("_compile_arguments", None), ("_loss_tracker", None),
            ("_regularized", None),  # whether some weight is, once that was looked up
        ):
            put(self, name, value)

    def _has_own(self, method: str) -> bool:
        """Tell whether a subclass has written one of the steps itself."""
        return getattr(type(self), method) is not getattr(Trainer, method)

    # ── compile ─────────────────────────────────────────────────────────────────────────────

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None,
        metrics: Any = None, weighted_metrics: Any = None, run_eagerly: bool = False,
        steps_per_execution: int = 1, jit_compile: Any = "auto", auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is to be trained.

        optimizer: by name or object. loss: by name, object or function of (y_true, y_pred); for
        several outputs one for all, a list, or a dict by the outputs' names; `loss_weights`
        likewise. metrics: a list; for several outputs a list with one entry (or a list) per output,
        or a dict. weighted_metrics: metrics that sample weights apply to.
        jit_compile: True makes one program of a step (see tj.compile) or raises CompileError;
        "auto" does so in long trainings of functional models without code of the user's own.
        Raises OptionError for a name there is none of, ShapeError for another number of outputs.
        """
        if isinstance(steps_per_execution, bool) or steps_per_execution != 1:
            raise OptionError("keras_steps_per_execution", given=steps_per_execution)
        put = object.__setattr__
        names = self.output_names  # type: ignore[attr-defined]
        if jit_compile not in (True, False, None, "auto"):
            raise OptionError("fit_compile", given=jit_compile)
        made = optimizers.get(optimizer)
        compiled = None if loss is None else CompiledLoss(loss, loss_weights, names)
        put(self, "_compiled_loss", compiled)
        has_metrics = bool(metrics) or bool(weighted_metrics)
        put(
            self, "_compiled_metrics",
            CompiledMetrics(metrics, weighted_metrics, names) if has_metrics else None,
        )
        put(self, "optimizer", made)
        put(self, "loss", loss)
        put(self, "jit_compile", jit_compile)
        put(self, "run_eagerly", run_eagerly)
        put(self, "_programs", {})  # compiled steps, by the weights that they move
        put(self, "stop_training", False)
        put(self, "compiled", True)
        put(self, "_loss_tracker", Mean(name="loss"))
        put(self, "_compile_arguments", {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights,
            "metrics": metrics, "weighted_metrics": weighted_metrics,
        })

    def _assert_compiled(self, method: str) -> None:
        if not self.compiled:  # type: ignore[attr-defined]
            raise ArgumentError("keras_not_compiled", method=method)

    def get_compile_config(self) -> dict[str, Any] | None:
        """Tell what `compile` was given, as JSON's kinds of values; None before it."""
        from ..saving import compile_config

        return compile_config(self)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as get_compile_config told."""
        from ..saving import compile_arguments

        self.compile(**compile_arguments(config))

    # ── steps, to be written anew by who wants another training ─────────────────────────────

    def train_step(self, data: Any) -> dict[str, Any]:
        """Learn from a batch (x, y) or (x, y, weight); give the numbers by name."""
        x, y, w = unpack(data)
        y_pred = self(x, training=True)  # type: ignore[operator]
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=w, training=True)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": plain(loss), **self.compute_metrics(x, y, y_pred, w)}

    def test_step(self, data: Any) -> dict[str, Any]:
        """Judge by a batch; give the numbers by name."""
        x, y, w = unpack(data)
        y_pred = self(x, training=False)  # type: ignore[operator]
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=w, training=False)
        return {"loss": plain(loss), **self.compute_metrics(x, y, y_pred, w)}

    def predict_step(self, data: Any) -> Any:
        """Give the outputs for a batch."""
        return self(unpack(data)[0], training=False)  # type: ignore[operator]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all weights."""
        for variable in self._moved():
            variable.grad = None

    # ── fit, evaluate, predict ──────────────────────────────────────────────────────────────

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1,
        verbose: Any = "auto", callbacks: Any = None, validation_split: float = 0.0,
        validation_data: Any = None, shuffle: Any = True, class_weight: Any = None,
        sample_weight: Any = None, initial_epoch: int = 0, steps_per_epoch: int | None = None,
        validation_steps: int | None = None, validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train the model; gives the History, whose `history` has every number of every epoch.

        x, y: arrays, or lists or dicts of them for several inputs and outputs; or x alone: a
        Dataset, a DataLoader, or anything that gives batches (x, y) or (x, y, weight).
        batch_size: 32 for arrays. verbose: "auto" or 1 a bar, 2 a line per epoch, 0 nothing.
        validation_split: the share of the last samples to validate on. validation_data: (x, y) or
        (x, y, weight), or batches. class_weight: {label: weight}.
        Ctrl-C ends the training after the batch it is at and keeps the history.
        Raises ArgumentError before compile, OptionError and ShapeError for what does not fit.
        """
        self._assert_compiled("fit")
        validation = None
        if validation_split and not is_arrays(x):
            raise ArgumentError("keras_validation_split_data", kind=type(x).__name__)
        if is_arrays(x):
            data = Data(x, y, sample_weight)
            held_out = None
            if validation_split and validation_data is None:
                data, held_out = data.split(validation_split)
            if class_weight is not None:
                data.weigh(class_weight)
            feed = data.feed(batch_size, shuffle, steps_per_epoch)
            if held_out is not None:
                validation = held_out.feed(validation_batch_size or batch_size)
        else:
            feed = feed_of(
                x, y, sample_weight, batch_size=batch_size, shuffle=shuffle,
                steps=steps_per_epoch, class_weight=class_weight,
            )
        if validation_data is not None:
            validation = validation_feed(
                validation_data, validation_batch_size or batch_size, validation_steps
            )
        several = isinstance(validation_freq, (list, tuple, set, range))
        if not (several or (isinstance(validation_freq, int) and validation_freq > 0)):
            raise OptionError("keras_validation_freq", given=validation_freq)
        return self._train(
            feed, validation, epochs, initial_epoch, verbose, callbacks, validation_freq
        )

    def _train(
        self, feed: Any, validation: Any, epochs: int, initial_epoch: int, verbose: Any,
        callbacks: Any, validation_freq: Any,
    ) -> Any:
        from ..callbacks.backup import BackupAndRestore
        from ..callbacks.bridge import Bridge, callback_list
        from ..progress import as_progress

        feed = self._first_batch(feed, initial_epoch)
        self._build_optimizer()
        object.__setattr__(self, "stop_training", False)
        length = loop.length(feed)
        task = KerasTask(self, None if length is None else length * (epochs - initial_epoch))
        shown = as_progress(verbose)
        several = callback_list(
            callbacks, self, epochs, length, verbose=0 if shown is None else shown.verbose
        )
        bridge = Bridge(several, task, shown)
        if shown is not None:
            shown.logs = lambda: bridge.logs
        object.__setattr__(self, "history", several.history)
        backup = next((c for c in several.callbacks if isinstance(c, BackupAndRestore)), None)
        saving = None if backup is None else backup.checkpoint()
        try:
            ended = loop.train(
                task, feed, epochs=epochs, validation=validation,
                validation_every=validation_freq,
                callbacks=[bridge] if saving is None else [bridge, saving], progress=shown,
                initial_epoch=initial_epoch, resume=resumption(saving is not None, saving),
            )
            if backup is not None and not ended.interrupted:
                backup.finish()
            self.optimizer.finalize_variable_values(self._moved())
        finally:
            self.eval()  # type: ignore[attr-defined]
        return several.history

    def _build_optimizer(self) -> None:
        """Tell the optimizer its variables. Raises OptionError where it was made for others."""
        variables = self._moved()
        if not variables:
            raise OptionError("keras_nothing_to_train", name=self.name)  # type: ignore[attr-defined]
        self.optimizer.build(variables)
        known = {id(v) for v in self.optimizer._trainable_variables}
        others = [v for v in variables if id(v) not in known]
        if others:
            raise OptionError("keras_recompile", names=", ".join(v.path for v in others[:3]))

    def _first_batch(self, feed: Any, epoch: int) -> Any:
        """Build the model, if that is to be done, by the shapes of the first batch."""
        if self._is_whole():
            return feed
        peeked = Peeked(feed, epoch)
        without_grad(self, peeked.first[0])  # type: ignore[arg-type]
        return peeked

    def _is_whole(self) -> bool:
        return all(layer.built for layer in self._layer_list())

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto",
        sample_weight: Any = None, steps: int | None = None, callbacks: Any = None,
        return_dict: bool = False, **more: Any,
    ) -> Any:
        """Judge the model by data: the loss, or [loss, metric, ...] in the order of metrics_names.

        x, y: as for fit. return_dict: give the numbers by name.
        """
        self._assert_compiled("evaluate")
        for word in more:
            raise ArgumentError("keras_argument", owner="evaluate", name=word, accepted=(
                "x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict"
            ))
        from ..callbacks.bridge import Bridge, callback_list
        from ..progress import Judging

        feed = feed_of(x, y, sample_weight, batch_size=batch_size, steps=steps)
        task = KerasTask(self)
        several = callback_list(callbacks, self, 1, loop.length(feed), with_history=False)
        bridge = Bridge(several, task)
        bridge.test_begin()
        shown = Judging(verbose, loop.length(feed), task)
        found = loop.evaluate(task, feed, progress=shown.progress)
        logs = {"loss": found.pop("loss"), **found}
        bridge.test_end(logs)
        shown.end(logs)
        if return_dict:
            return dict(sorted(logs.items()))
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = "auto",
        steps: int | None = None, callbacks: Any = None,
    ) -> Any:
        """Give the outputs for inputs x as NumPy arrays, batch by batch.

        x: arrays, or what gives batches (of which the first part is taken).
        """
        from ..callbacks.bridge import Bridge, callback_list
        from ..progress import Judging

        feed = feed_of(x, batch_size=batch_size, steps=steps)
        task = KerasTask(self)
        several = callback_list(callbacks, self, 1, loop.length(feed), with_history=False)
        bridge = Bridge(several, task)
        shown = Judging(verbose, loop.length(feed), task)
        outputs: list[Any] = []

        def run() -> None:
            for i, (_, batch) in enumerate(feed.batches(0)):
                bridge.predict_batch("begin", i)
                outputs.append(task.predict_step(batch[0]))
                bridge.predict_batch("end", i, outputs[-1])
                shown.step(i + 1)

        bridge.predict("begin")
        without_grad(run)
        bridge.predict("end")
        shown.end({})
        if not outputs:
            raise ArgumentError("keras_no_batches", method="predict")
        columns = zip(*(leaves(y) for y in outputs), strict=True)
        return rebuild(outputs[0], [np.concatenate([array_of(y) for y in c]) for c in columns])

    # ── one batch ───────────────────────────────────────────────────────────────────────────

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Learn from one batch; gives the loss and the metrics of this batch."""
        self._assert_compiled("train_on_batch")
        data = Data(x, y, sample_weight)
        if class_weight is not None:
            data.weigh(class_weight)
        batch = tuple(None if part is None else tensors(part) for part in data.parts)
        if not self._is_whole():
            without_grad(self, batch[0])  # type: ignore[arg-type]
        self._build_optimizer()
        task = KerasTask(self)
        task.reset()
        self.train()  # type: ignore[attr-defined]
        try:
            loss = task.train_step(*batch)
        finally:
            self.eval()  # type: ignore[attr-defined]
        return self._batch_result(task, loss, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Judge the model by one batch; gives the loss and the metrics of it."""
        self._assert_compiled("test_on_batch")
        batch = tuple(
            None if part is None else tensors(part) for part in Data(x, y, sample_weight).parts
        )
        task = KerasTask(self)
        task.reset()
        loss = without_grad(task.evaluate_step, *batch)
        return self._batch_result(task, loss, return_dict)

    def _batch_result(self, task: KerasTask, loss: Any, return_dict: bool) -> Any:
        logs = {"loss": plain(loss), **task.results()}
        if return_dict:
            return dict(sorted(logs.items()))
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    def predict_on_batch(self, x: Any) -> Any:
        """Give the outputs for one batch as NumPy arrays."""
        call: Any = self
        outputs = without_grad(partial(call, training=False), tensors(Data(x).parts[0]))
        return rebuild(outputs, [np.asarray(array_of(y)) for y in leaves(outputs)])


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """Give (x, y, weight) of a batch, None for what it lacks."""
    parts: Sequence[Any] = data if isinstance(data, tuple) else (data,)
    x, y, w = (*parts, None, None)[:3]
    return x, y, w


def validation_feed(given: Any, batch_size: int | None, steps: int | None) -> Any:
    """Give the feed of validation_data: (x, y), (x, y, weight), or batches."""
    if isinstance(given, (tuple, list)) and len(given) in (2, 3) and not isinstance(given, Tensor):
        return first(feed_of(*given, batch_size=batch_size), steps)
    if isinstance(given, (tuple, list)) or is_arrays(given):
        raise ArgumentError("keras_validation_data")
    if hasattr(given, "__next__"):  # a generator goes on where it stopped
        return feed_of(given, batch_size=batch_size, steps=steps)
    return first(feed_of(given, batch_size=batch_size), steps)
