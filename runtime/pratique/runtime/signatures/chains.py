"""Certificate paths: from a leaf to a trusted authority, at one moment, for one purpose.

The signature of an authority on another authority is checked once and remembered, so a leaf costs one
signature check. What depends on the moment or the leaf (validity, path length, purpose) is judged every time.

References: RFC 5280, section 6; Go `crypto/x509` (`Certificate.Verify`), whose order and texts are followed;
cosign `pkg/cosign/verify.go` (`TrustedCert`, `CheckExpiry`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from pratique.compiler.quiet import quiet
from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.certificates import PARSE_ERRORS, certificate_key
from pratique.runtime.signatures.keys import KeyTextError
from pratique.runtime.signatures.validity import ALWAYS, Window, rfc3339

MAX_INTERMEDIATES: Final = 10
"""Intermediate certificates that may come along with a leaf, as Kyverno bounds those of a policy."""
MAX_SIGNATURE_CHECKS: Final = 32
MAX_PATH: Final = 12

_ADVICE: Final = (
    "Check your TUF root (see cosign initialize) or set a custom root with env var SIGSTORE_ROOT_FILE"
)
_NOT_AN_ISSUER: Final = "x509: invalid signature: parent certificate cannot sign this kind of certificate"
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A trusted certificate with the issuers that may stand between it and a leaf.

    Attributes:
        anchor: trusted as it is, self-signed or not.
        intermediates: known to belong to it; they still have to verify.
        window: when the authority was in use.
    """

    anchor: x509.Certificate
    intermediates: tuple[x509.Certificate, ...] = ()
    window: Window = ALWAYS


Issuer: TypeAlias = tuple[x509.Certificate, Authority | None]
"""A certificate that may have issued another, with its authority where it is an anchor."""


@dataclass(frozen=True, slots=True)
class Authorities:
    """All authorities that a leaf may chain to."""

    all: tuple[Authority, ...]
    _by_name: dict[x509.Name, tuple[Issuer, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        issuers: list[Issuer] = [(authority.anchor, authority) for authority in self.all]
        issuers += [(known, None) for authority in self.all for known in authority.intermediates]
        by_name: dict[x509.Name, tuple[Issuer, ...]] = {}
        for issuer in issuers:
            subject = issuer[0].subject
            by_name[subject] = (*by_name.get(subject, ()), issuer)
        object.__setattr__(self, "_by_name", by_name)

    def named(self, name: x509.Name) -> tuple[Issuer, ...]:
        """Return the anchors, then the known intermediates, whose subject is `name`."""
        return self._by_name.get(name, ())


@dataclass(frozen=True, slots=True)
class Path:
    """A verified path: the issuers of a leaf, its own first, the anchor last, and the anchor's window."""

    issuers: tuple[x509.Certificate, ...]
    window: Window


def authorities_of(certificates: tuple[x509.Certificate, ...]) -> Authorities:
    """Return the authorities of a policy's `roots`: every certificate there is trusted as it is."""
    return Authorities(tuple(Authority(anchor=certificate) for certificate in certificates))


def build_path(
    leaf: x509.Certificate,
    authorities: Authorities,
    intermediates: tuple[x509.Certificate, ...] = (),
    *,
    at: datetime,
) -> Path:
    """Return a path from `leaf` to a trusted authority that is valid for code signing at `at`.

    Args:
        leaf: any certificate but one of an authority; the caller has seen to that.
        authorities: where the path may end.
        intermediates: more issuers, untrusted: those that came along with the signature.
        at: the clock of the check. cosign sets it to the leaf's own beginning and judges the time of signing
            separately, with `check_validity`.

    Raises:
        VerificationError: `chain-untrusted`, `certificate-expired`, `certificate-usage`, in cosign's words.
    """
    try:
        return _Search(authorities, intermediates, at).path(leaf)
    except _NoPath as error:
        text = f"cert verification failed: x509: {error.text}. {_ADVICE}"
        raise VerificationError(error.code, text) from error
    except PARSE_ERRORS as error:
        text = f"cert verification failed: x509: malformed certificate. {_ADVICE}"
        raise VerificationError("chain-untrusted", text) from error


def check_validity(leaf: x509.Certificate, path: Path | None, at: datetime) -> None:
    """Return if `leaf` and all its issuers were valid at `at`, the time of signing (C10).

    Raises:
        VerificationError: `certificate-expired`, without cosign's prefix that names the source of the time.
    """
    when = rfc3339(at)
    if leaf.not_valid_after_utc < at:
        end = rfc3339(leaf.not_valid_after_utc)
        text = f"certificate expired before observed time: {end} is before {when}"
        raise VerificationError("certificate-expired", text)
    if at < leaf.not_valid_before_utc:
        start = rfc3339(leaf.not_valid_before_utc)
        text = f"certificate was issued after observed time: {start} is after {when}"
        raise VerificationError("certificate-expired", text)
    if path is None:
        return
    for window in (*(_facts(issuer).window for issuer in path.issuers), path.window):
        if window.end is not None and window.is_before(at):
            end = rfc3339(window.end)
            text = f"issuing CA certificate expired before observed time: {end} is before {when}"
            raise VerificationError("certificate-expired", text)
        if window.start is not None and window.is_after(at):
            start = rfc3339(window.start)
            text = f"issuing CA certificate was issued after observed time: {start} is after {when}"
            raise VerificationError("certificate-expired", text)


class _NoPath(Exception):
    """Why no path was found, in Go's words without `x509: `."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What a certificate says about itself; read once per certificate of an authority.

    Attributes:
        key: SubjectPublicKeyInfo of an authority that may sign certificates, with a key of accepted kind and
            size; None for any other certificate.
        path_length: how many authorities may stand between it and a leaf; None for any number.
        purposes: extended key usages; None where it has no such extension, which permits all.
        unknown: it has a critical extension that nobody here understands.
        constrains_names: it has name constraints.
    """

    subject: x509.Name
    issuer: x509.Name
    key: bytes | None
    path_length: int | None
    purposes: frozenset[x509.ObjectIdentifier] | None
    window: Window
    unknown: bool
    constrains_names: bool

    def permits(self, purpose: x509.ObjectIdentifier) -> bool:
        """Say whether the certificate may be part of a path for `purpose`."""
        any_purpose = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
        return self.purposes is None or purpose in self.purposes or any_purpose in self.purposes


def _read_facts(certificate: x509.Certificate) -> _Facts:
    ca, signs, constrains, unknown = False, True, False, False
    path_length: int | None = None
    purposes: frozenset[x509.ObjectIdentifier] | None = None
    for extension in certificate.extensions:
        value: x509.ExtensionType = extension.value
        if isinstance(value, x509.BasicConstraints):
            ca, path_length = value.ca, value.path_length
        elif isinstance(value, x509.KeyUsage):
            signs = value.key_cert_sign
        elif isinstance(value, x509.ExtendedKeyUsage):
            purposes = frozenset(value)
        elif isinstance(value, x509.NameConstraints):
            constrains = True
        unknown = unknown or (extension.critical and extension.oid not in _UNDERSTOOD)
    return _Facts(
        subject=certificate.subject,
        issuer=certificate.issuer,
        key=_accepted_key(certificate) if ca and signs else None,
        path_length=path_length,
        purposes=purposes,
        window=Window(certificate.not_valid_before_utc, certificate.not_valid_after_utc),
        unknown=unknown,
        constrains_names=constrains,
    )


_facts = lru_cache(maxsize=512)(_read_facts)


def _is_same_holder(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Say whether two certificates are of one authority; cross-signed ones must not lead in circles."""
    facts, others = _facts(one), _facts(other)
    return facts.key == others.key and facts.subject == others.subject


def _accepted_key(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate_key(certificate).info
    except KeyTextError:
        return None


def _is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if isinstance(certificate.signature_hash_algorithm, (hashes.MD5, hashes.SHA1)):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *PARSE_ERRORS):
        return False
    return True


_is_authority_signed_by = lru_cache(maxsize=1024)(_is_signed_by)


class _Search:
    """One search for a path, depth first, in the order of Go: anchors before intermediates."""

    def __init__(
        self, authorities: Authorities, intermediates: tuple[x509.Certificate, ...], at: datetime
    ) -> None:
        self.authorities = authorities
        self.intermediates = intermediates
        self.at = at
        self.checks = 0

    def path(self, leaf: x509.Certificate) -> Path:
        """Return the first path that is valid and fit for code signing.

        Raises:
            _NoPath: there is none.
        """
        facts = _read_facts(leaf)
        if facts.unknown:
            raise _NoPath("chain-untrusted", "unhandled critical extension")
        self._in_time(facts.window)
        unfit = False
        for issuers, authority in self._extend((leaf,), facts.issuer):
            chain = (facts, *map(_facts, issuers))
            if all(link.permits(ExtendedKeyUsageOID.CODE_SIGNING) for link in chain):
                if any(link.constrains_names for link in chain):
                    self._check_names(leaf, issuers)
                return Path(issuers, authority.window)
            unfit = True
        assert unfit  # noqa: S101 (a search without any path has raised)
        raise _NoPath("certificate-usage", "certificate specifies an incompatible key usage")

    def _extend(
        self, chain: tuple[x509.Certificate, ...], wanted: x509.Name
    ) -> Iterator[tuple[tuple[x509.Certificate, ...], Authority]]:
        """Yield every way on from the last certificate of `chain`, issued by `wanted`, to an anchor.

        Raises:
            _NoPath: nothing was yielded; says what came nearest.
        """
        reason: _NoPath | None = None
        hint = ""
        found = False
        for issuer, authority in self._candidates(wanted):
            if any(_is_same_holder(issuer, link) for link in chain[1:]):
                continue
            try:
                self._links(chain[-1], issuer, leaf=len(chain) == 1)
                self._may_issue(issuer, below=len(chain) - 1)
                if authority is not None:
                    self._in_time(authority.window)
                    found = True
                    yield (*chain[1:], issuer), authority
                elif len(chain) < MAX_PATH:
                    for onward in self._extend((*chain, issuer), _facts(issuer).issuer):
                        found = True
                        yield onward
            except _BadLink as error:
                hint = hint or error.hint
            except _NoPath as error:
                reason = error
        if not found:
            raise reason or _NoPath("chain-untrusted", f"certificate signed by unknown authority{hint}")

    def _candidates(self, name: x509.Name) -> Iterator[Issuer]:
        known = self.authorities.named(name)
        yield from known
        for intermediate in self.intermediates:
            if _facts(intermediate).subject == name and (intermediate, None) not in known:
                yield intermediate, None

    def _links(self, child: x509.Certificate, issuer: x509.Certificate, *, leaf: bool) -> None:
        self.checks += 1
        if self.checks > MAX_SIGNATURE_CHECKS:
            raise _NoPath("chain-untrusted", "signature check attempts limit reached while verifying chain")
        if _facts(issuer).key is None:
            raise _BadLink(_NOT_AN_ISSUER, issuer)
        check = _is_signed_by if leaf else _is_authority_signed_by
        if not check(child, issuer):
            raise _BadLink(_mismatch(issuer), issuer)

    def _may_issue(self, issuer: x509.Certificate, *, below: int) -> None:
        facts = _facts(issuer)
        if facts.unknown:
            raise _NoPath("chain-untrusted", "unhandled critical extension")
        self._in_time(facts.window)
        if facts.path_length is not None and below > facts.path_length:
            raise _NoPath("chain-untrusted", "too many intermediates for path length constraint")

    def _in_time(self, window: Window) -> None:
        if window.contains(self.at):
            return
        side = "before" if window.is_after(self.at) else "after"
        limit = window.start if window.is_after(self.at) else window.end
        assert limit is not None  # noqa: S101 (an open end excludes nothing)
        text = (
            "certificate has expired or is not yet valid: current time"
            f" {rfc3339(self.at)} is {side} {rfc3339(limit)}"
        )
        raise _NoPath("certificate-expired", text)

    def _check_names(self, leaf: x509.Certificate, issuers: tuple[x509.Certificate, ...]) -> None:
        """Leave paths with name constraints to the library's own verifier as a whole."""
        anything = verification.ExtensionPolicy.permit_all()
        authority = anything.require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, None)
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store([issuers[-1]]))
            .time(self.at)
            .extension_policies(ca_policy=authority, ee_policy=anything)
            .build_client_verifier()
        )
        try:
            verifier.verify(leaf, list(issuers[:-1]))
        except (verification.VerificationError, *PARSE_ERRORS) as error:
            raise _NoPath("chain-untrusted", "a name constraint is not met") from error


class _BadLink(Exception):
    """A candidate issuer did not sign: a hint for people, not yet the end of the search."""

    def __init__(self, cause: str, issuer: x509.Certificate) -> None:
        super().__init__(cause)
        self.hint = (
            f' (possibly because of "{cause}" while trying to verify candidate authority certificate'
            f' "{_name(issuer)}")'
        )


def _mismatch(issuer: x509.Certificate) -> str:
    try:
        with quiet():
            public = issuer.public_key()
    except PARSE_ERRORS:
        return "x509: cannot verify signature: algorithm unimplemented"
    match public:
        case ec.EllipticCurvePublicKey():
            return "x509: ECDSA verification failure"
        case rsa.RSAPublicKey():
            return "crypto/rsa: verification error"
        case _:
            return "x509: Ed25519 verification failure"


def _name(certificate: x509.Certificate) -> str:
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if values := certificate.subject.get_attributes_for_oid(oid):
            return str(values[0].value)
    return f"serial:{certificate.serial_number}"
