"""The colours of pictures: for light and dark screens, and for printing.

The hues are those of Okabe & Ito 2008, "Color Universal Design", apart for every kind of colour
vision. Kinds also differ in shape and line, for those who see or print in grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ThemeName = Literal["light", "dark", "print"]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one kind of picture, as #RRGGBB; lines and fills by kind of node."""

    background: str
    text: str
    muted: str
    edge: str
    gradient: str
    output: str
    path: str
    alarm: str
    alarm_fill: str
    lines: dict[str, str]
    fills: dict[str, str]


THEMES: dict[str, Theme] = {
    "light": Theme(
        background="#FFFFFF", text="#000000", muted="#555555", edge="#444444", gradient="#0072B2",
        output="#111111", path="#A0307A", alarm="#D55E00", alarm_fill="#FEF1E9",
        lines={"leaf": "#009E73", "operation": "#E69F00", "constant": "#666666",
               "module": "#56B4E9"},
        fills={"leaf": "#E5F5F1", "operation": "#FDF5E5", "constant": "#F7F7F7",
               "module": "#EAF6FD"},
    ),
    "dark": Theme(
        background="#16191D", text="#F2F2F2", muted="#B8BCC2", edge="#C4C8CE", gradient="#7CC4F5",
        output="#FFFFFF", path="#C77DFF", alarm="#FF8A4C", alarm_fill="#4A2A18",
        lines={"leaf": "#2FC79B", "operation": "#F0B440", "constant": "#9AA0A8",
               "module": "#6FC0F0"},
        fills={"leaf": "#12302A", "operation": "#33280F", "constant": "#24282E",
               "module": "#12293A"},
    ),
    "print": Theme(
        background="#FFFFFF", text="#000000", muted="#333333", edge="#000000", gradient="#000000",
        output="#000000", path="#000000", alarm="#000000", alarm_fill="#D9D9D9",
        lines={"leaf": "#000000", "operation": "#000000", "constant": "#000000",
               "module": "#000000"},
        fills={"leaf": "#FFFFFF", "operation": "#FFFFFF", "constant": "#FFFFFF",
               "module": "#EEEEEE"},
    ),
}
