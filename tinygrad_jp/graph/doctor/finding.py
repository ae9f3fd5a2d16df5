"""One thing that the doctor found: what, where, how much, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ...errors import Language, text_in
from ..wording import number, shape

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, eq=False)
class Finding:
    """An illness, with its place.

    kind      a word for it, "dead_relu"; also the key of its text: a title; what is wrong;
              what to do
    severity  "error": this cannot learn as it is; "warning": it learns badly, or not what was
              meant; "note": good to know
    place     where, in words: a parameter's path, or an operation and its id
    nodes     ids in the graph, which a drawing marks
    line      the source line that made it, where that was watched
    numbers   what was measured
    """

    kind: str
    severity: Severity
    place: str
    nodes: tuple[str, ...] = ()
    line: str | None = None
    numbers: dict[str, Any] = field(default_factory=dict)

    def said(self, language: Language) -> tuple[str, str, str]:
        """Give a title, what is wrong, and what to do, in a language."""
        facts = {name: _shown(value) for name, value in self.numbers.items()}
        whole = text_in(language, self.kind, place=self.place, **facts)
        title, what, cure = whole.split("\n")
        return title, what, cure

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, for JSON."""
        return {
            "kind": self.kind, "severity": self.severity, "place": self.place,
            "nodes": list(self.nodes), "line": self.line, "numbers": self.numbers,
        }


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return shape(value)
    return value if isinstance(value, str) else number(value)
