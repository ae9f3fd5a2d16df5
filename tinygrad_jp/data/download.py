"""Files that come over the network once: checked by SHA-256, tried at every mirror, then kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DownloadError, FileFormatError, missing


def data_folder() -> Path:
    """Give the folder where data sets are kept: TINYGRAD_JP_DATA, or the user's cache."""
    chosen = os.environ.get("TINYGRAD_JP_DATA")
    if chosen:
        return Path(chosen).expanduser()
    return Path(import_pooch().os_cache("tinygrad_jp"))


def fetch(file: str, sha256: str, mirrors: Sequence[str], *, offline: str) -> Path:
    """Give the path of a file, downloaded at the first use and whenever its checksum is wrong.

    mirrors: addresses of folders that hold the file, tried in turn.
    offline: the function to use where there is no network, named in the error.
    Raises DownloadError if no mirror gives a file with this checksum; MissingExtraError without
    pooch.
    """
    pooch = import_pooch()
    folder = data_folder()
    # stream=False: a refused request then leaves no socket open
    downloader = pooch.HTTPDownloader(timeout=10, progressbar=False, stream=False)
    failures: list[Exception] = []
    for mirror in mirrors:
        try:
            path = pooch.retrieve(
                url=f"{mirror}{file}", known_hash=f"sha256:{sha256}", fname=file, path=folder,
                downloader=downloader,
            )
            return Path(path)
        except (OSError, ValueError) as reason:  # no network, no such file, wrong checksum
            failures.append(reason)
    tried = "; ".join(f"{type(f).__name__}: {short(f)}" for f in failures)
    raise DownloadError(
        "download", file=file, reason=tried, offline=offline, folder=str(folder)
    ) from failures[-1]


def damaged(path: Path, reason: Exception | str) -> FileFormatError:
    """Make the error for a kept file that cannot be read."""
    if isinstance(reason, Exception):
        reason = f"{type(reason).__name__}: {short(reason)}"
    return FileFormatError("data_damaged", file=str(path), reason=reason)


def short(reason: Exception) -> str:
    """Give an error's first sixty characters on one line."""
    line = " ".join(str(reason).split())
    return line if len(line) <= 60 else line[:59] + "…"


def import_pooch() -> Any:
    """Import pooch, silent about what it does."""
    try:
        import pooch
    except ImportError:
        raise missing("pooch", "data") from None
    pooch.get_logger().setLevel("WARNING")
    return pooch
