"""tinygrad_jp: an autograd micro-framework on NumPy.

>>> import tinygrad_jp as tj
>>> w = tj.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = (w**2).sum()
>>> loss.backward()
>>> w.grad
tensor([2., 4., 6.])
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import autograd as autograd
from . import errors as errors
from .autograd import creation as _creation
from .autograd import dtypes as _dtypes
from .autograd import functions as _functions
from .autograd import linalg as linalg
from .autograd.creation import *  # noqa: F403 - it lists its names
from .autograd.dtypes import *  # noqa: F403 - it lists its names
from .autograd.functions import *  # noqa: F403 - it lists its names
from .autograd.lines import keep_lines as keep_lines
from .autograd.mode import enable_grad as enable_grad
from .autograd.mode import inference_mode as inference_mode
from .autograd.mode import is_grad_enabled as is_grad_enabled
from .autograd.mode import no_grad as no_grad
from .autograd.mode import set_grad_enabled as set_grad_enabled
from .autograd.tensor import Tensor as Tensor
from .autograd.tensor import get_default_dtype as get_default_dtype
from .autograd.tensor import set_default_dtype as set_default_dtype
from .errors import set_language as set_language
from .vocabulary.primitive import primitive as primitive
from .vocabulary.rule import REGISTRY
from .vocabulary.rule import rule as rule

__version__ = "0.1.0"  # read by pyproject.toml

if TYPE_CHECKING:
    from . import data as data
    from . import graph as graph
    from . import keras as keras
    from . import nn as nn
    from . import optim as optim
    from . import plot as plot
    from . import testing as testing
    from . import train as train
    from .autograd.anomaly import detect_anomaly as detect_anomaly
    from .autograd.check import gradcheck as gradcheck
    from .autograd.check import gradgradcheck as gradgradcheck
    from .autograd.check import gradient_error_by_step as gradient_error_by_step
    from .autograd.check import numerical_gradient as numerical_gradient
    from .autograd.checkpoint import checkpoint as checkpoint
    from .autograd.transforms import grad as grad
    from .autograd.transforms import hessian as hessian
    from .autograd.transforms import hvp as hvp
    from .autograd.transforms import jacobian as jacobian
    from .autograd.transforms import jvp as jvp
    from .autograd.transforms import value_and_grad as value_and_grad
    from .autograd.transforms import vjp as vjp
    from .compiled.function import compile as compile
    from .graph.checks import check_graph as check_graph
    from .graph.doctor import diagnose as diagnose
    from .graph.drawing import draw as draw
    from .graph.explain import explain as explain
    from .graph.recorder import Recorder as Recorder
    from .nn.summary import summary as summary
    from .saving.checkpoint import load_checkpoint as load_checkpoint
    from .saving.checkpoint import save_checkpoint as save_checkpoint
    from .saving.saving import load as load
    from .saving.saving import save as save
    from .train.fitting import evaluate as evaluate
    from .train.fitting import fit as fit
    from .train.fitting import predict as predict

REGISTRY.pending = lambda: import_module(".rules", __name__)  # at the first operation

# what is brought in when it is first used, by the module it lives in: an import not paid for before
_MODULES = ("data", "graph", "keras", "nn", "optim", "plot", "train", "testing")
_NAMES = {
    "autograd.transforms": "grad hessian hvp jacobian jvp value_and_grad vjp",
    "autograd.check": "gradcheck gradgradcheck gradient_error_by_step numerical_gradient",
    "autograd.anomaly": "detect_anomaly",
    "autograd.checkpoint": "checkpoint",
    "compiled.function": "compile",
    "graph.checks": "check_graph",
    "graph.doctor": "diagnose",
    "graph.drawing": "draw",
    "graph.explain": "explain",
    "graph.recorder": "Recorder",
    "nn.summary": "summary",
    "saving.checkpoint": "load_checkpoint save_checkpoint",
    "saving.saving": "load save",
    "train.fitting": "evaluate fit predict",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    *_functions.__all__, *_creation.__all__, *_dtypes.__all__, *_MODULES, *_HOME,
    "Tensor", "autograd", "enable_grad", "errors", "get_default_dtype", "inference_mode",
    "is_grad_enabled", "keep_lines", "linalg", "no_grad", "primitive", "rule", "set_default_dtype",
    "set_grad_enabled", "set_language",
]


def _offer_strategies() -> None:
    """Let hypothesis draw Tensors by their type; the strategy is made when one is asked for."""
    from hypothesis.strategies import register_type_strategy

    register_type_strategy(Tensor, lambda _: import_module(".testing", __name__).tensors())


if "hypothesis" in sys.modules and hasattr(sys.modules["hypothesis"], "strategies"):
    _offer_strategies()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
        return globals()[name]
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    absent = import_module(".keras.absent", __name__)  # for `import tinygrad_jp as tf`
    raise absent.lost(__name__, name, absent.of_tensorflow(name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
