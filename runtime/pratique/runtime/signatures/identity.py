"""Whether a verified signer is the one that a policy wants.

Cheap next to cryptography, so it is asked once per attestor while a signature is verified once.

References: Kyverno 1.19 `pkg/image/verifiers/cpol/cosign/cosign.go` (`matchCertificateData`,
`matchExtensions`, `checkAnnotations`), whose order and texts are followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pratique.compiler import ir
from pratique.compiler.texts import SearchSyntaxError, accepts, compile_search, passes
from pratique.grammar import wildcard
from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.model import Identity

FULCIO_ARC: Final = "1.3.6.1.4.1.57264.1."
"""Start of the object identifiers of Fulcio's certificate extensions; a number follows."""

EXTENSION_NAMES: Final = (
    "oidcIssuer",
    "githubWorkflowTrigger",
    "githubWorkflowSha",
    "githubWorkflowName",
    "githubWorkflowRepository",
    "githubWorkflowRef",
)
"""Names of the certificate extensions that a policy can ask for, in the order of their numbers from .1 on."""

_OIDS: Final = {name: f"{FULCIO_ARC}{number}" for number, name in enumerate(EXTENSION_NAMES, start=1)}


class IdentityMismatch(VerificationError):
    """A part of an identity is another than the one that is asked for.

    Attributes:
        expected: the pattern or expression of the policy.
        received: what the certificate says; several names are joined by `, `.
    """

    def __init__(self, part: str, expected: str, received: str, *, key: str = "") -> None:
        which = f" for key {key}" if key else ""
        text = f"{part} mismatch: expected {expected}{which}, received {received}"
        super().__init__("identity-mismatch", text)
        self.expected = expected
        self.received = received


def mismatch(signer: ir.IdentitySigner, identity: Identity) -> VerificationError | None:
    """Return why `identity` is not whom `signer` asks for, or None if it is.

    The first of subject, issuer and extensions that does not fit is named. Codes: `identity-mismatch`,
    `bad-regexp` for an expression that does not compile, `unknown-extension`.

    DEVIATION: a certificate that names no subject never passes a subject test; Kyverno lets it pass any (R5,
    `tests/runtime/signatures/test_identity.py::test_a_certificate_without_subject_meets_no_subject_test`).
    """
    try:
        return (
            _subject_mismatch(signer.subject, identity.subjects)
            or _issuer_mismatch(signer.issuer, identity.issuer)
            or _extension_mismatch(signer.extensions, identity)
        )
    except VerificationError as error:
        return error


def claims_missing(
    wanted: Sequence[tuple[str, str]], claims: Sequence[tuple[str, str]] | None
) -> tuple[str, ...]:
    """Return the keys of `wanted` pairs that are not among the signed `claims`; compared as plain text."""
    present = frozenset(claims or ())
    return tuple(key for key, value in wanted if (key, value) not in present)


def _subject_mismatch(tests: ir.TextTests, subjects: tuple[str, ...]) -> VerificationError | None:
    _compile(tests, "subject")
    if not tests.tests or any(accepts(tests, subject) for subject in subjects):
        return None
    return IdentityMismatch("subject", tests.wanted, ", ".join(subjects))


def _issuer_mismatch(tests: ir.TextTests, issuer: str) -> VerificationError | None:
    _compile(tests, "issuer")
    if accepts(tests, issuer):
        return None
    failed = next(test for test in tests.tests if not passes(test, issuer))
    return IdentityMismatch("issuer", failed.text, issuer)


def _extension_mismatch(wanted: tuple[tuple[str, str], ...], identity: Identity) -> VerificationError | None:
    found = dict(identity.extensions)
    for key, pattern in wanted:
        oid = _OIDS.get(key, key)
        if oid not in _OIDS.values():
            return VerificationError("unknown-extension", f"invalid certificate extension {key}")
        value = found.get(oid, "")
        if not wildcard.matches(pattern, value):
            return IdentityMismatch("extension", pattern, value, key=key)
    return None


def _compile(tests: ir.TextTests, field: str) -> None:
    for test in tests.tests:
        if isinstance(test, ir.Search):
            try:
                compile_search(test.text)
            except SearchSyntaxError as error:
                text = f"invalid regexp for {field}: {test.text} : {error}"
                raise VerificationError("bad-regexp", text) from error
