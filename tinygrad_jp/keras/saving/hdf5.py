"""Weights in HDF5 files laid out as Keras 3 lays out its .weights.h5: each reads the other's."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import FileFormatError, ShapeError, missing
from ...nn.module import Module
from ...saving import file
from ..identifiers import to_snake_case
from ..weights import Owner
from .assigning import assign_all

# what h5py raises where bytes make no sense: a length beyond all memory, a name that is no text
DAMAGED = (
    OSError, LookupError, RuntimeError, ValueError, TypeError, ArithmeticError, MemoryError,
)
INSIDE = "model.weights.h5"  # where a .keras file of Keras's own has them


def places(model: Any) -> dict[str, Any]:
    """Give the place of every weight: "layers/dense/vars/0" -> Variable.

    Layers of a functional or sequential model are counted by class under "layers"; those of a
    subclass are found by their attributes, in the order of the alphabet, as Keras does.
    """
    found: dict[str, Any] = {}
    _visit(model, "", found, set())
    return found


def _visit(layer: Module, path: str, found: dict[str, Any], seen: set[int]) -> None:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    if isinstance(layer, Owner):
        own: list[Any] = [*layer._trainable_weights, *layer._frozen_weights]
    else:
        own = list(layer.parameters())
    found.update((f"{path}vars/{i}", variable) for i, variable in enumerate(own))
    for name, child in _parts(layer):
        if isinstance(child, Module):
            _visit(child, f"{path}{name}/", found, seen)
        else:
            _visit_several(child, f"{path}{name}/", found, seen)


def _visit_several(several: Any, path: str, found: dict[str, Any], seen: set[int]) -> None:
    used: dict[str, int] = {}
    for one in several.values() if isinstance(several, dict) else several:
        is_layer = isinstance(one, Module)
        if not is_layer and not isinstance(one, (list, tuple, dict)):
            continue
        name = _kind(one) if is_layer else "container"
        number = used[name] = used.get(name, -1) + 1
        inner = f"{path}{name}_{number}/" if number else f"{path}{name}/"
        (_visit if is_layer else _visit_several)(one, inner, found, seen)


def _kind(layer: Any) -> str:
    is_plain = type(layer).__name__ == "Model" and getattr(layer, "_graph", None) is not None
    return "functional" if is_plain else to_snake_case(type(layer).__name__)


def _parts(layer: Any) -> Iterator[tuple[str, Any]]:
    """Give layers and lists of such by the names of their attributes, in Keras's order."""
    from ..models import Model

    parts = {
        name: value for name, value in vars(layer).items()
        if isinstance(value, Module) or (type(value) in (list, tuple, dict) and name[0] != "_")
    }
    if isinstance(layer, Model):
        if layer._graph is not None:
            yield "layers", layer.layers
        parts["layers"] = layer.layers
    yield from sorted(parts.items(), key=lambda one: f"~{one[0]}" if one[0][0] == "_" else one[0])


def write(model: Any, name: str) -> None:
    """Write the weights to a .weights.h5 file, whole or not at all.

    Raises MissingExtraError without h5py, OSError where nothing can be written.
    """
    h5py = _h5py()
    content = io.BytesIO()
    with h5py.File(content, "w") as made:
        for place, variable in places(model).items():
            made.create_dataset(place, data=np.asarray(variable._data))
    file.replace(name, content.getvalue())


def fill(model: Any, name: str, skip_mismatch: bool = False) -> None:
    """Put the weights of a .weights.h5 file, or of Keras's own .keras file, into a model.

    All of them or none. Raises FileFormatError for another file, or where one is missing in it,
    ShapeError where a shape differs (unless skip_mismatch).
    """
    arrays = _arrays(name)
    wanted = places(model)
    if not wanted and any(place.startswith("layers/") for place in arrays):
        raise ShapeError(
            "keras_file_unbuilt", path=name, given=len(arrays), wanted=0, name=model.name
        )
    pairs = []
    for place, variable in wanted.items():
        if place not in arrays:
            raise FileFormatError("keras_h5_place", path=name, place=place, weight=variable.path)
        pairs.append((variable, arrays[place]))
    assign_all(pairs, skip_mismatch)


def _arrays(name: str) -> dict[str, Any]:
    """Read all arrays that lie in the file itself: no link leads elsewhere."""
    h5py = _h5py()
    found: dict[str, Any] = {}

    def take(place: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset) and not thing.external and not thing.is_virtual:
            found[place] = thing[()]

    source: Any = name
    try:
        if zipfile.is_zipfile(name):
            with zipfile.ZipFile(name) as archive:
                source = io.BytesIO(archive.read(INSIDE))
        with h5py.File(source, "r") as opened:
            opened.visititems(take)
    except (*DAMAGED, zipfile.BadZipFile) as error:
        raise FileFormatError("keras_h5_damaged", path=name, why=error) from error
    return found


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise missing("h5py", "hdf5") from None
    return h5py
