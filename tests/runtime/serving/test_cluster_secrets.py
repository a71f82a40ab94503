"""Secrets out of a cluster, in memory."""

import asyncio
import base64

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.kubernetes.types import SECRETS
from pratique.runtime.secrets import NO_SECRETS, Secret, Secrets
from pratique.runtime.serving import cluster_secrets
from pratique.runtime.serving.cluster_secrets import ClusterSecrets
from tests.support_fake_cluster import FakeCluster


def cluster(value: bytes = b"1") -> FakeCluster:
    found = FakeCluster()
    put(found, value)
    return found


def put(given: FakeCluster, value: bytes) -> None:
    given.put(SECRETS, "key", "team", data={"cosign.pub": base64.b64encode(value).decode()})


def values(found: Secret | None) -> dict[str, bytes] | None:
    return dict(found.data) if found else None


def test_secrets_are_believed_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    given = cluster()

    async def run() -> None:
        source = ClusterSecrets(given, NO_SECRETS)
        assert values(await source.get("team", "key")) == {"cosign.pub": b"1"}
        put(given, b"2")
        assert values(await source.get("team", "key")) == {"cosign.pub": b"1"}
        assert given.calls["get secrets"] == 1
        monkeypatch.setattr(cluster_secrets, "SECONDS", 0.0)
        other = ClusterSecrets(given, NO_SECRETS)
        assert values(await other.get("team", "key")) == {"cosign.pub": b"2"}
        given.drop(SECRETS, "key", "team")
        assert await other.get("team", "key") is None

    asyncio.run(run())


def test_given_ones_go_first() -> None:
    given = cluster()
    files = Secrets({("team", "key"): Secret(type="Opaque", data={"a": b"0"})})
    assert values(asyncio.run(ClusterSecrets(given, files).get("team", "key"))) == {"a": b"0"}
    assert not given.calls


@pytest.mark.parametrize("status", [403, 404])
def test_what_may_not_be_read_is_not_there(status: int, caplog: pytest.LogCaptureFixture) -> None:
    given = cluster()
    given.fail("get", "secrets", status)
    assert asyncio.run(ClusterSecrets(given, NO_SECRETS).get("team", "key")) is None
    assert ("not for this server to read" in caplog.text) == (status == 403)


def test_names_that_nothing_has_are_not_asked_for() -> None:
    given = cluster()
    assert asyncio.run(ClusterSecrets(given, NO_SECRETS).get("team", "../key")) is None


def test_f35_outages_and_malformed_secrets_are_errors_that_show_nothing() -> None:
    given = cluster()
    given.fail("get", "secrets", 503)
    source = ClusterSecrets(given, NO_SECRETS)

    async def run() -> None:
        with pytest.raises(TransportError):
            await source.get("team", "key")
        given.put(SECRETS, "bad", "team", data={"a": "hunter2!"})
        with pytest.raises(TransportError, match="Secret team/bad: the data of the Secret is malformed"):
            await source.get("team", "bad")
        assert values(await source.get("team", "key")) == {"cosign.pub": b"1"}

    asyncio.run(run())
