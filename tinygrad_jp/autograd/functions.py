"""PyTorch-named functions; stub while the engine is tried."""
from .generate import op
import numpy as np
class Methods:
    __slots__=()
    exp = op(np.exp)
