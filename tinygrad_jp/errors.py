"""Every exception; its text says what went wrong, where, and how to repair it.

Texts are in `messages/`, in Japanese and English; the language is chosen when a text is shown,
from `set_language`, then TINYGRAD_JP_LANG, then the locale. An error keeps its facts (shapes,
names, values) as attributes, so that a program can read them.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from typing import Any, Literal

from numpy.linalg import LinAlgError

Language = Literal["ja", "en"]
_chosen: list[Language | None] = [None]


def set_language(language: Language | None) -> None:
    """Choose the language of errors, warnings and pictures: "ja", "en", or None for the locale.

    Raises OptionError for any other value.
    """
    if language not in ("ja", "en", None):
        raise OptionError("language", given=language)
    _chosen[0] = language


def language() -> Language:
    """Give the language in force."""
    if _chosen[0] is not None:
        return _chosen[0]
    for variable in ("TINYGRAD_JP_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        name = os.environ.get(variable, "")
        if name.partition(".")[0] not in ("", "C", "POSIX"):  # "C.UTF-8" says no language
            break
    else:
        from locale import getlocale  # Windows and macOS; 1 ms, and most programs show no error

        name = getlocale()[0] or ""
    return "ja" if name.lower().startswith(("ja", "japanese")) else "en"


def text(key: str, **facts: Any) -> str:
    """Fill in the text of `key` in the language in force."""
    return text_in(language(), key, **facts)


def text_in(chosen: Language, key: str, /, **facts: Any) -> str:
    """Fill in the text of `key` in this language."""
    return messages()[key][chosen].format(**facts)


@cache
def messages() -> dict[str, dict[Language, str]]:
    """Read every text in, at the first one that is shown: key -> language -> text."""
    import tomllib
    from importlib.resources import files

    texts: dict[str, dict[Language, str]] = {}
    for part in files(__package__).joinpath("messages").iterdir():
        if part.name.endswith(".toml"):
            texts |= tomllib.loads(part.read_text(encoding="utf-8"))
    return texts


class Phrase:
    """A text inside another one, put into words when that one is shown."""

    def __init__(self, key: str, **facts: Any) -> None:
        self.key = key
        self.facts = facts

    def __str__(self) -> str:
        return text(self.key, **self.facts)


class TinygradError(Exception):
    """What every error of this package is; `key` names the text and `facts` fill it.

    failure: the operation that raised it and its arguments, if one did; tj.draw(error) shows them.
    """

    failure: Any = None

    def __init__(self, key: str, **facts: Any) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts

    def __str__(self) -> str:
        return text(self.key, **self.facts)

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.key, self.facts)


def _rebuild(kind: type[TinygradError], key: str, facts: dict[str, Any]) -> TinygradError:
    return kind(key, **facts)


class ShapeError(TinygradError, ValueError):
    """Shapes that do not fit."""


class DTypeError(TinygradError, TypeError):
    """A dtype that cannot do what is asked."""


class GradientError(TinygradError, RuntimeError):
    """A gradient that cannot be had: no graph, a freed one, or one whose arrays changed."""


class RuleError(TinygradError, TypeError):
    """A NumPy function that a Tensor cannot take part in."""


class ArgumentError(TinygradError, TypeError):
    """A call with arguments that the function does not take."""


class OptionError(TinygradError, ValueError):
    """An argument whose value makes no sense here."""


class PositionError(OptionError, IndexError):
    """An index outside the Tensor."""


class MatrixError(TinygradError, LinAlgError):
    """A matrix that has no inverse, no Cholesky factor, no converging decomposition."""


class LabelError(TinygradError, IndexError):
    """A class index outside the number of classes."""


class StateDictError(TinygradError, KeyError, RuntimeError):
    """A state dict whose keys or shapes do not fit the module."""

    __str__ = TinygradError.__str__


class FileFormatError(TinygradError, ValueError):
    """A file that is cut off, altered, or of another format."""


class NonFiniteError(TinygradError, FloatingPointError):
    """A NaN or an infinity where there must be none."""


class GradcheckError(TinygradError, AssertionError):
    """A derivative that disagrees with numerical differentiation."""


class LawError(TinygradError, AssertionError):
    """A property that a function, a rule, a module or an optimizer should have, and has not."""


class RegistryError(TinygradError, ValueError):
    """A rule that cannot be registered."""


class MissingExtraError(TinygradError, ImportError):
    """An optional package that is not installed."""


class AbsentNameError(TinygradError, ImportError):
    """A name that Keras has and the Keras front does not.

    An ImportError, for `from ... import` would put its own text over an AttributeError's.
    """


class RenderError(TinygradError, RuntimeError):
    """A picture that the layout engine could not draw."""


class ScriptError(TinygradError, RuntimeError):
    """A script that raised an error of its own, which is this one's cause.

    names: the script's variables, where it had got far enough to have some.
    """

    names: dict[str, Any] | None = None


class DownloadError(TinygradError, OSError):
    """A data set that could not be had over the network."""


class CompileError(TinygradError, TypeError):
    """A function that cannot be compiled as it stands."""


class ProgramError(TinygradError, AssertionError):
    """A compiled program that is not well formed, or computes what eager execution does not."""


class GuardError(TinygradError, RuntimeError):
    """A call that a compiled program was not made for; seen by `compile`, which goes on eagerly."""


class TinygradWarning(UserWarning):
    """What every warning of this package is."""


def warn(key: str, stacklevel: int = 3, **facts: Any) -> None:
    """Warn with the text of `key`."""
    warnings.warn(text(key, **facts), TinygradWarning, stacklevel=stacklevel)


def missing(package: str, extra: str) -> MissingExtraError:
    """Make the error for an optional package that is not installed."""
    return MissingExtraError("missing_extra", package=package, extra=extra)
