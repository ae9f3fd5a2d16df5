"""Files: a whole model, or its weights alone, in safetensors; weights in Keras's HDF5 too."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from ...errors import FileFormatError, OptionError, ShapeError
from ...saving import file, tree
from . import hdf5
from .assigning import assign_all
from .configs import (
    CustomObjectScope,
    compile_arguments,
    compile_config,
    deserialize_keras_object,
    serialize_keras_object,
)

CONFIG = "tinygrad_jp.keras"  # where the metadata has the layers
COMPILED = "tinygrad_jp.keras.compile"
STATE = "tinygrad_jp.keras.state"
HDF5 = ".weights.h5"
WEIGHTS = (".safetensors", ".keras", HDF5)


def check_path(path: Any, weights: bool = False) -> str:
    """Read a path. Raises OptionError for another suffix than those that are written here."""
    name = str(os.fspath(path))
    if weights and not name.endswith(WEIGHTS):
        raise OptionError("keras_weights_suffix", path=name)
    if not weights and not name.endswith(".keras"):
        raise OptionError("keras_model_suffix", path=name)
    return name


def check_free(name: str, overwrite: bool) -> None:
    """Refuse to write over a file, unless that is wanted."""
    if not overwrite and os.path.exists(name):
        raise OptionError("keras_file_exists", path=name)


def save_model(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write architecture, weights, what compile was told and the optimizer's state into one file.

    filepath: ends in .keras. The file is in place whole or not at all, and nothing in it is ever
    executed when it is read. Raises OptionError for another suffix, ArgumentError for a layer whose
    arguments cannot be told.
    """
    name = check_path(filepath)
    check_free(name, overwrite)
    config = serialize_keras_object(model)
    words = {CONFIG: json.dumps(config), COMPILED: json.dumps(compile_config(model))}
    arrays = {f"weights.{key}": value for key, value in named_weights(model).items()}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.built:
        kept, words[STATE] = tree.encode(optimizer.state_dict())
        arrays |= {f"optimizer.{key}": value for key, value in kept.items()}
    file.write(name, arrays, words)


def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Make the model that `save` has written, with its weights, compiled as it was.

    custom_objects: name -> class or function of one's own, that are not registered.
    Raises FileFormatError for another file (real Keras's too), OptionError for an unknown class.
    """
    name = os.fspath(filepath)
    arrays, words = opened(name)
    if CONFIG not in words:
        raise FileFormatError("keras_no_model", path=name)
    model = deserialize_keras_object(json.loads(words[CONFIG]), custom_objects)
    fill(model, part(arrays, "weights."), name)
    compiled = json.loads(words.get(COMPILED, "null"))
    if compile and compiled is not None:
        with CustomObjectScope(custom_objects or {}):
            model.compile(**compile_arguments(compiled))
        if STATE in words:
            model.optimizer.build(model.trainable_variables)
            kept = tree.decode(part(arrays, "optimizer."), words[STATE])
            model.optimizer.load_state_dict(kept)
    return model


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights alone, whole or not at all.

    filepath: ends in .weights.h5, which Keras reads too (with h5py), or in .safetensors.
    """
    name = check_path(filepath, weights=True)
    check_free(name, overwrite)
    if name.endswith(HDF5):
        return hdf5.write(model, name)
    arrays = {f"weights.{key}": value for key, value in named_weights(model).items()}
    file.write(name, arrays)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False) -> None:
    """Put weights from a file into a model of the same architecture.

    filepath: what save_weights or save has written, here or in Keras itself. skip_mismatch: leave
    those as they are whose shapes differ. Raises ShapeError otherwise; then nothing has changed.
    Raises FileFormatError for another file.
    """
    name = str(os.fspath(filepath))
    if is_foreign(name):
        return hdf5.fill(model, name, skip_mismatch)
    arrays, _ = opened(name)
    fill(model, part(arrays, "weights."), name, skip_mismatch)


def opened(name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Read a file; say what is to be done with one that real Keras has written."""
    if is_foreign(name):
        raise FileFormatError("keras_foreign_file", path=name)
    return file.read(name)


def is_foreign(name: str) -> bool:
    """Tell a file in Keras's own formats, zip and HDF5."""
    if not os.path.isfile(name):
        return False
    with open(name, "rb") as stream:
        return stream.read(8).startswith((b"PK\x03\x04", b"\x89HDF"))


def part(arrays: dict[str, Any], start: str) -> dict[str, Any]:
    """Pick the arrays whose names begin so, without that beginning."""
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}


def named_weights(model: Any) -> dict[str, Any]:
    """Give every weight under its number and path: 0000/dense/kernel."""
    return {f"{i:04d}/{v.path}": np.asarray(v._data) for i, v in enumerate(model.weights)}


def fill(model: Any, arrays: dict[str, Any], name: str, skip_mismatch: bool = False) -> None:
    """Write weights into a model, all of them or none."""
    mine, given = model.weights, [arrays[key] for key in sorted(arrays)]
    if len(mine) != len(given):
        built = all(module.built for module in model._layer_list())
        raise ShapeError(
            "keras_file_weights" if built else "keras_file_unbuilt", path=name, given=len(given),
            wanted=len(mine), name=model.name,
        )
    assign_all(zip(mine, given, strict=True), skip_mismatch)
