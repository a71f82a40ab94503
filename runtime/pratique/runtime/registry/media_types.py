"""Media types and well-known annotations of OCI and Docker content.

References: OCI image specification 1.1, media types and annotations; Docker manifest version 2, schema 2.
"""

from __future__ import annotations

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEXES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
SCHEMA_1 = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)

ACCEPT_MANIFEST = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST))
"""Value of the `Accept` header for manifests."""

REF_NAME = "org.opencontainers.image.ref.name"
"""Annotation of a layout's index entry: a tag, or a full `registry/path:tag`."""

CONTAINERD_NAME = "io.containerd.image.name"
"""Annotation by which containerd and BuildKit give the full name beside a bare tag in `REF_NAME`."""

COSIGN_KIND = "kind"
"""Annotation by which `cosign save` tells the image of a layout from its signatures and attestations."""

COSIGN_IMAGES = frozenset({"dev.cosignproject.cosign/image", "dev.cosignproject.cosign/imageIndex"})
COSIGN_SUFFIXES = {"dev.cosignproject.cosign/sigs": ".sig", "dev.cosignproject.cosign/atts": ".att"}
"""Value of `COSIGN_KIND` -> suffix of the tag under which a registry would hold the same manifest."""
