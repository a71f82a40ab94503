"""What the server exports: all of it is read by Prometheus' own parser, and stands in the documentation."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest

from pratique.compiler.ir import PolicySet
from pratique.compiler.plan import Plan
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.server import Webhook
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.memory import Memory, Worth
from pratique.runtime.metrics import Metrics
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.counting import CountingStore
from pratique.runtime.registry.disk_cache import DiskCache
from pratique.runtime.registry.tally import Exchanged
from pratique.runtime.serving.installation import Installation
from pratique.runtime.serving.measures import (
    MAX_HOSTS,
    measure_certificate,
    measure_evidence,
    measure_process,
    measure_registries,
    measure_shared_cache,
    watch_loop,
)
from pratique.runtime.serving.measures_cluster import MAX_RESULTS, _bounded
from pratique.runtime.serving.options import ClusterOptions
from pratique.runtime.serving.tls import ServerCertificate
from pratique.runtime.shared_cache.address import Address
from pratique.runtime.shared_cache.cache import SharedCache
from pratique.runtime.shared_cache.records import Sealer
from pratique.runtime.signatures.trust_root import TrustRoot
from tests.support_admission import world
from tests.support_fake_cluster import FakeCluster

DOCS = Path("docs/observability.md")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.*) \|$", re.MULTILINE)


def exported() -> Metrics:
    """Return all metrics of a server in a cluster that reads its policies there."""

    async def run() -> Metrics:
        metrics, given = Metrics(), world()
        webhook = Webhook(Judge(Engine(Plan(PolicySet(policies=())))), metrics)
        client = DistributionClient()
        measure_registries(metrics, CountingStore(client), client)
        evidence = Evidence(given.store, given.verifier)
        measure_evidence(
            metrics,
            [evidence],
            NoRoots(),
            {"evidence": Memory(), "tags": Memory()},
            DiskCache(Path("nowhere")),
        )
        measure_shared_cache(metrics, SharedCache(Address(), Sealer(b"")))
        measure_certificate(metrics, ServerCertificate({}))
        options = ClusterOptions()
        installation = Installation(options, FakeCluster(), live=True)
        made: Any = None  # engines are made when something is scanned
        installation.measure(metrics, installation.leader(webhook, made, ServerCertificate({})))
        measure_process(metrics)
        return metrics

    return asyncio.run(run())


class NoRoots:
    roots_used: tuple[TrustRoot, ...] = ()


def test_the_page_lists_exactly_what_is_exported() -> None:
    listed = [
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)), help)
        for name, kind, labels, help in ROW.findall(DOCS.read_text(encoding="utf-8"))
    ]
    found = [(about.name, about.kind, about.labels, about.help) for about in exported().families]
    assert sorted(listed) == sorted(found)


def test_names_follow_the_conventions() -> None:
    for about in exported().families:
        assert re.fullmatch(r"(pratique|process)_[a-z_]+", about.name)
        assert about.name.endswith("_total") == (about.kind == "counter"), about.name
        assert (about.kind != "histogram") or about.name.endswith("_seconds"), about.name
        assert not re.search(r"_(ms|millis|kb|mb|percent|count|sum|bucket)$", about.name)
        assert about.help.endswith(".")


def test_all_of_it_is_read_by_prometheus() -> None:
    parser = pytest.importorskip(
        "prometheus_client.parser", reason="pip install prometheus_client to read metrics as Prometheus does"
    )
    metrics = exported()
    families = list(parser.text_string_to_metric_families(metrics.text()))
    assert [f.name for f in families] == [a.name.removesuffix("_total") for a in metrics.families]
    assert [f.type for f in families] == [a.kind for a in metrics.families]


def test_r9_hosts_that_strangers_name_have_a_bound() -> None:
    async def run() -> str:
        metrics, client = Metrics(), DistributionClient()
        measure_registries(metrics, CountingStore(client), client)
        assert client.tally.told is not None
        for number in range(10_000):
            client.tally.told(Exchanged(f"host-{number}.example", "manifests", "registry-unreachable", 0.1))
        return metrics.text()

    text = asyncio.run(run())
    assert text.count("pratique_registry_requests_total{") == MAX_HOSTS + 1
    assert f'{{host="other",kind="manifests",code="registry-unreachable"}} {10_000 - MAX_HOSTS}' in text
    assert len(text) < 200_000


def test_r9_results_of_the_scan_have_a_bound() -> None:
    results = {(f"p{number}", "r", "pass"): number for number in range(1, 2 * MAX_RESULTS)}
    found = _bounded(results)
    assert len(found) == MAX_RESULTS + 1
    assert sum(found.values()) == sum(results.values())
    assert found["p9999", "r", "pass"] == 9999
    assert ("p1", "r", "pass") not in found


def test_caches_count_hits_misses_and_what_is_joined() -> None:
    async def run() -> str:
        metrics, memory, given = Metrics(), Memory(max_entries=1), world()
        measure_evidence(
            metrics, [Evidence(given.store, given.verifier)], NoRoots(), {"evidence": memory}, None
        )

        async def work() -> int:
            await asyncio.sleep(0)
            return 1

        async def ask(key: str) -> Any:
            return await memory.ask(key, work, lambda _: Worth(60))

        await asyncio.gather(ask("a"), ask("a"))
        await ask("a")
        await ask("b")
        return metrics.text()

    text = asyncio.run(run())
    assert 'requests_total{cache="evidence",result="hit"} 1' in text
    assert 'requests_total{cache="evidence",result="miss"} 2' in text
    assert 'requests_total{cache="evidence",result="joined"} 1' in text
    assert 'evictions_total{cache="evidence"} 1' in text
    assert 'entries{cache="evidence"} 1' in text


def test_a_loop_that_is_held_up_is_late() -> None:
    async def run() -> str:
        metrics = Metrics()
        task = asyncio.create_task(watch_loop(measure_process(metrics)))
        await asyncio.sleep(0.4)
        time.sleep(0.4)
        await asyncio.sleep(0.1)
        task.cancel()
        return metrics.text()

    text = asyncio.run(run())
    assert "pratique_event_loop_lag_seconds_count 1" in text
    assert 'pratique_event_loop_lag_seconds_bucket{le="0.1"} 0' in text
