"""What the parts of a server count, declared as metrics; those of reviews are in `admission/measures.py`.

`docs/observability.md` lists all of them, which a test holds equal.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from pratique.grammar import __version__
from pratique.runtime.memory import Memory
from pratique.runtime.metrics import Histogram, Labels, Metrics, Names
from pratique.runtime.phases import record
from pratique.runtime.registry.counting import CountingStore, Tallied
from pratique.runtime.registry.disk_cache import DiskCache
from pratique.runtime.registry.tally import Exchanged
from pratique.runtime.serving.tls import ServerCertificate
from pratique.runtime.shared_cache.cache import SharedCache
from pratique.runtime.signatures.trust_root import TrustRoot

MAX_HOSTS: Final = 64
"""Registries that are counted by name: whoever creates a Pod names any host."""
LAG_SECONDS: Final = 0.5
"""Between two looks at how late the event loop is."""
_PROCESS: Final = Path("/proc/self")


class Verifying(Protocol):
    """Counts signatures whose cryptography was checked (`Evidence`)."""

    verifications: int


class Trusting(Protocol):
    """Knows the trust roots that were needed so far (`Verifier`)."""

    @property
    def roots_used(self) -> tuple[TrustRoot, ...]:
        """Return them; reads nothing."""
        ...


def measure_registries(metrics: Metrics, store: CountingStore, client: object) -> None:
    """Count what is asked of images: of the store (a layout, too), and request by request of registries."""

    def questions() -> Mapping[Labels, float]:
        found = store.requests
        return {(name,): getattr(found, name) for name in ("manifests", "blobs", "referrers", "tokens")}

    metrics.total(
        "pratique_store_requests_total", "Questions to registries or the layout.", questions, ("kind",)
    )
    metrics.total(
        "pratique_store_read_bytes_total", "Bytes that they answered.", lambda: store.requests.bytes
    )
    requests = metrics.counter(
        "pratique_registry_requests_total",
        "HTTP requests to registries and their token services, retries included.",
        ("host", "kind", "code"),
        MAX_HOSTS * 32,
    )
    seconds = metrics.histogram(
        "pratique_registry_request_duration_seconds", "Time of such a request.", ("host",)
    )
    hosts = Names(MAX_HOSTS)

    def told(exchanged: Exchanged) -> None:
        host = hosts.of(exchanged.host)
        requests.add(host, exchanged.kind, exchanged.code)
        seconds.observe(exchanged.seconds, host)
        record("registry request", _drawn(exchanged), exchanged.seconds)

    if isinstance(client, Tallied):
        client.tally.told = told


def measure_shared_cache(metrics: Metrics, cache: SharedCache) -> None:
    """Tell of the cache that replicas share."""
    metrics.gauge("pratique_shared_cache_up", "1 where the shared cache answers.", lambda: float(cache.is_up))
    metrics.total(
        "pratique_shared_cache_requests_total",
        "Questions to the shared cache.",
        lambda: {(result,): number for result, number in cache.counts.items()},
        ("result",),
    )
    metrics.total(
        "pratique_shared_cache_faults_total",
        "What was wrong with the shared cache.",
        lambda: {(fault,): number for fault, number in cache.faults.items()},
        ("fault",),
    )


def _drawn(exchanged: Exchanged) -> Mapping[str, str | int]:
    """Return what a trace says of a request: neither its path, nor its query, nor what was sent along."""
    found: dict[str, str | int] = {"server.address": exchanged.host, "pratique.kind": exchanged.kind}
    if exchanged.code.isdecimal():
        return found | {"http.response.status_code": int(exchanged.code)}
    return found | {"error.type": exchanged.code}


def measure_evidence(
    metrics: Metrics,
    verifying: Iterable[Verifying],
    verifier: Trusting,
    memories: Mapping[str, Memory],
    disk: DiskCache | None,
) -> None:
    """Count what is verified and remembered."""
    verifying = tuple(verifying)
    metrics.total(
        "pratique_signature_verifications_total",
        "Signatures whose cryptography was checked.",
        lambda: sum(each.verifications for each in verifying),
    )

    def asked() -> Mapping[Labels, float]:
        found: dict[Labels, float] = {}
        for name, memory in memories.items():
            found[name, "hit"] = memory.hits
            found[name, "miss"] = memory.worked
            found[name, "joined"] = memory.misses - memory.worked
        if disk is not None:
            found["disk", "hit"], found["disk", "miss"] = disk.hits, disk.misses
        return found

    def of(figure: Callable[[Memory], float]) -> Callable[[], Mapping[Labels, float]]:
        return lambda: {(name,): figure(memory) for name, memory in memories.items()}

    metrics.total("pratique_cache_requests_total", "Questions to caches.", asked, ("cache", "result"))
    evictions = of(lambda memory: memory.evictions)
    metrics.total("pratique_cache_evictions_total", "Answers that made room.", evictions, ("cache",))
    metrics.gauge("pratique_cache_entries", "Answers that are kept.", of(len), ("cache",))
    metrics.gauge("pratique_cache_bytes", "Their estimated size.", of(lambda m: m.bytes), ("cache",))
    metrics.gauge(
        "pratique_trust_root_expiry_timestamp_seconds",
        "When the publisher's word for a trust root ends, where it was needed and fetched.",
        lambda: {
            (root.name,): root.origin.expires.timestamp()
            for root in verifier.roots_used
            if root.origin.expires is not None
        },
        ("root",),
    )


def measure_certificate(metrics: Metrics, shown: ServerCertificate) -> None:
    """Tell when the certificate ends."""
    metrics.gauge(
        "pratique_certificate_expiry_timestamp_seconds",
        "When the certificate of the server ends.",
        lambda: shown.ends,
    )


def measure_process(metrics: Metrics) -> Histogram:
    """Tell of the process; return the histogram for `watch_loop`."""
    began = time.time() - (time.monotonic() - _started())
    metrics.gauge("pratique_build_info", "Always 1.", lambda: {(__version__,): 1.0}, ("version",))
    metrics.gauge("process_start_time_seconds", "Unix time.", lambda: began)
    metrics.total("process_cpu_seconds_total", "User and system time.", time.process_time)
    metrics.gauge("process_resident_memory_bytes", "Memory in use.", _resident)
    metrics.gauge("process_open_fds", "Open files and sockets.", _open_files)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    metrics.gauge("process_max_fds", "How many may be open.", lambda: limit)
    return metrics.histogram(
        "pratique_event_loop_lag_seconds",
        "How late the server gets to what is due, looked at twice a second.",
    )


async def watch_loop(lag: Histogram) -> None:
    """Observe how late the event loop is, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_SECONDS
        await asyncio.sleep(LAG_SECONDS)
        lag.observe(max(0.0, loop.time() - due))


def _started() -> float:
    """Return the time of the monotonic clock at which the process began; now where nobody knows."""
    with suppress(OSError, ValueError, IndexError):
        fields = (_PROCESS / "stat").read_text().rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.monotonic()


def _resident() -> Mapping[Labels, float]:
    with suppress(OSError, ValueError, IndexError):
        pages = int((_PROCESS / "statm").read_text().split()[1])
        return {(): pages * os.sysconf("SC_PAGE_SIZE")}
    return {}


def _open_files() -> Mapping[Labels, float]:
    with suppress(OSError):
        return {(): sum(1 for _ in (_PROCESS / "fd").iterdir())}
    return {}
