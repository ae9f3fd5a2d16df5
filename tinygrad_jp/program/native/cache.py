"""Compiled objects kept on disk, so that the next process need not compile.

A file's name is a digest of all that its content depends on: the LLVM IR, the processor, the
versions. It begins with a digest of the object itself: a damaged or half-written file is as good as
none. Files appear whole (written aside, then renamed), so processes can share the folder. Nothing
here ever raises: without a usable folder, everything is compiled anew.

TINYGRAD_JP_CACHE names another folder; "0" keeps nothing.
"""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

MOST_FILES = 512
DIGEST = hashlib.sha256().digest_size


def folder() -> Path | None:
    """Give where objects are kept, or None."""
    chosen = os.environ.get("TINYGRAD_JP_CACHE", "")
    if chosen == "0":
        return None
    if chosen:
        return Path(chosen)
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        place = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        place = home / "Library" / "Caches"
    else:
        place = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return place / "tinygrad_jp" / "native"


def key_of(*parts: str) -> str:
    """Digest all that an object depends on."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:".encode())
        digest.update(part.encode())
    return digest.hexdigest()


def load(key: str) -> bytes | None:
    """Give the object of a key, if it is there and whole."""
    place = folder()
    if place is None:
        return None
    try:
        content = (place / f"{key}.o").read_bytes()
    except OSError:
        return None
    code = content[DIGEST:]
    return code if hashlib.sha256(code).digest() == content[:DIGEST] else None


def save(key: str, code: bytes) -> None:
    """Keep an object."""
    place = folder()
    if place is None:
        return
    with suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=place, suffix=".part", delete=False) as file:
            aside = Path(file.name)
            try:
                file.write(hashlib.sha256(code).digest() + code)
                file.close()
                aside.replace(place / f"{key}.o")
            except OSError:
                aside.unlink(missing_ok=True)
                raise
        prune(place)


def prune(place: Path) -> None:
    """Throw the oldest objects away where there are too many."""
    files = list(place.glob("*.o"))
    if len(files) <= MOST_FILES:
        return
    with suppress(OSError):
        for old in sorted(files, key=lambda f: f.stat().st_mtime)[: MOST_FILES // 4]:
            old.unlink(missing_ok=True)
