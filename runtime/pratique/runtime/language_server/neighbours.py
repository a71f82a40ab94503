"""The policies beside a document: those of its workspace folder, as they are on disk.

Bounded on all sides, since a folder may be anything: what is too much is left out, and `notice` says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from pratique.compiler import ir
from pratique.grammar.limits import POLICY_LIMITS
from pratique.grammar.source import Source
from pratique.runtime.inputs import KUSTOMIZATIONS, SUFFIXES, Inputs, read_inputs
from pratique.runtime.policy_files import concerns_policies, policies_of

MAX_ENTRIES: Final = 50_000
"""Files and folders that are looked at."""

MAX_FILES: Final = 5_000
"""Files of YAML and JSON that are read."""

MAX_POLICIES: Final = 300
"""Policies that a document is analysed together with."""

MAX_BYTES: Final = 1024 * 1024
"""Of one file; larger ones are no policies that people write."""

SKIPPED: Final = frozenset({"node_modules", "__pycache__"})
"""Folders that are not entered, besides hidden ones."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was when it was read; `state` is size and times."""

    state: tuple[int, int, int]
    policies: tuple[ir.Policy, ...]


class Neighbours:
    """The policies of folders; files that did not change are not read again."""

    def __init__(self) -> None:
        self._files: dict[Path, dict[str, _File]] = {}
        self._fresh: set[Path] = set()
        self.notice = ""

    def look_again(self) -> None:
        """Look through the folders again when they are asked for next."""
        self._fresh.clear()

    def policies(self, folder: Path) -> dict[str, tuple[ir.Policy, ...]]:
        """Return the policies of a folder by file; those beyond `MAX_POLICIES` are left out, file by file."""
        if folder not in self._fresh:
            self._fresh.add(folder)
            self._refresh(folder)
        found: dict[str, tuple[ir.Policy, ...]] = {}
        room = MAX_POLICIES
        for path, file in self._files[folder].items():
            room -= len(file.policies)
            if room < 0:
                self.notice = f"{folder} holds more than {MAX_POLICIES} policies: some are left out"
                break
            if file.policies:
                found[path] = file.policies
        return found

    def _refresh(self, folder: Path) -> None:
        known = self._files.get(folder, {})
        found: dict[str, _File] = {}
        walk = _Walk(folder)
        for path, state in walk.files():
            file = known.get(path)
            found[path] = file if file is not None and file.state == state else _File(state, _read(path))
        self._files[folder] = found
        self.notice = walk.notice or self.notice


class _Walk:
    """A bounded walk through a folder, in the order of names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.notice = ""

    def files(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        """Yield the paths of files that may hold policies, with their states."""
        seen = files = 0
        for root, folders, names in os.walk(self._folder, followlinks=False):
            folders[:] = sorted(name for name in folders if name[0] != "." and name not in SKIPPED)
            seen += len(folders) + len(names)
            if seen > MAX_ENTRIES:
                self.notice = f"{self._folder} holds more than {MAX_ENTRIES} files: some are left out"
                return
            for name in sorted(names):
                if not name.endswith(SUFFIXES) or name in KUSTOMIZATIONS:
                    continue
                path = os.path.join(root, name)  # noqa: PTH118 - thousands of them
                try:
                    status = os.stat(path)  # noqa: PTH116
                except OSError:
                    continue
                if status.st_size > MAX_BYTES:
                    continue
                files += 1
                if files > MAX_FILES:
                    self.notice = f"{self._folder} holds more than {MAX_FILES} YAML files: some are left out"
                    return
                yield path, (status.st_size, status.st_mtime_ns, status.st_ino)


_LIMITS: Final = replace(POLICY_LIMITS, max_bytes=MAX_BYTES)


def _read(path: str) -> tuple[ir.Policy, ...]:
    """Return the policies of a file."""
    return tuple(
        each for source in read_inputs([path], limits=_LIMITS).sources for each in policies_in(source)
    )


def policies_in(source: Source) -> tuple[ir.Policy, ...]:
    """Return the policies of a text; what is wrong there is told where it is edited."""
    if len(source.text) > MAX_BYTES or not concerns_policies(source.text):
        return ()
    return policies_of(Inputs(sources=(source,))).policies.policies


unsaved_policies: Final = lru_cache(maxsize=32)(policies_in)
"""The same for a text that an editor holds; those of the last texts are kept."""
