"""DOT text into SVG, and SVG into PNG, with real Japanese glyphs whatever the machine has.

SVG is drawn by Graphviz: the program that TINYGRAD_JP_DOT names, else `dot` on the PATH, else
graphviz-pure, a port of it that comes by pip. PNG is made from the SVG by resvg with a font that
comes by pip: Graphviz' own PNG shows empty boxes for Japanese where no font is installed, and
graphviz-pure's takes gigabytes for a big graph.
"""

from __future__ import annotations

import os
import re
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from math import sqrt
from subprocess import TimeoutExpired
from typing import cast

from ..errors import MissingExtraError, OptionError, RenderError, missing

ENVIRONMENT = "TINYGRAD_JP_DOT"
MOST_NODES = 20_000  # a layout takes 4 s for 5,000 nodes, and grows faster than they do
PATIENCE = 300  # seconds that a layout may take
SHARPNESS = 2.0  # pixels for each of a 96 dpi screen
LONGEST_SIDE = 16_000  # pixels
MOST_PIXELS = 16_000_000  # 64 MB while drawing, and a second or two to compress


def engine() -> str:
    """Find the program that lays graphs out.

    Raises MissingExtraError where there is none, OptionError where TINYGRAD_JP_DOT names none.
    """
    given = os.environ.get(ENVIRONMENT)
    if given:
        found = shutil.which(given)
        if found is None:
            raise OptionError("draw_engine_given", given=given, variable=ENVIRONMENT)
        return found
    found = shutil.which("dot") or _from_pip() or shutil.which("graphviz-pure")
    if found is None:
        raise MissingExtraError("draw_no_engine", variable=ENVIRONMENT)
    return found


def _from_pip() -> str | None:
    """Find graphviz-pure where pip put it, which need not be on the PATH."""
    try:
        files = distribution("graphviz-pure").files or []
    except PackageNotFoundError:
        return None
    for file in files:
        if file.stem == "graphviz-pure":
            return shutil.which(os.path.abspath(str(file.locate())))
    return None


def refuse_too_many(nodes: int) -> None:
    """Raise OptionError for more nodes than a picture can have, rather than be left hanging."""
    if nodes > MOST_NODES:
        raise OptionError("draw_too_many", nodes=f"{nodes:,}", most=f"{MOST_NODES:,}")


def svg(text: str, nodes: int = 0) -> str:
    """Draw DOT text as SVG.

    nodes: how many there are in it; too many are refused rather than left hanging.
    Raises MissingExtraError: no graphviz package, or no engine; RenderError: the engine failed.
    """
    return laid_out(text, "svg", nodes)


def laid_out(text: str, form: str, nodes: int = 0) -> str:
    """Lay DOT text out: "svg" for a picture, "plain" for places and sizes in inches (see `svg`)."""
    refuse_too_many(nodes)
    program = engine()
    try:
        from graphviz.backend import dot_command, execute
    except ImportError:
        raise missing("graphviz", "graph") from None
    command = [program, *dot_command.command("dot", form)[1:]]
    try:
        done = execute.run_check(
            command, input=text.encode(), capture_output=True, quiet=True, timeout=PATIENCE
        )
    except TimeoutExpired as reason:
        raise RenderError("draw_timeout", program=program, seconds=PATIENCE) from reason
    except (execute.CalledProcessError, OSError) as reason:
        said = getattr(reason, "stderr", None) or str(reason).encode()
        raise RenderError(
            "draw_engine_failed", program=program, reason=said.decode(errors="replace").strip()
        ) from reason
    return cast(bytes, done.stdout).decode()


def font() -> str:
    """Find the Japanese font that comes by pip. Raises MissingExtraError where there is none."""
    try:
        from pylopdf_fonts_cjk import sans_path
    except ImportError:
        raise missing("pylopdf-fonts-cjk", "graph") from None
    return str(sans_path())


def pdf(picture: str) -> bytes:
    """Turn an SVG from `svg` into a PDF with its font inside, one page as large as the picture.

    Raises MissingExtraError where svg2pdf-py or the Japanese font is not installed.
    """
    try:
        import svg2pdf_py
    except ImportError:
        raise missing("svg2pdf-py", "pdf") from None
    fonts = svg2pdf_py.FontDatabase()
    fonts.load_font_file(font())
    named = re.sub(r'font-family="[^"]*"', 'font-family="Noto Sans JP"', picture)
    drawn: bytes = svg2pdf_py.svg_to_pdf(named, fonts)
    return drawn


def png(picture: str, background: str = "#FFFFFF") -> bytes:
    """Turn an SVG from `svg` into a PNG, at most 16,000 pixels long and 16 million in all.

    background: what is seen where the picture leaves off, as #RRGGBB.
    Raises MissingExtraError where resvg or the Japanese font is not installed.
    """
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise missing("resvg-py", "graph") from None
    file = font()
    # dpi must be said, for without it resvg cannot read Graphviz' lengths in points
    drawn: bytes = svg_to_bytes(
        svg_string=picture, width=pixels_across(picture), dpi=96.0, background=background,
        skip_system_fonts=True, font_files=[file], font_family="Noto Sans JP",
        sans_serif_family="Noto Sans JP", serif_family="Noto Sans JP",
    )
    return drawn


def pixels_across(picture: str) -> int:
    """Choose a PNG's width: sharp, but within the limits."""
    size = re.search(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', picture)
    if size is None:
        raise RenderError("draw_no_size")
    width, height = (float(s) * 96 / 72 for s in size.groups())
    zoom = min(
        SHARPNESS, LONGEST_SIDE / max(width, height), sqrt(MOST_PIXELS / (width * height))
    )
    return max(1, int(width * zoom))
