"""`pratique cache`: how much is kept in a `--cache-dir`, and an end to it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

NAME: Final = "cache"
HELP: Final = "show or clear what --cache-dir keeps of registries"

_EPILOG: Final = """\
examples:
  pratique cache show .cache/pratique
  pratique cache clear .cache/pratique

Copies of trust roots in the same folder are left alone; see docs/caching.md.
"""
_ACTIONS: Final = {
    "show": "say how many answers of registries are kept, and how large they are",
    "clear": "delete the answers of registries",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "pratique cache show | clear DIR"
    parser.epilog = _EPILOG
    parser.add_argument("action", metavar="ACTION", choices=tuple(_ACTIONS), help=_listed())
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder that was given as --cache-dir")


def run(args: argparse.Namespace) -> int:
    """Show or clear, print how much it is or was, and return 0."""
    from pratique.grammar.errors import ExitCode
    from pratique.runtime.registry.disk_cache import DiskCache

    cache = DiskCache(args.folder)
    if args.action == "clear":
        usage, verb = cache.clear(), "deleted"
    else:
        usage, verb = cache.usage(), "kept"
    print(f"{cache.folder}: {usage.files} answers {verb}, {usage.bytes} bytes")
    return ExitCode.CLEAN


def _listed() -> str:
    return "; ".join(f"{name}: {text}" for name, text in _ACTIONS.items())
