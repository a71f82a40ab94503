from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import NotFoundError, UsageError
from pratique.runtime.lab.build import build, write_lab
from pratique.runtime.lab.inventory import Inventory, read_inventory
from pratique.runtime.lab.oci import digest_of
from pratique.runtime.ports import Repository
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.layout_files import MemoryFiles
from tests.support_lab import MemoryLab, memory_lab, recipe_of

RECIPE = """
signers:
  dev: {issuer: https://accounts.google.com, subject: dev@acme.example}
  team: {key: rsa-2048}
images:
  - image: [lab.test/app:v1, lab.test/web:v1]
    platforms: [linux/amd64, linux/arm64]
    signatures:
      - dev
      - {by: team, covers: all, annotations: {stage: production}}
      - {by: dev, format: bundle, timestamp: true}
      - {by: dev, format: cosign-referrer}
    attestations:
      - {by: dev, type: https://slsa.dev/provenance/v1, predicate: {a: 1}}
      - {by: team, type: https://example/type, format: bundle, log: false}
  - image: other.test/app:v1
    signatures: [{by: dev, fault: tampered-set}]
  - image: other.test/unsigned:v1
"""


@pytest.fixture(scope="module")
def lab() -> MemoryLab:
    return memory_lab(RECIPE)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_builds_are_equal_byte_for_byte(tmp_path: Path) -> None:
    recipe = recipe_of(RECIPE)
    for name in ("one", "two"):
        write_lab(recipe, tmp_path / name)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one == two
    assert {name.partition("/")[0] for name in one} == {"layout", "trust", "lab.json"}


def test_the_seed_changes_every_key_and_image(lab: MemoryLab) -> None:
    other = memory_lab(f"sigstore: {{seed: other}}\n{RECIPE}")
    assert not set(other.lab.trust.values()) & set(lab.lab.trust.values())
    digests = [{image.digest for image in one.inventory.images} for one in (lab, other)]
    assert not digests[0] & digests[1]


def test_more_images_at_the_end_leave_the_ones_before_as_they_are(lab: MemoryLab) -> None:
    more = memory_lab(RECIPE + "  - image: lab.test/new:v1\n    signatures: [dev]\n")
    assert more.inventory.images[:-1] == lab.inventory.images
    kept = {entry["digest"] for entry in lab.entries()}
    assert kept < {entry["digest"] for entry in more.entries()}


async def find(lab: MemoryLab, name: str) -> Any:
    registry, _, rest = name.partition("/")
    path, _, reference = rest.rpartition(":")
    return await LayoutStore(lab.files).manifest(Repository(registry, path), reference)


def run(coroutine: Any) -> Any:
    import asyncio

    return asyncio.run(coroutine)


def test_store_finds_images_signatures_and_platforms(lab: MemoryLab) -> None:
    for image in lab.inventory.images:
        assert run(find(lab, image.image)).digest == image.digest
        for made in (*image.signatures, *image.attestations):
            if made.format == "cosign":
                assert run(find(lab, made.stored)).data["layers"]
        repository = Repository("lab.test", "app")
        for digest in image.platforms.values():
            assert run(LayoutStore(lab.files).manifest(repository, digest)).digest == digest


def test_store_finds_referrers(lab: MemoryLab) -> None:
    image = lab.image("lab.test/app")
    found = run(LayoutStore(lab.files).referrers(Repository("lab.test", "app"), image.digest))
    stored = {m.stored for m in (*image.signatures, *image.attestations) if m.stored.startswith("sha256:")}
    assert {d.digest for d in found} == stored
    assert sorted(d.artifact_type for d in found) == [
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
    ]
    kinds = {d.annotations.get("dev.sigstore.bundle.predicateType") for d in found}
    assert kinds == {None, "https://sigstore.dev/cosign/sign/v1", "https://example/type"}


def test_unsigned_image_has_no_signatures(lab: MemoryLab) -> None:
    image = lab.image("unsigned")
    assert (image.signatures, image.attestations) == ((), ())
    with pytest.raises(NotFoundError):
        run(find(lab, f"other.test/unsigned:{image.digest.replace(':', '-')}.sig"))


def test_signatures_of_one_image_share_a_manifest(lab: MemoryLab) -> None:
    image = lab.image("lab.test/app")
    whole = [made for made in image.signatures if made.of == image.digest and made.format == "cosign"]
    assert len({made.stored for made in whole}) == 1
    manifest = lab.named(whole[0].stored)
    assert len(manifest["layers"]) == len(whole) == 2
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    notes = [sorted(layer["annotations"]) for layer in manifest["layers"]]
    assert notes == [
        [
            "dev.cosignproject.cosign/signature",
            "dev.sigstore.cosign/bundle",
            "dev.sigstore.cosign/certificate",
            "dev.sigstore.cosign/chain",
        ],
        ["dev.cosignproject.cosign/signature", "dev.sigstore.cosign/bundle"],
    ]


def test_covers(lab: MemoryLab) -> None:
    image = lab.image("lab.test/app")
    team = [made.of for made in image.signatures if made.by == "team"]
    assert team == [image.digest, *image.platforms.values()]


def test_attestation_layer(lab: MemoryLab) -> None:
    (layer,) = lab.layers("lab.test/app", "att")
    assert layer["mediaType"] == "application/vnd.dsse.envelope.v1+json"
    assert layer["annotations"]["predicateType"] == "https://slsa.dev/provenance/v1"
    assert layer["annotations"]["dev.cosignproject.cosign/signature"] == ""


def test_every_blob_that_a_manifest_names_is_there(lab: MemoryLab) -> None:
    for entry in lab.entries():
        manifest = lab.json(entry["digest"])
        for part in (manifest.get("config"), *manifest.get("layers", ()), *manifest.get("manifests", ())):
            if part:
                blob = lab.blob(part["digest"])
                assert (digest_of(blob), len(blob)) == (part["digest"], part["size"])


def test_copies() -> None:
    lab = memory_lab(
        """
        signers: {dev: {issuer: i, subject: dev@acme.example}}
        images: [{image: lab.test/app:v1, signatures: [{by: dev, copies: 1001}]}]
        """
    )
    layers = lab.layers()
    assert len(layers) == 1001
    assert all(layer == layers[0] for layer in layers)


def test_other_repository() -> None:
    lab = memory_lab(
        """
        signers: {dev: {issuer: i, subject: dev@acme.example}}
        images: [{image: lab.test/app:v1, signatures: [{by: dev, repository: sigs.test/all}]}]
        """
    )
    image = lab.image()
    tag = image.digest.replace(":", "-")
    assert image.signatures[0].stored == f"sigs.test/all:{tag}.sig"
    assert run(find(lab, image.signatures[0].stored)).data["layers"]
    with pytest.raises(NotFoundError):
        run(find(lab, f"lab.test/app:{tag}.sig"))


def test_signing_time_and_reference() -> None:
    lab = memory_lab(
        """
        signers: {dev: {issuer: i, subject: dev@acme.example}}
        images:
          - image: lab.test/app:v1
            signatures: [{by: dev, at: 2024-05-06T07:08:09Z, reference: mirror.test/app}]
        """
    )
    (layer,) = lab.layers()
    payload = lab.json(layer["digest"])
    assert payload["critical"]["identity"]["docker-reference"] == "mirror.test/app"
    assert '"integratedTime":1714979294,' in layer["annotations"]["dev.sigstore.cosign/bundle"]


def test_inventory(lab: MemoryLab, tmp_path: Path) -> None:
    write_lab(recipe_of(RECIPE), tmp_path)
    read = read_inventory(tmp_path)
    assert read == lab.inventory
    assert Inventory.model_validate_json(lab.inventory.to_json()) == lab.inventory
    assert all((tmp_path / path).is_file() for path in read.trust.values())
    assert (tmp_path / read.signers["team"].public_key).read_text().startswith("-----BEGIN PUBLIC KEY-----")
    assert read.signers["dev"].subjects == ("dev@acme.example",)
    tampered = read.images[2].signatures[0]
    assert (tampered.faults, tampered.log_index is not None) == (("tampered-set",), True)
    bundle = read.images[0].attestations[1]
    assert (bundle.type, bundle.log_index) == ("https://example/type", None)


def test_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    for force in (False, True):
        with pytest.raises(UsageError, match="is no lab"):
            write_lab(recipe_of(RECIPE), tmp_path, force=force)
    assert contents(tmp_path) == {"precious": b"mine"}


def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is no lab"):
        write_lab(recipe_of(RECIPE), tmp_path / "file", force=True)


def test_force_replaces_a_lab_and_nothing_beside_it(tmp_path: Path) -> None:
    write_lab(recipe_of(RECIPE), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    small = recipe_of("images: [{image: lab.test/app:v1}]")
    with pytest.raises(UsageError, match="--force replaces it"):
        write_lab(small, tmp_path)
    write_lab(small, tmp_path, force=True)
    found = contents(tmp_path)
    assert found.pop("notes.txt") == b"mine"
    write_lab(small, tmp_path / "fresh")
    assert found == contents(tmp_path / "fresh")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 2}'])
def test_inventory_that_is_none(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no lab"):
        read_inventory(tmp_path)
    (tmp_path / "lab.json").write_text(text)
    with pytest.raises(UsageError, match="cannot be read"):
        read_inventory(tmp_path)


def test_empty_recipe() -> None:
    lab = build(recipe_of("{}"), MemoryFiles())
    assert lab.inventory.images == ()
