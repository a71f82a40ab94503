"""What the registry client answers: digests (K1, N4), referrers (F4, F5, K17), mirrors, shared requests."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing
from typing import Any

import pytest

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Digest, Repository
from pratique.runtime.registry.client import MAX_PAGES, DistributionClient
from pratique.runtime.registry.content import MAX_REFERRERS, digest_of
from pratique.runtime.registry.endpoints import Mirrors
from pratique.runtime.registry.media_types import ACCEPT_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.support_registry import (
    FakeRegistry,
    Reply,
    descriptor,
    free_port,
    image,
    index,
    run,
    sha256,
)

BODY = image()
DIGEST = sha256(BODY)
API = f"/v2/app/referrers/{DIGEST}"
FALLBACK = f"/v2/app/manifests/{DIGEST.replace(':', '-')}"
SIG = descriptor(b"sig", OCI_MANIFEST, artifactType="a/sig")
ATT = descriptor(b"att", OCI_MANIFEST, artifactType="a/att", annotations={"k": "v"})


def page(*entries: dict[str, Any], **headers: str) -> Reply:
    return Reply(body=index(*entries), headers={"Content-Type": OCI_INDEX} | headers)


def app(registry: FakeRegistry) -> Repository:
    return Repository(registry.host, "app")


def test_manifest_and_blob() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.manifest("app", BODY, "v1")
            blob = registry.blob("app", b"payload")
            manifest = await client.manifest(app(registry), "v1")
            assert (manifest.digest, manifest.body, manifest.data) == (DIGEST, BODY, json.loads(BODY))
            assert (manifest.repository, manifest.media_type) == (app(registry), OCI_MANIFEST)
            assert await client.manifest(app(registry), DIGEST) == manifest
            assert await client.blob(app(registry), blob, max_bytes=7) == b"payload"
            assert registry.asked[0].headers["accept"] == ACCEPT_MANIFEST
            assert [asked.method for asked in registry.asked] == ["GET"] * 3
            requests = client.tally.requests
            assert (requests.manifests, requests.blobs, requests.bytes) == (2, 1, 2 * len(BODY) + 7)

    run(scenario)


def test_content_type_parameters_and_case_do_not_matter() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            body = image(mediaType=DOCKER_MANIFEST)
            registry.manifest(
                "app", body, "v1", **{"Content-Type": f"{DOCKER_MANIFEST.upper()}; charset=utf-8"}
            )
            assert (await client.manifest(app(registry), "v1")).media_type == DOCKER_MANIFEST

    run(scenario)


def test_k1_one_call_is_one_resolution() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            first, later = (
                Reply(body=image(seed), headers={"Content-Type": OCI_MANIFEST}) for seed in ("one", "two")
            )
            registry.on("/v2/app/manifests/v1", first, later)
            assert (await client.manifest(app(registry), "v1")).digest == sha256(image("one"))
            assert registry.count() == 1
            # Nothing is remembered: the next resolution is the registry's present answer.
            assert (await client.manifest(app(registry), "v1")).digest == sha256(image("two"))

    run(scenario)


@pytest.mark.parametrize("reference", ["v1", DIGEST])
def test_k2_a_registry_does_not_choose_the_digest_of_other_bytes(reference: str) -> None:
    """By tag with the digest of another image in the header, and by digest with the bytes of another."""
    headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": DIGEST}

    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(f"/v2/app/manifests/{reference}", Reply(body=image("other"), headers=headers))
            with pytest.raises(TransportError) as caught:
                await client.manifest(app(registry), reference)
            assert caught.value.code == "digest-mismatch"
            assert len(registry.asked) == 1

    run(scenario)


def test_sha512_from_end_to_end() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            digest, blob = digest_of(BODY, "sha512"), digest_of(b"payload", "sha512")
            registry.on(
                f"/v2/app/manifests/{digest}",
                Reply(body=BODY, headers={"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": digest}),
            )
            registry.on(f"/v2/app/blobs/{blob}", Reply(body=b"payload"))
            registry.on(f"/v2/app/manifests/sha512-{digest[7:71]}", page(SIG))
            assert (await client.manifest(app(registry), digest)).digest == digest
            assert await client.blob(app(registry), blob, max_bytes=7) == b"payload"
            assert len(await client.referrers(app(registry), digest)) == 1

    run(scenario)


@pytest.mark.parametrize(
    ("digest", "code"), [("sha384:" + "0" * 96, "unsupported-digest"), ("sha256:0", "bad-reference")]
)
def test_digests_that_cannot_be_checked_are_not_asked_for(digest: str, code: str) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            for ask in (
                client.manifest(app(registry), digest),
                client.blob(app(registry), Digest(digest), max_bytes=1),
                client.referrers(app(registry), Digest(digest)),
            ):
                with pytest.raises(TransportError) as caught:
                    await ask
                assert caught.value.code == code
            assert registry.asked == []

    run(scenario)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "a?b", "a#b", "a%2f", "a b", "A", "a\r\nX: y"])
def test_names_that_would_change_the_request_are_not_sent(path: str) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            with pytest.raises(TransportError) as caught:
                await client.manifest(Repository(registry.host, path), "v1")
            assert caught.value.code == "bad-reference"
            assert registry.asked == []

    run(scenario)


def test_not_found_in_kyvernos_words() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            error = {"code": "MANIFEST_UNKNOWN", "message": "x", "detail": {"Tag": "v1"}}
            registry.on(
                "/v2/app/manifests/v1", Reply(status=404, body=json.dumps({"errors": [error]}).encode())
            )
            with pytest.raises(NotFoundError) as caught:
                await client.manifest(app(registry), "v1")
            assert caught.value.message == f"{registry.host}: manifest app:v1: not found"
            assert caught.value.detail == (
                f"GET http://{registry.host}/v2/app/manifests/v1: "
                "MANIFEST_UNKNOWN: manifest unknown; map[Tag:v1]"
            )

    run(scenario)


def test_library_is_added_on_the_wire_only() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.manifest("library/nginx", BODY, "v1")
            async with aclosing(
                DistributionClient(mirrors=Mirrors.of([("docker.io", registry.url)]))
            ) as client:
                manifest = await client.manifest(Repository("docker.io", "nginx"), "v1")
                assert manifest.repository == Repository("docker.io", "nginx")

    run(scenario)


# --- referrers -----------------------------------------------------------------------------------------


def test_referrers_by_the_api() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(API, page(SIG, ATT))
            found = await client.referrers(app(registry), DIGEST)
            assert [d.artifact_type for d in found] == ["a/sig", "a/att"]
            assert (found[1].annotations, found[1].size, found[1].media_type) == ({"k": "v"}, 3, OCI_MANIFEST)
            # A registry need not filter: the client does.
            filtered = await client.referrers(app(registry), DIGEST, "a/att")
            assert filtered == found[1:]
            assert registry.asked[1].target == f"{API}?artifactType=a%2Fatt"
            assert client.tally.requests.referrers == 2

    run(scenario)


def test_artifact_type_is_quoted() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(API, page())
            await client.referrers(app(registry), DIGEST, "a/b+c&artifactType=x#\r\n ü")
            assert registry.asked[0].target == (
                f"{API}?artifactType=a%2Fb%2Bc%26artifactType%3Dx%23%0D%0A%20%C3%BC"
            )

    run(scenario)


def test_pages() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(API, page(SIG, Link=f'<{registry.url}{API}?last=1&n=1>; rel="next"'))
            registry.on(f"{API}?last=1&n=1", page(Link='<?last=2>; rel=next; x="y"'))
            registry.on(f"{API}?last=2", page(ATT, Link='<?last=9>; rel="prev"'))
            found = await client.referrers(app(registry), DIGEST)
            assert [d.artifact_type for d in found] == ["a/sig", "a/att"]
            assert registry.count() == 3

    run(scenario)


@pytest.mark.parametrize(
    "link",
    [
        "<https://evil.test/v2/app/referrers/x>",
        "<//evil.test/x>",
        "</v2/other/referrers/x>",
        "<file:///etc/passwd>",
        "<http://127.0.0.1:1/x>",
        "<../manifests/v1>",
    ],
)
def test_next_page_stays_where_the_first_was(link: str) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(API, page(SIG, Link=f'{link}; rel="next"'))
            with pytest.raises(TransportError) as caught:
                await client.referrers(app(registry), DIGEST)
            assert caught.value.code == "registry-response"
            assert registry.count() == 1

    run(scenario)


def test_pages_without_end() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            for n in range(MAX_PAGES + 5):
                registry.on(f"{API}?n={n}", page(SIG, Link=f'<?n={n + 1}>; rel="next"'))
            registry.on(API, page(SIG, Link='<?n=0>; rel="next"'))
            with pytest.raises(TransportError) as caught:
                await client.referrers(app(registry), DIGEST)
            assert caught.value.code == "too-large"
            assert registry.count() == MAX_PAGES
            registry.on(API, page(SIG, Link='<?>; rel="next"'))
            with pytest.raises(TransportError) as caught:
                await client.referrers(app(registry), DIGEST)
            assert caught.value.code == "too-large"
            assert registry.count() == MAX_PAGES + 1

    run(scenario)


@pytest.mark.parametrize("count", [MAX_REFERRERS, MAX_REFERRERS + 1, 100_000])
def test_k17_many_referrers(count: int) -> None:
    """A flood ends in an error within the budget, and a neighbour hardly notices."""

    async def scenario() -> None:
        async with (
            FakeRegistry() as hostile,
            FakeRegistry() as good,
            aclosing(DistributionClient()) as client,
        ):
            hostile.on(API, page(*[SIG] * count))
            good.manifest("app", BODY, "v1")
            await client.manifest(app(good), "v1")
            started = time.monotonic()
            flood = asyncio.create_task(client.referrers(app(hostile), DIGEST))
            await client.manifest(app(good), "v1")
            assert time.monotonic() - started < 10
            if count == MAX_REFERRERS:
                assert len(await flood) == count
            else:
                with pytest.raises(TransportError) as caught:
                    await flood
                assert caught.value.code == "too-large"
            assert time.monotonic() - started < 20

    run(scenario)


@pytest.mark.parametrize("status", [400, 404, 405, 406, 501])
def test_fallback_tag(status: int) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(API, Reply(status=status))
            registry.on(FALLBACK, page(SIG, ATT))
            found = await client.referrers(app(registry), DIGEST, "a/sig")
            assert [d.artifact_type for d in found] == ["a/sig"]
            assert registry.count() == 2

    run(scenario)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (page(), None),
        (Reply(body=BODY, headers={"Content-Type": OCI_MANIFEST}), None),
        (Reply(body=image("other"), headers={"Content-Type": OCI_MANIFEST}), "bad-manifest"),
        (Reply(body=b"{", headers={"Content-Type": OCI_INDEX}), "bad-manifest"),
        (page(*[SIG] * (MAX_REFERRERS + 1)), "too-large"),
        (Reply(status=403), "registry-auth"),
        (Reply(status=400), "registry-response"),
    ],
    ids=["empty", "the subject (GitLab)", "an image", "malformed", "too many", "403", "400"],
)
def test_what_the_fallback_tag_may_hold(answer: Reply, code: str | None) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(FALLBACK, answer)
            if code is None:
                assert await client.referrers(app(registry), DIGEST) == ()
            else:
                with pytest.raises(TransportError) as caught:
                    await client.referrers(app(registry), DIGEST)
                assert caught.value.code == code

    run(scenario)


def test_outage_of_the_api_is_no_reason_for_the_tag() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(API, Reply(status=401))
            registry.on(FALLBACK, page(SIG))
            with pytest.raises(TransportError):
                await client.referrers(app(registry), DIGEST)
            assert registry.count("manifests") == 0

    run(scenario)


# --- mirrors -------------------------------------------------------------------------------------------


def mirrored(origin: FakeRegistry, mirror: str, **options: Any) -> DistributionClient:
    return DistributionClient(mirrors=Mirrors.of([(origin.host, mirror)]), **options)


def test_mirror_is_asked_first() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as origin, FakeRegistry() as mirror:
            mirror.manifest("cache/app", BODY, "v1")
            async with aclosing(mirrored(origin, f"{mirror.url}/cache")) as client:
                manifest = await client.manifest(app(origin), "v1")
                assert (manifest.digest, manifest.repository) == (DIGEST, app(origin))
                assert (mirror.count(), origin.count()) == (1, 0)

    run(scenario)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404),
        Reply(status=401),
        Reply(status=403),
        Reply(status=429),
        Reply(status=503),
        Reply(hang_up=True),
        Reply(stall=True, body=BODY),
        None,
    ],
    ids=["404", "401", "403", "429", "503", "hang up", "stall", "refused"],
)
def test_origin_steps_in(reply: Reply | None) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as origin, FakeRegistry() as mirror:
            origin.manifest("app", BODY, "v1")
            if reply:
                mirror.on("/v2/app/manifests/v1", reply)
            place = mirror.url if reply else f"http://127.0.0.1:{free_port()}"
            async with aclosing(mirrored(origin, place, timeout_s=0.5)) as client:
                assert (await client.manifest(app(origin), "v1")).digest == DIGEST
                assert origin.count() == 1

    run(scenario)


def test_mirror_takes_no_more_than_half_of_the_time() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as origin, FakeRegistry() as mirror:
            origin.manifest("app", BODY, "v1")
            mirror.on("/v2/app/manifests/v1", Reply(stall=True, body=BODY))
            async with aclosing(mirrored(origin, mirror.url, timeout_s=30, deadline_s=1)) as client:
                assert (await client.manifest(app(origin), "v1")).digest == DIGEST

    run(scenario)


@pytest.mark.parametrize(
    ("body", "media_type", "code"),
    [
        (image("other"), OCI_MANIFEST, "digest-mismatch"),
        (BODY, "text/html", "bad-manifest"),
        (BODY, OCI_INDEX, "ambiguous-manifest"),
    ],
)
def test_wrong_content_of_a_mirror_is_an_error_at_once(body: bytes, media_type: str, code: str) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as origin, FakeRegistry() as mirror:
            origin.manifest("app", BODY)
            mirror.on(f"/v2/app/manifests/{DIGEST}", Reply(body=body, headers={"Content-Type": media_type}))
            async with aclosing(mirrored(origin, mirror.url)) as client:
                with pytest.raises(TransportError) as caught:
                    await client.manifest(app(origin), DIGEST)
                assert caught.value.code == code
                assert caught.value.message.startswith(mirror.host)
                assert origin.count() == 0

    run(scenario)


def test_fault_of_both_is_the_origins() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as origin, FakeRegistry() as mirror:
            origin.on("/v2/app/manifests/v1", Reply(status=403))
            async with aclosing(mirrored(origin, mirror.url)) as client:
                with pytest.raises(TransportError) as caught:
                    await client.manifest(app(origin), "v1")
                assert (caught.value.code, caught.value.message.partition(":")[0]) == (
                    "registry-auth",
                    "127.0.0.1",
                )
                assert origin.host in caught.value.message

    run(scenario)


@pytest.mark.parametrize("mirrors_has", [False, True])
def test_referrers_that_a_mirror_lacks_are_the_origins(mirrors_has: bool) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as origin, FakeRegistry() as mirror:
            origin.on(API, page(SIG))
            mirror.on(API, page(ATT) if mirrors_has else page())
            async with aclosing(mirrored(origin, mirror.url)) as client:
                found = await client.referrers(app(origin), DIGEST)
                assert [d.artifact_type for d in found] == ["a/att" if mirrors_has else "a/sig"]
                assert origin.count() == (not mirrors_has)

    run(scenario)


# --- shared requests -----------------------------------------------------------------------------------


def test_hundred_equal_calls_are_one_request() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(
                "/v2/app/manifests/v1",
                Reply(body=BODY, headers={"Content-Type": OCI_MANIFEST}, delay_s=0.1),
            )
            blob = sha256(b"payload")
            registry.on(f"/v2/app/blobs/{blob}", Reply(body=b"payload", delay_s=0.1))
            registry.on(API, page(SIG))
            repository = app(registry)
            results = await asyncio.gather(
                *(client.manifest(repository, "v1") for _ in range(100)),
                *(client.blob(repository, blob, max_bytes=10) for _ in range(100)),
                *(client.referrers(repository, DIGEST) for _ in range(100)),
            )
            assert len(results) == 300
            assert registry.count() == client.tally.requests.total == 3

    run(scenario)


def test_cancelled_caller_does_not_take_the_answer_from_others() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(
                "/v2/app/manifests/v1",
                Reply(body=BODY, headers={"Content-Type": OCI_MANIFEST}, delay_s=0.2),
            )
            one, two = (asyncio.create_task(client.manifest(app(registry), "v1")) for _ in range(2))
            await asyncio.sleep(0.1)
            one.cancel()
            assert (await two).digest == DIGEST
            assert one.cancelled()
            assert registry.count() == 1

    run(scenario)
