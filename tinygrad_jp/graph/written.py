"""Save what was found out about a graph: as a page, as Markdown, as text, or as a picture."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any, Protocol

from ..errors import Language, OptionError

PICTURES = (".svg", ".png", ".pdf", ".dot", ".mmd")
SUFFIXES = (".html", ".md", ".txt", *PICTURES)


class Report(Protocol):
    """What explain, diagnose and check_graph give."""

    @property
    def lang(self) -> Language:
        """The language in which it speaks."""

    def html(self) -> str:
        """Give it as a piece of HTML."""

    def markdown(self) -> str:
        """Give it as Markdown."""

    def draw(self) -> Any:
        """Draw the graph with the places marked."""


def write(report: Report, path: str | Path) -> Path:
    """Save a report by the suffix; gives the path.

    A picture is the graph with the places marked. Raises OptionError for another suffix; as
    Drawing.save does.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        report.draw().save(path)
        return path
    if suffix == ".html":
        title = escape(str(report).partition("\n")[0])
        text = (
            f'<!doctype html>\n<html lang="{report.lang}">\n<meta charset="utf-8">\n'
            f"<title>{title}</title>\n"
            '<meta name="viewport" content="width=device-width">\n'
            "<style>:root { color-scheme: light dark } body { margin: 2em }</style>\n"
            f"{report.html()}\n</html>\n"
        )
    elif suffix == ".md":
        text = report.markdown()
    elif suffix == ".txt":
        text = f"{report}\n"
    else:
        raise OptionError("draw_suffix", given=path.name, known=", ".join(SUFFIXES))
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
