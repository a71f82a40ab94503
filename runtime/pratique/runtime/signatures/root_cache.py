"""Copies of TUF repositories on disk: one file each, replaced whole, so that nobody reads half of one (F20).

What stands in a file is believed only once `tuf.prove` has said so: who can change the cache can take a copy
away, and nothing more (F24).
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from pratique.runtime.signatures.tuf import Kept, Mirror

MAX_CACHE_BYTES: Final = 16 << 20
RETRY_AFTER: Final = timedelta(minutes=10)
"""How long a mirror that failed is left alone while there is something to go on with."""

_log = logging.getLogger(__name__)


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    url: str
    checked_at: AwareDatetime
    target: Base64Bytes
    files: Annotated[dict[str, Base64Bytes], Field(max_length=512)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCache:
    """The copy of one repository; `folder` None keeps nothing."""

    folder: Path | None
    mirror: Mirror

    def read(self) -> Kept | None:
        """Return what was kept, unproved; None if there is nothing that can be read."""
        path = self._path("json")
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                data = file.read(MAX_CACHE_BYTES + 1)
            if len(data) > MAX_CACHE_BYTES:
                raise ValueError("too large")
            document = _Document.model_validate_json(data)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, ValidationError) as error:
            _log.warning("%s is no copy of a trust root and is not used: %s", path, _short(error))
            return None
        return Kept(files=document.files, target=document.target, checked_at=document.checked_at)

    def write(self, kept: Kept) -> None:
        """Keep a copy in place of the one before; a disk that takes none is worth a warning (N5)."""
        path = self._path("json")
        if path is None:
            return
        # Constructed, not validated: the fields hold bytes, and base64 is made of them when they are written.
        document = _Document.model_construct(
            url=self.mirror.url, checked_at=kept.checked_at, target=kept.target, files=dict(kept.files)
        )
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=path.parent, delete=False) as file:
                try:
                    file.write(document.model_dump_json().encode())
                    file.close()
                    Path(file.name).replace(path)
                except OSError:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            _log.warning("the trust root %s is not kept in %s: %s", self.mirror.name, path, _short(error))
            return
        self._forget_failure()

    def has_failed_lately(self, now: datetime) -> bool:
        """Say whether the mirror failed within `RETRY_AFTER`, as far as was noted."""
        path = self._path("failed")
        try:
            failed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path else None
        except OSError:
            return False
        return failed_at is not None and timedelta(0) <= now - failed_at < RETRY_AFTER

    def note_failure(self, now: datetime) -> None:
        """Note that the mirror failed."""
        path = self._path("failed")
        if path is None:
            return
        with suppress(OSError):  # what cannot be noted is tried again sooner
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch()
            os.utime(path, (now.timestamp(), now.timestamp()))

    def _forget_failure(self) -> None:
        path = self._path("failed")
        if path is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _path(self, suffix: str) -> Path | None:
        """Return a file of its own for each repository, first root and target: none answers for another."""
        if self.folder is None:
            return None
        parts = (self.mirror.url.encode(), self.mirror.anchor, self.mirror.target.encode())
        mark = sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()[:16]
        return self.folder / "trust" / f"{self.mirror.name}-{mark}.{suffix}"


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return error.errors(include_url=False, include_input=False)[0]["msg"]
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
