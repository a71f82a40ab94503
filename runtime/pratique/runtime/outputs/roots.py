"""The trust roots of a run, as reports show them: which, where from, and how old."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pratique.runtime.decision import RootLine
from pratique.runtime.outputs.text import visible


def root_lines(roots: Iterable[RootLine]) -> list[str]:
    """Return a line for each root."""
    return [f"trusted root {visible(root.text)}" for root in roots]


def root_json(root: RootLine) -> dict[str, Any]:
    """Return a root as plain data; what is unknown is null."""
    return {
        "name": root.name,
        "digest": f"sha256:{root.version}",
        "source": root.source,
        "place": root.place,
        "checkedAt": _moment(root.checked_at),
        "expires": _moment(root.expires),
        "newestEntry": _moment(root.newest),
    }


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
