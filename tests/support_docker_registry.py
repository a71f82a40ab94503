"""A real registry on loopback: Debian's `docker-registry` (distribution 2.8), and plain HTTP pushes to it."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pratique.runtime.ports import Digest
from tests.support_registry import free_port, sha256

PROGRAM = shutil.which("docker-registry")
MISSING = "no docker-registry program here: apt-get install docker-registry"


class DockerRegistry:
    """Pushes to a running registry."""

    def __init__(self, host: str) -> None:
        self.host = host

    def blob(self, path: str, data: bytes) -> Digest:
        """Push a blob."""
        digest = sha256(data)
        location = self._do("POST", f"/v2/{path}/blobs/uploads/", 202)
        parts = urllib.parse.urlsplit(location)
        query = "&".join(filter(None, [parts.query, "digest=" + urllib.parse.quote(digest)]))
        self._do("PUT", f"{parts.path}?{query}", 201, data, "application/octet-stream")
        return digest

    def manifest(self, path: str, body: bytes, media_type: str, reference: str = "") -> Digest:
        """Push a manifest under a tag, or under its digest."""
        self._do("PUT", f"/v2/{path}/manifests/{reference or sha256(body)}", 201, body, media_type)
        return sha256(body)

    def _do(self, method: str, target: str, status: int, body: bytes = b"", media_type: str = "") -> str:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request(method, target, body, {"Content-Type": media_type} if media_type else {})
            response = connection.getresponse()
            text = response.read()
            assert response.status == status, (method, target, response.status, text[:300])
            return response.headers.get("Location", "")
        finally:
            connection.close()


@contextmanager
def docker_registry(folder: Path) -> Iterator[DockerRegistry]:
    """Run a registry that keeps its content in `folder`."""
    assert PROGRAM is not None
    host = f"127.0.0.1:{free_port()}"
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'content'}}}}}\nhttp: {{addr: {host}}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", str(config)], stdout=log, stderr=log)
    try:
        _wait(host, process)
        yield DockerRegistry(host)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(host: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        assert process.poll() is None, "the registry ended at once"
        connection = http.client.HTTPConnection(host, timeout=1)
        try:
            connection.request("GET", "/v2/")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError("the registry does not answer")
