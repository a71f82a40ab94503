"""What every store checks of the bytes it hands out (threats K2, O3, F12, F13, C7, I7, I10)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Digest, Manifest, Repository
from pratique.runtime.registry.content import (
    MAX_REFERRERS,
    check_reference,
    check_repository,
    descriptor_in,
    digest_of,
    fallback_tag,
    is_host,
    read_index,
    read_manifest,
    referrers_in,
    with_artifact_type,
)
from pratique.runtime.registry.faults import Operation
from pratique.runtime.registry.media_types import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.support_registry import descriptor, image, index

DO = Operation("reg.example", "manifest app:v1")
REPOSITORY = Repository("reg.example", "app")
LOOSE: dict[str, Any] = {"x-extension": {"Layers": 1}}
LONG_S: dict[str, Any] = {"layer\u017f": []}


def read(body: bytes, media_type: str = OCI_MANIFEST, **options: Any) -> Manifest:
    return read_manifest(DO, REPOSITORY, body, **({"reference": "v1", "media_type": media_type} | options))


def refused(code: str, body: bytes, media_type: str = OCI_MANIFEST, **options: Any) -> str:
    with pytest.raises(TransportError) as caught:
        read(body, media_type, **options)
    assert caught.value.code == code
    assert caught.value.message.startswith("reg.example: manifest app:v1: ")
    return caught.value.message


def test_manifest_by_tag_gets_the_digest_of_its_bytes() -> None:
    body = image()
    manifest = read(body)
    assert manifest.digest == "sha256:" + hashlib.sha256(body).hexdigest()
    assert (manifest.body, manifest.media_type, manifest.repository) == (body, OCI_MANIFEST, REPOSITORY)
    assert manifest.data == json.loads(body)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_manifest_by_digest_keeps_the_algorithm(algorithm: str) -> None:
    digest = digest_of(image(), algorithm)
    assert read(image(), reference=digest).digest == digest
    refused("digest-mismatch", image("other"), reference=digest)


@pytest.mark.parametrize(
    ("claimed", "code"),
    [
        ("", None),
        (digest_of(image()), None),
        (digest_of(image(), "sha512"), None),
        ("blake3:" + "0" * 64, None),
        (digest_of(image("other")), "digest-mismatch"),
        (digest_of(image("other"), "sha512"), "digest-mismatch"),
        ("sha256:" + "0" * 63, "digest-mismatch"),
        ("nonsense", "digest-mismatch"),
    ],
)
def test_k2_claimed_digest_never_counts_alone(claimed: str, code: str | None) -> None:
    if code is None:
        assert read(image(), claimed=claimed).digest == digest_of(image())
    else:
        refused(code, image(), claimed=claimed)


@pytest.mark.parametrize(
    ("body", "media_type", "code"),
    [
        (b"{", OCI_MANIFEST, "bad-manifest"),
        (b"[]", OCI_MANIFEST, "bad-manifest"),
        (b"null", OCI_MANIFEST, "bad-manifest"),
        (b"<html></html>", "text/html", "bad-manifest"),
        (image(), "text/html", "bad-manifest"),
        (image(), "application/json", "bad-manifest"),
        (image(mediaType=None), "", "bad-manifest"),
        (image(schemaVersion=1), OCI_MANIFEST, "bad-manifest"),
        (image(schemaVersion=True), OCI_MANIFEST, "bad-manifest"),
        (image(), "application/vnd.docker.distribution.manifest.v1+prettyjws", "bad-manifest"),
        (image(mediaType=7), OCI_MANIFEST, "bad-manifest"),
        (image(layers=None), OCI_MANIFEST, "bad-manifest"),
        (image(layers="x"), OCI_MANIFEST, "bad-manifest"),
        (image(layers=[1]), OCI_MANIFEST, "bad-manifest"),
        (image(config=None), OCI_MANIFEST, "bad-manifest"),
        (image(annotations={"a": 1}), OCI_MANIFEST, "bad-manifest"),
        (image(artifactType=["x"]), OCI_MANIFEST, "bad-manifest"),
        (image(subject={"digest": "sha256:1"}), OCI_MANIFEST, "bad-manifest"),
        (index(), OCI_INDEX, "bad-manifest"),
        (index({"digest": "x"}), OCI_INDEX, "bad-manifest"),
        (image(manifests=[]), OCI_MANIFEST, "ambiguous-manifest"),
        (index(descriptor(b"a"), layers=[]), OCI_INDEX, "ambiguous-manifest"),
        (index(descriptor(b"a"), config=descriptor(b"{}")), OCI_INDEX, "ambiguous-manifest"),
        (image(fsLayers=[]), OCI_MANIFEST, "ambiguous-manifest"),
        (image(Manifests=[]), OCI_MANIFEST, "ambiguous-manifest"),
        (image("app", **LONG_S), OCI_MANIFEST, "ambiguous-manifest"),
        (image(), DOCKER_MANIFEST, "ambiguous-manifest"),
        (image(), OCI_INDEX, "ambiguous-manifest"),
        (image(mediaType=None), OCI_INDEX, "ambiguous-manifest"),
        (b'{"schemaVersion":2,"layers":[],"layers":[]}', OCI_MANIFEST, "bad-manifest"),
    ],
)
def test_o3_refuses_what_has_not_one_reading(body: bytes, media_type: str, code: str) -> None:
    refused(code, body, media_type)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (image(mediaType=None), OCI_MANIFEST),
        (image(mediaType=DOCKER_MANIFEST), DOCKER_MANIFEST),
        (image(), ""),
        (image(layers=[]), OCI_MANIFEST),
        (image(annotations=None, subject=None), OCI_MANIFEST),
        (image("app", **LOOSE), OCI_MANIFEST),
        (index(descriptor(b"a", OCI_MANIFEST)), OCI_INDEX),
        (index(descriptor(b"a"), mediaType=DOCKER_INDEX), DOCKER_INDEX),
        (index(descriptor(b"a", platform={"os": "linux"}, urls=["https://x"])), OCI_INDEX),
    ],
)
def test_accepts_what_registries_really_serve(body: bytes, media_type: str) -> None:
    assert read(body, media_type).data == json.loads(body)


def test_schema_1_is_named() -> None:
    assert "schema 1" in refused("bad-manifest", b'{"schemaVersion":1,"fsLayers":[]}')


def test_messages_quote_nothing_remote() -> None:
    secret = "s3cr3t-marker"
    for body in (image(mediaType=secret), image(layers=secret), f'{{"{secret}":1,"{secret}":2}}'.encode()):
        with pytest.raises(TransportError) as caught:
            read(body)
        assert secret not in caught.value.message + caught.value.detail


@given(st.sampled_from([0, -1, 2**31, 2**63, 2**63 - 1, 10**30, 1.5, True, "1", None]))
def test_c7_counts_from_outside_are_only_numbers(size: Any) -> None:
    body = image(layers=[descriptor(b"x") | {"size": size}])
    if type(size) is int and 0 <= size < 2**63:
        assert read(body).data["layers"][0]["size"] == size
    else:
        refused("bad-manifest", body)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("v1", None),
        ("sha256:" + "a" * 64, None),
        ("sha512:" + "a" * 128, None),
        ("sha384:" + "a" * 96, "unsupported-digest"),
        ("md5:" + "a" * 32, "unsupported-digest"),
        ("sha256:" + "a" * 63, "bad-reference"),
        ("sha256:" + "A" * 64, "bad-reference"),
        ("sha256:", "bad-reference"),
        (":", "bad-reference"),
        ("sha256:" + "a" * 64 + "\n", "bad-reference"),
        ("sha256:" + "٣" * 64, "bad-reference"),
        ("", "bad-reference"),
        ("..", "bad-reference"),
        ("a/b", "bad-reference"),
        ("a" * 129, "bad-reference"),
        ("v1?x=1", "bad-reference"),
        ("v1#x", "bad-reference"),
        ("%2e%2e", "bad-reference"),
        ("v 1", "bad-reference"),
    ],
)
def test_references(reference: str, code: str | None) -> None:
    if code is None:
        check_reference(reference, DO)
        return
    with pytest.raises(TransportError) as caught:
        check_reference(reference, DO)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "repository",
    [
        Repository("reg.example", ""),
        Repository("reg.example", "../app"),
        Repository("reg.example", "a/../b"),
        Repository("reg.example", "a/./b"),
        Repository("reg.example", "a//b"),
        Repository("reg.example", "/a"),
        Repository("reg.example", "a/"),
        Repository("reg.example", "a?x"),
        Repository("reg.example", "a#x"),
        Repository("reg.example", "a%2fb"),
        Repository("reg.example", "a\\b"),
        Repository("reg.example", "UPPER"),
        Repository("reg.example", "a" * 256),
        Repository("", "a"),
        Repository("user:pw@reg.example", "a"),
        Repository("reg.example/x", "a"),
        Repository("reg.example:0", "a"),
        Repository("reg.example:65536", "a"),
        Repository("reg.example:", "a"),
        Repository("reg_example", "a"),
        Repository("-reg", "a"),
        Repository("2130706433", "a"),
        Repository("127.1:5000", "a"),
        Repository("0177.0.0.1", "a"),
        Repository("[127.0.0.1]", "a"),
        Repository("[::1", "a"),
        Repository("[:::]", "a"),
        Repository("[::1%25eth0]", "a"),
        Repository("g\u0441r.io", "a"),
    ],
)
def test_names_that_would_change_a_url_are_refused(repository: Repository) -> None:
    with pytest.raises(TransportError) as caught:
        check_repository(repository, DO)
    assert caught.value.code == "bad-reference"


@pytest.mark.parametrize("host", ["reg.example", "REG:5000", "localhost", "10.0.0.1:80", "[::1]:5000", "a"])
def test_hosts(host: str) -> None:
    assert is_host(host)
    check_repository(Repository(host, "team/app-1_2.3/x__y--z"), DO)


def test_hostile_names_are_judged_quickly() -> None:
    for text in ("a" * 65536, "a." * 32768, "a-" * 32768 + "!", "[" + ":" * 65536):
        assert not is_host(text)


def test_fallback_tag() -> None:
    assert fallback_tag(Digest("sha256:" + "a" * 64)) == "sha256-" + "a" * 64
    assert fallback_tag(Digest("sha512:" + "a" * 128)) == "sha512-" + "a" * 64


def test_referrers() -> None:
    body = index(
        descriptor(b"1", OCI_MANIFEST, artifactType="a/sig", annotations={"k": "v"}),
        descriptor(b"2", OCI_MANIFEST),
        descriptor(b"3", OCI_MANIFEST, artifactType=None, annotations=None),
    )
    found = referrers_in(read_index(body, OCI_INDEX, DO), DO)
    assert [(d.artifact_type, d.annotations) for d in found] == [("a/sig", {"k": "v"}), ("", {}), ("", {})]
    assert found[0] == descriptor_in(json.loads(body)["manifests"][0])
    assert with_artifact_type(found, "a/sig") == found[:1]
    assert with_artifact_type(found, "") == found


@pytest.mark.parametrize("body", [index(), index(manifests=None)])
def test_no_referrers(body: bytes) -> None:
    assert referrers_in(read_index(body, OCI_INDEX, DO), DO) == ()


def test_too_many_referrers() -> None:
    body = index(*[descriptor(b"x", OCI_MANIFEST)] * (MAX_REFERRERS + 1))
    with pytest.raises(TransportError) as caught:
        referrers_in(read_index(body, OCI_INDEX, DO), DO)
    assert caught.value.code == "too-large"
