import asyncio
import json
from typing import Any

import pytest

from pratique.compiler.graph import Listing
from pratique.compiler.ir import SignatureFormat
from pratique.grammar.errors import NotFoundError
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.lab.serving import FallbackStore, registries_of
from pratique.runtime.ports import Digest, Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.endpoints import Mirrors
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.serve import LayoutServer
from pratique.runtime.signatures.model import Stored, StoredBundle
from tests.support_lab import memory_lab

LAB = memory_lab(
    """
    signers: {dev: {issuer: i, subject: dev@acme.example}}
    images:
      - image: one.test/app:v1
        platforms: [linux/amd64, linux/arm64]
        signatures: [dev, {by: dev, format: bundle, covers: all}]
      - image: two.test/app:v1
    """
)
IMAGE = LAB.image("one.test/app")
APP = Repository("one.test", "app")


def learned(*, untyped: bool = False) -> FallbackStore:
    store = FallbackStore(LAB.files, untyped=untyped)
    asyncio.run(store.learn(LAB.inventory))
    return store


def test_registries() -> None:
    assert registries_of(LAB.inventory) == ("one.test", "two.test")


def test_fallback_tag_lists_the_referrers_of_index_and_platforms() -> None:
    store = learned()
    bundles = {made.of: made.stored for made in IMAGE.signatures if made.format == "bundle"}
    assert set(bundles) == {IMAGE.digest, *IMAGE.platforms.values()}
    for subject, stored in bundles.items():
        index = store.stored(APP, subject.replace(":", "-"))
        (entry,) = json.loads(index.body)["manifests"]
        assert (entry["digest"], entry["artifactType"]) == (
            stored,
            "application/vnd.dev.sigstore.bundle.v0.3+json",
        )


def test_lists_of_older_cosign_do_not_tell_types() -> None:
    index = learned(untyped=True).stored(APP, IMAGE.digest.replace(":", "-"))
    (entry,) = json.loads(index.body)["manifests"]
    assert entry["artifactType"] == "application/vnd.oci.empty.v1+json"


@pytest.mark.parametrize("untyped", [False, True])
def test_bundles_are_found_without_the_api(untyped: bool) -> None:
    store = learned(untyped=untyped)

    async def ask() -> tuple[Stored, ...]:
        async with LayoutServer(store, with_referrers=False) as server:
            client = DistributionClient(mirrors=Mirrors.of([("one.test", f"http://{server.host}/one.test")]))
            try:
                return await stored_signatures(
                    client, APP, IMAGE.digest, Listing(SignatureFormat.SIGSTORE_BUNDLE)
                )
            finally:
                await client.aclose()

    (bundle,) = asyncio.run(ask())
    assert isinstance(bundle, StoredBundle)
    assert bundle.artifact_type == "application/vnd.dev.sigstore.bundle.v0.3+json"


def test_other_tags_are_as_in_the_layout() -> None:
    store = learned()
    assert store.stored(APP, "v1").digest == IMAGE.digest
    with pytest.raises(NotFoundError):
        store.stored(APP, "v2")
    unsigned = LAB.image("two.test/app").digest.replace(":", "-")
    with pytest.raises(NotFoundError):
        store.stored(Repository("two.test", "app"), unsigned)


@pytest.mark.parametrize("with_referrers", [True, False])
def test_client_gets_everything_through_a_mirror(with_referrers: bool) -> None:
    store = LayoutStore(LAB.files) if with_referrers else learned()

    async def ask() -> tuple[Any, ...]:
        async with LayoutServer(store, with_referrers=with_referrers) as server:
            mirrors = Mirrors.of(
                [(name, f"http://{server.host}/{name}") for name in ("one.test", "two.test")]
            )
            client = DistributionClient(mirrors=mirrors)
            try:
                found = await client.manifest(APP, "v1")
                signed = await client.manifest(APP, f"{found.digest.replace(':', '-')}.sig")
                payload = Digest(signed.data["layers"][0]["digest"])
                blob = await client.blob(APP, payload, max_bytes=10_000)
                other = await client.manifest(Repository("two.test", "app"), "v1")
                return found.digest, blob, await client.referrers(APP, found.digest), other.digest
            finally:
                await client.aclose()

    digest, blob, referrers, other = asyncio.run(ask())
    assert digest == IMAGE.digest
    assert IMAGE.digest.encode() in blob
    assert [d.digest for d in referrers] == [IMAGE.signatures[1].stored]
    assert referrers[0].artifact_type == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert other == LAB.image("two.test/app").digest
