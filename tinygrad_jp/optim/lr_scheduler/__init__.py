"""Learning-rate schedules: call `scheduler.step()` once an epoch, after `optimizer.step()`.

As in PyTorch most schedules say how the next rate follows from the present one (`decays.py`), so
that a rate that the user or another schedule changed meanwhile is carried on. `cycles.py` has
those that go up again, `sequences.py` those made of others, `plateau.py` the one that watches a
metric. To add one, subclass LRScheduler, write `rate`, and name it here.
"""

from __future__ import annotations

from .cycles import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .cycles import CyclicLR as CyclicLR
from .cycles import OneCycleLR as OneCycleLR
from .decays import ConstantLR as ConstantLR
from .decays import CosineAnnealingLR as CosineAnnealingLR
from .decays import ExponentialLR as ExponentialLR
from .decays import LambdaLR as LambdaLR
from .decays import LinearLR as LinearLR
from .decays import MultiplicativeLR as MultiplicativeLR
from .decays import MultiStepLR as MultiStepLR
from .decays import PolynomialLR as PolynomialLR
from .decays import StepLR as StepLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
from .scheduler import LRScheduler as LRScheduler
from .sequences import ChainedScheduler as ChainedScheduler
from .sequences import SequentialLR as SequentialLR
