"""Where the server of a shared cache is, and how it is reached."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from pratique.grammar.errors import UsageError
from pratique.runtime.shared_cache.protocol import Command

MAX_SECRET: Final = 4 << 10
MIN_KEY: Final = 32
_TLS: Final = {"valkey": False, "redis": False, "valkeys": True, "rediss": True}
_PORT: Final = 6379
_BUFFER: Final = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCacheOptions:
    """A cache that replicas share.

    Attributes:
        url: `valkey://[USER@]HOST[:PORT][/NUMBER]`, or with `valkeys`, `redis` or `rediss`; or
            `unix:///PATH`.
        key: file with the installation's secret, by which its records are told from others.
        password: file; None for none. Read at each connection, so that it may change.
        authorities: PEM for TLS; None for the system's.
    """

    url: str
    key: Path
    password: Path | None = None
    authorities: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server, and who asks it."""

    host: str = ""
    port: int = _PORT
    socket: str = ""
    tls: ssl.SSLContext | None = None
    user: str = ""
    password: Path | None = None
    database: int = 0

    @classmethod
    def of(cls, options: SharedCacheOptions) -> Address:
        """Return the address that the options name.

        Raises:
            UsageError: they name none, hold a password, or the authorities cannot be read.
        """
        text = options.url
        try:
            url = urlsplit(text)
            port = url.port or _PORT
        except ValueError as error:
            raise UsageError(f"--shared-cache: {text!r} is no URL") from error
        if url.password is not None:
            raise UsageError(
                "--shared-cache: a password in a URL is shown to all: write it into a file and give"
                " --shared-cache-password FILE"
            )
        if url.scheme == "unix" and url.path and not url.netloc:
            return cls(socket=url.path, password=options.password)
        number = url.path.strip("/") or "0"
        if url.scheme not in _TLS or not url.hostname or not number.isdecimal() or url.query or url.fragment:
            raise UsageError(f"--shared-cache: {text!r} is not valkey://HOST[:PORT][/NUMBER]")
        return cls(
            host=url.hostname,
            port=port,
            tls=_context(options.authorities) if _TLS[url.scheme] else None,
            user=unquote(url.username or ""),
            password=options.password,
            database=int(number),
        )

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection.

        Raises:
            OSError: it cannot be had (TLS included).
        """
        if self.socket:
            return await asyncio.open_unix_connection(self.socket, limit=_BUFFER)
        return await asyncio.open_connection(self.host, self.port, ssl=self.tls, limit=_BUFFER)

    def greeting(self) -> tuple[Command, ...]:
        """Return the commands with which a connection begins.

        Raises:
            OSError: the password cannot be read.
        """
        commands: list[Command] = []
        if self.password is not None:
            secret = read_secret(self.password)
            commands.append((b"AUTH", *([self.user.encode()] if self.user else []), secret))
        if self.database:
            commands.append((b"SELECT", str(self.database).encode()))
        return (*commands, (b"PING",))


def read_key(path: Path) -> bytes:
    """Return the secret of an installation.

    Raises:
        UsageError: it cannot be read, or is too short to be one.
    """
    try:
        secret = read_secret(path)
    except OSError as error:
        raise UsageError(f"--shared-cache-key: {path} cannot be read: {error.strerror}") from error
    if len(secret) < MIN_KEY:
        text = f"{path} holds fewer than {MIN_KEY} bytes: make it with `openssl rand -hex 32`"
        raise UsageError(f"--shared-cache-key: {text}")
    return secret


def read_secret(path: Path) -> bytes:
    """Return the content of a file without the end of its line.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(MAX_SECRET).strip(b"\r\n")


def _context(authorities: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if authorities is not None:
            context.load_verify_locations(cafile=authorities)
    except OSError as error:
        raise UsageError(f"--shared-cache-ca: {authorities} cannot be read as certificates (PEM)") from error
    return context
