"""What a Recorder kept, plotted over the steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import GradientError, Language, language, text_in
from ..plot import picture

if TYPE_CHECKING:
    from .recorder import Recorder

FEW = 10  # lines that a legend names one by one


def plot(record: Recorder, path: str | Path, lang: Language | None) -> Path:
    """Plot loss, gradients and activations of the modules, and the parameters' updates."""
    if not record.steps:
        raise GradientError("recorder_empty")
    chosen = lang or language()

    def word(key: str) -> str:
        return text_in(chosen, key)

    modules = {_called(p, record.kinds): c for p, c in record.modules.items()}
    dead = {name: c["dead"] for name, c in modules.items() if "dead" in c}
    moved = {
        name: _ratio(c["update"], c["norm"]) for name, c in record.parameters.items()
        if np.isfinite(c["update"]).any()
    }
    panels: list[tuple[str, dict[str, Any], bool]] = [
        ("trend_gradient", {n: c["gradient"] for n, c in modules.items()}, True),
        ("trend_parameter_gradient",
         {n: c["gradient"] for n, c in record.parameters.items()}, True),
        ("trend_std", {n: c["std"] for n, c in modules.items()}, False),
        ("trend_update", moved, True),
    ]
    if np.isfinite(record.losses).any():
        panels.insert(0, ("trend_loss", {"": record.losses}, False))
    if dead:
        panels.append(("trend_dead", dead, False))
    panels = [p for p in panels if any(np.isfinite(y).any() for y in p[1].values())]
    columns = 2 if len(panels) > 1 else 1
    rows = -(-len(panels) // columns)
    with picture(path, rows, columns, (6.0, 3.4)) as axes:
        every = axes if isinstance(axes, list) else [axes]
        for ax, (key, lines, log) in zip(every, panels, strict=False):
            _lines(ax, record.steps, lines, log)
            ax.set(title=word(key), xlabel=word("trend_steps"))
            if key == "trend_dead":
                ax.set_ylim(-0.02, 1.02)
        for ax in every[len(panels):]:
            ax.set_visible(False)
    return Path(path)


def _lines(ax: Any, steps: list[int], lines: dict[str, Any], log: bool) -> None:
    """Draw a line each, from the input's colour to the output's; a legend beside the axes."""
    from matplotlib import colormaps

    shown = {name: y for name, y in lines.items() if np.isfinite(y).any()}
    named = set(shown) if len(shown) <= FEW else set(_spread(list(shown), FEW))
    colours = colormaps["viridis"](np.linspace(0, 0.92, len(shown)))
    for (name, y), colour in zip(shown.items(), colours, strict=True):
        above = np.asarray(y, float)
        if log:
            above = np.where(above > 0, above, np.nan)  # a zero has no place on a log scale
        ax.plot(
            steps, above, color=colour, linewidth=1.4, label=name if name in named else None,
            marker="o" if len(steps) == 1 else None,
        )
    if log and any((np.asarray(y) > 0).any() for y in shown.values()):
        ax.set_yscale("log")
    if any(shown):
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _spread(names: list[str], number: int) -> list[str]:
    return [names[i] for i in np.linspace(0, len(names) - 1, number).round().astype(int)]


def _called(path: str, kinds: dict[str, str]) -> str:
    kind = kinds.get(path, "")
    return f"{path} {kind}".strip()


def _ratio(above: list[float], below: list[float]) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(above) / np.asarray(below)
