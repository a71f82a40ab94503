"""What a run is told to trust: names and files of trust roots, before any of them is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT: Final = "public"
"""Name of the public-good root, which is trusted where nothing else is named."""
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RootChoice:
    """One trust root that was asked for: a file, or for None the repository of that name."""

    name: str
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustOptions:
    """What is trusted.

    Attributes:
        roots: tried in this order; a signature must hold by one of them alone.
        offline: ask no mirror.
        cache: folder of all caches; None for the user's own.
    """

    roots: tuple[RootChoice, ...] = (RootChoice(name=DEFAULT),)
    offline: bool = False
    cache: Path | None = None
