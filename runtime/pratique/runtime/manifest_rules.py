"""Signed manifests: the proof is read from annotations, verified like signatures of images, and compared.

INVARIANT: an object is compared with bytes whose signature held, and with no others.

DEVIATION: a signature that does not hold is a failure; in Kyverno 1.19 it is an error, which a policy that
fails open lets pass (`tests/runtime/test_manifest_rules.py::test_deviation_a_bad_signature_is_a_failure`).
And a manifest in a registry, which an annotation could name, is not looked for
(`::test_deviation_annotations_lead_to_no_registry`).

References: Kyverno 1.19 `pkg/engine/handlers/validation/validate_manifest.go`, whose texts are kept;
k8s-manifest-sigstore 0.5 `pkg/k8smanifest/option.go` (`GetAllSignatureSets`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pratique.compiler import bodies, ir
from pratique.compiler.signed_manifests import Data, closest, differences, printed
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.decision import Check, Reason, Stage, Status
from pratique.runtime.evaluation import Evaluation
from pratique.runtime.judgement import Finding
from pratique.runtime.prepared import Prepared
from pratique.runtime.resource import Resource
from pratique.runtime.signatures.blobs import Message, read_message, read_text
from pratique.runtime.signatures.model import StoredBlob

MAX_SIGNATURES = 64
"""Signatures of one object; more are not looked at (R9)."""


class _Told(NamedTuple):
    """What a part of the demand says: met, or not and why; `broken`: nobody could say."""

    met: bool
    text: str
    code: str = ""
    broken: bool = False


async def verify_manifest(prepared: Prepared, check: bodies.SignedManifest, evidence: Evaluation) -> Check:
    """Return whether an object is as it was signed."""
    if _is_dry_run(prepared.item.resource):
        return _check(Status.PASS, "allowed because of DryRun request")
    proof = _Proof(prepared.item.resource.data, check, evidence)
    verified = []
    for threshold in check.signatures:
        told = await proof.threshold(threshold)
        if told.broken:
            text = f"error occurred during manifest verification: {told.text}"
            return _check(Status.ERROR, text, told.code, threshold.at)
        if not told.met:
            return _check(Status.FAIL, told.text, told.code, threshold.at)
        verified.append(told.text)
    return _check(Status.PASS, f"verified manifest signatures; {','.join(verified)}")


def _is_dry_run(resource: Resource) -> bool:
    request = (resource.values or {}).get("request")
    return isinstance(request, dict) and request.get("dryRun") is True


def _check(status: Status, text: str, code: str = "", at: ir.At = ir.NOWHERE) -> Check:
    reason = Reason(code=code, text=text, met=False, location=at.location) if code else None
    return Check(stage=Stage.VALIDATE, status=status, message=text, reason=reason)


class _Proof:
    """The annotations of one object, and who is found to have signed it."""

    def __init__(self, data: Data, check: bodies.SignedManifest, evidence: Evaluation) -> None:
        self._data = data
        self._check = check
        self._evidence = evidence
        self._annotations = _annotations(data)
        self._unread: VerificationError | None = None
        self._message: Message | None = None
        try:
            self._message = read_message(self._annotations.get(f"{check.domain}/message"))
        except VerificationError as error:
            self._unread = error
        self._differing = self._compared()

    async def threshold(self, of: ir.Threshold) -> _Told:
        """Return whether enough attestors of a set are met, in Kyverno's words."""
        met: list[str] = []
        unmet: list[_Told] = []
        for part in of.of:
            told = await (self.threshold(part) if isinstance(part, ir.Threshold) else self._leaf(part))
            if told.met:
                met.append(told.text)
            else:
                unmet.append(told)
            if len(met) >= of.count:
                return _Told(met=True, text=_counted("succeeded", len(met), of.count, met))
        broken = [told for told in unmet if told.broken]
        if broken:
            text = "; ".join(told.text for told in broken)
            return _Told(met=False, text=text, code=broken[0].code, broken=True)
        text = _counted("failed", len(met), of.count, [told.text for told in unmet])
        return _Told(met=False, text=text, code=unmet[0].code if unmet else "no-signature")

    async def _leaf(self, leaf: ir.Leaf) -> _Told:
        path, unread = leaf.at.path, self._unread
        if unread is not None:
            return _Told(met=False, text=f"{path}: {unread.message}", code=unread.code)
        try:
            finding = await self._evidence.blob(self._stored(), leaf.attestor)
        except VerificationError as error:
            return _Told(met=False, text=f"{path}: {error.message}", code=error.code)
        except TransportError as error:
            return _Told(met=False, text=f"{path}: {error.message}", code=error.code, broken=True)
        if not finding.met:
            text = f"{path}: failed to verify signature: {finding.text}"
            return _Told(met=False, text=text, code=finding.code, broken=finding.broken)
        if self._differing:
            text = f"{path}: failed to verify signature. diff found; {self._differing}"
            return _Told(met=False, text=text, code="manifest-differs")
        return _Told(met=True, text=f"singed by a valid signer: {_signer(finding)}")

    def _stored(self) -> list[StoredBlob]:
        """Return all signatures that the annotations hold."""
        assert self._message is not None  # noqa: S101 (else there is nothing to ask)
        found: list[StoredBlob] = []
        while len(found) < MAX_SIGNATURES:
            signature = self._annotation("signature", len(found))
            if signature is None:
                break
            certificate = read_text(self._annotation("certificate", len(found)))
            bundle = read_text(self._annotation("bundle", len(found)))
            found.append(
                StoredBlob(
                    payload=self._message.signed,
                    signature=signature,
                    certificate=certificate,
                    bundle=bundle,
                    claims=tuple(sorted(self._annotations.items())),
                )
            )
        return found

    def _annotation(self, name: str, number: int) -> str | None:
        key = f"{self._check.domain}/{name}" + (f"_{number}" if number else "")
        return self._annotations.get(key)

    def _compared(self) -> str:
        """Return how the object differs from what was signed; empty for not at all."""
        if self._message is None:
            return ""
        candidates = closest(self._message.manifests, self._data)
        if not candidates:
            text = "failed to find a YAML manifest in the gzipped message"
            self._unread = VerificationError(
                "manifest-missing", f"YAML manifest not found for this resource: {text}"
            )
            return ""
        found = [differences(each, self._data, self._check) for each in candidates]
        return "" if not all(found) else printed(found[0])


def _annotations(data: Data) -> Mapping[str, str]:
    metadata = data.get("metadata")
    found: Any = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in found.items() if isinstance(value, str)}


def _counted(verb: str, count: int, required: int, texts: Sequence[str]) -> str:
    told = ",".join(texts)
    return f"manifest verification {verb}; verifiedCount {count}; requiredCount {required}; message {told}"


def _signer(finding: Finding) -> str:
    identity = finding.signatures[0].identity
    return identity.subjects[0] if identity and identity.subjects else ""
