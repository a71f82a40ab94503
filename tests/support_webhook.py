"""Whoever asks a webhook over TLS on loopback, as the API server does: over connections that stay open."""

from __future__ import annotations

import http.client
import json
import queue
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support_admission import review_body
from tests.support_engine import pod
from tests.support_policies import cluster_policy
from tests.support_tls import Authority

HERE = "127.0.0.1"
POLICY = cluster_policy(
    {
        "failureAction": "Enforce",
        "mutateDigest": True,
        "imageReferences": ["ghcr.io/acme/*", f"{HERE}:*/acme/*"],
    }
)


def credentials(folder: Path, name: str = "Test CA") -> tuple[Authority, list[str]]:
    """Return an authority, and the options of a server with a certificate of it."""
    authority = Authority.make(folder, name)
    authority.server_context(HERE)
    (both,) = folder.glob("server-*.pem")
    return authority, ["--tls-certificate", str(both), "--tls-key", str(both)]


class Caller:
    """One connection; it is made anew where it broke. Not to be shared by threads."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._line = http.client.HTTPSConnection(HERE, port, context=context, timeout=30)

    def admit(
        self, image: str, uid: str = "u", *, path: str = "/mutate", patience: int = 10
    ) -> dict[str, Any]:
        """Return the answer about a Pod of an image.

        Raises:
            OSError: the connection broke.
            http.client.HTTPException: it broke in the middle of an answer.
        """
        try:
            self._line.request(
                "POST",
                f"{path}?timeout={patience}s",
                review_body(pod(image), uid=uid),
                {"Content-Type": "application/json"},
            )
            answer = self._line.getresponse()
            body = answer.read()
            assert answer.status == 200, body
        except (OSError, http.client.HTTPException):
            self._line.close()
            raise
        found: dict[str, Any] = json.loads(body)["response"]
        assert found["uid"] == uid
        return found

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page."""
        self._line.request("GET", path)
        answer = self._line.getresponse()
        return answer.status, answer.read().decode()

    def total(self, metric: str) -> int:
        """Return the sum of a counter over its labels."""
        lines = self.get("/metrics")[1].splitlines()
        return sum(int(line.split()[-1]) for line in lines if line.startswith(metric))

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def close(self) -> None:
        """End the connection; the next request makes another."""
        self._line.close()


@dataclass
class Crowd:
    """What became of requests that several sent.

    Attributes:
        answers: in no order.
        broken: connections that ended without an answer; their requests were sent again.
    """

    answers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    broken: int = 0


def crowd(
    images: Sequence[str],
    caller: Callable[[], Caller],
    *,
    number: int = 8,
    each: Callable[[int], None] = lambda _: None,
) -> Crowd:
    """Ask about each image, a few at a time; a request whose connection broke is sent again.

    Args:
        images: one request each.
        caller: makes connections.
        number: of connections.
        each: is called with the number of answers after each of them.
    """
    found, lock = Crowd(), threading.Lock()
    waiting: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
    for item in enumerate(images):
        waiting.put(item)

    def work() -> None:
        with caller() as mine:
            while True:
                try:
                    order, image = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    answer = mine.admit(image, f"u{order}")
                except (OSError, http.client.HTTPException):
                    with lock:
                        found.broken += 1
                    waiting.put((order, image))
                    continue
                with lock:
                    found.answers.append((image, answer))
                    count = len(found.answers)
                each(count)

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return found
