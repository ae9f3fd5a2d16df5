"""Every text exists in both languages, says the same facts, and is used."""

import ast
import copy
import pickle
import string
from pathlib import Path

import pytest

import tinygrad_jp
from tinygrad_jp import errors
from tinygrad_jp.errors import ShapeError, TinygradError, messages, set_language, text

PACKAGE = Path(tinygrad_jp.__file__).parent
MESSAGES = {key: (texts["ja"], texts["en"]) for key, texts in messages().items()}


def fields(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("key", MESSAGES)
def test_both_languages_say_the_same_facts(key):
    ja, en = MESSAGES[key]
    assert fields(ja) == fields(en)
    assert "{}" not in ja + en
    if key != "hint_none":
        assert any("\u3040" <= c <= "\u9fff" for c in ja), "no Japanese in the Japanese text"
        assert all(ord(c) < 0x3000 for c in en), "Japanese in the English text"


def raised_keys():
    """Find each text key that the source names, and the facts given with it."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and (
                name.endswith("Error") or name in ("warn", "text", "raise_error")
            ):
                known = [k.arg for k in node.keywords]
                yield path.name, node.lineno, name, first.value, known


def test_every_raised_text_exists_with_its_facts():
    found = 0
    builtin = {"ValueError", "TypeError", "AttributeError", "KeyError", "RuntimeError",
               "IndexError", "ImportError", "ModuleNotFoundError", "NotImplementedError", "SystemError"}
    for path, line, name, key, known in raised_keys():
        if name in builtin or (name.endswith("Error") and not hasattr(errors, name)):
            continue
        found += 1
        assert key in MESSAGES, f"{path}:{line}: no text {key!r}"
        if None not in known:  # no **facts
            missing = fields(MESSAGES[key][1]) - set(known)
            assert not missing, f"{path}:{line}: text {key!r} lacks {missing}"
    assert found > 40


def test_every_text_is_used():
    source = "\n".join(p.read_text(encoding="utf-8") for p in PACKAGE.rglob("*.py"))
    unused = [key for key in MESSAGES if f'"{key}"' not in source]
    assert unused == []


def test_language_is_chosen_when_the_text_is_shown(monkeypatch):
    error = ShapeError("item_not_one", shape=(2, 3))
    set_language("ja")
    assert "形 (2, 3)" in str(error)
    set_language("en")
    assert "shape (2, 3)" in str(error)
    set_language(None)
    monkeypatch.setenv("TINYGRAD_JP_LANG", "ja_JP.UTF-8")
    assert "形" in str(error)
    monkeypatch.setenv("TINYGRAD_JP_LANG", "en")
    assert "shape" in str(error)
    monkeypatch.delenv("TINYGRAD_JP_LANG")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")  # whether or not that locale has been generated
    assert "形" in str(error)
    with pytest.raises(errors.OptionError, match="fr"):
        set_language("fr")


def test_errors_keep_their_facts_and_survive_pickling():
    error = ShapeError("item_not_one", shape=(2, 3))
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is ShapeError
        assert twin.facts == {"shape": (2, 3)}
        assert str(twin) == str(error)


def test_every_error_is_also_the_builtin_that_callers_expect():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, TinygradError)]
    for kind in kinds:
        if kind is not TinygradError:
            assert any(b.__module__ in ("builtins", "numpy.linalg") for b in kind.__bases__), kind
    assert text("hint_none") == ""
