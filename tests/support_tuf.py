"""A TUF repository on loopback that publishes a trust root, and does as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from pratique.runtime.signatures.tuf import Mirror

ROLES = ("root", "timestamp", "snapshot", "targets")
Answer = Callable[[str], bytes | int | Iterator[bytes] | None]
"""What a path is answered with: bytes, an HTTP status, drops of bytes; None for its own answer."""


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class TufRepository:
    """The files of a repository by path, signed with keys of its own.

    `life` is for how long each role is signed; a negative one has expired.
    """

    content: bytes
    target: str = "trusted_root.json"
    life: dict[str, timedelta] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    answer: Answer = lambda _: None

    def __post_init__(self) -> None:
        self.signers = {role: CryptoSigner.generate_ed25519() for role in ROLES}
        self.root = Root(expires=self._expires("root"))
        for role in ROLES:
            self.root.add_key(self.signers[role].public_key, role)
        self.publish_root()
        self.anchor = self.files["1.root.json"]
        self.version = 0
        self.publish()

    def publish(self, *, tampered: bytes | None = None, length: int | None = None) -> None:
        """Sign the target and all that leads to it anew; `tampered` is served in place of the target."""
        self.version += 1
        info = TargetFile.from_data(self.target, self.content, ["sha256"])
        digest = info.hashes["sha256"]
        if length is not None:
            info.length = length
        number = self.version
        folder, _, base = self.target.rpartition("/")
        path = f"targets/{folder}{'/' if folder else ''}{digest}.{base}"
        self.files[path] = self.content if tampered is None else tampered
        targets = Targets(version=number, expires=self._expires("targets"), targets={self.target: info})
        self._sign("targets", targets, f"{number}.targets.json")
        snapshot = Snapshot(
            version=number, expires=self._expires("snapshot"), meta={"targets.json": MetaFile(number)}
        )
        self._sign("snapshot", snapshot, f"{number}.snapshot.json")
        timestamp = Timestamp(
            version=number, expires=self._expires("timestamp"), snapshot_meta=MetaFile(number)
        )
        self._sign("timestamp", timestamp, "timestamp.json")

    def rotate(self, *, roles: tuple[str, ...] = ROLES, honest: bool = True) -> None:
        """Publish the next root, with new keys for `roles`; if not `honest`, without the old key's word."""
        before = self.signers["root"]
        for role in roles:
            self.root.revoke_key(self.signers[role].public_key.keyid, role)
            self.signers[role] = CryptoSigner.generate_ed25519()
            self.root.add_key(self.signers[role].public_key, role)
        self.root.version += 1
        self.publish_root(*([before] if honest else []))

    def publish_root(self, *more: CryptoSigner) -> None:
        """Sign the root as it is now, with its own key and those of `more`."""
        self.root.expires = self._expires("root")
        metadata: Metadata[Any] = Metadata(self.root)
        for signer in (self.signers["root"], *more):
            metadata.sign(signer, append=True)
        self.files[f"{self.root.version}.root.json"] = metadata.to_bytes()

    def _sign(self, role: str, signed: Any, path: str) -> None:
        metadata: Metadata[Any] = Metadata(signed)
        metadata.sign(self.signers[role])
        self.files[path] = metadata.to_bytes()

    def _expires(self, role: str) -> datetime:
        return now() + self.life.get(role, timedelta(days=7))


@contextmanager
def serving(repository: TufRepository, name: str = "acme") -> Iterator[Mirror]:
    """Serve a repository on loopback and yield how clients know it; its requests are noted."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            repository.requests.append(path)
            answer = repository.answer(path)
            if answer is None:
                answer = repository.files.get(path, 404)
            if isinstance(answer, int):
                self.send_error(answer)
                return
            self.send_response(200)
            if isinstance(answer, bytes):
                self.send_header("Content-Length", str(len(answer)))
                answer = iter((answer,))
            self.end_headers()
            try:
                for part in answer:
                    self.wfile.write(part)
                    self.wfile.flush()
            except OSError:  # the client has seen enough
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Mirror(
            name=name,
            url=f"http://127.0.0.1:{server.server_port}",
            anchor=repository.anchor,
            target=repository.target,
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
