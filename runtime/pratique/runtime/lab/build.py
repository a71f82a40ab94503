"""From a recipe to a lab: an OCI layout of images and signatures, files for verifiers, the inventory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import assert_never

import yaml

from pratique.grammar.errors import UsageError
from pratique.runtime.lab import inventory
from pratique.runtime.lab.authority import FULCIO_OID
from pratique.runtime.lab.carriers import (
    Artifact,
    Layer,
    bundle,
    bundle_artifact,
    cosign_artifact,
    cosign_layer,
)
from pratique.runtime.lab.faults import Format
from pratique.runtime.lab.images import make_image, make_index
from pratique.runtime.lab.instance import SigstoreInstance
from pratique.runtime.lab.inventory import (
    AttestationRecord,
    ImageRecord,
    Inventory,
    SignatureRecord,
    SignerRecord,
)
from pratique.runtime.lab.keys import public_pem
from pratique.runtime.lab.manifests import sign_manifest
from pratique.runtime.lab.notary import NotarySigner
from pratique.runtime.lab.notary_orders import notary_artifacts
from pratique.runtime.lab.orders import Target, order_for, predicate_type, signer_for, signer_key
from pratique.runtime.lab.recipe import (
    AttestationSpec,
    Covers,
    ImageName,
    ImageSpec,
    ManifestSpec,
    Recipe,
    SignatureSpec,
    SignerSpec,
)
from pratique.runtime.lab.signing import perform
from pratique.runtime.ports import Digest
from pratique.runtime.registry.layout_files import LayoutFiles
from pratique.runtime.registry.layout_writer import LayoutWriter
from pratique.runtime.registry.media_types import OCI_INDEX, OCI_MANIFEST

LAYOUT = "layout"
TRUST = "trust"
MANIFESTS = "manifests"

DEFAULT_PLATFORM = "linux/amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A finished lab besides its layout.

    Attributes:
        trust: the text of each file for verifiers, by path.
        manifests: the text of each signed manifest, by path.
    """

    inventory: Inventory
    trust: dict[str, str]
    manifests: dict[str, str]


def build(recipe: Recipe, layout: Path | LayoutFiles) -> Lab:
    """Write all images and signatures of a recipe into a layout and return the rest of the lab.

    Two calls with equal recipes give equal bytes.
    """
    sigstore = SigstoreInstance(recipe.sigstore.seed, recipe.sigstore.at)
    with LayoutWriter(layout) as writer:
        builder = _Builder(recipe, sigstore, writer)
        images = tuple(builder.image(name, spec) for spec in recipe.images for name in spec.image)
    files = {"trusted_root.json": json.dumps(sigstore.trusted_root(), indent=2) + "\n"}
    files |= sigstore.pem_files()
    if _has_notary(recipe):
        files["notary.pem"] = NotarySigner(sigstore.seed, sigstore.at).trust
    keys = {
        f"keys/{name}.pub": public_pem(signer_key(sigstore.seed, name, spec.key).public_key())
        for name, spec in recipe.signers.items()
        if spec.key
    }
    return Lab(
        inventory=Inventory(
            seed=sigstore.seed,
            at=sigstore.at,
            signers={name: _signer_record(name, spec) for name, spec in recipe.signers.items()},
            images=images,
            trust={name.partition(".")[0]: f"{TRUST}/{name}" for name in files},
        ),
        trust={f"{TRUST}/{name}": text for name, text in (files | keys).items()},
        manifests={f"{MANIFESTS}/{each.name}.yaml": _signed(each, recipe) for each in recipe.manifests},
    )


def _signed(spec: ManifestSpec, recipe: Recipe) -> str:
    sigstore = SigstoreInstance(recipe.sigstore.seed, recipe.sigstore.at)
    signers = [(name, signer_for(sigstore.seed, name, recipe.signers[name])) for name in spec.by]
    faults = frozenset(spec.fault)
    signed = sign_manifest(
        spec.manifest, signers, sigstore, archive=spec.archive, logged=spec.log, faults=faults
    )
    text: str = yaml.safe_dump(signed, sort_keys=False)
    return text


def write_lab(recipe: Recipe, folder: Path, *, force: bool = False) -> Lab:
    """Build a lab into a folder: `layout/`, `trust/`, `manifests/` and `lab.json`.

    Raises:
        UsageError: the folder is not empty and `force` is false, or it is something else than a lab.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        # Only what is certainly a lab is ever removed, and only the parts that a lab has.
        if not (folder / inventory.FILE_NAME).is_file():
            raise UsageError(f"{folder} is there and is no lab; choose another folder")
        if not force:
            raise UsageError(f"{folder} holds a lab already; --force replaces it")
        for part in (LAYOUT, TRUST, MANIFESTS):
            shutil.rmtree(folder / part, ignore_errors=True)
    lab = build(recipe, folder / LAYOUT)
    for name, text in (lab.trust | lab.manifests).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / inventory.FILE_NAME).write_text(lab.inventory.to_json())
    return lab


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A finished signature on its way to the layout, either as a layer or as artifacts of its own.

    The record names the first artifact; those behind it are about it.
    """

    spec: SignatureSpec | AttestationSpec
    target: Target
    at: datetime
    log_index: int | None = None
    layer: Layer | None = None
    artifacts: tuple[Artifact, ...] = ()


_Place = tuple[str, Digest]
"""Where layers are gathered: the name of their manifest, or none for a referrer, and what they are about."""


class _Builder:
    """Writes images and what belongs to them, in the order of the recipe."""

    def __init__(self, recipe: Recipe, sigstore: SigstoreInstance, writer: LayoutWriter) -> None:
        self._recipe = recipe
        self._sigstore = sigstore
        self._writer = writer

    def image(self, name: ImageName, spec: ImageSpec) -> ImageRecord:
        """Write an image with its signatures and attestations, and return its record."""
        images = [
            make_image(self._sigstore.seed, str(name), platform, self._sigstore.at)
            for platform in spec.platforms or (DEFAULT_PLATFORM,)
        ]
        for image in images:
            for blob in image.blobs:
                self._writer.blob(blob)
        if spec.platforms:
            parts = [self._target(name, image.manifest, OCI_MANIFEST, ()) for image in images]
            whole = self._target(name, make_index(images).manifest, OCI_INDEX, (str(name),))
        else:
            parts = []
            whole = self._target(name, images[0].manifest, OCI_MANIFEST, (str(name),))
        targets = {Covers.INDEX: [whole], Covers.PLATFORMS: parts, Covers.ALL: [whole, *parts]}
        signatures = self._store(
            "sig", [self._make(s, t, n) for n, s in enumerate(spec.signatures) for t in targets[s.covers]]
        )
        attestations = self._store(
            "att", [self._make(s, t, n) for n, s in enumerate(spec.attestations) for t in targets[s.covers]]
        )
        return ImageRecord(
            image=str(name),
            digest=whole.descriptor.digest,
            platforms={p: part.descriptor.digest for p, part in zip(spec.platforms, parts, strict=True)},
            signatures=tuple(SignatureRecord(**fields) for fields in signatures),
            attestations=tuple(AttestationRecord(**fields) for fields in attestations),
        )

    def _target(self, name: ImageName, manifest: bytes, media_type: str, names: Sequence[str]) -> Target:
        descriptor = self._writer.manifest(manifest, media_type, names)
        return Target(name=name, manifest=manifest, descriptor=descriptor)

    def _make(self, spec: SignatureSpec | AttestationSpec, target: Target, position: int) -> _Made:
        if spec.format.is_notary:
            signer_spec = self._recipe.signers[spec.by]
            made = notary_artifacts(self._sigstore.seed, self._sigstore.at, spec, signer_spec, target)
            return _Made(spec=spec, target=target, at=self._sigstore.at, artifacts=made)
        signer = signer_for(self._sigstore.seed, spec.by, self._recipe.signers[spec.by])
        order = order_for(spec, target, position, signer, self._sigstore.at)
        evidence = perform(order, self._sigstore)
        layer: Layer | None = None
        artifacts: tuple[Artifact, ...] = ()
        match spec.format:
            case Format.COSIGN | Format.COSIGN_REFERRER:
                notes = {"predicateType": spec.type} if isinstance(spec, AttestationSpec) else {}
                layer = cosign_layer(evidence, order.faults, notes)
            case Format.BUNDLE | Format.BUNDLE_MESSAGE:
                content = bundle(evidence, order.faults)
                artifacts = (bundle_artifact(content, target.descriptor, order.at, predicate_type(spec)),)
            case Format.NOTARY | Format.NOTARY_COSE:
                raise AssertionError("made above")
            case _:
                assert_never(spec.format)
        index = evidence.entries[0].index if evidence.entries else None
        return _Made(spec=spec, target=target, at=order.at, log_index=index, layer=layer, artifacts=artifacts)

    def _store(self, suffix: str, made: Sequence[_Made]) -> Iterator[dict[str, object]]:
        """Write finished signatures and yield the fields of their records."""
        gathered: dict[_Place, list[Layer]] = {}
        subjects = {item.target.descriptor.digest: item.target.descriptor for item in made}
        for item in made:
            if item.layer:
                gathered.setdefault(_place(item, suffix), []).extend([item.layer] * item.spec.copies)
        stored = {
            (name, digest): self._write(cosign_artifact(layers, None if name else subjects[digest]), name)
            for (name, digest), layers in gathered.items()
        }
        for item in made:
            written = [self._write(artifact) for artifact in item.artifacts]
            where = written[0] if written else stored[_place(item, suffix)]
            fields: dict[str, object] = {
                "by": item.spec.by,
                "format": item.spec.format,
                "of": item.target.descriptor.digest,
                "stored": where,
                "at": item.at,
                "log_index": item.log_index,
                "faults": item.spec.fault,
                "copies": item.spec.copies,
            }
            if isinstance(item.spec, AttestationSpec):
                fields["type"] = item.spec.type
            yield fields

    def _write(self, artifact: Artifact, name: str = "") -> str:
        """Write a manifest with its blobs; return its name, or its digest where it has none."""
        for blob in artifact.blobs:
            self._writer.blob(blob)
        descriptor = self._writer.manifest(
            artifact.manifest,
            OCI_MANIFEST,
            (name,) if name else (),
            artifact_type=artifact.artifact_type,
            annotations=artifact.annotations,
        )
        return name or descriptor.digest


def _has_notary(recipe: Recipe) -> bool:
    specs = (spec for image in recipe.images for spec in (*image.signatures, *image.attestations))
    return any(spec.format.is_notary for spec in specs)


def _place(item: _Made, suffix: str) -> _Place:
    digest = item.target.descriptor.digest
    if item.spec.format is not Format.COSIGN:
        return "", digest
    repository = item.spec.repository or item.target.name.repository
    return f"{repository}:{digest.replace(':', '-')}.{suffix}", digest


def _signer_record(name: str, spec: SignerSpec) -> SignerRecord:
    if spec.key:
        return SignerRecord(key=spec.key, public_key=f"{TRUST}/keys/{name}.pub")
    identity = spec.identity
    return SignerRecord(
        issuer=spec.issuer or "",
        subjects=tuple(subject.value for subject in identity.subjects),
        extensions={f"{FULCIO_OID}.{arc}": text for arc, text in identity.extensions},
    )
