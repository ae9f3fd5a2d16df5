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
from typing import Any

from .contents import contents
from .model import Graph
from .wording import Look

SCRIPTS = ("dom", "numbers", "places", "scene", "play", "panel", "main")


def page(graph: Graph, look: Look) -> str:
    """Make the page of a graph.

    Raises MissingExtraError: no layout engine, or no latex2mathml; OptionError: too many nodes.
    """
    data = contents(graph, look)
    style, program = _file("style.css"), _program()
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(program)}; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "LANGUAGE": look.language, "POLICY": policy, "STYLE": style, "PROGRAM": program,
        "TITLE": escape(", ".join(data["title"])), "DATA": inlined(data),
        "WORDS": inlined(words()),
    }
    # in one pass, so that nothing in a part is taken for a place to fill
    pieces = _file("index.html").split("§")
    return "".join(parts[p] if i % 2 else p for i, p in enumerate(pieces))


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
