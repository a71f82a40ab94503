"""Certificates that replicas share, over a cluster in memory."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.kubernetes.types import SECRETS
from pratique.runtime.serving.certificate_secret import CertificateSecret
from pratique.runtime.serving.certificates import Durations
from pratique.runtime.serving.tls import ServerCertificate
from tests.support_fake_cluster import FakeCluster, running
from tests.support_serve import until

QUICK = Durations(authority=timedelta(seconds=12), leaf=timedelta(seconds=4), settle=timedelta(seconds=1))


class Replica:
    def __init__(self, cluster: FakeCluster, **options: Any) -> None:
        self.shown = ServerCertificate({})
        self.bundles: list[bytes] = []
        self.secret = CertificateSecret(cluster, self.shown, "ns", "certs", ["localhost"], **options)

    async def changed(self) -> None:
        self.bundles.append(self.shown.authorities)


def data(cluster: FakeCluster) -> dict[str, str]:
    found: dict[str, str] = cluster.of(SECRETS)["ns", "certs"]["data"]
    return found


def test_f32_replicas_that_begin_at_once_share_one_certificate() -> None:
    async def run() -> None:
        cluster = FakeCluster()
        replicas = [Replica(cluster) for _ in range(5)]
        await asyncio.gather(*(each.secret.begin() for each in replicas))
        assert len({each.shown.authorities for each in replicas}) == 1
        assert set(data(cluster)) == {"ca.crt", "ca.key", "tls.crt", "tls.key"}
        assert base64.b64decode(data(cluster)["ca.crt"]) == replicas[0].shown.authorities
        assert all(each.shown.ends > 0 for each in replicas)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_f28_replicas_renew_together_and_tell_whoever_registers() -> None:
    async def run() -> None:
        cluster = FakeCluster()
        replicas = [Replica(cluster, durations=QUICK, check_seconds=0.2) for _ in range(2)]
        for each in replicas:
            await each.secret.begin()
        async with running(*(each.secret.run(each.changed) for each in replicas)):
            await until(lambda: all(len(set(each.bundles)) >= 3 for each in replicas))
            await until(lambda: len({each.shown.authorities for each in replicas}) == 1)
            assert all(each.shown.ends > 0 for each in replicas)

    asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.parametrize("spoil", ["deleted", "emptied", "nonsense"])
def test_f28_a_secret_that_is_lost_or_spoiled_is_made_anew(spoil: str) -> None:
    async def run() -> None:
        cluster = FakeCluster()
        replica = Replica(cluster, check_seconds=0.1)
        await replica.secret.begin()
        before = replica.shown.authorities
        async with running(replica.secret.run(replica.changed)):
            await replica.secret.mirror.synced.wait()
            if spoil == "deleted":
                cluster.drop(SECRETS, "certs", "ns")
            elif spoil == "emptied":
                cluster.put(SECRETS, "certs", "ns", data={})
            else:
                cluster.put(SECRETS, "certs", "ns", data={**data(cluster), "tls.crt": "bm9uc2Vuc2U="})
            await until(lambda: replica.shown.authorities != before)
            assert base64.b64decode(data(cluster)["ca.crt"]) == replica.shown.authorities

    asyncio.run(asyncio.wait_for(run(), 30))


def test_f25_an_outage_leaves_the_certificate() -> None:
    async def run() -> None:
        cluster = FakeCluster()
        replica = Replica(cluster, check_seconds=0.05)
        await replica.secret.begin()
        before = replica.shown.ends
        async with running(replica.secret.run(replica.changed)) as [task]:
            cluster.fail("*", "*", 0, times=10**6)
            await asyncio.sleep(0.5)
            assert not task.done()
            assert replica.shown.ends == before

    asyncio.run(asyncio.wait_for(run(), 30))


def test_without_a_cluster_there_is_no_beginning() -> None:
    async def run() -> None:
        cluster = FakeCluster()
        cluster.fail("*", "*", 503)
        with pytest.raises(TransportError):
            await Replica(cluster).secret.begin()

    asyncio.run(run())
