"""Finding and reading configuration files."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pratique.grammar.errors import PolicyError, UsageError
from pratique.grammar.limits import MIB, show_size
from pratique.grammar.source import Location, Source
from pratique.grammar.text import decode

OWN: Final = "pratique.toml"
SHARED: Final = "pyproject.toml"
TABLE: Final = ("tool", "pratique")
"""Where the settings are in a `pyproject.toml`."""

MAX_BYTES: Final = MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFile:
    """A file with its settings.

    Attributes:
        table: keys of the table that holds the settings; empty for a file of their own.
        settings: plain data, unchecked.
    """

    path: Path
    source: Source
    table: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Return what paths in the file are relative to."""
        return Path(os.path.abspath(self.path)).parent  # noqa: PTH100 - links are not followed

    def place(self, *path: str, value: str | None = None) -> Location:
        """Return where a setting stands, or a text among its values."""
        from pratique.runtime.configuration.toml_places import locate

        return locate(self.source, (*self.table, *path), value)


def find_configuration(paths: Sequence[str], here: Path) -> ConfigurationFile | None:
    """Return the configuration for what a command line names, or None.

    It is looked for in the folder that holds all of `paths` and upwards, then in `here` and upwards; in each
    folder first as `pratique.toml`, then as `[tool.pratique]` of `pyproject.toml`. The folder of a git
    repository is the last that is looked at: what lies above is somebody else's.

    Raises:
        PolicyError: a file that was found cannot be read.
    """
    starts = [*_common_folder(paths, here), here]
    for start in dict.fromkeys(starts):
        for folder in _upwards(start):
            for name in (OWN, SHARED):
                path = folder / name
                if path.is_file() and (found := read_configuration(path, here, needed=name == OWN)):
                    return found
    return None


def _common_folder(paths: Sequence[str], here: Path) -> list[Path]:
    named = [os.path.abspath(here / path) for path in paths if path != "-" and "\0" not in path]  # noqa: PTH100
    if not named:
        return []
    common = Path(os.path.commonpath(named))
    # Of a glob, and of a file that is not there, the folder above counts.
    while not common.is_dir() and common != common.parent:
        common = common.parent
    return [common]


def _upwards(folder: Path) -> list[Path]:
    found = []
    for each in (folder, *folder.parents):
        found.append(each)
        if (each / ".git").exists():
            break
    return found


def read_configuration(path: Path, here: Path, *, needed: bool = True) -> ConfigurationFile | None:
    """Return the settings of a file; None for a `pyproject.toml` that has none, unless they are `needed`.

    Raises:
        PolicyError: it is no TOML.
        UsageError: it cannot be read, or lacks the settings that are needed.
    """
    return parsed(path, _source(path, _shown(path, here)), needed=needed)


def parsed(path: Path, source: Source, *, needed: bool = True) -> ConfigurationFile | None:
    """Return the settings in the text of a file; else as `read_configuration`.

    Raises:
        PolicyError: it is no TOML.
        UsageError: it lacks the settings that are needed.
    """
    import tomllib

    try:
        data = tomllib.loads(source.text)
    except (ValueError, RecursionError) as error:
        from pratique.runtime.configuration.toml_places import syntax_error

        message, place = syntax_error(source, error)
        raise PolicyError("toml-syntax", message, place) from error
    if path.name != SHARED:
        return ConfigurationFile(path=path, source=source, table=(), settings=data)
    found: Any = data
    for key in TABLE:
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        if needed:
            raise UsageError(f"{source.name} has no [{'.'.join(TABLE)}]")
        return None
    file = ConfigurationFile(path=path, source=source, table=TABLE, settings=found)
    if not isinstance(found, dict):
        place = replace(file, table=()).place(*TABLE)
        raise PolicyError("wrong-setting", f"`{'.'.join(TABLE)}` must be a table", place)
    return file


def _shown(path: Path, here: Path) -> str:
    """Return a path as messages name it: from the working directory, where it is below it."""
    absolute = Path(os.path.abspath(here / path))  # noqa: PTH100
    try:
        return str(absolute.relative_to(here))
    except ValueError:
        return str(path)


def _source(path: Path, name: str) -> Source:
    try:
        # Opening a FIFO waits for a writer unless it is opened without blocking.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{name} is not a regular file")
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {show_size(MAX_BYTES)}")
    return decode(content, name)
