"""What runs are told to trust."""

from __future__ import annotations

from pathlib import Path

from pratique.runtime.trust_options import RootChoice, TrustOptions


def trusting(*paths: Path, offline: bool = True, **named: Path) -> TrustOptions:
    """Return options that name these files, those of `named` by name."""
    choices = [RootChoice(name=str(path), path=path) for path in paths]
    choices += [RootChoice(name=name, path=path) for name, path in named.items()]
    return TrustOptions(roots=tuple(choices), offline=offline)
