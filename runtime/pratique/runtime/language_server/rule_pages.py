"""Manual pages of rules as files that an editor can open: what the code of a diagnostic links to."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Final

from pratique.compiler.lint.base import catalogue
from pratique.compiler.lint.manual import page

FOLDER: Final = "rules"
"""Name of the folder of pages in the folder of caches."""

_log = logging.getLogger(__name__)


def write_pages(folder: Path | None) -> dict[str, str]:
    """Write the page of every rule below `folder`, the user's caches; return their URIs by code.

    Without a folder, or where it cannot be written, there are no pages, which costs the links alone.
    """
    if folder is None:
        return {}
    pages = folder / FOLDER
    try:
        pages.mkdir(parents=True, exist_ok=True)
        return {rule.code: _write(pages / f"{rule.code}.md", page(rule)) for rule in catalogue()}
    except OSError as error:
        _log.warning("diagnostics have no links to manual pages: %s", error)
        return {}


def _write(path: Path, text: str) -> str:
    """Write a file, in one piece and only where it differs; return its URI."""
    data = text.encode()
    if not path.is_file() or path.read_bytes() != data:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    return path.absolute().as_uri()
