"""What the programs of this folder share: words in the reader's language, and the larger examples.

Japanese where the locale is Japanese (or TINYGRAD_JP_LANG=ja), English elsewhere.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from tinygrad_jp.errors import language


def say(ja: str, en: str) -> None:
    """Print a line in the language in force."""
    print(ja if language() == "ja" else en)


def chapter(ja: str, en: str) -> None:
    """Print a heading."""
    print()
    say(f"── {ja}", f"── {en}")


def example(name: str) -> ModuleType:
    """Import a program of the folder above, such as "moons", once."""
    known = f"example_{name}"
    if known not in sys.modules:
        path = Path(__file__).resolve().parent.parent / f"{name}.py"
        spec = spec_from_file_location(known, path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[known] = module
    return sys.modules[known]
