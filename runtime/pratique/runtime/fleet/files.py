"""Inventories in files: JSON lines, lists of kubectl in JSON or YAML, YAML documents; read as a stream.

Memory does not grow with the number of objects, unless policies look at other objects than the one at hand.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from pratique.grammar.errors import PolicyError, PolicyErrors, UsageError
from pratique.grammar.plain_documents import read_plain
from pratique.grammar.source import Source
from pratique.runtime.fleet.inventory import Identity, Item, Position
from pratique.runtime.fleet.pieces import Piece, pieces
from pratique.runtime.inputs import STDIN, load_resources, show

MAX_BYTES: Final = 64 << 30
"""Of one file: far more than the objects of any cluster, and less than what never ends."""

MAX_PADDING: Final = 1 << 22
"""Characters in front of a piece that are put there again to word an error."""


class FileInventory:
    """The objects of some files, in their order; to be closed."""

    def __init__(self, paths: Sequence[str], stdin: BinaryIO | None = None) -> None:
        """Open the files; `-` is standard input, which is copied to a temporary file.

        Raises:
            PolicyErrors: one cannot be read.
        """
        self._files: list[tuple[str, BinaryIO]] = []
        self.position = Position(unit="MiB")
        self.notices: tuple[str, ...] = ()
        try:
            digest = hashlib.sha256()
            for path in paths:
                name, file = _opened(path, stdin)
                self._files.append((name, file))
                digest.update(_digest(file))
                self.position.total += os.fstat(file.fileno()).st_size >> 20
        except BaseException:
            self.close()
            raise
        shown = ", ".join(name for name, _ in self._files)
        self.identity = Identity(kind="file", id=f"sha256:{digest.hexdigest()}", name=shown)
        self.namespaces: dict[str, Mapping[str, Any]] = {}
        """Namespaces by name, as far as they are known; see `look_ahead`."""

    def close(self) -> None:
        """Close the files."""
        for _, file in self._files:
            file.close()

    def look_ahead(self, *, everything: bool) -> list[dict[str, Any]]:
        """Read all of it once for what is needed of other objects; return those that rules may ask for.

        Namespaces are kept for `items`.

        Args:
            everything: return all objects; else none.
        """
        found: list[dict[str, Any]] = []
        namespaces: dict[str, Mapping[str, Any]] = {}
        for item in self.items():
            if item.data["kind"] == "Namespace" and item.data["apiVersion"] == "v1":
                namespaces[str((item.data.get("metadata") or {}).get("name"))] = item.data
            if everything:
                found.append(item.data)
        self.namespaces = namespaces
        self.position.done = 0
        return found

    def items(self) -> Iterator[Item]:
        """Yield all objects, see `Inventory`."""
        number, before = 0, 0
        for name, file in self._files:
            file.seek(0)
            for piece in _pieces(name, file):
                for data in _objects(name, piece):
                    metadata = data.get("metadata") or {}
                    namespace = self.namespaces.get(str(metadata.get("namespace") or ""))
                    yield Item(place=(number,), data=data, namespace=namespace)
                    number += 1
                self.position.done = before + (file.tell() >> 20)
            before = self.position.done


def _opened(path: str, stdin: BinaryIO | None) -> tuple[str, BinaryIO]:
    if path == STDIN:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 (closed by the inventory)
        shutil.copyfileobj(stdin or sys.stdin.buffer, copy, 1 << 20)
        copy.flush()
        return "<stdin>", copy
    name = show(path)
    try:
        # Opening a FIFO for reading waits for a writer unless it is opened without blocking.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        code = "no-such-file" if isinstance(error, FileNotFoundError) else "unreadable-file"
        raise PolicyErrors([PolicyError(code, f"{name}: {error.strerror or error}")]) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        help = "to read from a pipe, give - and use standard input"
        raise PolicyErrors([PolicyError("not-a-file", f"{name} is not a regular file", help=help)])
    if status.st_size > MAX_BYTES:
        os.close(descriptor)
        raise UsageError(f"{name} is larger than any inventory")
    return name, os.fdopen(descriptor, "rb")


def _digest(file: BinaryIO) -> bytes:
    file.seek(0)
    found = hashlib.sha256()
    while part := file.read(1 << 20):
        found.update(part)
    return found.digest()


def _pieces(name: str, file: BinaryIO) -> Iterator[Piece]:
    stream = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from pieces(stream)
    except UnicodeDecodeError as error:
        message = f"{name}: the text is not UTF-8"
        raise PolicyErrors([PolicyError("bad-encoding", message, help="save the file as UTF-8")]) from error
    finally:
        stream.detach()


def _objects(name: str, piece: Piece) -> Iterator[dict[str, Any]]:
    """Yield the objects of a piece.

    Raises:
        PolicyErrors: there is something else in it.
    """
    found, errors = load_resources([Source(name, piece.text)])
    filled = _with_defaults(name, piece) if errors and piece.defaults else None
    if filled is not None:
        yield filled
    elif errors:
        raise PolicyErrors(_placed(name, piece) or errors)
    for document in found:
        yield document.data


def _placed(name: str, piece: Piece) -> list[PolicyError]:
    """Return what is wrong with a piece, read where it stands: with its line and column in the whole."""
    if piece.line + piece.column > MAX_PADDING:
        name = f"{name} (from line {piece.line}, column {piece.column})"
        return load_resources([Source(name, piece.text)])[1]
    padded = "\n" * (piece.line - 1) + " " * (piece.column - 1) + piece.text
    return load_resources([Source(name, padded)])[1]


def _with_defaults(name: str, piece: Piece) -> dict[str, Any] | None:
    """Return the item of a typed list, which need not say what it is."""
    read = read_plain(Source(name, piece.text))
    if read.errors or len(read.documents) != 1 or not isinstance(read.documents[0].data, dict):
        return None
    data = read.documents[0].data
    if "apiVersion" in data or "kind" in data:
        return None
    return {**piece.defaults, **data}
