import io
import json
import tarfile
from datetime import UTC, datetime

from pratique.runtime.lab.images import make_image, make_index
from pratique.runtime.lab.oci import digest_of

AT = datetime(2023, 4, 1, 12, tzinfo=UTC)


def test_manifest_describes_its_blobs() -> None:
    image = make_image("seed", "lab.test/app:v1", "linux/amd64", AT)
    config, layer = image.blobs
    manifest = json.loads(image.manifest)
    assert manifest["config"]["digest"] == digest_of(config)
    assert manifest["config"]["size"] == len(config)
    (described,) = manifest["layers"]
    assert (described["digest"], described["size"]) == (digest_of(layer), len(layer))
    assert described["mediaType"] == "application/vnd.oci.image.layer.v1.tar"
    assert json.loads(config)["rootfs"] == {"type": "layers", "diff_ids": [digest_of(layer)]}
    assert json.loads(config)["created"] == "2023-04-01T12:00:00Z"


def test_layer_is_an_archive_with_one_file() -> None:
    _, layer = make_image("seed", "lab.test/app:v1", "linux/amd64", AT).blobs
    assert len(layer) == 2048
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        (member,) = archive.getmembers()
        assert (member.name, member.size, member.mtime) == ("etc/pratique-lab", 65, int(AT.timestamp()))
        file = archive.extractfile(member)
        assert file is not None
        assert len(file.read()) == 65


def test_digest_is_known() -> None:
    # A change here changes the digests in every lab that people have committed.
    image = make_image("seed", "lab.test/app:v1", "linux/amd64", AT)
    assert (
        digest_of(image.manifest) == "sha256:d50759f82df5d89a0798617a780302821ce9a06dc7386b7d7c43adbdb1609d96"
    )


def test_content_depends_on_seed_name_and_platform() -> None:
    manifests = {
        make_image(seed, name, platform, AT).manifest
        for seed in ("a", "b")
        for name in ("lab.test/app:v1", "lab.test/app:v2", "lab.test/web:v1")
        for platform in ("linux/amd64", "linux/arm64")
    }
    assert len(manifests) == 12


def test_index() -> None:
    images = [make_image("seed", "lab.test/app:v1", p, AT) for p in ("linux/amd64", "linux/arm/v7")]
    index = make_index(images)
    entries = json.loads(index.manifest)["manifests"]
    assert [entry["digest"] for entry in entries] == [digest_of(image.manifest) for image in images]
    assert [entry["platform"] for entry in entries] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm", "os": "linux", "variant": "v7"},
    ]
    assert json.loads(images[1].blobs[0])["variant"] == "v7"
