"""Globs for files, as configuration files write them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class FileGlob:
    """A glob for files below a folder.

    `*` and `?` stop at `/`, `**` does not. Without a `/` the name of a file or of a folder above it is meant,
    at any depth; a folder stands for all that is in it.
    """

    text: str
    folder: Path

    def matches(self, path: str | Path) -> bool:
        """Say whether a file is meant; `path` is absolute or relative to the working directory."""
        inside = os.path.relpath(Path(path).absolute(), self.folder)
        return self._expression.fullmatch(inside.replace(os.sep, "/")) is not None

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        text = self.text.removeprefix("./").removesuffix("/")
        anywhere = "" if "/" in text else "(?:.*/)?"
        return re.compile(f"{anywhere}{_translated(text.removeprefix('/'))}(?:/.*)?", re.DOTALL)


def _translated(text: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meaning.get(part) or re.escape(part) for part in parts)
