"""Save and load models, state dicts, and nested lists and dicts of arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd.apply import wrap
from ..autograd.tensor import Tensor
from ..errors import StateDictError, text
from . import file, tree

TREE = "tinygrad_jp.tree"  # where the metadata says how arrays were nested


def save(obj: Any, path: Any) -> None:
    """Save a model, a state dict, or nested lists and dicts of Tensors, numbers and texts.

    The file is safetensors: PyTorch, JAX and others read it, nothing in it is ever executed. It is
    in place whole or not at all, even if the process is killed meanwhile.
    obj: what has a state_dict(), or a dict of Tensors, or a tree as {"model": ..., "epoch": 3}.
    Raises ArgumentError for what cannot be saved, DTypeError for complex128 and text arrays.

    >>> import tempfile, os
    >>> import tinygrad_jp as tj
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "linear.safetensors")
    >>> model = tj.nn.Linear(2, 1)
    >>> tj.save(model, path)
    >>> twin = tj.nn.Linear(2, 1)
    >>> _ = tj.load(path, twin)
    >>> tj.equal(twin.weight, model.weight)
    True
    >>> folder.cleanup()
    """
    if hasattr(obj, "state_dict"):
        obj = obj.state_dict()
    if is_flat(obj):
        file.write(path, {name: as_array(value) for name, value in obj.items()})
        return
    arrays, words = tree.encode(obj)
    file.write(path, arrays, {TREE: words})


def load(path: Any, model: Any = None, strict: bool = True) -> Any:
    """Give back what was saved; or put it into a model.

    model: a Module, whose names, shapes and dtypes are checked first: where they do not fit,
        StateDictError lists them and nothing has changed; or anything else with load_state_dict.
    strict: every name on either side must be on the other.
    Raises FileFormatError for a file that is cut off, altered, or of another format.
    """
    arrays, words = file.read(path)
    if TREE in words:
        found = tree.decode(arrays, words[TREE])
    else:
        found = {name: wrap(array) for name, array in arrays.items()}
    if hasattr(model, "named_parameters"):
        if not is_flat(found):
            raise StateDictError("load_tree", path=os.fspath(path), form=type(found).__name__)
        load_into(model, found, strict)
    elif model is not None:
        model.load_state_dict(found)
    return found


def load_into(
    model: Any, found: Mapping[str, Any], strict: bool = True, is_exact: bool = False
) -> None:
    """Load a state dict whose dtypes must fit too: none may lose digits on the way.

    is_exact: they must be the same, for a training that goes on bit for bit.
    """
    mine = model.state_dict()
    wrong = [
        text("state_dtype_entry", name=name, given=given, dtype=mine[name].dtype)
        for name, value in found.items()
        if name in mine and not fits(given := as_array(value).dtype, mine[name].dtype, is_exact)
    ]
    if wrong:
        raise StateDictError(
            "state_dtype", module=type(model).__name__, problems="\n  ".join(wrong)
        )
    model.load_state_dict(found, strict) if not strict else model.load_state_dict(found)


def fits(given: Any, dtype: Any, is_exact: bool) -> bool:
    """Tell whether numbers of one dtype are the same in another, and of the same kind."""
    if is_exact:
        return bool(given == dtype)
    return given.kind == dtype.kind and bool(np.can_cast(given, dtype, "safe"))


def is_flat(obj: Any) -> bool:
    """Tell a dict of arrays by name from a tree."""
    return isinstance(obj, Mapping) and all(
        type(name) is str and isinstance(value, (Tensor, np.ndarray)) for name, value in obj.items()
    )


def as_array(value: Any) -> Any:
    """Read a Tensor or an array as an array."""
    return value._data if isinstance(value, Tensor) else value
