"""Arrays in a safetensors file: written so that a kill at any moment loses nothing, read checked.

A file is written beside its place, forced to the disk, and renamed, so at every moment the old one
or the new one is there, whole. Its metadata holds a SHA-256 of all that is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DTypeError, FileFormatError, missing

Array = Any
DTYPES = {
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
    "float32", "float64", "complex64",
}
CHECKSUM = "sha256"
WRITER = {"written_by": "tinygrad_jp"}  # so that a damaged name of the checksum is noticed


def write(
    path: Any, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays and texts to a safetensors file, whole or not at all.

    Raises DTypeError for an array that the format cannot hold, OSError where nothing can be
    written, MissingExtraError without safetensors; then the old file is as it was.
    """
    try:
        from safetensors.numpy import save
    except ImportError:
        raise missing("safetensors", "io") from None
    ready = {name: storable(name, array) for name, array in arrays.items()}
    words = {**WRITER, **(metadata or {})}
    words[CHECKSUM] = digest(ready, words)
    replace(path, save(ready, words))


def storable(name: str, array: Array) -> Array:
    """Give an array as the format holds it: in order of rows, of this machine's byte order."""
    # order="C": safetensors writes the raw memory, whatever the strides; a 0-d array stays 0-d
    array = np.asarray(array, order="C")
    array = array.astype(array.dtype.type, copy=False)
    if array.dtype.name not in DTYPES or name == "__metadata__":
        raise DTypeError("save_dtype", name=name, dtype=array.dtype)
    return array


def read(path: Any) -> tuple[dict[str, Array], dict[str, str]]:
    """Read the arrays and texts of a safetensors file; the arrays are new, and may be written.

    Raises FileFormatError for a file that is cut off, altered, or no safetensors file, for one with
    a dtype NumPy does not have; FileNotFoundError; MissingExtraError without safetensors.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise missing("safetensors", "io") from None
    path = os.fspath(path)
    if not os.path.isfile(path):
        with open(path, "rb"):  # FileNotFoundError, IsADirectoryError, in the system's own words
            pass
    try:
        with safe_open(path, framework="np") as file:
            words = dict(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as reason:
        raise FileFormatError("file_broken", path=path, reason=str(reason)) from None
    except (AttributeError, TypeError) as reason:  # bfloat16, float8: not NumPy's
        raise FileFormatError("file_dtype", path=path, reason=str(reason)) from None
    expected = words.pop(CHECKSUM, None)  # other programs' files have none
    is_ours = WRITER.items() <= words.items() or expected is not None
    if is_ours and expected != digest(arrays, words):
        raise FileFormatError("file_checksum", path=path)
    return arrays, words


def digest(arrays: Mapping[str, Array], words: Mapping[str, str]) -> str:
    """Give the SHA-256 of named arrays and texts, whatever their order."""
    facts = [[name, a.dtype.name, a.shape] for name, a in sorted(arrays.items())]
    total = hashlib.sha256(json.dumps([facts, sorted(words.items())]).encode())
    for name in sorted(arrays):
        total.update(arrays[name].reshape(-1).view(np.uint8))
    return total.hexdigest()


def replace(path: Any, content: bytes) -> None:
    """Put a file in place of another so that at every moment one of them is there, whole."""
    target = Path(os.path.realpath(path))  # through a link, not instead of it
    with beside(target) as part:
        with open(part, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, target)
    sync_folder(target.parent)


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Lend a file name of one's own in the folder of `target`; what is left there is removed."""
    sweep(target)
    part = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(3).hex()}.part")
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def sweep(target: Path) -> None:
    """Remove what killed writers of `target` have left behind."""
    start, end = f".{target.name}.", ".part"
    with suppress(OSError):
        for name in os.listdir(target.parent):
            pid = name[len(start) : -len(end)].partition("-")[0]
            if name.startswith(start) and name.endswith(end) and not is_alive(pid):
                (target.parent / name).unlink(missing_ok=True)


def is_alive(pid: str) -> bool:
    """Tell whether a process is running here; in doubt, that it is."""
    if not pid.isdigit() or os.name != "posix":  # Windows: os.kill would kill it
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to the disk, where the system lets one."""
    with suppress(OSError):  # Windows does not open folders; some file systems do not sync them
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
