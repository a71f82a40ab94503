"""The served layout: it answers as the layout store does, and never more."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Digest, ImageStore, Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.endpoints import Mirrors
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.layout_files import MemoryFiles
from pratique.runtime.registry.layout_writer import LayoutWriter
from pratique.runtime.registry.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from pratique.runtime.registry.serve import LayoutServer
from tests.support_registry import descriptor, image, index, run, sha256

BODY = image()
DIGEST = sha256(BODY)
SIGNATURE = image("sig", subject=descriptor(BODY, OCI_MANIFEST), artifactType="a/sig")


def layout(*names: str) -> LayoutStore:
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        writer.blob(b"payload")
        writer.manifest(BODY, OCI_MANIFEST, names or ("reg.example/team/app:v1",))
        writer.manifest(SIGNATURE, OCI_MANIFEST)
    return LayoutStore(files)


async def outcome(store: ImageStore, question: tuple[Any, ...]) -> Any:
    """Return what a store answers, or the code of its refusal."""
    what, repository, *rest = question
    try:
        match what:
            case "manifest":
                return await store.manifest(repository, rest[0])
            case "blob":
                return await store.blob(repository, Digest(rest[0]), max_bytes=rest[1])
            case _:
                return await store.referrers(repository, Digest(rest[0]), rest[1])
    except TransportError as error:
        return error.code


BODIES = st.lists(
    st.sampled_from(
        [
            (BODY, OCI_MANIFEST),
            (image("other"), OCI_MANIFEST),
            (image("docker", mediaType=DOCKER_MANIFEST), DOCKER_MANIFEST),
            (SIGNATURE, OCI_MANIFEST),
            (image("untyped", subject=descriptor(BODY, OCI_MANIFEST), annotations={"k": "v"}), OCI_MANIFEST),
            (index(descriptor(BODY, OCI_MANIFEST)), OCI_INDEX),
            (index(descriptor(b"gone", OCI_MANIFEST), subject=descriptor(BODY, OCI_MANIFEST)), OCI_INDEX),
            (index(), OCI_INDEX),
            (b"{", OCI_MANIFEST),
            (BODY, "text/html"),
            (image(manifests=[]), OCI_MANIFEST),
            (image("docker"), DOCKER_MANIFEST),
        ]
    ),
    max_size=6,
)
TAGS = st.sampled_from(["v1", "v2", DIGEST.replace(":", "-"), DIGEST.replace(":", "-") + ".sig"])
REFERENCES = TAGS | st.sampled_from(
    [DIGEST, sha256(SIGNATURE), sha256(index()), sha256(b"gone"), sha256(b"{")]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    bodies=BODIES,
    names=st.lists(st.lists(TAGS, max_size=2), min_size=6, max_size=6),
    blobs=st.lists(st.binary(max_size=9), max_size=2),
    references=st.lists(REFERENCES, min_size=1, max_size=4),
    path=st.sampled_from(["team/app", "x"]),
)
def test_layout_and_its_server_answer_the_same(
    bodies: list[tuple[bytes, str]],
    names: list[list[str]],
    blobs: list[bytes],
    references: list[str],
    path: str,
) -> None:
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        for (body, media_type), tags in zip(bodies, names, strict=False):
            writer.manifest(body, media_type, [f"reg.example/team/app:{tag}" for tag in tags])
        for blob in blobs:
            writer.blob(blob)
    repository = Repository("reg.example", path)
    questions: list[tuple[Any, ...]] = [("manifest", repository, r) for r in references]
    questions += [("blob", repository, sha256(blob), 5) for blob in [*blobs, b"absent"]]
    questions += [("referrers", repository, DIGEST, kind) for kind in ("", "a/sig")]

    async def scenario() -> None:
        store = LayoutStore(files)
        server = LayoutServer(store, registry="reg.example")
        async with server, aclosing(DistributionClient()) as client:
            direct = Repository(server.host, path)
            for what, named, *rest in questions:
                expected = await outcome(store, (what, named, *rest))
                received = await outcome(client, (what, direct, *rest))
                if what == "manifest" and not isinstance(expected, str):
                    assert (received.digest, received.body, received.data) == (
                        expected.digest,
                        expected.body,
                        expected.data,
                    )
                    assert received.media_type == expected.media_type
                else:
                    assert received == expected

    run(scenario)


@pytest.mark.parametrize("with_referrers", [True, False])
def test_referrers_api_can_be_off(with_referrers: bool) -> None:
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        writer.manifest(BODY, OCI_MANIFEST, ["reg.example/app:v1"])
        writer.manifest(SIGNATURE, OCI_MANIFEST)
        listed = index(descriptor(SIGNATURE, OCI_MANIFEST, artifactType="a/sig"))
        writer.manifest(listed, OCI_INDEX, [f"reg.example/app:{DIGEST.replace(':', '-')}"])

    async def scenario() -> None:
        seen: list[tuple[str, str, int]] = []
        server = LayoutServer(
            LayoutStore(files),
            registry="reg.example",
            with_referrers=with_referrers,
            on_request=lambda *request: seen.append(request),
        )
        async with server, aclosing(DistributionClient()) as client:
            found = await client.referrers(Repository(server.host, "app"), DIGEST, "a/sig")
            assert [d.digest for d in found] == [sha256(SIGNATURE)]
            assert client.tally.requests.referrers == len(seen) == (1 if with_referrers else 2)
            assert [status for _, _, status in seen] == ([200] if with_referrers else [404, 200])

    run(scenario)


def test_every_registry_of_a_layout_is_behind_a_path() -> None:
    async def scenario() -> None:
        names = ("registry.k8s.io/etcd:v1", "docker.io/library/nginx:v1")
        async with LayoutServer(layout(*names)) as server:
            mirrors = Mirrors.of(
                (host, f"http://{server.host}/{host}") for host in ("registry.k8s.io", "docker.io")
            )
            async with aclosing(DistributionClient(mirrors=mirrors)) as client:
                for repository in (Repository("registry.k8s.io", "etcd"), Repository("docker.io", "nginx")):
                    assert (await client.manifest(repository, "v1")).digest == DIGEST

    run(scenario)


def test_layout_may_name_images_by_the_servers_own_host() -> None:
    async def scenario() -> None:
        files = MemoryFiles()
        with LayoutWriter(files):
            pass
        async with LayoutServer(LayoutStore(files)) as server, aclosing(DistributionClient()) as client:
            with LayoutWriter(files) as writer:
                writer.manifest(BODY, OCI_MANIFEST, [f"{server.host}/app:v1"])
            assert (await client.manifest(Repository(server.host, "app"), "v1")).digest == DIGEST

    run(scenario)


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/v2/", 200, "{}"),
        ("GET", "/v2/team/app/tags/list", 200, '{"name": "team/app", "tags": ["v1"]}'),
        ("GET", "/v2/team/app/manifests/v1", 200, BODY.decode()),
        ("HEAD", "/v2/team/app/manifests/v1", 200, ""),
        ("HEAD", f"/v2/team/app/blobs/{sha256(b'payload')}", 200, ""),
        ("GET", "/v2/team/app/manifests/v9", 404, "MANIFEST_UNKNOWN"),
        ("GET", f"/v2/team/app/blobs/{sha256(b'x')}", 404, "BLOB_UNKNOWN"),
        ("GET", "/v2/team/app/blobs/sha256:x", 400, "NAME_INVALID"),
        ("GET", "/v2/team/app/manifests/sha384:" + "0" * 96, 400, "DIGEST_INVALID"),
        ("GET", "/v2/TEAM/manifests/v1", 400, "NAME_INVALID"),
        ("GET", "/v2/_catalog", 404, "UNSUPPORTED"),
        ("GET", "/", 404, "UNSUPPORTED"),
        ("PUT", "/v2/team/app/manifests/v1", 405, "UNSUPPORTED"),
        ("POST", "/v2/team/app/blobs/uploads/", 405, "UNSUPPORTED"),
        ("DELETE", "/v2/team/app/manifests/v1", 405, "UNSUPPORTED"),
    ],
)
def test_protocol(method: str, path: str, status: int, text: str) -> None:
    async def scenario() -> None:
        seen: list[tuple[str, str, int]] = []
        server = LayoutServer(
            layout(), registry="reg.example", on_request=lambda *request: seen.append(request)
        )
        async with server, aiohttp.ClientSession() as session:
            async with session.request(method, f"http://{server.host}{path}") as response:
                body = await response.text()
            assert response.status == status
            assert text in body
            assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
            assert seen == [(method, path, status)]
            if method == "HEAD":
                assert int(response.headers["Content-Length"]) > 0
                assert response.headers["Docker-Content-Digest"].startswith("sha256:")

    run(scenario)


def test_filter_is_announced() -> None:
    async def scenario() -> None:
        async with (
            LayoutServer(layout(), registry="reg.example") as server,
            aiohttp.ClientSession() as session,
        ):
            base = f"http://{server.host}/v2/team/app/referrers/{DIGEST}"
            for query, count, filters in (("", 1, None), ("?artifactType=a%2Fsig", 1, "artifactType")):
                async with session.get(base + query) as response:
                    data = json.loads(await response.read())
                assert len(data["manifests"]) == count
                assert data["manifests"][0]["artifactType"] == "a/sig"
                assert response.headers.get("OCI-Filters-Applied") == filters
                assert response.headers["Content-Type"] == OCI_INDEX

    run(scenario)


def test_only_loopback_listens() -> None:
    async def scenario() -> None:
        async with LayoutServer(layout()) as server:
            host, _, port = server.host.partition(":")
            assert host == "127.0.0.1"
            with pytest.raises(OSError, match="Connect call failed"):
                await asyncio.open_connection("127.0.0.2", int(port))

    run(scenario)
