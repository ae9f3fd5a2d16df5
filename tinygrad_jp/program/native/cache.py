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
from secrets import token_hex

MOST_FILES = 512
DIGEST = hashlib.sha256().digest_size


def folder() -> str | None:
    """Give where objects are kept, or None."""
    chosen = os.environ.get("TINYGRAD_JP_CACHE", "")
    if chosen == "0":
        return None
    if chosen:
        return chosen
    home = os.path.expanduser("~")
    if home == "~":
        return None
    if sys.platform == "win32":
        place = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        place = os.path.join(home, "Library", "Caches")
    else:
        place = os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    return os.path.join(place, "tinygrad_jp", "native")


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
        with open(os.path.join(place, f"{key}.o"), "rb") as file:
            content = file.read()
    except OSError:
        return None
    code = content[DIGEST:]
    return code if hashlib.sha256(code).digest() == content[:DIGEST] else None


def save(key: str, code: bytes) -> None:
    """Keep an object."""
    place = folder()
    if place is None:
        return
    aside = os.path.join(place, f"{token_hex(8)}.part")
    with suppress(OSError):
        os.makedirs(place, exist_ok=True)
        try:
            with open(aside, "xb", opener=own) as file:
                file.write(hashlib.sha256(code).digest() + code)
            os.replace(aside, os.path.join(place, f"{key}.o"))
        except BaseException:
            with suppress(OSError):
                os.unlink(aside)
            raise
        prune(place)


def own(path: str, flags: int) -> int:
    """Open a file that nobody else may read or write."""
    return os.open(path, flags, 0o600)


def prune(place: str) -> None:
    """Throw the oldest objects away where there are too many."""
    with suppress(OSError):
        with os.scandir(place) as entries:
            files = [e for e in entries if e.name.endswith(".o")]
        if len(files) <= MOST_FILES:
            return
        for old in sorted(files, key=lambda e: e.stat().st_mtime)[: MOST_FILES // 4]:
            with suppress(FileNotFoundError):
                os.unlink(old.path)
