"""Which trust roots there are by name, and how each is had: file, fresh copy, mirror, what is embedded.

The order for a root with a mirror: the copy on disk while it is fresh; the mirror; the last good root, which
is the copy until its publisher's word expires, else the embedded root unless a newer one was seen before.
Past that it is an error: a root that is too old refuses good signatures, and that must not read as `fail`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.signatures.trust_root import MAX_BYTES, Origin, Source, TrustRoot
from pratique.runtime.signatures.validity import rfc3339
from pratique.runtime.trust_options import DEFAULT, NAME, RootChoice, TrustOptions
from pratique.runtime.user_folders import cache_folder, config_folder

if TYPE_CHECKING:
    from pratique.runtime.signatures.root_cache import RootCache
    from pratique.runtime.signatures.tuf import Kept, Mirror, Proved

FRESH_FOR: Final = timedelta(hours=24)
"""How long a copy is used before its mirror is asked again."""

_WELL_KNOWN: Final = {
    DEFAULT: "https://tuf-repo-cdn.sigstore.dev",
    "staging": "https://tuf-repo-cdn.sigstage.dev",
    "github": "https://tuf-repo.github.com",
}
"""The public-good Sigstore, its test bed, and the one that signs GitHub's artifact attestations."""

_log = logging.getLogger(__name__)


class Registration(BaseModel):
    """A repository that the user has named; `root` None stands for the well-known first root of that name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mirror: str
    root: str | None = None
    target: str = "trusted_root.json"


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


def load_roots(options: TrustOptions, now: Callable[[], datetime] = utc_now) -> tuple[TrustRoot, ...]:
    """Return the trust roots of a run, in order.

    Raises:
        UsageError: there is no root of a name.
        TransportError: `trust-unavailable`, `trust-stale`, `trust-invalid`.
    """
    roots = tuple(_load(choice, options, now()) for choice in options.roots)
    for root in roots:
        _log.debug("trusted root %s", describe(root, now()))
    return roots


def _load(choice: RootChoice, options: TrustOptions, now: datetime) -> TrustRoot:
    if choice.path is not None:
        return read_root(choice.path, choice.name)
    return obtain(find_mirror(choice.name), offline=options.offline, cache=options.cache, now=now)


def describe(root: TrustRoot, now: datetime) -> str:
    """Return one line about a root: name, content, where from, and its age."""
    origin = root.origin
    parts = [f"{root.name} (sha256:{root.version[:12]}) from {origin.source} {origin.place}"]
    if origin.checked_at is not None:
        parts.append(f"checked {age(now - origin.checked_at)} ago")
    if origin.expires is not None:
        parts.append(f"vouched for until {rfc3339(origin.expires)}")
    if root.newest is not None:
        parts.append(f"newest entry of {rfc3339(root.newest)}")
    return ", ".join(parts)


def age(span: timedelta) -> str:
    """Return a span of time in its largest unit that is not below one: minutes, hours, days."""
    minutes = max(0, int(span.total_seconds() // 60))
    for unit, size in (("days", 24 * 60), ("h", 60)):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"


def read_root(path: Path, name: str = "") -> TrustRoot:
    """Return the trust root in a file.

    Raises:
        TransportError: `trust-unavailable` where it cannot be read, `trust-invalid` where it is none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TransportError(
            "trust-unavailable", f"the trust root {path} cannot be read: {reason}"
        ) from error
    return TrustRoot.from_json(data, name or str(path), Origin(source=Source.FILE, place=str(path)))


# --- repositories ----------------------------------------------------------------------------------------


def obtain(mirror: Mirror, *, offline: bool, cache: Path | None, now: datetime) -> TrustRoot:
    """Return the root of a repository, in the order that the module tells.

    Asks the network at most once in `FRESH_FOR`, and after a failure at most once in `RETRY_AFTER` while
    there is something to go on with. Blocks while it does so: it is called before the first image is asked
    for, when nothing else is under way.

    Raises:
        TransportError: `trust-unavailable`, `trust-stale`, `trust-invalid`.
    """
    from pratique.runtime.signatures import tuf
    from pratique.runtime.signatures.root_cache import RootCache

    store = RootCache(folder=cache_folder(cache), mirror=mirror)
    kept = store.read()
    proved: Proved | None = None
    problem: TransportError | None = None
    if kept is not None:
        try:
            proved = tuf.prove(mirror, kept)
        except TransportError as error:
            problem = error
    if proved and (offline or timedelta(0) <= now - proved.kept.checked_at < FRESH_FOR):
        return _root(mirror, proved, Source.CACHE)
    # What was seen once must not be forgotten for something older, unless it never was what it says.
    seen = kept.target if kept and problem and problem.code == "trust-stale" else None
    embedded = _embedded(mirror, not_older_than=seen)
    if not offline and not ((proved or embedded) and store.has_failed_lately(now)):
        try:
            return _refreshed(mirror, store, kept)
        except TransportError as error:
            problem = error
            store.note_failure(now)
    if proved:
        root = _root(mirror, proved, Source.CACHE)
    elif embedded:
        root = embedded
    else:
        raise problem or _nothing_offline(mirror)
    if not offline:
        why = problem.message.partition(". ")[0] if problem else f"{mirror.url} failed a short time ago"
        _log.warning("%s; the last good one is used: %s", why, describe(root, now))
    return root


def update(mirror: Mirror, *, cache: RootCache) -> TrustRoot:
    """Return the root that the mirror has now, and keep it. Nothing is kept of what does not verify.

    Raises:
        TransportError: `trust-unavailable`, `trust-stale`, `trust-invalid`.
    """
    return _refreshed(mirror, cache, cache.read())


def _refreshed(mirror: Mirror, cache: RootCache, kept: Kept | None) -> TrustRoot:
    from pratique.runtime.signatures import tuf

    proved = tuf.refresh(mirror, kept)
    root = _root(mirror, proved, Source.MIRROR)
    cache.write(proved.kept)
    return root


def _root(mirror: Mirror, proved: Proved, source: Source) -> TrustRoot:
    origin = Origin(
        source=source, place=mirror.url, checked_at=proved.kept.checked_at, expires=proved.expires
    )
    return TrustRoot.from_json(proved.kept.target, mirror.name, origin)


def _embedded(mirror: Mirror, *, not_older_than: bytes | None) -> TrustRoot | None:
    """Return the public-good root of the installed package where it stands for `mirror`'s; else None."""
    if mirror.anchor != _first_root(DEFAULT):
        return None
    root = TrustRoot.production()
    if not_older_than is not None:
        seen = TrustRoot.from_json(not_older_than, mirror.name).newest
        if seen is not None and (root.newest is None or root.newest < seen):
            return None
    return root


def _nothing_offline(mirror: Mirror) -> TransportError:
    return TransportError(
        "trust-unavailable",
        f"there is no copy of the trust root {mirror.name}, and --offline forbids to fetch it: run `pratique"
        f" root update {mirror.name}` while there is a network, or give --trusted-root FILE",
    )


# --- names -----------------------------------------------------------------------------------------------


def names() -> tuple[str, ...]:
    """Return the names of all repositories: the well-known, then the registered, sorted."""
    folder = _registrations()
    found = sorted(p.stem for p in folder.glob("*.json")) if folder else []
    return (*_WELL_KNOWN, *(name for name in found if name not in _WELL_KNOWN))


def find_mirror(name: str) -> Mirror:
    """Return the repository of a name; what the user has registered takes the place of what is well known.

    Raises:
        UsageError: there is none.
    """
    from pratique.runtime.signatures.tuf import Mirror

    registration = _registered(name)
    if registration is not None:
        anchor = registration.root.encode() if registration.root else _first_root(name)
        return Mirror(name=name, url=registration.mirror, anchor=anchor, target=registration.target)
    if name not in _WELL_KNOWN:
        known = ", ".join(names())
        raise UsageError(
            f"there is no trust root {name!r}: neither a file nor one of {known};"
            " `pratique root init` makes one known"
        )
    return Mirror(name=name, url=_WELL_KNOWN[name], anchor=_first_root(name))


def register(name: str, url: str, root: bytes | None, target: str) -> Mirror:
    """Return the repository that will go by `name` once `save` has been called with it.

    Raises:
        UsageError: the URL is none, or there is no first root to check the mirror against.
    """
    from pratique.runtime.signatures.tuf import Mirror

    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query:
        raise UsageError(f"{url!r} is not the http(s) URL of a mirror")
    if root is None and name not in _WELL_KNOWN:
        raise UsageError(
            f"--root FILE is needed: nothing is known that a mirror of {name} is checked against"
        )
    return Mirror(
        name=name,
        url=url.rstrip("/"),
        anchor=_first_root(name) if root is None else root,
        target=target,
    )


def save(mirror: Mirror) -> Path:
    """Keep a repository under its name for later runs, and return the file.

    Raises:
        UsageError: there is no place for it.
    """
    folder = _registrations()
    own = mirror.name in _WELL_KNOWN and mirror.anchor == _first_root(mirror.name)
    registration = Registration(
        mirror=mirror.url, root=None if own else mirror.anchor.decode(), target=mirror.target
    )
    if folder is None:
        raise UsageError("there is no home directory: set HOME or XDG_CONFIG_HOME")
    path = folder / f"{mirror.name}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(registration.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return path


def remove(name: str) -> Path:
    """Forget what was registered under a name and return the file that held it.

    Raises:
        UsageError: nothing was.
    """
    folder = _registrations()
    path = folder / f"{name}.json" if folder and NAME.fullmatch(name) else None
    try:
        if path is None:
            raise FileNotFoundError
        path.unlink()
    except OSError as error:
        raise UsageError(f"there is no trust root {name!r} that was made known by `root init`") from error
    return path


def _registered(name: str) -> Registration | None:
    folder = _registrations()
    if folder is None or not NAME.fullmatch(name):
        return None
    path = folder / f"{name}.json"
    try:
        with path.open("rb") as file:
            return Registration.model_validate_json(file.read(MAX_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise UsageError(
            f"{path} names no trust root: run `pratique root remove {name}` or `pratique root init`"
        ) from error


def _registrations() -> Path | None:
    folder = config_folder()
    return folder / "roots" if folder else None


@lru_cache(maxsize=8)
def _first_root(name: str) -> bytes:
    """Return the TUF root that comes along for a well-known name; empty, which verifies nothing, for others.

    GitHub's is version 3 as its command line ships it.
    """
    if name == "github":
        return resources.files("pratique.runtime.signatures").joinpath("github_tuf_root.json").read_bytes()
    if name not in _WELL_KNOWN:
        return b""
    folder = quote(_WELL_KNOWN[name], safe="")
    return resources.files("sigstore._store").joinpath(folder, "root.json").read_bytes()
