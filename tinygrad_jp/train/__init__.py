"""The one training loop: what `tj.fit` and the Keras front run.

`loop.py` goes over epochs and batches and knows nothing of models; a Task (`task.py`) learns from a
batch and judges one; callbacks (`callback.py`, `callbacks.py`) are told what happens; a Metric
(`metric.py`, `metrics.py`) adds up over batches; `history.py` is what remains, `progress.py` what
is seen meanwhile, `checkpoint.py` what survives a kill. `fitting.py` puts them together.
May import: nn, optim, data, saving and below. To add a metric, subclass Metric in `metrics.py`; a
callback, subclass Callback; another way to learn from a batch, subclass Task.
"""

from __future__ import annotations

from .callback import Callback as Callback
from .callback import On as On
from .callbacks import CSVLog as CSVLog
from .callbacks import EarlyStopping as EarlyStopping
from .callbacks import SaveBest as SaveBest
from .callbacks import Schedule as Schedule
from .callbacks import StopOnNaN as StopOnNaN
from .checkpoint import Checkpoint as Checkpoint
from .feed import as_feed as as_feed
from .history import History as History
from .loop import Run as Run
from .loop import evaluate as evaluate
from .loop import train as train
from .metric import Mean as Mean
from .metric import MeanOf as MeanOf
from .metric import Metric as Metric
from .metric import as_metric as as_metric
from .metric import register as register
from .progress import Progress as Progress
from .task import ModelTask as ModelTask
from .task import Task as Task
