"""The client beside a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing

import pytest

from pratique.grammar.errors import NotFoundError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.media_types import DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from tests.support_docker_registry import MISSING, PROGRAM, DockerRegistry, docker_registry
from tests.support_registry import descriptor, image, index, run, sha256

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        for path in ("team/app", "other"):
            running.blob(path, b"{}")
            running.blob(path, b"app")
        yield running


def test_manifest_by_tag_and_digest(registry: DockerRegistry) -> None:
    digest = registry.manifest("team/app", image(), OCI_MANIFEST, "v1")
    docker = image(mediaType=DOCKER_MANIFEST, config=descriptor(b"{}", OCI_CONFIG))
    registry.manifest("team/app", docker, DOCKER_MANIFEST, "docker")

    async def scenario() -> None:
        async with aclosing(DistributionClient()) as client:
            repository = Repository(registry.host, "team/app")
            by_tag = await client.manifest(repository, "v1")
            assert (by_tag.digest, by_tag.body, by_tag.media_type) == (digest, image(), OCI_MANIFEST)
            assert await client.manifest(repository, digest) == by_tag
            assert (await client.manifest(repository, "docker")).media_type == DOCKER_MANIFEST
            assert await client.blob(repository, sha256(b"app"), max_bytes=3) == b"app"

    run(scenario)


def test_index_and_its_child(registry: DockerRegistry) -> None:
    child = registry.manifest("team/app", image(), OCI_MANIFEST)
    whole = index(descriptor(image(), OCI_MANIFEST, platform={"os": "linux", "architecture": "amd64"}))
    registry.manifest("team/app", whole, OCI_INDEX, "multi")

    async def scenario() -> None:
        async with aclosing(DistributionClient()) as client:
            repository = Repository(registry.host, "team/app")
            assert (await client.manifest(repository, "multi")).digest == sha256(whole)
            assert (await client.manifest(repository, child)).media_type == OCI_MANIFEST

    run(scenario)


def test_referrers_by_the_fallback_tag(registry: DockerRegistry) -> None:
    digest = registry.manifest("team/app", image(), OCI_MANIFEST, "v1")
    signature = image(subject=descriptor(image(), OCI_MANIFEST), artifactType="a/sig")
    registry.manifest("team/app", signature, OCI_MANIFEST)
    listed = index(descriptor(signature, OCI_MANIFEST, artifactType="a/sig"))
    registry.manifest("team/app", listed, OCI_INDEX, digest.replace(":", "-"))

    async def scenario() -> None:
        async with aclosing(DistributionClient()) as client:
            found = await client.referrers(Repository(registry.host, "team/app"), digest)
            assert [(d.digest, d.artifact_type) for d in found] == [(sha256(signature), "a/sig")]
            assert client.tally.requests.referrers == 2
            assert await client.referrers(Repository(registry.host, "other"), digest) == ()

    run(scenario)


def test_what_is_not_there_is_told_in_kyvernos_words(registry: DockerRegistry) -> None:
    async def scenario() -> None:
        async with aclosing(DistributionClient()) as client:
            base = f"http://{registry.host}/v2/nowhere"
            with pytest.raises(NotFoundError) as caught:
                await client.manifest(Repository(registry.host, "nowhere"), "v1")
            assert caught.value.detail == (
                f"GET {base}/manifests/v1: MANIFEST_UNKNOWN: manifest unknown; map[Tag:v1]"
            )
            with pytest.raises(NotFoundError) as caught:
                await client.blob(Repository(registry.host, "nowhere"), sha256(b"x"), max_bytes=1)
            assert caught.value.code == "blob-not-found"

    run(scenario)
