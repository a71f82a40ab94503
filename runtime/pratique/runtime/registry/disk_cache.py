"""Bytes under names in a folder, for processes that come one after another or at once.

A file must be a regular one of this user, in a folder that nobody else may write, say for what it was
written, be whole, and be young enough. Anything else is a miss, and what is damaged or foreign is deleted.
What the bytes *mean* is checked anew by who reads them (`caching.py`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pratique.runtime.strict_json import StrictJsonError, parse

FOLDER: Final = "registry-1"
"""Name of the folder under `--cache-dir`; the number is that of the format."""

MAX_BYTES: Final = 1 << 30
MAX_FILES: Final = 100_000
TRIMMED: Final = 0.9
"""Part of the bounds that is left after the least recently used files are deleted."""

_MAX_HEADER: Final = 16 << 10
_TEMPORARY: Final = ".writing-"
_ABANDONED_S: Final = 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """What was kept: a note about the bytes (a media type), and the bytes."""

    note: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    """How much is kept."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _File:
    used: float
    size: int
    path: Path


class DiskCache:
    """A folder of records, bounded in bytes and files.

    No method raises `OSError`: a folder that cannot be used is told once as a warning, and then does without
    (F20, F23, N5).

    Args:
        folder: the folder of all caches (`--cache-dir`); made when it is first written to.
        max_bytes: bound on all files together.
        max_files: bound on their number.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = MAX_BYTES,
        max_files: int = MAX_FILES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder / FOLDER
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._clock = clock
        self._is_usable: bool | None = None
        self._is_writable = True
        self._written = 0
        self.is_slow = False
        """Whoever waits for it has given it up."""
        self.hits = 0
        self.misses = 0
        """Questions whose answer was kept, and those that had to be asked elsewhere; counted by who asks."""
        self._lock = threading.Lock()

    def read(self, key: tuple[str, ...], *, max_age: float | None, max_bytes: int) -> Record | None:
        """Return what was kept under `key` in the last `max_age` seconds (None for ever), else None."""
        if not self._usable(create=False):
            return None
        path = self._path(key)
        try:
            content = _regular(path, max_bytes + _MAX_HEADER)
        except OSError:
            return None
        found = None if content is None else _record(content, key)
        if found is None:
            _delete(path)
            return None
        stored, record = found
        # A time to come is no time at which anything was learned.
        if max_age is not None and not 0 <= self._clock() - stored < max_age:
            return None
        if len(record.body) > max_bytes:
            return None
        with suppress(OSError):
            os.utime(path)
        return record

    def write(self, key: tuple[str, ...], note: str, body: bytes) -> None:
        """Keep bytes under `key`: whole or not at all, whoever else writes."""
        if not self._is_writable or not self._usable(create=True):
            return
        header = {
            "key": key,
            "stored": int(self._clock()),
            "note": note,
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        path = self._path(key)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _replace(path, json.dumps(header).encode() + b"\n" + body)
        except OSError as error:
            self._is_writable = False
            _log.warning("the cache %s cannot be written: %s", self.folder, error.strerror)
            return
        self._written += len(body)
        if self._written > self._max_bytes // 8:
            self.trim()

    def discard(self, key: tuple[str, ...]) -> None:
        """Delete what is kept under `key`."""
        if self._usable(create=False):
            _delete(self._path(key))

    def trim(self) -> None:
        """Delete the least recently used files beyond the bounds, and what interrupted writers left."""
        if not self._written:
            return
        self._written = 0
        now = self._clock()
        files = []
        for file in self._files():
            if file.path.name.startswith(_TEMPORARY) and now - file.used > _ABANDONED_S:
                _delete(file.path)
            else:
                files.append(file)
        total = sum(file.size for file in files)
        if total <= self._max_bytes and len(files) <= self._max_files:
            return
        files.sort(key=lambda file: (-file.used, file.path.name))
        while files and (total > TRIMMED * self._max_bytes or len(files) > TRIMMED * self._max_files):
            oldest = files.pop()
            total -= oldest.size
            _delete(oldest.path)

    def usage(self) -> Usage:
        """Return how much is kept."""
        sizes = [file.size for file in self._files()]
        return Usage(len(sizes), sum(sizes))

    def clear(self) -> Usage:
        """Delete everything that is kept and nothing else, and return how much it was."""
        files = list(self._files())
        for file in files:
            _delete(file.path)
        for path in (*{file.path.parent for file in files}, self.folder):
            with suppress(OSError):
                path.rmdir()
        return Usage(len(files), sum(file.size for file in files))

    def _path(self, key: tuple[str, ...]) -> Path:
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self.folder / name[:2] / name[2:]

    def _files(self) -> Iterator[_File]:
        """Yield the files of the folder; those that vanish meanwhile are left out."""
        if not self._usable(create=False):
            return
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(OSError):
                info = path.lstat()
                if stat.S_ISREG(info.st_mode):
                    yield _File(info.st_mtime, info.st_size, path)

    def _usable(self, *, create: bool) -> bool:
        """Say whether the folder is there and can be trusted; found out once it is there."""
        with self._lock:
            if self._is_usable is None:
                try:
                    if create:
                        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    problem = _distrust(self.folder)
                except FileNotFoundError:
                    return False
                except OSError as error:
                    problem = error.strerror or type(error).__name__
                self._is_usable = not problem
                if problem:
                    _log.warning("the cache %s is not used: %s", self.folder, problem)
            return self._is_usable


def _distrust(folder: Path) -> str:
    """Return why nothing in `folder` may be believed, empty if it may.

    Raises:
        OSError: the folder cannot be looked at.
    """
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode):
        return "it is not a folder"
    if info.st_uid != os.geteuid():
        return "it belongs to another user"
    if info.st_mode & 0o022:
        return "others may write it (chmod 700, or delete it)"
    if info.st_mode & 0o055:
        folder.chmod(0o700)
    return ""


def _regular(path: Path, max_bytes: int) -> bytes | None:
    """Return the bytes of a regular file of this user, None for any other file and one that is too large."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_size > max_bytes:
            return None
        return file.read(max_bytes + 1)


def _record(content: bytes, key: tuple[str, ...]) -> tuple[int, Record] | None:
    """Return when a file was written and what is in it; None if it is damaged or about something else."""
    line, newline, body = content.partition(b"\n")
    if not newline or len(line) > _MAX_HEADER:
        return None
    try:
        header: Any = parse(line)
    except StrictJsonError:
        return None
    match header:
        case {"key": list(named), "stored": int(stored), "note": str(note), "sha256": str(digest)}:
            if tuple(named) == key and hashlib.sha256(body).hexdigest() == digest:
                return stored, Record(note, body)
        case _:
            pass
    return None


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        _delete(Path(temporary))
        raise


def _delete(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
