"""Who signed a file: the run behind `pratique verify --bundle`, without registry."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pratique.compiler import ir
from pratique.grammar.errors import UsageError, VerificationError
from pratique.runtime.decision import Reason
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.artifacts import Artifact
from pratique.runtime.signatures.bundle_document import MAX_BUNDLE_BYTES
from pratique.runtime.signatures.identity import mismatch
from pratique.runtime.signatures.model import VerifiedSignature
from pratique.runtime.signatures.root_report import root_lines
from pratique.runtime.signatures.verifier import Verifier
from pratique.runtime.verification import (
    Demand,
    SignatureLine,
    VerifyReport,
    demanded,
    key_source,
)

_DIGEST: Final = re.compile(r"(?i:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions(Demand):
    """A bundle, who must have signed it, and the artifact: the path of a file, or its digest."""

    bundle: Path
    artifact: str


def verify_file(options: BundleOptions) -> VerifyReport:
    """Return who signed the artifact by what the bundle proves, and whether that is who was asked for.

    Raises:
        UsageError: bundle, artifact or key cannot be read, or the key cannot be used.
        TransportError: the trust root cannot be used, or the key could not be asked for.
    """
    attestor = _with_key(demanded(options), options)
    artifact = _artifact(options.artifact)
    body = _read(options.bundle)
    verifier, method = Verifier.of(options.trust), attestor.method
    assert not isinstance(method, ir.TrustStoreSigner)  # noqa: S101 (bundles are asked for keys and identities)
    try:
        verifier.prepare(method, attestor.trust)
    except VerificationError as error:
        raise UsageError(error.message) from error
    try:
        verified = verifier.verify_artifact(body, artifact, method, attestor.trust)
    except VerificationError as error:
        return _report(options, artifact, error, (), verifier)
    refusal = _stranger(attestor, verified)
    identity = verified.identity
    line = SignatureLine(
        met=refusal is None,
        signer=", ".join(identity.subjects) if identity else f"sha256:{verified.key}",
        issuer=identity.issuer if identity else "",
        signed_at=verified.signed_at,
        log_index=verified.log_index,
        root=verified.root,
    )
    return _report(options, artifact, refusal, (line,), verifier)


def _with_key(attestor: ir.Attestor, options: BundleOptions) -> ir.Attestor:
    """Return the attestor with its key as PEM, whatever the reference to it."""
    if not isinstance(attestor.signer, ir.KeySigner) or not isinstance(options.key, str):
        return attestor
    try:
        return replace(attestor, signer=asyncio.run(key_source(options).resolve(attestor.signer)))
    except VerificationError as error:
        raise UsageError(error.message) from error


def _stranger(attestor: ir.Attestor, verified: VerifiedSignature) -> VerificationError | None:
    """Return why the signer is not who was asked for; None if it is."""
    if not isinstance(attestor.signer, ir.IdentitySigner):
        return None
    if verified.identity is None:
        return VerificationError("certificate-missing", "no certificate found on signature")
    return mismatch(attestor.signer, verified.identity)


def _report(
    options: BundleOptions,
    artifact: Artifact,
    error: VerificationError | None,
    lines: tuple[SignatureLine, ...],
    verifier: Verifier,
) -> VerifyReport:
    if error is None:
        reason = Reason(code="signed", text="signed by who was asked for", met=True)
    else:
        reason = Reason(code=error.code, text=f"{error.code}: {error.message}", met=False)
    return VerifyReport(
        image=options.artifact,
        digest=artifact.digest,
        met=error is None,
        signatures=lines,
        reason=reason,
        roots=root_lines(verifier.roots_used),
    )


def _artifact(text: str) -> Artifact:
    path = Path(text)
    try:
        if _DIGEST.fullmatch(text) and not path.is_file():
            return Artifact.of_digest(Digest(text.lower()))
        return Artifact.of_file(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the artifact {text} cannot be read, and is no digest: {reason}"
        raise UsageError(message) from error


def _read(path: Path) -> bytes:
    """Return the bundle; of one that is too large no more than it takes to see that."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the bundle {path} cannot be read: {error.strerror}") from error
