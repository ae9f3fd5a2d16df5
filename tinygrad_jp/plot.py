"""Plots with Japanese text: figures on a page, classes and their boundary, curves.

May import: `errors`; matplotlib (extra `plot`) when a picture is made. NumPy arrays go in, so
that nothing here knows of Tensors: `predict` is any function from points to classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .errors import missing

Array = Any
COLOURS = ("#2166ac", "#e08214", "#1b7837", "#762a83", "#b2182b", "#7f7f7f", "#000000")

# The Japanese font first: a text with $…$ in it is set in the first font only.
STYLE: dict[Any, Any] = {
    "font.family": ["IPAexGothic", "DejaVu Sans"], "axes.unicode_minus": False,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": "medium",
    "legend.frameon": False, "legend.fontsize": "small", "savefig.dpi": 100,
}


@contextmanager
def picture(
    path: str | Path, rows: int = 1, columns: int = 1, size: tuple[float, float] = (5.0, 3.8)
) -> Iterator[Any]:
    """Open a figure with rows × columns axes, and write it to `path` at the end.

    size: width and height of one of the axes in inches. Gives the axes in a flat list, or the one.
    Settings of matplotlib hold inside only. Raises MissingExtraError without matplotlib.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with picture(Path(folder) / "line.png") as axes:
    ...         _ = axes.plot([1, 2, 3]); _ = axes.set_title("直線")
    ...     (Path(folder) / "line.png").stat().st_size > 1000
    True
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("matplotlib", "plot") from None
    with matplotlib.rc_context():
        try:
            import matplotlib_fontja  # brings the font, and sets the family we set again below
        except ImportError:
            raise missing("matplotlib-fontja", "plot") from None
        matplotlib_fontja.japanize()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        yield grid[0, 0] if rows == columns == 1 else list(grid.flat)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)


def boundary(
    axes: Any, predict: Callable[[Array], Array], x: Array, t: Array, title: str = ""
) -> None:
    """Colour the plane by the class that `predict` gives, and put the points on it.

    predict: points (N, 2) to classes (N,).  x: (N, 2).  t: classes (N,), integers.
    """
    low, high = x.min(0) - 0.4, x.max(0) + 0.4
    across, up = (np.linspace(low[i], high[i], 300) for i in (0, 1))
    grid = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2).astype(x.dtype)
    z = np.asarray(predict(grid)).reshape(300, 300)
    classes = int(max(t.max(), z.max())) + 1
    colours = [COLOURS[k % len(COLOURS)] for k in range(classes)]
    levels = np.arange(classes + 1) - 0.5
    axes.contourf(across, up, z, levels=levels, colors=colours, alpha=0.25)
    for k in range(classes):
        axes.scatter(*x[t == k].T, s=12, color=colours[k], edgecolors="white", linewidths=0.4)
    axes.set_title(title)
    axes.set_xticks([])
    axes.set_yticks([])


def curves(
    axes: Any, x: Sequence[float], lines: dict[str, Sequence[float]], title: str = "",
    across: str = "", up: str = "", log: bool = False, beside: bool = False,
) -> None:
    """Draw one line for each name in `lines` over x, with a legend if there are several.

    log: logarithmic upwards.  beside: put the legend beside the axes instead of inside.
    """
    for (name, y), colour in zip(lines.items(), COLOURS * len(lines), strict=False):
        axes.plot(x, y, color=colour, label=name)
    if len(lines) > 1:
        axes.legend(**({"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if beside else {}))
    if log:
        from matplotlib.ticker import LogLocator, NullFormatter

        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(title=title, xlabel=across, ylabel=up)
