"""Input files: from what a command line names to sources and resources. Reads files, nothing else.

Only regular files are opened, nothing is followed for ever, and sizes are checked before reading.
"""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from pratique.grammar.errors import PolicyError
from pratique.grammar.limits import RESOURCE_LIMITS, Limits, show_size
from pratique.grammar.nodes import Document, show_path
from pratique.grammar.plain_documents import PlainDocument, read_plain
from pratique.grammar.source import Location, Source, Span
from pratique.grammar.text import decode
from pratique.grammar.yaml_tree import read_documents

MAX_FILES = 100_000
MAX_LIST_DEPTH = 4
SUFFIXES = (".yaml", ".yml", ".json")
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
STDIN = "-"

JsonPath: TypeAlias = tuple[str | int, ...]

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|git@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What was named on the command line.

    Attributes:
        sources: the texts, in the order they were named, folders sorted by path.
        errors: what could not be read.
        notices: what was read but is worth a word, such as an empty file.
    """

    sources: tuple[Source, ...] = ()
    errors: tuple[PolicyError, ...] = ()
    notices: tuple[str, ...] = ()


def read_inputs(
    paths: Sequence[str], stdin: Callable[[], bytes] | None = None, limits: Limits = RESOURCE_LIMITS
) -> Inputs:
    """Return the texts of files, folders, globs and (for `-`) standard input.

    Folders are searched through for `*.yaml`, `*.yml` and `*.json`, as `kubectl apply -R -f` does; a
    `kustomization.yaml` found there is skipped, since it is no resource, and nothing is built from it. A file
    that is named twice is read once. Links to files are followed, links to folders inside a folder are not.

    Args:
        paths: what the user named; a name that exists is never taken as a glob.
        stdin: returns the bytes of standard input; the process's own by default.
        limits: `max_bytes` of each file and of standard input.
    """
    return _Reader(stdin, limits).read(paths)


class _Reader:
    def __init__(self, stdin: Callable[[], bytes] | None, limits: Limits) -> None:
        self._stdin = stdin
        self._limits = limits
        self._sources: list[Source] = []
        self._errors: list[PolicyError] = []
        self._notices: list[str] = []
        self._seen: set[tuple[int, int]] = set()
        self._seen_stdin = False
        self._count = 0

    def read(self, paths: Sequence[str]) -> Inputs:
        try:
            for path in paths:
                self._named(path)
        except _TooManyFilesError:
            self._error("too-many-files", f"more than {MAX_FILES} files were named")
        return Inputs(sources=tuple(self._sources), errors=tuple(self._errors), notices=tuple(self._notices))

    def _error(self, code: str, message: str, help: str = "") -> None:
        self._errors.append(PolicyError(code, message, help=help))

    def _os_error(self, path: str, error: OSError) -> None:
        self._error("unreadable-file", f"{show(path)}: {error.strerror or error}")

    # --- names -------------------------------------------------------------------------------------

    def _named(self, path: str) -> None:
        if path == STDIN:
            self._standard_input()
        elif _URL.match(path):
            # Credentials in a URL must not reach a log.
            host = re.sub(r"//[^/@]*@", "//", path)
            help = "download it first, for example with curl, and give the file"
            self._error("not-a-file", f"{show(host)} is a URL; only files are read", help)
        elif not path or "\0" in path:
            self._error("no-such-file", f"{path!a} is not the name of a file")
        elif os.path.lexists(path):
            self._existing(path)
        elif glob.has_magic(path):
            self._glob(path)
        else:
            self._error("no-such-file", f"there is no file {show(path)}")

    def _glob(self, pattern: str) -> None:
        # Path.glob takes no absolute patterns.
        found = sorted(islice(glob.iglob(pattern, recursive=True), MAX_FILES + 1))  # noqa: PTH207
        if not found:
            self._error("no-such-file", f"no file matches {show(pattern)}")
        for path in found:
            self._existing(path)

    def _existing(self, path: str) -> None:
        try:
            mode = Path(path).stat().st_mode
        except OSError as error:
            self._os_error(path, error)
            return
        if stat.S_ISDIR(mode):
            self._folder(path)
        else:
            self._file(path, named=True)

    def _folder(self, folder: str) -> None:
        before = self._count

        def unreadable(error: OSError) -> None:
            self._os_error(str(error.filename), error)

        for root, folders, files in os.walk(folder, onerror=unreadable, followlinks=False):
            folders.sort()
            for name in sorted(files):
                if name.endswith(SUFFIXES) and name not in KUSTOMIZATIONS:
                    self._file(str(Path(root, name)), named=False)
        if self._count == before:
            self._notices.append(f"{show(folder)}: no {', '.join('*' + s for s in SUFFIXES)} in this folder")

    # --- bytes -------------------------------------------------------------------------------------

    def _file(self, path: str, *, named: bool) -> None:
        self._count += 1
        if self._count > MAX_FILES:
            raise _TooManyFilesError
        try:
            data = self._bytes(path)
        except OSError as error:
            self._os_error(path, error)
            return
        if data is None:
            return
        if named and not data.strip():
            self._notices.append(f"{show(path)}: the file is empty")
        self._add(data, path)

    def _bytes(self, path: str) -> bytes | None:
        """Return the content of a regular file; None if it was read before or cannot be (error recorded)."""
        # Opening a FIFO for reading waits for a writer unless it is opened without blocking.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                help = "to read from a pipe, give - and use standard input"
                self._error("not-a-file", f"{show(path)} is not a regular file", help)
                return None
            if (status.st_dev, status.st_ino) in self._seen:
                return None
            self._seen.add((status.st_dev, status.st_ino))
            if status.st_size > self._limits.max_bytes:
                self._too_large(path)
                return None
            return file.read(self._limits.max_bytes + 1)

    def _standard_input(self) -> None:
        if self._seen_stdin:
            return
        self._seen_stdin = True
        try:
            data = self._stdin() if self._stdin else sys.stdin.buffer.read(self._limits.max_bytes + 1)
        except (OSError, ValueError, AttributeError) as error:
            # Closed: ValueError; absent (sys.stdin is None): AttributeError.
            self._error("unreadable-file", f"standard input cannot be read: {error}")
            return
        if not data.strip():
            self._notices.append("<stdin>: standard input is empty")
        self._add(data, "<stdin>")

    def _add(self, data: bytes, name: str) -> None:
        if len(data) > self._limits.max_bytes:
            self._too_large(name)
            return
        try:
            self._sources.append(decode(data, name))
        except PolicyError as error:
            self._errors.append(error)

    def _too_large(self, name: str) -> None:
        self._error("too-large", f"{show(name)} is larger than {show_size(self._limits.max_bytes)}")


class _TooManyFilesError(Exception):
    """More files were named than one run reads."""


def show(path: str) -> str:
    """Return a path for a message: as it is, or escaped where it could drive a terminal."""
    return path if path.isprintable() else ascii(path)


# --- resources -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDocument:
    """A Kubernetes object from a file: a mapping with `apiVersion` and `kind`.

    Attributes:
        data: JSON data; no part is shared with another document.
        source_name: name of its source.
        line: 1-based line where the object begins.
    """

    data: dict[str, Any]
    source_name: str
    line: int


def load_resources(
    sources: Iterable[Source], limits: Limits = RESOURCE_LIMITS
) -> tuple[list[ResourceDocument], list[PolicyError]]:
    """Return the objects of all sources in order, lists taken apart, and what could not be used.

    Empty documents are skipped. A document that is no object is an error and costs only itself.
    """
    found: list[ResourceDocument] = []
    errors: list[PolicyError] = []
    for source in sources:
        reader = _ResourceReader(source, limits)
        reader.read()
        found += reader.found
        errors += reader.errors
    return found, errors


class _ResourceReader:
    """Takes the documents of one source apart."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.found: list[ResourceDocument] = []
        self.errors: list[PolicyError] = []
        self._source = source
        self._limits = limits
        self._positioned: dict[int, Document] | None = None

    def read(self) -> None:
        documents = read_plain(self._source, self._limits)
        self.errors += documents.errors
        for document in documents.documents:
            if len(self.errors) >= self._limits.max_errors:
                return
            self._object(document, document.data, (), {})

    def _object(self, document: PlainDocument, data: Any, path: JsonPath, defaults: dict[str, str]) -> None:
        """Read the object at `path`, or those of the list there; `defaults` are for items of a typed list."""
        if isinstance(data, dict) and "apiVersion" not in data and "kind" not in data:
            data = {**defaults, **data}
        problem = _problem(data)
        if problem:
            place, text = problem
            what = f"`{show_path(path)}`" if path else "the document"
            self._error("not-a-resource", f"{what} {text}", document, (*path, *place))
        elif _is_list(data):
            self._list(document, data, path)
        else:
            index = path[1] if path else None
            line = document.item_lines[index] if isinstance(index, int) else document.line
            self.found.append(ResourceDocument(data=data, source_name=self._source.name, line=line))

    def _list(self, document: PlainDocument, data: dict[str, Any], path: JsonPath) -> None:
        items = data.get("items")
        if items is not None and not isinstance(items, list):
            self._error("not-a-resource", "`items` must be a list", document, (*path, "items"))
            return
        if len(path) >= 2 * MAX_LIST_DEPTH:
            self._error("too-deep", f"lists are nested deeper than {MAX_LIST_DEPTH}", document, path)
            return
        kind = data["kind"].removesuffix("List")
        defaults = {"apiVersion": data["apiVersion"], "kind": kind} if kind else {}
        for index, item in enumerate(items or ()):
            if len(self.errors) >= self._limits.max_errors:
                return
            self._object(document, item, (*path, "items", index), defaults)

    def _error(self, code: str, message: str, document: PlainDocument, path: JsonPath) -> None:
        """Record a problem; its place is looked up in the text, which is read once more with positions."""
        if self._positioned is None:
            documents = read_documents(self._source, self._limits).documents
            self._positioned = {d.root.span.start.line: d for d in documents}
        found = self._positioned.get(document.line)
        place = found.location(path) if found else Location(self._source, Span.at(document.line, 1))
        self.errors.append(PolicyError(code, message, place))


def _is_list(data: dict[str, Any]) -> bool:
    kind = data["kind"]
    return bool(kind == "List" or (kind.endswith("List") and "items" in data))


def _problem(data: Any) -> tuple[tuple[str, ...], str] | None:
    """Return where and why `data` is no object, or None."""
    if not isinstance(data, dict):
        return (), "is no Kubernetes object: it is not a mapping"
    for field in ("apiVersion", "kind"):
        if field not in data:
            return (), f"is no Kubernetes object: it has no `{field}`"
        if not isinstance(data[field], str) or not data[field]:
            return (field,), f"is no Kubernetes object: its `{field}` is not a text"
    metadata = data.get("metadata") or {}
    if not isinstance(metadata, dict):
        return ("metadata",), "has a `metadata` that is not a mapping"
    for field, kind, word in _METADATA:
        if not isinstance(metadata.get(field) or kind(), kind):
            return ("metadata", field), f"has a `metadata.{field}` that is not a {word}"
    return None


_METADATA: tuple[tuple[str, type, str], ...] = (
    ("name", str, "text"),
    ("generateName", str, "text"),
    ("namespace", str, "text"),
    ("labels", dict, "mapping"),
    ("annotations", dict, "mapping"),
)
