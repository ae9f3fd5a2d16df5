"""Pictures of failing examples: the graph that a broken law was held to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..autograd.tensor import Tensor
from ..errors import TinygradError, text
from ..graph.drawing import draw


def save(error: BaseException, folder: Path, name: str) -> str:
    """Draw the Tensors that an error brings as `results`; says where the picture is, or why not.

    error.results() gives (Tensors, where to find names: a dict or a Module). Hypothesis raises the
    error of the shrunk example last, so that is what is drawn. Gives "" for an error without
    results. SVG where a layout engine is installed, and text always.
    """
    for each in chain(error):
        results = getattr(each, "results", None)
        if results is None:
            continue
        try:
            found, names = results()
            kept = [t for t in found if isinstance(t, Tensor) and t._node is not None]
            if not kept:
                return text("testing_picture_none")
            drawing = draw(kept, names=names)
            folder.mkdir(parents=True, exist_ok=True)
            stem = folder / re.sub(r"[^\w.-]+", "_", name).strip("_")[-120:]
            written = [drawing.save(f"{stem}.txt")]
            try:
                written.insert(0, drawing.save(f"{stem}.svg"))
            except TinygradError as reason:
                return text("testing_picture", paths=written[0]) + f"\n{reason}"
            return text("testing_picture", paths=", ".join(map(str, written)))
        except Exception as reason:  # a picture must not hide the failure that it shows
            return text("testing_picture_failed", reason=reason)
    return ""


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """List an error, those inside it if it is a group, and what caused it."""
    while error is not None:
        yield error
        for inner in getattr(error, "exceptions", ()):
            yield from chain(inner)
        error = error.__cause__
