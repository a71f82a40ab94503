"""The files of an OCI image layout: on disk, or in memory for tests and throwaway registries."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Protocol

from pratique.grammar.errors import TransportError

INDEX = "index.json"
MARKER = "oci-layout"
MARKER_BODY = b'{"imageLayoutVersion":"1.0.0"}'


class LayoutFiles(Protocol):
    """The few things a layout needs from a file system; names are relative, parts joined by `/`."""

    label: str
    """What messages call the layout: its path."""

    def read(self, name: str, max_bytes: int) -> bytes | None:
        """Return the bytes of a file, None where there is none.

        Raises:
            TransportError: code `too-large` beyond `max_bytes`, `bad-layout` for what cannot be read.
        """
        ...

    def write(self, name: str, data: bytes) -> None:
        """Put a file in place in one step: readers see the old bytes or the new ones, never a part."""
        ...

    def small(self, folder: str, max_bytes: int) -> list[str]:
        """Return the names of a folder's regular files of at most `max_bytes`, sorted; none for no folder."""
        ...

    def stamp(self, name: str) -> Hashable:
        """Return a value that changes whenever the file does; None where there is no file."""
        ...


def _too_large(label: str, name: str, max_bytes: int) -> TransportError:
    return TransportError("too-large", f"layout {label}: {name} exceeds the limit of {max_bytes} bytes")


class DirectoryFiles:
    """The files of a layout folder. Only regular files are read, so that a FIFO cannot stall a run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.label = str(root)

    def read(self, name: str, max_bytes: int) -> bytes | None:
        """Return the bytes of a regular file, see `LayoutFiles.read`."""
        try:
            descriptor = os.open(self.root / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(name, error) from error
        try:
            with os.fdopen(descriptor, "rb") as file:
                info = os.fstat(file.fileno())
                if not stat.S_ISREG(info.st_mode):
                    raise TransportError("bad-layout", f"layout {self.label}: {name} is not a regular file")
                # The file may grow after fstat: the read itself is bounded too.
                data = b"" if info.st_size > max_bytes else file.read(max_bytes + 1)
        except OSError as error:
            raise self._unreadable(name, error) from error
        if info.st_size > max_bytes or len(data) > max_bytes:
            raise _too_large(self.label, name, max_bytes)
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write a temporary file beside the target and rename it."""
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def small(self, folder: str, max_bytes: int) -> list[str]:
        """Return the names of small files, see `LayoutFiles.small`."""
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(e.name for e in entries if e.is_file() and e.stat().st_size <= max_bytes)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._unreadable(folder, error) from error

    def stamp(self, name: str) -> Hashable:
        """Return inode, size and modification time in nanoseconds."""
        try:
            info = (self.root / name).stat()
        except OSError:
            return None
        return info.st_ino, info.st_size, info.st_mtime_ns

    def _unreadable(self, name: str, error: OSError) -> TransportError:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        return TransportError("bad-layout", f"layout {self.label}: cannot read {name}: {reason}")


class MemoryFiles:
    """A layout without a folder."""

    def __init__(self, label: str = "<memory>") -> None:
        self.label = label
        self._files: dict[str, tuple[int, bytes]] = {}
        self._writes = 0

    def read(self, name: str, max_bytes: int) -> bytes | None:
        """Return the bytes kept under `name`, see `LayoutFiles.read`."""
        _, data = self._files.get(name, (0, None))
        if data is not None and len(data) > max_bytes:
            raise _too_large(self.label, name, max_bytes)
        return data

    def write(self, name: str, data: bytes) -> None:
        """Keep `data` under `name`."""
        self._writes += 1
        self._files[name] = (self._writes, data)

    def small(self, folder: str, max_bytes: int) -> list[str]:
        """Return the names of small files, see `LayoutFiles.small`."""
        prefix = f"{folder}/"
        kept = self._files.items()
        return sorted(
            n.removeprefix(prefix) for n, (_, d) in kept if n.startswith(prefix) and len(d) <= max_bytes
        )

    def stamp(self, name: str) -> Hashable:
        """Return the number of the write that put the file there."""
        return self._files[name][0] if name in self._files else None
