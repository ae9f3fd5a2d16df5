"""The reader that computes gradients: Tensors that record, and the walk back.

`tj.autograd.grad` is from Tensors to Tensors, as in PyTorch; `tj.grad` from functions to functions.

May import: `vocabulary`, `errors`; the rules are reached through the registry, never by import.
Read in this order: mode, memory, node, apply, backward, tensor, operators, functions; `generate`
is `apply` again, written out for speed.
"""

from .backward import grad as grad

__all__ = ["grad"]
