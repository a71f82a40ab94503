"""Who signed one image: the run behind `pratique verify`, over the same evidence as policies."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from pratique.compiler import ir
from pratique.grammar.errors import UsageError, VerificationError
from pratique.grammar.image_reference import ImageReference, ImageReferenceError, parse_image
from pratique.runtime.decision import Reason, RootLine
from pratique.runtime.evaluation import Evaluation
from pratique.runtime.evidence import Evidence
from pratique.runtime.judgement import Candidate, judge
from pratique.runtime.keys.references import Keys
from pratique.runtime.platforms import Coverage, Reach
from pratique.runtime.registry.open import StoreOptions, cached, open_store
from pratique.runtime.secrets import read_secrets
from pratique.runtime.signatures.root_report import root_lines
from pratique.runtime.signatures.statements import SIGN_PREDICATE
from pratique.runtime.signatures.verifier import Verifier
from pratique.runtime.trust_options import TrustOptions

MAX_KEY_BYTES = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Who must have signed, and what may lack.

    A `key` is a file or a reference as policies have them (`k8s://NAMESPACE/NAME`, a KMS URI); `secrets` are
    paths as in `read_inputs`, where references lead to.

    One of `key`, `notary_certificate` (PEM of certificates to trust for Notary signatures), and one test on
    the identity with one on its issuer.
    """

    identity: str = ""
    identity_regexp: str = ""
    issuer: str = ""
    issuer_regexp: str = ""
    key: Path | str | None = None
    secrets: tuple[str, ...] = ()
    notary_certificate: Path | None = None
    ignore_tlog: bool = False
    ignore_sct: bool = False
    trust: TrustOptions = field(default_factory=TrustOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions(Demand):
    """An image, who must have signed it, and which of its manifests."""

    image: str
    store: StoreOptions
    coverage: Coverage = Reach.INDEX


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLine:
    """One signature of the image, in stored order (see `outputs.verification.SignatureFacts`)."""

    met: bool
    signer: str = ""
    issuer: str = ""
    signed_at: int | None = None
    log_index: int | None = None
    text: str = ""
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The outcome for one image; `roots` are the trust roots that were looked at."""

    image: str
    digest: str
    met: bool
    signatures: tuple[SignatureLine, ...]
    reason: Reason
    roots: tuple[RootLine, ...] = ()


def verify(options: VerifyOptions) -> VerifyReport:
    """Return who signed the image and whether that is who was asked for.

    Raises:
        UsageError: the reference, the key file or the Secrets cannot be read.
        TransportError: the image, its signatures, the key or the trust root could not be asked for.
    """
    try:
        image = parse_image(options.image)
    except ImageReferenceError as error:
        raise UsageError(str(error)) from error
    attestor, keys = demanded(options), key_source(options)

    async def run() -> VerifyReport:
        store = cached(open_store(options.store), options.store)
        verifier = Verifier.of(options.trust)
        try:
            evidence = Evidence(store, verifier, keys, coverage=options.coverage).evaluation()
            try:
                judged = [await _judged(evidence, "", image, attestor)]
                for platform, part in await evidence.parts(image):
                    judged.append(await _judged(evidence, platform, part, attestor))
            except VerificationError as error:
                raise UsageError(error.message) from error
            return VerifyReport(
                image=image.match_string,
                digest=await evidence.digest(image),
                met=all(reason.met for reason, _ in judged),
                signatures=tuple(line for _, lines in judged for line in lines),
                roots=root_lines(verifier.roots_used),
                reason=_all_of([reason for reason, _ in judged]),
            )
        finally:
            await store.aclose()

    return asyncio.run(run())


def demanded(options: Demand) -> ir.Attestor:
    """Return the attestor that `options` describe.

    Raises:
        UsageError: the key file cannot be read.
    """
    # A bare key has no certificate and does not expire: who waives the log for it waives the time, too.
    ignore_sct = options.ignore_sct or (options.key is not None and options.ignore_tlog)
    trust = ir.Trust(
        log=ir.LogPolicy(required=not options.ignore_tlog), sct=ir.SctPolicy(required=not ignore_sct)
    )
    if options.key:
        key = options.key if isinstance(options.key, str) else _read_pem(options.key)
        return ir.Attestor(signer=ir.KeySigner(key=key), trust=trust)
    if options.notary_certificate:
        holder = ir.TrustStoreSigner(certificate=_read_pem(options.notary_certificate))
        return ir.Attestor(signer=holder, format=ir.SignatureFormat.NOTARY)
    signer = ir.IdentitySigner(
        issuer=_tests(options.issuer, options.issuer_regexp),
        subject=_tests(options.identity, options.identity_regexp),
    )
    return ir.Attestor(signer=signer, trust=trust)


def key_source(options: Demand) -> Keys:
    """Return where a key by reference comes from; no service is asked before there is one.

    Raises:
        PolicyErrors: a file of Secrets cannot be read.
        UsageError: it holds something else.
    """
    return Keys(read_secrets(options.secrets), os.environ, offline=options.trust.offline)


async def _judged(
    evidence: Evaluation, platform: str, image: ImageReference, attestor: ir.Attestor
) -> tuple[Reason, list[SignatureLine]]:
    """Return whether one manifest is signed by who was asked for, and a line for each of its signatures."""
    candidates = await _signatures(evidence, image, attestor)
    reference = f"{image.registry}/{image.path}@{await evidence.digest(image)}"
    finding = judge(attestor, candidates, reference)
    text = "signed by who was asked for" if finding.met else finding.text
    if platform:
        text = f"{platform}: {text}"
    reason = Reason(code=finding.code, text=text, met=finding.met, children=finding.reasons)
    return reason, [_line(attestor, candidate) for candidate in candidates]


async def _signatures(
    evidence: Evaluation, image: ImageReference, attestor: ir.Attestor
) -> tuple[Candidate, ...]:
    """Return the signatures in cosign's own format and those in Sigstore bundles, as far as they are any.

    A bundle that states something else about the image (its provenance, say) is no signature of it.

    References: cosign 3, `verify`, which reads bundles where there are some, and else its own format.
    """
    found = await evidence.candidates(image, attestor)
    if attestor.format is not ir.SignatureFormat.COSIGN:
        return found
    bundled = await evidence.candidates(image, replace(attestor, format=ir.SignatureFormat.SIGSTORE_BUNDLE))
    return found + tuple(candidate for candidate in bundled if _is_signature(candidate))


def _is_signature(candidate: Candidate) -> bool:
    statement = candidate.verified.statement if candidate.verified else None
    return statement is None or statement.predicate_type == SIGN_PREDICATE


def _all_of(reasons: list[Reason]) -> Reason:
    """Return the reason of all manifests; its text is of the first that is not signed."""
    refused = next((reason for reason in reasons if not reason.met), None)
    if len(reasons) == 1:
        return reasons[0]
    text = refused.text if refused else "every platform is signed by who was asked for"
    return Reason(code="all", text=text, met=refused is None, children=tuple(reasons))


def _tests(exact: str, expression: str) -> ir.TextTests:
    return ir.TextTests(tests=(ir.Exactly(text=exact) if exact else ir.Search(text=expression),))


def _read_pem(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MAX_KEY_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the file {path} cannot be read: {error}") from error


def _line(attestor: ir.Attestor, candidate: Candidate) -> SignatureLine:
    verified = candidate.verified
    if verified is None:
        return SignatureLine(met=False, text=candidate.rejection.message if candidate.rejection else "")
    finding = judge(attestor, (candidate,))
    identity = verified.identity
    return SignatureLine(
        met=finding.met,
        signer=", ".join(identity.subjects) if identity else f"sha256:{verified.key}",
        issuer=identity.issuer if identity else "",
        signed_at=verified.signed_at,
        log_index=verified.log_index,
        text=finding.text,
        root=verified.root,
    )
