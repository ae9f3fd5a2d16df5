"""The front of the loop: train, judge and use a model in one call each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import random
from ..autograd.apply import wrap
from ..autograd.structure import leaves, rebuild
from ..data.dataset import Subset, TensorDataset, as_arrays, random_split
from ..data.loader import DataLoader
from ..errors import OptionError
from . import loop
from .callbacks import Schedule
from .checkpoint import Checkpoint, as_checkpoint, resumption
from .feed import as_feed
from .history import History
from .progress import as_progress
from .task import ModelTask


def fit(
    model: Any, data: Any, loss: Any, optimizer: Any, *, epochs: int = 1, batch_size: int = 32,
    shuffle: bool = True, validation: Any = None, validation_every: int = 1, metrics: Any = (),
    callbacks: Sequence[Any] = (), loss_weights: Any = None, clip_norm: float | None = None,
    clip_value: float | None = None, scheduler: Any = None, schedule_by: str = "epoch",
    seed: int | None = None, steps_per_epoch: int | None = None, initial_epoch: int = 0,
    checkpoint: Any = None, resume: Any = False, compile: bool | str = "auto",
    verbose: Any = "auto",
) -> History:
    """Train a model; give the History of its numbers.

    model: called with x, with *x for a tuple of inputs, with **x for a dict of them.
    data: (x, t) or (x, t, sample weights) of Tensors or arrays; a Dataset; a DataLoader; or any
        iterable of batches. Floating-point arrays are taken in the dtype of the model.
    loss: a function of (output, target), as nn.MSELoss(); for several outputs a list or a dict of
        them, added up with `loss_weights`.  optimizer: holds the model's parameters.
    batch_size, shuffle: for arrays and Datasets.
    validation: as data, or the share of the samples to set aside at random (0.2).
    metrics: names, functions of (output, target), Metrics; or {output: metrics}.
    clip_norm, clip_value: bounds for the gradients, all together or each element.
    seed: of the order and of what the model draws; equal seeds give equal bits, whatever
        tj.manual_seed was. None draws one from tj.manual_seed's generator.
    steps_per_epoch: batches of an epoch, for an iterable that has no end.
    scheduler: of optim.lr_scheduler, stepped every "epoch" or "batch".
    checkpoint: a path, to save the whole training to every 10 seconds and at the end, or a
        Checkpoint.  resume: True goes on from that file, if it is there yet, bit for bit as if
        nothing had happened; a path goes on from another.
    compile: True makes one program of a step (see tj.compile); "auto" does where it pays, in a long
        training of this package's own layers, losses and optimizers.
        Its last digits are not those of eager execution, so a resumed training's may differ too.
    verbose: "auto" shows progress, live on a terminal and as lines elsewhere; 0 nothing; 2 a line
        for every epoch.
    Ctrl-C ends the training after the batch it is at and keeps the history.

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp import nn, optim
    >>> x = tj.linspace(-1, 1, 8).reshape(8, 1)
    >>> model = nn.Linear(1, 1)
    >>> history = tj.fit(model, (x, 2 * x + 1), nn.MSELoss(),
    ...                  optim.Adam(model.parameters(), lr=0.1), epochs=200, seed=0, verbose=0)
    >>> history["loss"][-1] < 1e-2, history.ended
    (True, 'done')
    """
    if seed is None:
        seed = int(random.generator().integers(2**63))
    data = in_dtype_of(model, data)
    if isinstance(validation, (int, float)):
        data, validation = set_aside(data, float(validation), seed)
    feed = as_feed(data, batch_size, shuffle=shuffle, seed=seed, steps=steps_per_epoch)
    task = ModelTask(
        model, loss, optimizer, metrics=metrics, loss_weights=loss_weights, clip_norm=clip_norm,
        clip_value=clip_value, compile=compile, steps=steps_of(feed, epochs),
    )
    judged = None
    if validation is not None:
        judged = as_feed(in_dtype_of(model, validation), batch_size)
    listening = list(callbacks)
    if scheduler is not None:
        listening.append(Schedule(scheduler, schedule_by))
    saving = as_checkpoint(checkpoint)
    if saving is not None:
        listening.append(saving)
    else:
        saving = next((c for c in listening if isinstance(c, Checkpoint)), None)
    return loop.train(
        task, feed, epochs=epochs, validation=judged, validation_every=validation_every,
        callbacks=listening, progress=as_progress(verbose), seed=seed, initial_epoch=initial_epoch,
        resume=resumption(resume, saving),
    )


def steps_of(feed: Any, epochs: int) -> int | None:
    """Count the steps of a training, if the feed knows its length."""
    try:
        return len(feed) * epochs
    except TypeError:
        return None


def evaluate(
    model: Any, data: Any, loss: Any, *, metrics: Any = (), loss_weights: Any = None,
    batch_size: int = 256,
) -> dict[str, Any]:
    """Judge a model by data, in evaluation mode: {"loss": ..., metric: ...}; as for `fit`."""
    task = ModelTask(model, loss, metrics=metrics, loss_weights=loss_weights)
    return loop.evaluate(task, as_feed(in_dtype_of(model, data), batch_size))


def predict(model: Any, x: Any, *, batch_size: int = 256) -> Any:
    """Give a model's output for inputs x, in evaluation mode, batch by batch.

    x: an array or a Tensor, or a tuple or dict of them for several inputs. Gives a Tensor, or what
    the model gives several in.
    """
    task = ModelTask(model, abs)
    feed = as_feed(in_dtype_of(model, (x,)), batch_size)
    outputs = loop.judging(
        task, lambda: [task.predict_step(batch[0]) for _, batch in feed.batches(0)]
    )
    columns = zip(*(leaves(y) for y in outputs), strict=True)
    return rebuild(outputs[0], [wrap(np.concatenate([y._data for y in c])) for c in columns])


def in_dtype_of(model: Any, data: Any) -> Any:
    """Take floating-point arrays, given as a tuple, in the dtype of the model's parameters."""
    if not isinstance(data, tuple) or len(data) > 3:
        return data
    first = next(iter(model.parameters()), None) if hasattr(model, "parameters") else None
    tree = as_arrays(data, "data")
    if first is None:
        return tree
    dtype = first.dtype
    arrays = [a.astype(dtype, copy=False) if a.dtype.kind == "f" else a for a in leaves(tree)]
    return rebuild(tree, arrays)


def set_aside(data: Any, share: float, seed: int) -> tuple[Subset, Subset]:
    """Part (x, t) or a Dataset in two at random: to train on, and to validate on."""
    if not 0 < share < 1:
        raise OptionError("validation_share", given=share)
    if isinstance(data, tuple):
        data = TensorDataset(*data)
    if isinstance(data, DataLoader) or not hasattr(data, "__getitem__"):
        raise OptionError("validation_of_loader", kind=type(data).__name__)
    kept, aside = random_split(data, [1 - share, share], seed=seed)
    return kept, aside
