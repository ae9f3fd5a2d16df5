"""One page, complete in itself, that shows a graph, plays it step by step and explains it.

The page is made of the files in player/: its markup, its style, its program (plain JavaScript, in
the order of SCRIPTS) and its words in two languages. Nothing in it can reach a network: its
Content-Security-Policy lets only this style and this program run. All that comes from the user is
data, which the program writes as text, never as markup.
"""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from .contents import contents
from .model import Graph
from .wording import Look

SCRIPTS = ("dom", "numbers", "places", "scene", "play", "panel", "training", "main")


def page(
    graph: Graph, look: Look, history: Any = None, depth: int | None = None
) -> str:
    """Make the page of a graph.

    history: a Recorder, or what its to_dict() gave: the training is shown too, on the graph as
        colours and beside it as lines, with a slider over its steps.
    depth: modules that lie so deep are folded when the page opens; None leaves it to the page.
    Raises MissingExtraError: no layout engine, or no latex2mathml; OptionError: too many nodes;
    GradientError: a history of no step.
    """
    data = contents(graph, look, history, depth)
    style, program = _file("style.css"), _program()
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(program)}; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "LANGUAGE": look.language, "THEME": "dark" if look.theme == "dark" else "",
        "POLICY": policy, "STYLE": style, "PROGRAM": program,
        "TITLE": escape(", ".join(data["title"])), "DATA": inlined(data),
        "WORDS": inlined(words()),
    }
    # in one pass, so that nothing in a part is taken for a place to fill
    pieces = _file("index.html").split("§")
    return "".join(parts[p] if i % 2 else p for i, p in enumerate(pieces))


class Player:
    """A page that plays a graph: shows itself in a notebook, and saves itself.

    html: the page's text.
    """

    def __init__(self, html: str, height: int) -> None:
        self.html = html
        self.height = height

    def save(self, path: str | Path) -> Path:
        """Save the page; gives the path."""
        path = Path(path)
        path.write_text(self.html, encoding="utf-8", newline="\n")
        return path

    def view(self) -> Path:
        """Open the page in the web browser; gives its path."""
        import webbrowser

        path = self.save(Path(mkdtemp(prefix="tinygrad_jp_")) / "player.html")
        webbrowser.open(path.as_uri())
        return path

    def _repr_html_(self) -> str:
        # a frame of its own, which may run the page's program and nothing else
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="tinygrad_jp" '
            f'width="100%" height="{self.height}" style="border: 1px solid #8888"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Player {len(self.html):,} characters>"


def inlined(data: Any) -> str:
    """Write JSON that can stand in a page: no sign in it starts a tag or ends a line."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@cache
def words() -> dict[str, Any]:
    """Read the words of the page in: key -> [Japanese, English]."""
    import tomllib

    texts = tomllib.loads(_file("words.toml"))
    return {key: [pair["ja"], pair["en"]] for key, pair in texts.items()}


@cache
def _program() -> str:
    parts = [_file(f"{name}.js") for name in SCRIPTS]
    return "(() => {\n\"use strict\";\n" + "\n".join(parts) + "})();\n"


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath("player", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
