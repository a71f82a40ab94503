"""Changing files: as a whole or not at all, and only what was read."""

from __future__ import annotations

import os
import stat
import tempfile
from difflib import unified_diff
from pathlib import Path
from typing import Final

from pratique.grammar.errors import PolicyError, UsageError
from pratique.grammar.source import Source
from pratique.grammar.text import decode
from pratique.runtime.inputs import show

_MARK: Final = b"\xef\xbb\xbf"


def replace_text(before: Source, after: str) -> None:
    """Write a text over the file that another was read from.

    The file is replaced in one step, with its permissions; of a link, the file that it leads to. A byte order
    mark stays.

    Raises:
        UsageError: the file has changed since it was read, is no regular file, or cannot be written.
    """
    path = Path(os.path.realpath(before.name))
    try:
        content = path.read_bytes()
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or not _is(content, before):
            raise UsageError(f"{show(before.name)} has changed since it was read: it is left as it is")
        if not os.access(path, os.W_OK):
            raise UsageError(f"{show(before.name)} cannot be written: permission denied")
        mark = _MARK if content.startswith(_MARK) else b""
        _replace(path, mark + after.encode(), status)
    except OSError as error:
        raise UsageError(f"{show(before.name)} cannot be written: {error.strerror}") from error


def _is(content: bytes, source: Source) -> bool:
    try:
        return decode(content, source.name).text == source.text
    except PolicyError:
        return False


def _replace(path: Path, content: bytes, status: os.stat_result) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(stat.S_IMODE(status.st_mode))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def unified(before: Source, after: Source) -> str:
    """Return the change of a text as `patch` and `git apply -p0` read it."""
    old, new = (source.text.splitlines(keepends=True) for source in (before, after))
    lines = []
    for line in unified_diff(old, new, before.name, after.name):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)
