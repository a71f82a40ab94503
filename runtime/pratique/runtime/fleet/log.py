"""The log of a scan: what was found, as it was found. It is state, result and input of a merge in one.

A text file of one record a line, each with its checksum. Records are only added: a process that is killed
leaves whole records and at most one torn line at the end, which the next one cuts off. What a class of
resources came to counts in every later run, since it is kept under the digest of all that it depends on;
resources count as the last run has listed them.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

from pratique.grammar import __version__
from pratique.grammar.errors import UsageError
from pratique.runtime.decision import ResourceId
from pratique.runtime.fleet.inventory import Place
from pratique.runtime.fleet.judge import Root, Verdict
from pratique.runtime.fleet.records import resource_json, resource_of
from pratique.runtime.inputs import show

FORMAT: Final = 1
MAX_LINE: Final = 64 << 20
_CHECKSUM: Final = 8
"""Hexadecimal digits in front of a record, and a blank."""
_RESOURCE: Final = b'["resource",'

Record: TypeAlias = list[Any]
"""The kind of a record, and what it says: `scan` HEADER, `class` or `unasked` ID RESULTS, `root` ROOT, `run`,
`resource` PLACE ID CLASS, `end` TOTALS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a log is about.

    Attributes:
        about: what must be the same for two runs to be one: by name, texts that can be compared.
        shard: which part of the inventory: its 0-based number, and how many there are.
        policies: number of policies that are asked.
        rules: number of their rules.
        notices: what is worth a word.
    """

    about: Mapping[str, str]
    shard: tuple[int, int] = (0, 1)
    policies: int = 0
    rules: int = 0
    notices: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "format": FORMAT,
            "madeBy": __version__,
            "about": dict(self.about),
            "shard": list(self.shard),
            "policies": self.policies,
            "rules": self.rules,
            "notices": list(self.notices),
        }


class LogError(UsageError):
    """A file is no log of a scan, is damaged, or is the log of another scan."""


@dataclass(slots=True)
class Contents:
    """What stands in a log.

    Attributes:
        header: None for an empty one.
        classes: where the record of each class begins, in bytes.
        unasked: classes among them of which something could not be asked.
        resources: where the records of the last run begin.
        totals: what the last run said at its end; None if it has not come to one.
        size: bytes of whole records.
    """

    header: Header | None = None
    classes: dict[str, int] = field(default_factory=dict)
    unasked: set[str] = field(default_factory=set)
    roots: list[Root] = field(default_factory=list)
    resources: int = 0
    totals: dict[str, Any] | None = None
    size: int = 0


def read_log(path: Path) -> Contents:
    """Return what stands in a log; a torn line at its end does not count.

    Raises:
        LogError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            return _contents(file, show(str(path)))
    except OSError as error:
        raise LogError(f"{show(str(path))}: {error.strerror}") from error


def _contents(file: BinaryIO, name: str) -> Contents:
    found = Contents()
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        body = _body(line)
        if number > 1 and body is not None and body.startswith(_RESOURCE):
            found.size += len(line)  # most of a log, and of no concern here
            continue
        record = _record(body)
        if record is None:
            if line.endswith(b"\n") or file.read(1):
                raise LogError(f"{name}:{number}:1: the log is damaged here; delete it to begin anew")
            break  # torn by the end of the process that wrote it
        begin, found.size = found.size, found.size + len(line)
        if number == 1:
            found.header = _header(record, name)
        elif not _take(found, record, begin):
            raise LogError(f"{name}:{number}:1: the log holds what this version does not know")
    return found


def _take(found: Contents, record: Record, begin: int) -> bool:
    """Take note of a record behind the first; say whether it is known."""
    match record:
        case ["class" | "unasked" as kind, str(id), list()]:
            found.classes[id] = begin
            (found.unasked.add if kind == "unasked" else found.unasked.discard)(id)
        case ["root", dict(root)]:
            found.roots.append(root)
        case ["run"]:
            found.resources, found.totals = found.size, None
        case ["end", dict(totals)]:
            found.totals = totals
        case _:
            return False
    return True


def _header(record: Record, name: str) -> Header:
    match record:
        case ["scan", {"format": found, "madeBy": by}] if found != FORMAT:
            raise LogError(f"{name}: the log is of another version of pratique ({show(str(by))})")
        case [
            "scan",
            {
                "about": dict(about),
                "shard": [int(number), int(of)],
                "policies": int(policies),
                "rules": int(rules),
                "notices": list(notices),
            },
        ]:
            return Header(
                about=about,
                shard=(number, of),
                policies=policies,
                rules=rules,
                notices=tuple(map(str, notices)),
            )
        case _:
            raise LogError(f"{name}: this is not the log of a scan")


def _body(line: bytes) -> bytes | None:
    """Return what a line says; None for a line that is not whole."""
    if not line.endswith(b"\n") or line[_CHECKSUM : _CHECKSUM + 1] != b" ":
        return None
    body = line[_CHECKSUM + 1 : -1]
    return body if line[:_CHECKSUM] == b"%08x" % zlib.crc32(body) else None


def _record(body: bytes | None) -> Record | None:
    """Return the record that a line says; None if it says none."""
    if body is None:
        return None
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, list) else None


def _line(record: Record) -> bytes:
    body = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


class Log:
    """A log that is written. One process writes at a time."""

    def __init__(self, path: Path, header: Header) -> None:
        """Open a log, new or begun, for a run.

        Raises:
            LogError: another process writes it, it is damaged, or it is that of another scan.
        """
        self.path = path
        name = show(str(path))
        try:
            # Appended to: whatever else happens, nothing that was written is written over.
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b")
        except OSError as error:
            raise LogError(f"{name}: {error.strerror}") from error
        try:
            _lock(self._file, name)
            known = _contents(self._file, name)
            if known.header is not None:
                _same(known.header, header, name)
            self._file.truncate(known.size)
        except BaseException:
            self._file.close()
            raise
        self.known = known
        self._at = known.size
        if known.header is None:
            self._add(["scan", header.to_json()])
        self._add(["run"])

    @property
    def classes(self) -> Mapping[str, int]:
        """The classes that are known, those included of which something could not be asked."""
        return self.known.classes

    def close(self) -> None:
        """Write what is held back, and close the file."""
        self._file.close()

    def add_class(self, id: str, verdict: Verdict) -> None:
        """Take what was found of a class; it is written at once."""
        self.known.classes[id] = self._at
        self._add(["unasked" if verdict.unasked else "class", id, verdict.results])
        self._file.flush()

    def add_root(self, root: Root) -> None:
        """Take note of a trust root, once."""
        if root not in self.known.roots:
            self.known.roots.append(root)
            self._add(["root", root])

    def add_resource(self, place: Place, resource: ResourceId, id: str) -> None:
        """Take the class of a resource; resources come in the order of their places."""
        self._add(["resource", list(place), resource_json(resource), id])

    def end(self, totals: Mapping[str, Any]) -> None:
        """Say that the run has seen everything."""
        self._add(["end", dict(totals)])
        self._file.flush()
        os.fsync(self._file.fileno())

    def _add(self, record: Record) -> None:
        line = _line(record)
        self._file.write(line)
        self._at += len(line)


def _lock(file: BinaryIO, name: str) -> None:
    try:
        import fcntl
    except ImportError:  # not on this system: whoever runs two scans into one file sees it as damaged
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise LogError(f"{name}: another scan is writing it") from error


def _same(known: Header, wanted: Header, name: str) -> None:
    differing = differences(known, wanted)
    if differing:
        raise LogError(
            f"{name} is the log of another scan: {' and '.join(differing)} differ"
            f"{'s' if len(differing) == 1 else ''}; name another file, or delete this one to begin anew"
        )


def differences(one: Header, other: Header) -> list[str]:
    """Return the names of what two logs are not agreed about, their shards among them."""
    names = sorted({*one.about, *other.about})
    found = [name for name in names if one.about.get(name) != other.about.get(name)]
    return [*found, "shard"] if one.shard != other.shard else found


class LogReader:
    """A finished log, for reports."""

    def __init__(self, path: Path) -> None:
        """Read what stands in it.

        Raises:
            LogError: it cannot be read, or its scan has not come to its end.
        """
        self.path = path
        self.contents = read_log(path)
        if self.contents.header is None or self.contents.totals is None:
            raise LogError(f"{show(str(path))}: the scan has not come to its end; run it again to finish it")
        self.header = self.contents.header
        self.totals = self.contents.totals
        self._file = path.open("rb")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def results(self, id: str) -> list[dict[str, Any]]:
        """Return what was found of a class, as `result_json` writes it.

        Raises:
            LogError: it is not there.
        """
        begin = self.contents.classes.get(id)
        if begin is None:
            raise LogError(f"{show(str(self.path))}: the verdict of a resource is missing")
        self._file.seek(begin)
        record = _record(_body(self._file.readline(MAX_LINE)))
        results: list[dict[str, Any]] = record[2] if record else []
        return results

    def resources(self) -> Iterator[tuple[Place, ResourceId, str]]:
        """Yield the resources of the last run in order: place, coordinates, class."""
        with self.path.open("rb") as file:
            file.seek(self.contents.resources)
            while line := file.readline(MAX_LINE):
                match _record(_body(line)):
                    case ["resource", place, resource, id]:
                        yield tuple(place), resource_of(resource), id
                    case ["end", _]:
                        return
                    case _:
                        pass
