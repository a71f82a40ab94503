"""The client of a TUF repository: one target, proved from a first root on, over the network or from a copy.

Both ways run the same client workflow. Over the network the answers come from the mirror; from a copy they
come from the copy alone, so what a cache holds is believed no more than what a mirror says (F24).

References: The Update Framework specification 1.0, section 5; python-tuf `tuf.ngclient`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final, TypeVar, cast
from urllib.parse import quote

from tuf.api import exceptions
from tuf.api.metadata import Metadata
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from pratique.grammar import __version__
from pratique.grammar.errors import TransportError
from pratique.runtime.signatures.trust_root import MAX_BYTES
from pratique.runtime.signatures.validity import rfc3339

DEADLINE_S: Final = 15.0
"""For one refresh with all its requests, whatever the mirror does meanwhile."""
MAX_FILE_BYTES: Final = 2 << 20
MAX_ROOTS: Final = 128
"""Rotations of TUF's own root that are followed in one refresh; the public-good one had 13 in 5 years."""

FILE_NAME: Final = re.compile(
    r"root_history/[0-9]{1,6}\.root\.json|[A-Za-z0-9%_-][A-Za-z0-9%_.-]{0,127}\.json"
)
"""Files of a client's folder that are kept: every root since the first, and the metadata of each role."""
_LINK: Final = "root.json"
_VERSION: Final = re.compile(r"^[0-9]+\.")
_SOCKET_TIMEOUT_S: Final = 5

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A TUF repository, and what its statements are checked against.

    Attributes:
        name: what people call the trust root that it publishes.
        url: of its metadata; targets lie under `targets/`.
        anchor: the TUF root that is trusted from the beginning (JSON); newer ones are reached from it.
        target: name of the trust root among the targets.
    """

    name: str
    url: str
    anchor: bytes = field(repr=False)
    target: str = "trusted_root.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a client keeps of a repository; nothing of it is believed until it is proved.

    Attributes:
        files: metadata by its name in the client's folder (`FILE_NAME`).
        target: bytes of the target.
        checked_at: when a mirror last confirmed it, by the clock of this machine.
    """

    files: Mapping[str, bytes] = field(repr=False)
    target: bytes = field(repr=False)
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A target that its repository vouches for until `expires`, with what proves it."""

    kept: Kept
    expires: datetime


def prove(mirror: Mirror, kept: Kept) -> Proved:
    """Return what a copy proves now. Opens no socket.

    Raises:
        TransportError: `trust-stale` if its metadata has expired, `trust-invalid` if it proves nothing.
    """
    return _run(mirror, kept, _Replay(mirror, kept), kept.checked_at)


def refresh(mirror: Mirror, kept: Kept | None, *, deadline_s: float = DEADLINE_S) -> Proved:
    """Return what the mirror proves now; what was kept is not fetched again and protects against rollback.

    Raises:
        TransportError: `trust-unavailable` (not reached, or not in time), `trust-stale` (what it has is
            expired), `trust-invalid` (it does not verify, is older than what was kept, or is too large).
    """

    def work() -> Proved:
        fetcher = _Bounded(socket_timeout=_SOCKET_TIMEOUT_S, app_user_agent=f"pratique/{__version__}")
        return _run(mirror, kept, fetcher, datetime.now(UTC))

    return _within(deadline_s, work, mirror)


class _Bounded(Urllib3Fetcher):
    """Fetches over the network; a length that metadata claims is no leave to fetch that much."""

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[Any]]:
        with ExitStack() as self._open, super().download_file(url, min(max_length, MAX_FILE_BYTES)) as file:
            yield file

    def _fetch(self, url: str) -> Iterator[bytes]:
        chunks = cast("Generator[bytes]", super()._fetch(url))
        self._open.callback(chunks.close)  # also where the rest is not wanted
        return chunks


class _Replay(FetcherInterface):
    """Answers as a mirror would that has nothing newer than the copy."""

    def __init__(self, mirror: Mirror, kept: Kept) -> None:
        self._base = f"{mirror.url}/"
        self._files = kept.files

    def _fetch(self, url: str) -> Iterator[bytes]:
        # A role's name may stand behind its version; the client checks which version it gets.
        name = _VERSION.sub("", url.removeprefix(self._base))
        data = None if name == _LINK else self._files.get(name)
        if data is None:
            raise exceptions.DownloadHTTPError("not in the copy", 404)
        return iter((data,))


def _run(mirror: Mirror, kept: Kept | None, fetcher: FetcherInterface, checked_at: datetime) -> Proved:
    try:
        with TemporaryDirectory(prefix="pratique-tuf-", ignore_cleanup_errors=True) as folder:
            return _update(mirror, kept, fetcher, checked_at, Path(folder))
    except exceptions.ExpiredMetadataError as error:
        raise _stale(mirror, str(error)) from error
    except exceptions.DownloadLengthMismatchError as error:
        raise _invalid(mirror, "it sends more than is allowed") from error
    except exceptions.DownloadHTTPError as error:
        raise _unavailable(mirror, f"HTTP status {error.status_code}") from error
    except exceptions.RepositoryError as error:
        raise _invalid(mirror, str(error) or type(error).__name__) from error
    except TransportError:
        raise
    except OSError as error:
        raise _unavailable(mirror, error.strerror or type(error).__name__) from error
    except Exception as error:  # the HTTP library's own, from the middle of a body
        raise _unavailable(mirror, type(error.__cause__ or error).__name__) from error


def _update(
    mirror: Mirror, kept: Kept | None, fetcher: FetcherInterface, checked_at: datetime, folder: Path
) -> Proved:
    metadata, targets = folder / "metadata", folder / "targets"
    (metadata / "root_history").mkdir(parents=True)
    targets.mkdir()
    if kept is not None:
        for name, data in kept.files.items():
            if FILE_NAME.fullmatch(name) and name != _LINK:
                (metadata / name).write_bytes(data)
        (targets / quote(mirror.target, safe="")).write_bytes(kept.target)
    updater = Updater(
        metadata_dir=str(metadata),
        metadata_base_url=mirror.url,
        target_dir=str(targets),
        target_base_url=f"{mirror.url}/targets",
        fetcher=fetcher,
        config=UpdaterConfig(
            max_root_rotations=MAX_ROOTS,
            snapshot_max_length=MAX_FILE_BYTES,
            targets_max_length=MAX_FILE_BYTES,
        ),
        bootstrap=mirror.anchor,
    )
    updater.refresh()
    info = updater.get_targetinfo(mirror.target)
    if info is None:
        raise _invalid(mirror, f"it has no target {mirror.target}")
    if info.length > MAX_BYTES:
        raise _invalid(mirror, f"its {mirror.target} is larger than {MAX_BYTES} bytes")
    path = Path(updater.find_cached_target(info) or updater.download_target(info))
    files, expires = _collect(metadata)
    return Proved(kept=Kept(files=files, target=path.read_bytes(), checked_at=checked_at), expires=expires)


def _collect(metadata: Path) -> tuple[dict[str, bytes], datetime]:
    """Return the files of a client's folder after its run, and when the first of the metadata expires."""
    current = Metadata.from_bytes((metadata / _LINK).read_bytes()).signed
    files: dict[str, bytes] = {}
    expires: datetime = current.expires
    for path in sorted(metadata.rglob("*.json")):
        name = path.relative_to(metadata).as_posix()
        if name == _LINK or not FILE_NAME.fullmatch(name):
            continue
        if name.startswith("root_history/"):
            if int(path.name.partition(".")[0]) > current.version:
                continue  # never reached from the anchor
        else:
            expires = min(expires, Metadata.from_bytes(path.read_bytes()).signed.expires)
        files[name] = path.read_bytes()
    return files, expires


def _within(seconds: float, work: Callable[[], _T], mirror: Mirror) -> _T:
    """Return what `work` returns if it does so in time.

    A thread, since no timeout of a socket ends an answer that comes in drops (F9); one that is given up holds
    nothing but its own folder and ends with the process.
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="pratique-tuf", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise _unavailable(mirror, f"no answer within {seconds:g} s")
    return results[0]


_CURE: Final = "or give --trusted-root FILE"


def _stale(mirror: Mirror, text: str) -> TransportError:
    now = rfc3339(datetime.now(UTC))
    return TransportError(
        "trust-stale",
        f"the trust root {mirror.name} of {mirror.url} is no longer vouched for: {text.rstrip('.')}, and the"
        f" clock of this machine says {now}. Set the clock if it is wrong; else run `pratique root update"
        f" {mirror.name}` where the mirror is reached, {_CURE}",
    )


def _invalid(mirror: Mirror, text: str) -> TransportError:
    return TransportError(
        "trust-invalid",
        f"the trust root {mirror.name} of {mirror.url} does not verify: {text}. Name another mirror with"
        f" `pratique root init`, {_CURE}",
    )


def _unavailable(mirror: Mirror, text: str) -> TransportError:
    return TransportError(
        "trust-unavailable",
        f"the trust root {mirror.name} cannot be fetched from {mirror.url}: {text}. Restore the connection"
        f" and run `pratique root update {mirror.name}`, {_CURE}",
    )
