"""The layout store: names, what other tools write, digests, limits, referrers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Descriptor, Digest, Repository
from pratique.runtime.registry import layout_referrers
from pratique.runtime.registry.content import MAX_MANIFEST_BYTES, digest_of
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.layout_files import LayoutFiles, MemoryFiles
from pratique.runtime.registry.layout_writer import LayoutWriter
from pratique.runtime.registry.media_types import (
    CONTAINERD_NAME,
    COSIGN_KIND,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    REF_NAME,
)
from tests.support_registry import descriptor, image, index, run, sha256

APP = Repository("reg.example", "team/app")
BODY = image()
DIGEST = sha256(BODY)


def resolve(files: LayoutFiles | Path, repository: Repository, reference: str, **options: Any) -> Digest:
    return run(lambda: LayoutStore(files, **options).manifest(repository, reference)).digest


def fails(files: LayoutFiles | Path, reference: str = "v1", repository: Repository = APP) -> TransportError:
    with pytest.raises(TransportError) as caught:
        run(lambda: LayoutStore(files).manifest(repository, reference))
    return caught.value


def referrers(files: LayoutFiles, digest: Digest = DIGEST, kind: str = "") -> tuple[Descriptor, ...]:
    return run(lambda: LayoutStore(files).referrers(APP, digest, kind))


def layout(*entries: dict[str, Any], bodies: tuple[bytes, ...] = (BODY,)) -> MemoryFiles:
    """A layout with a hand-written `index.json`."""
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        for body in bodies:
            writer.blob(body)
    files.write("index.json", index(*entries))
    return files


def entry(
    body: bytes = BODY, media_type: str = OCI_MANIFEST, annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    return descriptor(body, media_type, annotations=annotations or {})


def named(*names: str) -> MemoryFiles:
    return layout(*(entry(annotations={REF_NAME: name}) for name in names))


@pytest.mark.parametrize(
    ("name", "repository", "tag"),
    [
        ("reg.example/team/app:v1", APP, "v1"),
        ("REG.example/team/app:v1", APP, "v1"),
        ("docker.io/library/nginx:1", Repository("docker.io", "nginx"), "1"),
        ("docker.io/nginx:1", Repository("index.docker.io", "library/nginx"), "1"),
        ("nginx:1", Repository("docker.io", "nginx"), "1"),
        ("localhost:5000/app:v1", Repository("localhost:5000", "app"), "v1"),
        ("v1", APP, "v1"),
        ("v1", Repository("other.example", "x"), "v1"),
        ("1.0", APP, "1.0"),
    ],
)
def test_names(name: str, repository: Repository, tag: str) -> None:
    assert resolve(named(name), repository, tag) == DIGEST


@pytest.mark.parametrize(
    ("name", "repository", "tag"),
    [
        ("reg.example/team/app:v1", APP, "v2"),
        ("reg.example/team/app:v1", APP, "V1"),
        ("reg.example/team/app:v1", Repository("reg.example", "app"), "v1"),
        ("reg.example/team/app:v1", Repository("evil.test", "team/app"), "v1"),
        ("reg.example/team/app:v1", Repository("reg.example:443", "team/app"), "v1"),
        ("app:v1", APP, "v1"),
        ("v1", APP, "v2"),
    ],
)
def test_other_names(name: str, repository: Repository, tag: str) -> None:
    error = fails(named(name), tag, repository)
    assert isinstance(error, NotFoundError)
    assert error.code == "image-not-found"


def test_containerd_gives_the_full_name_beside_the_tag() -> None:
    files = layout(entry(annotations={REF_NAME: "v1", CONTAINERD_NAME: "docker.io/library/nginx:v1"}))
    assert resolve(files, Repository("docker.io", "nginx"), "v1") == DIGEST
    assert fails(files, "v1").code == "image-not-found"


def test_full_name_wins_over_bare_tag() -> None:
    other = image("other")
    files = layout(
        entry(annotations={REF_NAME: "v1"}),
        entry(other, annotations={REF_NAME: "reg.example/team/app:v1"}),
        bodies=(BODY, other),
    )
    assert resolve(files, APP, "v1") == sha256(other)
    assert resolve(files, Repository("reg.example", "x"), "v1") == DIGEST


@pytest.mark.parametrize("name", ["v1", "reg.example/team/app:v1"])
def test_name_of_two_images_is_no_name(name: str) -> None:
    other = image("other")
    both = (entry(annotations={REF_NAME: name}), entry(other, annotations={REF_NAME: name}))
    assert fails(layout(*both, bodies=(BODY, other))).code == "bad-layout"
    # The same image twice is no contradiction.
    assert resolve(layout(both[0], both[0]), APP, "v1") == DIGEST


@pytest.mark.parametrize("listed", [False, True])
def test_digest_is_found_whatever_the_repository(listed: bool) -> None:
    files = layout(*[entry(annotations={REF_NAME: "other.example/x:v1"})] * listed)
    assert resolve(files, APP, DIGEST) == DIGEST
    assert fails(files, sha256(b"absent")).code == "image-not-found"


def test_unlisted_manifest_says_itself_what_it_is() -> None:
    bodies = (
        image(mediaType=DOCKER_MANIFEST),
        image(mediaType=None),
        index(descriptor(BODY, OCI_MANIFEST), mediaType=None),
    )
    store = LayoutStore(layout(bodies=bodies))
    kinds = [run(lambda b=body: store.manifest(APP, sha256(b))).media_type for body in bodies]  # type: ignore[misc]
    assert kinds == [DOCKER_MANIFEST, OCI_MANIFEST, OCI_INDEX]


def test_sha512() -> None:
    files = MemoryFiles()
    digest = digest_of(BODY, "sha512")
    with LayoutWriter(files):
        pass
    files.write(f"blobs/sha512/{digest[7:]}", BODY)
    assert resolve(files, APP, digest) == digest


def test_cosign_save() -> None:
    """What `cosign save` writes: an image and its signatures without any name."""
    sigs, atts = image("sigs"), image("atts")
    entries = (
        entry(annotations={COSIGN_KIND: "dev.cosignproject.cosign/image"}),
        entry(sigs, annotations={COSIGN_KIND: "dev.cosignproject.cosign/sigs"}),
        entry(atts, annotations={COSIGN_KIND: "dev.cosignproject.cosign/atts"}),
    )
    files = layout(*entries, bodies=(BODY, sigs, atts))
    tag = DIGEST.replace(":", "-")
    assert resolve(files, APP, DIGEST) == DIGEST
    assert resolve(files, APP, f"{tag}.sig") == sha256(sigs)
    assert resolve(files, APP, f"{tag}.att") == sha256(atts)
    assert resolve(files, APP, "v1", name="reg.example/team/app:v1") == DIGEST
    error = fails(files, "v1")
    assert error.code == "image-not-found"
    assert "does not name its image" in error.message
    with pytest.raises(NotFoundError):
        resolve(files, Repository("evil.test", "app"), "v1", name="reg.example/team/app:v1")


def test_cosign_save_leaves_bundles_unlisted() -> None:
    """cosign 3.1 writes the manifests of Sigstore bundles, and then an `index.json` without them."""
    bundle = image(
        "bundle",
        subject=descriptor(BODY, OCI_MANIFEST),
        artifactType="application/vnd.dev.sigstore.bundle.v0.3+json",
    )
    decoys = (b'{"subject":', b'{"subject":"x"}', b"plain text", bytes(MAX_MANIFEST_BYTES + 1))
    entries = (entry(annotations={COSIGN_KIND: "dev.cosignproject.cosign/image"}),)
    files = layout(*entries, bodies=(BODY, bundle, *decoys))
    files.write("blobs/sha256/.writing-x", bundle)
    assert [d.digest for d in referrers(files)] == [sha256(bundle)]
    assert [d.artifact_type for d in referrers(files)] == ["application/vnd.dev.sigstore.bundle.v0.3+json"]
    # Layouts of others list what they mean.
    assert referrers(layout(entry(), bodies=(BODY, bundle))) == ()


def test_signatures_of_two_unnamed_images_are_not_guessed() -> None:
    bodies = (BODY, image("two"), image("sigs"), image("more sigs"))
    kinds = ("image", "imageIndex", "sigs", "sigs")
    entries = [
        entry(body, annotations={COSIGN_KIND: f"dev.cosignproject.cosign/{kind}"})
        for body, kind in zip(bodies, kinds, strict=True)
    ]
    files = layout(*entries, bodies=bodies)
    assert fails(files, f"{DIGEST.replace(':', '-')}.sig").code == "bad-layout"


def test_digest_mismatch() -> None:
    files = named("v1")
    files.write(f"blobs/sha256/{DIGEST[7:]}", image("other"))
    assert fails(files).code == "digest-mismatch"
    assert fails(files, DIGEST).code == "digest-mismatch"
    with pytest.raises(TransportError) as caught:
        run(lambda: LayoutStore(files).blob(APP, DIGEST, max_bytes=9999))
    assert caught.value.code == "digest-mismatch"


def test_listed_size_must_be_true() -> None:
    assert fails(layout(entry(annotations={REF_NAME: "v1"}) | {"size": 1})).code == "digest-mismatch"


@pytest.mark.parametrize(
    ("body", "media_type", "code"),
    [
        (b"{", OCI_MANIFEST, "bad-manifest"),
        (BODY, "text/html", "bad-manifest"),
        (index(), OCI_INDEX, "bad-manifest"),
        (image(manifests=[]), OCI_MANIFEST, "ambiguous-manifest"),
        (BODY, OCI_INDEX, "ambiguous-manifest"),
        (b" " * (MAX_MANIFEST_BYTES + 1), OCI_MANIFEST, "too-large"),
    ],
)
def test_content_is_judged_as_that_of_registries(body: bytes, media_type: str, code: str) -> None:
    files = layout(entry(body, media_type, annotations={REF_NAME: "v1"}), bodies=(body,))
    assert fails(files).code == code


@pytest.mark.parametrize("body", [b"{", b'{"mediaType":7}', b'{"mediaType":"a\\nb"}', b"[]"])
def test_unlisted_rubbish(body: bytes) -> None:
    assert fails(layout(bodies=(body,)), sha256(body)).code == "bad-manifest"


def test_blob() -> None:
    store = LayoutStore(layout(bodies=(b"12345",)))
    assert run(lambda: store.blob(APP, sha256(b"12345"), max_bytes=5)) == b"12345"
    for digest, limit, code in ((sha256(b"12345"), 4, "too-large"), (sha256(b"x"), 9, "blob-not-found")):
        with pytest.raises(TransportError) as caught:
            run(lambda d=digest, n=limit: store.blob(APP, d, max_bytes=n))  # type: ignore[misc]
        assert caught.value.code == code


@pytest.mark.parametrize("reference", ["../../x", "a/b", "sha256:../x", "sha384:" + "0" * 96])
def test_references_are_no_paths(tmp_path: Path, reference: str) -> None:
    with LayoutWriter(tmp_path):
        pass
    assert fails(tmp_path, reference).code in ("bad-reference", "unsupported-digest")


@pytest.mark.parametrize(
    ("marker", "body", "reason"),
    [
        (None, b"{}", "it has no oci-layout"),
        (b"{}", b"{}", "names no version"),
        (b"x", b"{}", "malformed JSON"),
        (b'{"imageLayoutVersion":"1.0.0"}', None, "it has no index.json"),
        (b'{"imageLayoutVersion":"1.0.0"}', b"[]", "not a JSON object"),
        (b'{"imageLayoutVersion":"1.0.0"}', b'{"manifests":1}', "not an OCI image index"),
        (b'{"imageLayoutVersion":"1.0.0"}', b'{"manifests":[{}]}', "not an OCI image index"),
        (b'{"imageLayoutVersion":"1.0.0"}', b'{"manifests":[],"manifests":[]}', "twice"),
    ],
)
def test_what_is_no_layout(marker: bytes | None, body: bytes | None, reason: str) -> None:
    files = MemoryFiles("the-layout")
    if marker:
        files.write("oci-layout", marker)
    if body:
        files.write("index.json", body)
    error = fails(files)
    assert error.code == "bad-layout"
    assert reason in error.message
    assert "layout the-layout" in error.message


def test_no_folder(tmp_path: Path) -> None:
    assert fails(tmp_path / "absent").code == "bad-layout"


@pytest.mark.parametrize("what", ["fifo", "directory", "unreadable", "symlink loop"])
def test_odd_files(tmp_path: Path, what: str) -> None:
    with LayoutWriter(tmp_path) as writer:
        writer.manifest(BODY, OCI_MANIFEST, ["v1"])
    blob = tmp_path / "blobs" / "sha256" / DIGEST[7:]
    blob.unlink()
    match what:
        case "fifo":
            os.mkfifo(blob)
        case "directory":
            blob.mkdir()
        case "symlink loop":
            blob.symlink_to(blob)
        case _:
            blob.write_bytes(BODY)
            blob.chmod(0)
            if os.access(blob, os.R_OK):
                pytest.skip("this user may read every file")
    assert fails(tmp_path).code == "bad-layout"


def test_new_names_are_seen(tmp_path: Path) -> None:
    with LayoutWriter(tmp_path) as writer:
        writer.manifest(BODY, OCI_MANIFEST, ["v1"])
    store = LayoutStore(tmp_path)
    assert run(lambda: store.manifest(APP, "v1")).digest == DIGEST
    signature = image(subject=descriptor(BODY, OCI_MANIFEST))
    assert run(lambda: store.referrers(APP, DIGEST)) == ()
    with LayoutWriter(tmp_path) as writer:
        writer.manifest(image("two"), OCI_MANIFEST, ["v1", "v2"])
        writer.manifest(signature, OCI_MANIFEST)
    assert run(lambda: store.manifest(APP, "v1")).digest == sha256(image("two"))
    assert len(run(lambda: store.referrers(APP, DIGEST))) == 1
    assert store.tags(APP) == ("v1", "v2")


def test_tags() -> None:
    files = named("reg.example/team/app:v2", "reg.example/team/app:v1", "reg.example/team/app2:v3", "v9")
    assert LayoutStore(files).tags(APP) == ("v1", "v2", "v9")


# --- referrers -----------------------------------------------------------------------------------------


def refers(seed: str, subject: bytes = BODY, **more: Any) -> bytes:
    return image(seed, subject=descriptor(subject, OCI_MANIFEST), **more)


def test_referrers_by_subject() -> None:
    typed = refers("1", artifactType="a/sig", annotations={"k": "v"})
    by_config = refers("2", config=descriptor(b"{}", "a/config"))
    as_index = index(descriptor(b"x"), subject=descriptor(BODY, OCI_MANIFEST), artifactType="a/index")
    other = refers("3", image("other"))
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        for body in (typed, by_config, other, BODY):
            writer.manifest(body, OCI_MANIFEST)
        writer.manifest(as_index, OCI_INDEX)
    found = {d.digest: d for d in referrers(files)}
    assert {d: v.artifact_type for d, v in found.items()} == {
        sha256(typed): "a/sig",
        sha256(by_config): "a/config",
        sha256(as_index): "a/index",
    }
    assert found[sha256(typed)] == Descriptor(OCI_MANIFEST, sha256(typed), len(typed), {"k": "v"}, "a/sig")
    assert [d.digest for d in referrers(files, kind="a/sig")] == [sha256(typed)]
    assert referrers(files, kind="a/none") == ()
    assert [d.digest for d in referrers(files, sha256(image("other")))] == [sha256(other)]


def test_referrers_inside_indexes() -> None:
    nested = refers("nested", config=descriptor(b"{}", OCI_EMPTY))
    inner = index(descriptor(nested, OCI_MANIFEST))
    files = layout(
        descriptor(index(descriptor(inner, OCI_INDEX)), OCI_INDEX),
        bodies=(nested, inner, index(descriptor(inner, OCI_INDEX))),
    )
    assert [d.digest for d in referrers(files)] == [sha256(nested)]


def test_index_that_holds_itself_ends() -> None:
    cycle = index(descriptor(b"later", OCI_INDEX), descriptor(refers("1"), OCI_MANIFEST))
    files = layout(descriptor(cycle, OCI_INDEX), descriptor(cycle, OCI_INDEX), bodies=(cycle, refers("1")))
    assert len(referrers(files)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        image(subject="x"),
        image(subject={"digest": 7}),
        image(subject=descriptor(b"x") | {"size": -1}),
    ],
)
def test_what_has_no_subject_is_passed_over(body: bytes) -> None:
    good = refers("good")
    entries = (descriptor(body, OCI_MANIFEST), descriptor(good, OCI_MANIFEST))
    absent = (
        descriptor(b"absent", OCI_MANIFEST),
        descriptor(b"big", OCI_MANIFEST) | {"size": 1 << 40},
        descriptor(b"odd", OCI_MANIFEST) | {"digest": "sha384:" + "0" * 96},
        descriptor(b"blob", "application/octet-stream"),
    )
    files = layout(*entries, *absent, bodies=(body, good))
    assert [d.digest for d in referrers(files)] == [sha256(good)]


def test_tampered_manifest_is_not_passed_over() -> None:
    files = layout(descriptor(refers("1"), OCI_MANIFEST), bodies=(refers("1"),))
    files.write(f"blobs/sha256/{sha256(refers('1'))[7:]}", BODY)
    with pytest.raises(TransportError) as caught:
        referrers(files)
    assert caught.value.code == "digest-mismatch"


def test_scan_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_referrers, "MAX_SCANNED", 3)
    bodies = tuple(refers(str(n)) for n in range(4))
    three = layout(*(descriptor(b, OCI_MANIFEST) for b in bodies[:3]), bodies=bodies)
    assert len(referrers(three)) == 3
    with pytest.raises(TransportError) as caught:
        referrers(layout(*(descriptor(b, OCI_MANIFEST) for b in bodies), bodies=bodies))
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("name", ["reg.example/team/app:{tag}", "{tag}"])
def test_referrers_by_fallback_tag(name: str) -> None:
    both, only_tagged = refers("both"), image("tagged")
    listed = index(descriptor(only_tagged, OCI_MANIFEST, artifactType="a/t"), descriptor(both, OCI_MANIFEST))
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        writer.manifest(both, OCI_MANIFEST)
        writer.manifest(listed, OCI_INDEX, [name.format(tag=DIGEST.replace(":", "-"))])
    assert {d.digest: d.artifact_type for d in referrers(files)} == {
        sha256(both): json.loads(both)["config"]["mediaType"],
        sha256(only_tagged): "a/t",
    }
    assert json.loads(both)["config"]["mediaType"] == OCI_CONFIG


def test_empty_index_of_referrers() -> None:
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        writer.manifest(index(), OCI_INDEX, [DIGEST.replace(":", "-")])
    assert referrers(files) == ()
