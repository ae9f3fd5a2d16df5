"""Pictures of failing examples: the graph that a broken law was held to."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..autograd.node import Node
from ..autograd.tensor import Tensor
from ..errors import TinygradError, text
from ..graph.drawing import draw
from ..nn.module import Module


def save(error: BaseException, folder: Path, name: str, file: str = "") -> str:
    """Draw the Tensors that an error brings as `results`; says where the picture is, or why not.

    error.results() gives (Tensors, where to find names: a dict or a Module). Hypothesis raises the
    error of the shrunk example last, so that is what is drawn. For an error without results, the
    Tensors that the test has computed: the variables of the function of `file` that it came
    through last. Gives "" where there are none. SVG where a layout engine is installed, and text
    always.
    """
    for each in chain(error):
        results = getattr(each, "results", None) or variables(each, file)
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


def variables(error: BaseException, file: str) -> Callable[[], Any] | None:
    """Give what computes (Tensors, names) for `save` from the variables of a test."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    mine = [frame for frame in frames if frame.f_code.co_filename == file]
    held = dict(mine[-1].f_locals) if mine else {}
    made = [v for v in held.values() if isinstance(v, Tensor) and isinstance(v._node, Node)]
    if not made:
        return None
    names = {name: v for name, v in held.items() if isinstance(v, Tensor)}
    for name, v in held.items():
        if isinstance(v, Module):
            names.update((f"{name}.{inner}", p) for inner, p in v.named_parameters())
    return lambda: (made, names)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """List an error, those inside it if it is a group, and what caused it."""
    while error is not None:
        yield error
        for inner in getattr(error, "exceptions", ()):
            yield from chain(inner)
        error = error.__cause__
