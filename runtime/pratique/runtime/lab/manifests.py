"""Manifests signed into their own annotations, as `kubectl sigstore sign` does.

References: k8s-manifest-sigstore 0.5 `pkg/k8smanifest/sign.go`: message, certificate and bundle are base64 of
gzip, the signature is base64; further signatures have numbers.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

import yaml

from pratique.runtime.lab.carriers import log_bundle
from pratique.runtime.lab.certificates import pem
from pratique.runtime.lab.faults import Fault
from pratique.runtime.lab.instance import SigstoreInstance
from pratique.runtime.lab.keys import b64
from pratique.runtime.lab.signing import EntryKind, Order, Signer, perform

DOMAIN: Final = "cosign.sigstore.dev"


def sign_manifest(
    manifest: Mapping[str, Any],
    signers: Sequence[tuple[str, Signer]],
    sigstore: SigstoreInstance,
    *,
    archive: bool = False,
    logged: bool = True,
    faults: frozenset[Fault] = frozenset(),
    domain: str = DOMAIN,
) -> dict[str, Any]:
    """Return a manifest with the signatures of some signers in its annotations.

    Args:
        manifest: what is signed, as YAML.
        signers: names, which keys follow from, and how they sign.
        sigstore: certifies and logs.
        archive: sign an archive that holds the manifest, the form before 0.5.
        logged: log the signatures.
        faults: what is wrong with them.
        domain: of the annotations.
    """
    text = yaml.safe_dump(dict(manifest), sort_keys=True).encode()
    message = _archive(text) if archive else text
    annotations = {f"{domain}/message": _packed(message)}
    for number, (name, signer) in enumerate(signers):
        order = Order(
            label=f"manifest/{number}/{name}",
            signer=signer,
            at=sigstore.at,
            payload=message,
            envelope=False,
            entry=EntryKind.HASHEDREKORD if logged else None,
            faults=faults,
        )
        evidence = perform(order, sigstore)
        suffix = f"_{number}" if number else ""
        annotations[f"{domain}/signature{suffix}"] = b64(evidence.signature)
        if evidence.certificate is not None:
            annotations[f"{domain}/certificate{suffix}"] = _packed(pem(evidence.certificate).encode())
        if evidence.entries:
            bundle = json.dumps(log_bundle(evidence.entries[0]), separators=(",", ":"))
            annotations[f"{domain}/bundle{suffix}"] = _packed(bundle.encode())
    signed = deepcopy(dict(manifest))
    metadata = signed.setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    return signed


def _packed(data: bytes) -> str:
    return b64(gzip.compress(data, mtime=0))


def _archive(text: bytes) -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as tar:
        info = tarfile.TarInfo("manifest.yaml")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return gzip.compress(found.getvalue(), mtime=0)
