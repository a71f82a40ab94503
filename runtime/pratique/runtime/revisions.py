"""Files of a git revision: read from the object database, with nothing checked out.

Asks the `git` that is installed and never a shell. Names, sizes, counts and times are bounded; hooks, filters
and the network play no part, since only trees and blobs are read.

References: git-ls-tree(1), git-cat-file(1), git-rev-parse(1).
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from pratique.grammar.errors import PolicyError, TransportError, UsageError
from pratique.grammar.limits import RESOURCE_LIMITS, Limits, show_size
from pratique.grammar.source import Source
from pratique.grammar.text import decode
from pratique.runtime.inputs import KUSTOMIZATIONS, SUFFIXES, Inputs, show

MAX_FILES: Final = 10_000
MAX_TREE_BYTES: Final = 32 * 2**20
"""Bytes of one listing of names."""

MAX_TOTAL_BYTES: Final = 256 * 2**20
TIMEOUT_S: Final = 60.0
"""Seconds of one command of git."""

_LINK, _SUBMODULE = "120000", "160000"


def read_revision(
    revision: str, paths: Sequence[str], *, folder: Path | None = None, limits: Limits = RESOURCE_LIMITS
) -> Inputs:
    """Return the texts of files, folders and globs as they are in a revision; names read `REVISION:path`.

    Folders and names are taken as `pratique.runtime.inputs.read_inputs` takes them: `*.yaml`, `*.yml` and
    `*.json` of folders, links to files followed inside the revision. A path that the revision does not have
    is a notice, since it may be new; submodules are not entered.

    Args:
        revision: anything that names a commit.
        paths: relative to `folder`, or absolute.
        folder: where git is asked; by default the current folder.
        limits: `max_bytes` of each file.

    Raises:
        UsageError: there is no such revision, or a path lies outside the repository.
        TransportError: git cannot be asked, or there is no repository.
    """
    git = _Git(folder or Path.cwd())
    return _Reader(git, revision, git.commit(revision), limits).read(paths)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A name of a tree: `path` relative to the folder, `full` to the root of the repository."""

    mode: str
    size: int
    path: str
    full: str


class _Git:
    """The commands that are asked, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._program = shutil.which("git") or ""
        if not self._program:
            raise TransportError("git-unavailable", "revisions are read with git, which is not installed")
        inside = self._run("rev-parse", "--show-prefix", max_bytes=65_536)
        if inside is None:
            raise TransportError(
                "git-failed", f"{show(str(folder))} is in no git repository that can be read"
            )
        self.prefix = os.fsdecode(inside).removesuffix("\n")

    def commit(self, revision: str) -> str:
        """Return the hash of a commit."""
        if not revision or revision.startswith("-") or not revision.isprintable():
            raise UsageError(f"{revision!a} is not the name of a revision")
        found = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", max_bytes=4096
        )
        name = (found or b"").decode("ascii", "replace").strip()
        if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name):
            raise UsageError(f"there is no revision {show(revision)}")
        return name

    def tree(self, commit: str, path: str) -> bytes:
        """Return the listing of what is at or below `path`, relative to the folder; empty for all."""
        where = ("--", path) if path else ()
        found = self._run("ls-tree", "-r", "-z", "-l", commit, *where, max_bytes=MAX_TREE_BYTES)
        if found is None:
            raise UsageError(f"{show(path)} lies outside the repository")
        return found

    def blobs(self, names: Sequence[str], max_bytes: int) -> bytes:
        """Return what `cat-file --batch` says of names, links followed."""
        asked = b"".join(os.fsencode(name) + b"\n" for name in names)
        found = self._run("cat-file", "--batch", "--follow-symlinks", max_bytes=max_bytes, given=asked)
        if found is None:
            raise TransportError("git-failed", "git could not read the files of a revision")
        return found

    def _run(self, *arguments: str, max_bytes: int, given: bytes = b"") -> bytes | None:
        """Return what a command prints; None where it fails."""
        command = [self._program, "--no-pager", "--literal-pathspecs", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_TRACE")}
        environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
        with tempfile.TemporaryFile() as asked:
            asked.write(given)
            asked.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603 (no shell; no argument can be taken for an option)
                    command,
                    cwd=self.folder,
                    env=environment,
                    stdin=asked,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except OSError as error:
                raise TransportError("git-failed", f"git cannot be run: {error.strerror or error}") from error
            with process:
                return _answer(process, max_bytes)


def _answer(process: subprocess.Popen[bytes], max_bytes: int) -> bytes | None:
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(TIMEOUT_S, stop)
    timer.start()
    try:
        found = _bytes(process.stdout, max_bytes + 1)
        if len(found) > max_bytes:
            process.kill()
            raise TransportError("too-large", f"git answers with more than {show_size(max_bytes)}")
        code = process.wait()
    finally:
        timer.cancel()
    if late.is_set():
        raise TransportError("git-failed", f"git does not answer within {TIMEOUT_S:g} s")
    return found if code == 0 else None


def _bytes(stream: IO[bytes] | None, count: int) -> bytes:
    return stream.read(count) if stream else b""


class _Reader:
    def __init__(self, git: _Git, revision: str, commit: str, limits: Limits) -> None:
        self._git = git
        self._revision = revision
        self._commit = commit
        self._limits = limits
        self._errors: list[PolicyError] = []
        self._notices: list[str] = []

    def read(self, paths: Sequence[str]) -> Inputs:
        entries: dict[str, _Entry] = {}
        for path in paths:
            for entry in self._named(path):
                entries.setdefault(entry.full, entry)
            if len(entries) > MAX_FILES:
                text = f"more than {MAX_FILES:,} files of {show(self._revision)} were named"
                return Inputs(errors=(PolicyError("too-many-files", text),))
        sources = [decoded for entry in self._readable(entries) for decoded in self._decoded(*entry)]
        return Inputs(sources=tuple(sources), errors=tuple(self._errors), notices=tuple(self._notices))

    def _name(self, path: str) -> str:
        return f"{self._revision}:{path}"

    def _error(self, code: str, message: str) -> None:
        self._errors.append(PolicyError(code, message))

    # --- names -------------------------------------------------------------------------------------

    def _named(self, path: str) -> list[_Entry]:
        """Return the files that one argument names, in order."""
        if not path or "\0" in path:
            self._error("no-such-file", f"{path!a} is not the name of a file")
            return []
        if Path(path).is_absolute():
            path = os.path.relpath(path, self._git.folder.resolve())
        path = posixpath.normpath(Path(path).as_posix())
        full = posixpath.normpath(posixpath.join(self._git.prefix, path))
        found = self._below(path)
        if not found and any(c in path for c in "*?["):
            fixed = path[: min(path.index(c) for c in "*?[" if c in path)].rpartition("/")[0]
            wanted = _glob(full)
            found = [entry for entry in self._below(fixed) if wanted.fullmatch(entry.full)]
        elif [entry.full for entry in found] != [full]:
            found = [
                entry
                for entry in found
                if entry.path.endswith(SUFFIXES) and posixpath.basename(entry.path) not in KUSTOMIZATIONS
            ]
        if not found:
            self._notices.append(f"{show(self._name(path))}: no such file, or no policy file in it")
        return found

    def _below(self, path: str) -> list[_Entry]:
        listing = self._git.tree(self._commit, "" if path in ("", ".") else path)
        found = []
        for line in listing.split(b"\0"):
            about, tab, name = line.partition(b"\t")
            if tab:
                mode, _, _, size = about.decode("ascii", "replace").split()
                text = os.fsdecode(name)
                full = posixpath.normpath(posixpath.join(self._git.prefix, text))
                found.append(_Entry(mode, int(size) if size.isdigit() else 0, posixpath.normpath(text), full))
        return sorted(found, key=lambda entry: entry.path)

    # --- bytes -------------------------------------------------------------------------------------

    def _readable(self, entries: dict[str, _Entry]) -> Iterator[tuple[_Entry, bytes]]:
        """Yield what can be read with its bytes."""
        wanted: list[_Entry] = []
        total = 0
        for entry in entries.values():
            name = show(self._name(entry.path))
            total += entry.size
            if entry.mode == _SUBMODULE:
                self._notices.append(f"{name}: submodules are not entered")
            elif "\n" in entry.full:
                self._error("unreadable-file", f"{name}: the name holds a line end")
            elif entry.size > self._limits.max_bytes:
                self._error("too-large", f"{name} is larger than {show_size(self._limits.max_bytes)}")
            else:
                wanted.append(entry)
        if total > MAX_TOTAL_BYTES:
            text = f"the files of {show(self._revision)} hold more than {show_size(MAX_TOTAL_BYTES)}"
            self._error("too-large", text)
        elif wanted:
            names = [f"{self._commit}:{entry.full}" for entry in wanted]
            links = sum(entry.mode == _LINK for entry in wanted)
            room = total + links * self._limits.max_bytes + 4096 * len(wanted)
            answer = self._git.blobs(names, min(room, MAX_TOTAL_BYTES))
            yield from self._taken_apart(answer, wanted)

    def _taken_apart(self, answer: bytes, wanted: Sequence[_Entry]) -> Iterator[tuple[_Entry, bytes]]:
        """Yield the bytes of each name: a header line `hash type size`, the bytes, a line end."""
        start = 0
        for entry in wanted:
            end = answer.find(b"\n", start)
            header = answer[start:end].rsplit(b" ", 2)
            size = int(header[-1]) if header[-1].isdigit() else 0
            start = end + 1
            if header[-1] != b"missing":
                data, start = answer[start : start + size], start + size + 1
            if len(header) == 3 and header[1] == b"blob":
                yield entry, data
            elif entry.mode == _LINK:
                self._notices.append(f"{show(self._name(entry.path))}: links to no file of this revision")
            else:
                self._error("unreadable-file", f"{show(self._name(entry.path))}: git does not have it")

    def _decoded(self, entry: _Entry, data: bytes) -> Iterator[Source]:
        if len(data) > self._limits.max_bytes:
            name = show(self._name(entry.path))
            self._error("too-large", f"{name} is larger than {show_size(self._limits.max_bytes)}")
            return
        try:
            yield decode(data, self._name(entry.path))
        except PolicyError as error:
            self._errors.append(error)


def _glob(pattern: str) -> re.Pattern[str]:
    """Return the expression of a glob over paths: `**` any folders, `*`, `?` and `[...]` within a name."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]\\]+\])", pattern)
    return re.compile("".join(_piece(part) for part in parts))


def _piece(part: str) -> str:
    match part:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
        case _ if part.startswith("[") and part.endswith("]"):
            inner = part[1:-1]
            return f"[^{_range(inner[1:])}]" if inner.startswith("!") else f"[{_range(inner)}]"
        case _:
            return re.escape(part)


def _range(text: str) -> str:
    return re.escape(text).replace("\\-", "-")
