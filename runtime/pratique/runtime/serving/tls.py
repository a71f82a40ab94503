"""The certificate that the server shows, exchanged while it serves.

A context takes another certificate at any time: handshakes from then on show it, connections that are open go
on. So nothing is restarted, and no request is lost (F28).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pratique.grammar.errors import UsageError
from pratique.runtime.admission.listening import server_tls
from pratique.runtime.pem_files import load_pair
from pratique.runtime.serving.certificates import UnreadableMaterial, expires

POLL_SECONDS: Final = 2.0
"""How often files are looked at: what mounts Secrets exchanges them without a word."""
MAX_BYTES: Final = 1 << 20

_LOG: Final = logging.getLogger(__name__)


class ServerCertificate:
    """What the server shows to clients, and what it tells them to trust.

    Attributes:
        authorities: PEM for the clients; empty where nobody needs to be told.
    """

    def __init__(self, faults: dict[str, str], clients: Path | None = None) -> None:
        """Take where it is said that the certificate is over, and the authorities of clients (PEM), if any.

        Raises:
            UsageError: `clients` cannot be used.
        """
        try:
            self.context: ssl.SSLContext = server_tls(_read(clients).decode("ascii") if clients else "")
        except ValueError as error:  # SSLError is one, too
            raise UsageError(f"{clients}: cannot be read as certificates (PEM)") from error
        self.authorities = b""
        self.ends = 0.0
        """Unix time."""
        self._faults = faults
        self._shown = b""

    def show(self, certificate: bytes, key: bytes) -> None:
        """Show a certificate (PEM) from the next handshake on.

        Raises:
            UsageError: the certificate and its key cannot be used.
        """
        if certificate == self._shown:
            return
        try:
            end = expires(certificate)
            # A context that was given a certificate with another's key has neither: try them elsewhere first.
            load_pair(server_tls(), certificate, key)
            load_pair(self.context, certificate, key)
        except (OSError, UnreadableMaterial) as error:
            raise UsageError("the certificate of the server and its key cannot be used") from error
        self._shown, self.ends = certificate, end.timestamp()
        _LOG.info("the server shows a certificate that is valid until %s", end.isoformat())
        self.check()

    def check(self) -> None:
        """Say so where the certificate is over (readiness)."""
        if self.ends <= time.time():
            when = datetime.fromtimestamp(self.ends, UTC).isoformat()
            if "certificate" not in self._faults:
                _LOG.error("the certificate of the server is over since %s", when)
            self._faults["certificate"] = f"over since {when}"
        else:
            self._faults.pop("certificate", None)


class CertificateFiles:
    """A certificate in files that somebody else renews (cert-manager, a mounted Secret)."""

    def __init__(
        self, shown: ServerCertificate, certificate: Path, key: Path, authorities: Path | None = None
    ) -> None:
        """Take what shows it, and the files; `authorities` None where nobody needs to be told.

        Raises:
            UsageError: they cannot be used.
        """
        self._shown = shown
        self._files = (certificate, key)
        self._authorities = authorities
        self._load()

    async def run(self, changed: Callable[[], Awaitable[None]] | None = None) -> None:
        """Look after the files until cancelled; what cannot be used yet is looked at again.

        Args:
            changed: called when clients are to be told to trust something else.
        """
        while True:
            await asyncio.sleep(POLL_SECONDS)
            before = self._shown.authorities
            try:
                self._load()
            except UsageError as error:
                _LOG.warning("%s; the one before goes on", error)
            self._shown.check()
            if changed and self._shown.authorities != before:
                await changed()

    def _load(self) -> None:
        certificate, key = (_read(path) for path in self._files)
        try:
            self._shown.show(certificate, key)
        except UsageError as error:
            text = f"the certificate {self._files[0]} and its key cannot be used"
            raise UsageError(text) from error.__cause__
        if self._authorities:
            self._shown.authorities = _read(self._authorities)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES} bytes")
    return content
