"""What a line of a recipe means to a Notary signer."""

from __future__ import annotations

from datetime import datetime

from pratique.runtime.lab.carriers import Artifact
from pratique.runtime.lab.faults import Fault, Format
from pratique.runtime.lab.notary import LEAF_LIFE, NotaryFault, NotarySigner, notary_artifact, notary_document
from pratique.runtime.lab.oci import compact, digest_of
from pratique.runtime.lab.orders import Spec, Target, signer_key
from pratique.runtime.lab.recipe import AttestationSpec, SignerSpec
from pratique.runtime.lab.signing import LONG_LIFE
from pratique.runtime.ports import Digest
from pratique.runtime.registry.media_types import OCI_MANIFEST
from pratique.runtime.signatures.notary.model import EnvelopeFormat
from pratique.runtime.signatures.notary.model import Target as Signed


def notary_artifacts(
    seed: str, at: datetime, spec: Spec, signer: SignerSpec, target: Target
) -> tuple[Artifact, ...]:
    """Return the referrers that carry a signature of `target`: itself, or a document and its signature.

    Nobody vouches for the time of these signatures, so their certificates live on for decades: a lab of some
    years ago still verifies.
    """
    assert signer.key  # noqa: S101 (checked by the reader)
    holder = NotarySigner(
        seed,
        at,
        name=spec.by,
        kind=signer.key,
        key=signer_key(seed, spec.by, signer.key),
        life=(LEAF_LIFE[0], LONG_LIFE),
        faults=frozenset(map(_fault, spec.fault)),
    )
    form = EnvelopeFormat.COSE if spec.format is Format.NOTARY_COSE else EnvelopeFormat.JWS
    descriptor = target.descriptor
    subject = Signed(media_type=descriptor.media_type, digest=descriptor.digest, size=len(target.manifest))
    if not isinstance(spec, AttestationSpec):
        envelope = holder.sign(subject, form=form, annotations=spec.annotations)
        return (notary_artifact(envelope, form, subject),)
    document = notary_document(compact(spec.predicate), spec.type, subject)
    size = len(document.manifest)
    about = Signed(media_type=OCI_MANIFEST, digest=Digest(digest_of(document.manifest)), size=size)
    return (document, notary_artifact(holder.sign(about, form=form), form, about))


def _fault(fault: Fault) -> NotaryFault:
    return NotaryFault.EXPIRED if fault is Fault.PAST_EXPIRY else NotaryFault(fault.value)
