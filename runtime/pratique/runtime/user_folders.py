"""Where pratique keeps what it may lose (cache) and what it must not lose (configuration), by user."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NAME: Final = "pratique"


def cache_folder(given: Path | None = None, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder of all caches: `given`, else `$XDG_CACHE_HOME/pratique`, else `~/.cache/pratique`.

    None where the process has no home: then nothing is kept. The folder need not exist.

    References: XDG Base Directory Specification (relative paths count as unset).
    """
    return given or _folder("XDG_CACHE_HOME", ".cache", os.environ if environment is None else environment)


def config_folder(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder of the user's configuration: `$XDG_CONFIG_HOME/pratique` or `~/.config/pratique`."""
    return _folder("XDG_CONFIG_HOME", ".config", os.environ if environment is None else environment)


def _folder(variable: str, default: str, environment: Mapping[str, str]) -> Path | None:
    base, home = environment.get(variable, ""), environment.get("HOME", "")
    if Path(base).is_absolute():
        return Path(base) / _NAME
    return Path(home) / default / _NAME if Path(home).is_absolute() else None
