"""Optimizers and learning-rate schedules, with PyTorch's names and numbers.

One file a family: a pure function in plain NumPy, the update rule, and a class that lists its
options. `optimizer.py` has what they share, `in_place.py` reads a rule as a program without
allocation, `parts.py` sorts parameters into what is updated together. Imports autograd and below.
To add an optimizer, write one such file and name it here.
"""

from __future__ import annotations

from . import lr_scheduler as lr_scheduler
from .adadelta import Adadelta as Adadelta
from .adagrad import Adagrad as Adagrad
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adamax import Adamax as Adamax
from .lbfgs import LBFGS as LBFGS
from .nadam import NAdam as NAdam
from .optimizer import Optimizer as Optimizer
from .radam import RAdam as RAdam
from .rmsprop import RMSprop as RMSprop
from .sgd import SGD as SGD
