"""Labs for tests: built in memory from a recipe's text, and pushed into a real registry on loopback."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from pratique.grammar.source import Source
from pratique.runtime.lab.build import Lab, build
from pratique.runtime.lab.inventory import ImageRecord, Inventory
from pratique.runtime.lab.recipe import Recipe
from pratique.runtime.lab.recipe_reader import read_recipe
from pratique.runtime.registry.layout_files import INDEX, MemoryFiles
from pratique.runtime.registry.media_types import OCI_INDEX, REF_NAME

ISSUER = "https://accounts.google.com"
EMAIL = "dev@acme.example"

LARGEST = 64 << 20


def recipe_of(text: str) -> Recipe:
    """Return the recipe in an indented YAML text."""
    return read_recipe(Source("lab.yaml", dedent(text)))


@dataclass(frozen=True)
class MemoryLab:
    """A lab whose layout is in memory."""

    lab: Lab
    files: MemoryFiles

    @property
    def inventory(self) -> Inventory:
        return self.lab.inventory

    @property
    def trusted_root(self) -> str:
        return self.lab.trust["trust/trusted_root.json"]

    def image(self, name: str = "") -> ImageRecord:
        """Return the record of the image whose name has `name` in it."""
        return next(image for image in self.inventory.images if name in image.image)

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries of the layout's index."""
        entries: list[dict[str, Any]] = json.loads(self.read(INDEX))["manifests"]
        return entries

    def named(self, name: str) -> dict[str, Any]:
        """Return the manifest that a full name leads to."""
        entry = next(e for e in self.entries() if e.get("annotations", {}).get(REF_NAME) == name)
        return self.json(entry["digest"])

    def blob(self, digest: str) -> bytes:
        return self.read(f"blobs/sha256/{digest.removeprefix('sha256:')}")

    def json(self, digest: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.blob(digest))
        return data

    def read(self, name: str) -> bytes:
        data = self.files.read(name, LARGEST)
        assert data is not None, name
        return data

    def layers(self, name: str = "", suffix: str = "sig") -> list[dict[str, Any]]:
        """Return the layers of an image's cosign signatures or attestations."""
        record = self.image(name)
        found = record.signatures if suffix == "sig" else record.attestations
        layers: list[dict[str, Any]] = self.named(found[0].stored)["layers"]
        return layers

    def bundles(self, name: str = "") -> list[dict[str, Any]]:
        """Return an image's Sigstore bundles, attestations last."""
        record = self.image(name)
        manifests = [self.json(made.stored) for made in (*record.signatures, *record.attestations)]
        return [self.json(manifest["layers"][0]["digest"]) for manifest in manifests]


def memory_lab(recipe: str | Recipe) -> MemoryLab:
    """Build a lab in memory."""
    files = MemoryFiles()
    lab = build(recipe_of(recipe) if isinstance(recipe, str) else recipe, files)
    return MemoryLab(lab, files)


# --- a registry, and pushing into it -----------------------------------------------------------------------

REGISTRY_PROGRAM = shutil.which("docker-registry")
NO_REGISTRY = "needs Debian's docker-registry on PATH: apt-get install docker-registry"

COSIGN_VERSION = "v3.1.3"
NO_COSIGN = f"needs cosign {COSIGN_VERSION} on PATH or in the folder of Go's programs"


def cosign_program() -> str | None:
    """Return the path of cosign; None where there is none."""
    go = os.environ.get("GOPATH", str(Path.home() / "go")).split(os.pathsep)
    folders = [os.environ.get("GOBIN", ""), *(f"{folder}/bin" for folder in go)]
    candidates = [shutil.which("cosign"), *(f"{folder}/cosign" for folder in folders if folder)]
    return next((path for path in candidates if path and os.access(path, os.X_OK)), None)


@contextmanager
def running_registry(folder: Path) -> Iterator[str]:
    """Run Docker's registry over `folder`; give its `host:port`."""
    assert REGISTRY_PROGRAM
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\n"
        "log: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/storage}}, cache: {{blobdescriptor: inmemory}}}}\n"
        f"http: {{addr: '{host}', secret: lab}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([REGISTRY_PROGRAM, "serve", config], stdout=log, stderr=log)
    try:
        _await_answer(host, process)
        yield host
    finally:
        process.terminate()
        process.wait(10)


def _await_answer(host: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection(host, timeout=5)
        try:
            connection.request("GET", "/v2/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise AssertionError("the registry does not answer")


class Pusher:
    """Pushes layouts over plain HTTP: images under the path of their name, referrers beside their subject."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._connection = http.client.HTTPConnection(host, timeout=30)
        self._fallback: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def push(self, lab: MemoryLab) -> None:
        """Push everything in a lab, and let go of the registry."""
        with closing(self):
            self._push(lab)

    def close(self) -> None:
        """Let go of the registry."""
        self._connection.close()

    def _push(self, lab: MemoryLab) -> None:
        entries = lab.entries()
        paths = {e["digest"]: _path(e) for e in entries if _path(e)[0]}
        for image in lab.inventory.images:
            path = image.image.partition("/")[2].rpartition(":")[0]
            for digest in image.platforms.values():
                self._manifest(lab, path, "", {"digest": digest, "mediaType": _media_type(lab, digest)})
                paths[digest] = (path, "")
        for entry in entries:
            path, tag = _path(entry)
            if path:
                self._manifest(lab, path, tag, entry)
        for entry in entries:
            subject = lab.json(entry["digest"]).get("subject")
            if subject:
                self._referrer(lab, paths[subject["digest"]][0], subject["digest"], entry)

    def _manifest(self, lab: MemoryLab, path: str, tag: str, entry: dict[str, Any]) -> None:
        body = lab.blob(entry["digest"])
        manifest = json.loads(body)
        for part in (manifest.get("config"), *manifest.get("layers", ())):
            if part:
                self._blob(path, lab.blob(part["digest"]))
        self.put_manifest(path, tag or entry["digest"], body, entry["mediaType"])

    def _referrer(self, lab: MemoryLab, path: str, subject: str, entry: dict[str, Any]) -> None:
        """Push a referrer, and the index under the fallback tag by which old registries list them."""
        self._manifest(lab, path, "", entry)
        listed = self._fallback.setdefault((path, subject), [])
        listed.append(entry)
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
        self.put_manifest(path, subject.replace(":", "-"), json.dumps(index).encode(), OCI_INDEX)

    def _blob(self, path: str, data: bytes) -> None:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        status, headers = self._ask("POST", f"/v2/{path}/blobs/uploads/", b"")
        assert status == 202, status
        place = urllib.parse.urlsplit(headers["Location"])
        query = f"{place.query}&digest={digest}" if place.query else f"digest={digest}"
        status, _ = self._ask(
            "PUT", f"{place.path}?{query}", data, {"Content-Type": "application/octet-stream"}
        )
        assert status == 201, status

    def put_manifest(self, path: str, reference: str, body: bytes, media_type: str) -> None:
        status, _ = self._ask("PUT", f"/v2/{path}/manifests/{reference}", body, {"Content-Type": media_type})
        assert status == 201, (path, reference, status)

    def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage]:
        self._connection.request(method, path, body, headers or {})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, answer.headers


def _path(entry: dict[str, Any]) -> tuple[str, str]:
    """Return path and tag of an entry's name, without the registry; empty texts for no name."""
    name = entry.get("annotations", {}).get(REF_NAME, "")
    path, _, tag = name.partition("/")[2].rpartition(":")
    return path, tag


def _media_type(lab: MemoryLab, digest: str) -> str:
    return str(lab.json(digest)["mediaType"])


@dataclass(frozen=True)
class Cosign:
    """The cosign program, with nothing of the user's around it and no way out of the machine."""

    program: str
    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {
            "HOME": str(self.home),
            "TUF_ROOT": str(self.home / "tuf"),
            "COSIGN_PASSWORD": "",
            "COSIGN_YES": "true",
            "PATH": os.environ["PATH"],
            # Every address but loopback is behind a proxy that is not there.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1,localhost",
            **self.settings,
        }
        return subprocess.run(
            [self.program, *map(str, arguments)],
            env=environment,
            cwd=cwd or self.home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def verify(
        self, image: str, trusted_root: Path, *arguments: str, command: Sequence[str] = ("verify",)
    ) -> subprocess.CompletedProcess[str]:
        """Verify an image of a registry on loopback against a trust root."""
        flags = ("--allow-http-registry", "--trusted-root", str(trusted_root))
        return self.run(*command, *flags, *arguments, image)
