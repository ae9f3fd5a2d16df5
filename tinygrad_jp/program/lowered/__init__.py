"""What NumPy's functions and our primitives are made of, in the operations of a Program.

A function that is in no file here is recorded whole, and run by NumPy between native stretches.
Each one here takes and gives Traces, and means exactly what the function does on arrays.
"""

from __future__ import annotations

from . import joining, networks, products, sums, views

__all__ = ["joining", "networks", "products", "sums", "views"]
