"""What stands in a trust root, for people and as JSON: who is trusted, when, and whether it still counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pratique.runtime.decision import RootLine
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.validity import Window, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One authority or log.

    Attributes:
        kind: `certificate authority`, `transparency log`, `certificate log` or `timestamp authority`.
        name: subject of the certificate, URL of the log, or else the id of its key.
    """

    kind: str
    name: str
    window: Window


def entries(root: TrustRoot) -> Iterator[Entry]:
    """Yield what a root trusts, authorities first; a certificate's own end closes an open period."""
    for authority in root.authorities.all:
        end = authority.anchor.not_valid_after_utc
        window = Window(authority.window.start, min(end, authority.window.end or end))
        subject = authority.anchor.subject.rfc4514_string()
        yield Entry(kind="certificate authority", name=subject, window=window)
    for kind, logs in (("transparency log", root.logs), ("certificate log", root.ct_logs)):
        for log in logs.keys:
            yield Entry(kind=kind, name=log.url or log.id, window=log.window)
    for stamps in root.timestamps:
        certificate = stamps.signer or stamps.roots[0]
        name = certificate.subject.rfc4514_string()
        yield Entry(kind="timestamp authority", name=name, window=stamps.window)


def root_lines(roots: Iterable[TrustRoot]) -> tuple[RootLine, ...]:
    """Return what is worth knowing of trust roots, their age first of all."""
    from pratique.runtime.signatures.root_sources import describe, utc_now

    return tuple(
        RootLine(
            name=root.name,
            version=root.version,
            source=str(root.origin.source),
            place=root.origin.place,
            checked_at=root.origin.checked_at,
            expires=root.origin.expires,
            newest=root.newest,
            text=describe(root, utc_now()),
        )
        for root in roots
    )


def root_json(root: TrustRoot, now: datetime) -> dict[str, Any]:
    """Return a root as JSON; what is open or unknown is null."""
    origin = root.origin
    return {
        "name": root.name,
        "digest": f"sha256:{root.version}",
        "source": origin.source,
        "place": origin.place,
        "checkedAt": _moment(origin.checked_at),
        "expires": _moment(origin.expires),
        "newestEntry": _moment(root.newest),
        "outOfDate": root.is_past(now),
        "entries": [
            {
                "kind": entry.kind,
                "name": entry.name,
                "start": _moment(entry.window.start),
                "end": _moment(entry.window.end),
                "inUse": entry.window.contains(now),
            }
            for entry in entries(root)
        ],
    }


def root_text(root: TrustRoot, now: datetime) -> str:
    """Return a root for people: a line on its age, then one per entry. Names are made safe to print."""
    from pratique.runtime.signatures.root_sources import describe

    lines = [describe(root, now)]
    if root.is_past(now):
        lines.append("  everything in it has ended: run `pratique root update`, or take a newer file")
    for entry in entries(root):
        state = "in use " if entry.window.contains(now) else "ended  "
        if entry.window.is_after(now):
            state = "to come"
        start, end = _moment(entry.window.start) or "ever", _moment(entry.window.end) or ""
        lines.append(f"  {state} {entry.kind} {entry.name}, from {start}{f' to {end}' if end else ''}")
    return "".join(f"{_printable(line)}\n" for line in lines)


def _moment(when: datetime | None) -> str | None:
    return None if when is None else rfc3339(when)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
