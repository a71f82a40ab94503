"""The certificate that is shown, while it changes."""

import asyncio
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.serving import tls
from pratique.runtime.serving.certificates import Durations, Material, step
from pratique.runtime.serving.tls import CertificateFiles, ServerCertificate

NAMES = ["localhost"]


def material(**durations: timedelta) -> Material:
    return step(None, NAMES, datetime.now(UTC), Durations(**durations))


def write(folder: Path, made: Material) -> tuple[Path, Path, Path]:
    files = (folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
    for path, content in zip(files, (made.certificate, made.key, made.authorities), strict=True):
        path.write_bytes(content)
    return files


async def shown(context: ssl.SSLContext, authorities: bytes) -> bool:
    """Say whether a client that trusts `authorities` gets an answer."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = ssl.create_default_context(cadata=authorities.decode())
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client, server_hostname="localhost"
            )
        except ssl.SSLError:
            return False
        found = await reader.read(1)
        writer.close()
        return found == b"x"


def test_f28_files_that_change_are_read_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "POLL_SECONDS", 0.02)
    first, second = material(), material()
    certificate, key, authorities = write(tmp_path, first)

    async def run() -> None:
        faults: dict[str, str] = {}
        server = ServerCertificate(faults)
        files = CertificateFiles(server, certificate, key, authorities)
        told = asyncio.Event()

        async def changed() -> None:
            told.set()

        task = asyncio.create_task(files.run(changed))
        try:
            assert await shown(server.context, first.authorities)
            # Half of the change: the pair does not fit, and the one before goes on.
            certificate.write_bytes(second.certificate)
            await asyncio.sleep(0.1)
            assert await shown(server.context, first.authorities)
            assert not told.is_set()
            key.write_bytes(second.key)
            authorities.write_bytes(second.authorities)
            await asyncio.wait_for(told.wait(), 5)
            assert server.authorities == second.authorities
            assert await shown(server.context, second.authorities)
            assert not await shown(server.context, first.authorities)
            assert faults == {}
        finally:
            task.cancel()

    asyncio.run(run())


def test_f28_a_certificate_that_is_over_says_so() -> None:
    faults: dict[str, str] = {}
    server = ServerCertificate(faults)
    over = step(None, NAMES, datetime.now(UTC) - timedelta(days=100))
    server.show(over.certificate, over.key)
    assert "over since" in faults["certificate"]
    fresh = material()
    server.show(fresh.certificate, fresh.key)
    assert faults == {}


@pytest.mark.parametrize("spoiled", ["tls.crt", "tls.key"])
def test_files_that_cannot_be_used_are_said_at_the_start(tmp_path: Path, spoiled: str) -> None:
    certificate, key, _ = write(tmp_path, material())
    (tmp_path / spoiled).write_bytes(b"nonsense")
    with pytest.raises(UsageError, match=r"the certificate .*tls\.crt and its key cannot be used"):
        CertificateFiles(ServerCertificate({}), certificate, key)
    (tmp_path / spoiled).unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        CertificateFiles(ServerCertificate({}), certificate, key)


def test_f34_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "memfd_create"):
        pytest.skip("this system has no files in memory")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    made = material()
    ServerCertificate({}).show(made.certificate, made.key)
