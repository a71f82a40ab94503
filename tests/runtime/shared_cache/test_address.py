from __future__ import annotations

from pathlib import Path

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.shared_cache.address import Address, SharedCacheOptions, read_key


def address(url: str, **more: Path) -> Address:
    return Address.of(SharedCacheOptions(url=url, key=Path("key"), **more))


def test_addresses() -> None:
    plain = address("valkey://cache.example")
    assert (plain.host, plain.port, plain.tls, plain.user, plain.database) == (
        "cache.example",
        6379,
        None,
        "",
        0,
    )
    full = address("rediss://me%40here@[::1]:7000/3")
    assert (full.host, full.port, full.user, full.database) == ("::1", 7000, "me@here", 3)
    assert full.tls is not None
    assert full.tls.check_hostname
    assert address("unix:///run/valkey.sock").socket == "/run/valkey.sock"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("cache.example:6379", "is not valkey://HOST"),
        ("http://cache.example", "is not valkey://HOST"),
        ("valkey://", "is not valkey://HOST"),
        ("valkey://host:x", "is no URL"),
        ("valkey://host/one", "is not valkey://HOST"),
        ("valkey://host?db=1", "is not valkey://HOST"),
        ("valkey://:secret@host", "write it into a file"),
    ],
)
def test_what_is_no_address_is_said(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        address(url)
    assert "secret" not in str(error.value)


def test_authorities_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as certificates"):
        address("valkeys://host", authorities=tmp_path / "absent.pem")


def test_the_greeting_reads_the_password_anew(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("one\n")
    found = address("valkey://me@host/2", password=file)
    assert found.greeting() == ((b"AUTH", b"me", b"one"), (b"SELECT", b"2"), (b"PING",))
    file.write_text("two")
    assert address("valkey://host", password=file).greeting() == ((b"AUTH", b"two"), (b"PING",))


def test_a_key_is_long_enough(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with pytest.raises(UsageError, match="cannot be read"):
        read_key(file)
    file.write_text("short\n")
    with pytest.raises(UsageError, match="openssl rand -hex 32"):
        read_key(file)
    file.write_text("x" * 64 + "\n")
    assert read_key(file) == b"x" * 64
