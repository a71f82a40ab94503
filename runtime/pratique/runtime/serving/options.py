"""What `pratique serve` is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.trust_options import TrustOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateOptions:
    """The certificate of the server in files, kept by somebody else.

    Attributes:
        authorities: PEM of what clients are to trust; None where nobody needs to be told.
    """

    certificate: Path
    key: Path
    authorities: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """All of it.

    Attributes:
        policies: files, folders and globs.
        certificate: in files.
        secrets: files with Secrets that policies refer to.
        grace: seconds that requests in flight are given at the end.
        linger: seconds of going on after the end was announced.
    """

    policies: tuple[str, ...]
    certificate: CertificateOptions
    store: StoreOptions
    trust: TrustOptions
    secrets: tuple[str, ...] = ()
    host: str = "0.0.0.0"  # noqa: S104 (a Pod is reached by its own address)
    port: int = 8443
    grace: float = 25.0
    linger: float = 2.0
