"""`tj.compile`: a function of Tensors, a whole training step included, as one program.

function.py is the public face; signature.py tells calls apart; capture.py records a call;
replay.py makes the function that repeats it; guards.py notices what has changed since. May import
program, nn, optim and what lies below.
"""

from __future__ import annotations

from .function import Compiled, compile

__all__ = ["Compiled", "compile"]
