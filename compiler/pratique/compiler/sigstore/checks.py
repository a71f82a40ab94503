"""What policy-controller refuses when a policy is created, and what cannot be honoured: always refused.

References: sigstore/policy-controller of August 2026 `pkg/apis/policy/v1beta1`
(`clusterimagepolicy_validation.go`), `pkg/webhook/validator.go` (`checkOptsFromAuthority`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from pratique.compiler.predicate_types import predicate_type
from pratique.compiler.sigstore.globs import GlobRefusedError, regions
from pratique.compiler.sigstore.resources import RESOURCES
from pratique.compiler.sigstore.trust import TrustRoots, malformed, problems
from pratique.compiler.texts import SearchSyntaxError, compile_search
from pratique.grammar.errors import PolicyError

if TYPE_CHECKING:
    from pratique.grammar.documents import SigstoreDocument, TrustRootDocument
    from pratique.grammar.documents.selection import LabelSelector
    from pratique.grammar.documents.sigstore import (
        Authority,
        AuthorityAttestation,
        ClusterImagePolicySpec,
        Keyless,
        KeyReference,
        MatchResource,
        SigstoreIdentity,
        Source,
    )

Route: TypeAlias = tuple[str | int, ...]

ALGORITHMS: Final = ("sha224", "sha256", "sha384", "sha512")
KMS_SCHEMES: Final = ("awskms://", "azurekms://", "hashivault://", "gcpkms://")

_OPERATORS: Final = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a part of the specification."""

    code: str
    text: str
    route: Route
    help: str = ""


def check(document: SigstoreDocument, roots: TrustRoots) -> list[PolicyError]:
    """Return every reason not to accept the policy, in the order of the document."""
    name = document.model.metadata.name
    found = [
        PolicyError(
            each.code,
            f"invalid policy {name}: {each.text}",
            document.location("spec", *each.route),
            help=each.help,
        )
        for each in _spec(document.model.spec, roots)
    ]
    return sorted(found, key=lambda error: error.location.span if error.location else ())


def check_roots(roots: Sequence[TrustRootDocument]) -> list[PolicyError]:
    """Return what is wrong with trust roots, whoever refers to them."""
    found: list[PolicyError] = []
    seen: dict[str, TrustRootDocument] = {}
    for root in roots:
        name = root.model.metadata.name
        if seen.setdefault(name, root) is not root:
            text = f"TrustRoot {name} is declared twice"
            found.append(PolicyError("duplicate-policy", text, root.location("metadata", "name")))
        for route in malformed(root):
            text = f"TrustRoot {name}: no PEM in base64"
            found.append(PolicyError("wrong-value", text, root.location("spec", "sigstoreKeys", *route)))
    return found


def _spec(spec: ClusterImagePolicySpec, roots: TrustRoots) -> Iterator[Problem]:
    if not spec.images:
        yield Problem("missing-value", "missing field: images", ("images",))
    for number, image in enumerate(spec.images):
        try:
            regions(image.glob)
        except GlobRefusedError as error:
            yield Problem(error.code, str(error), ("images", number, "glob"), error.help)
    if not spec.authorities:
        yield Problem("missing-value", "missing field: authorities", ("authorities",))
    for number, authority in enumerate(spec.authorities):
        yield from _authority(authority, ("authorities", number))
        if not authority.static:
            for route, code, text in problems(authority, roots):
                yield Problem(code, text, ("authorities", number, *route))
    yield from _joined(spec)
    for number, match in enumerate(spec.match):
        yield from _match(match, ("match", number))
    if spec.policy:
        yield _program(("policy",))


def _program(route: Route) -> Problem:
    text = "programs in CUE and Rego cannot be run by this version"
    return Problem("unsupported-field", text, route)


def _joined(spec: ClusterImagePolicySpec) -> Iterator[Problem]:
    """Refuse authorities that the IR cannot join by "or"."""
    if any(each.static and each.static.action == "pass" for each in spec.authorities):
        return
    signing = [(number, each) for number, each in enumerate(spec.authorities) if not each.static]
    stating = [(number, each) for number, each in signing if each.attestations]
    types = {tuple(a.predicate_type for a in each.attestations) for _, each in stating}
    if len(stating) == len(signing) and (len(signing) < 2 or (len(types) == 1 and len(*types) == 1)):
        return
    if stating:
        text = (
            "authorities with attestations cannot be joined with others by this version, unless each demands"
            " one statement of the same type"
        )
        yield Problem("unsupported-field", text, ("authorities", stating[0][0], "attestations"))


# --- authorities ---------------------------------------------------------------------------------------


def _authority(authority: Authority, route: Route) -> Iterator[Problem]:
    given = [name for name in ("key", "keyless", "static") if getattr(authority, name)]
    if len(given) != 1:
        text = "expected exactly one, got " + ("both: " if given else "neither: ")
        yield Problem("wrong-value", f"{text}{', '.join(given or ('key', 'keyless', 'static'))}", route)
        return
    if authority.static:
        for name in ("attestations", "source", "ctlog", "rfc3161timestamp"):
            if getattr(authority, name):
                text = f"expected exactly one, got both: {name}, static"
                yield Problem("wrong-value", text, (*route, name))
        return
    if authority.key:
        yield from _key(authority.key, (*route, "key"))
        if authority.signature_format == "bundle":
            text = "when using the new bundle format, the authority must be keyless"
            yield Problem("wrong-value", text, (*route, "signatureFormat"))
    if authority.keyless:
        yield from _keyless(authority.keyless, (*route, "keyless"))
    yield from _sources(authority.source, (*route, "source"))
    yield from _time(authority, route)
    yield from _attestations(authority.attestations, (*route, "attestations"))


def _time(authority: Authority, route: Route) -> Iterator[Problem]:
    """Yield what is wrong with what says when a signature was made."""
    if authority.ctlog and not (authority.ctlog.url or authority.ctlog.trust_root_ref):
        text = "a log without a URL is not looked into"
        advice = "write `url: https://rekor.sigstore.dev`, or leave `ctlog` out"
        yield Problem("missing-value", text, (*route, "ctlog"), advice)


def _attestations(written: Sequence[AuthorityAttestation], route: Route) -> Iterator[Problem]:
    for number, attestation in enumerate(written):
        if not predicate_type(attestation.predicate_type):
            text = f"invalid predicate type: {attestation.predicate_type:.80}"
            yield Problem("wrong-value", text, (*route, number, "predicateType"))
        if attestation.policy:
            yield _program((*route, number, "policy"))


def _key(key: KeyReference, route: Route) -> Iterator[Problem]:
    given = [name for name in ("data", "kms", "secret_ref") if getattr(key, name)]
    if len(given) != 1:
        text = "expected exactly one of data, kms, secretRef"
        yield Problem("wrong-value", text, route)
        return
    if key.data and "-----BEGIN PUBLIC KEY-----" not in key.data:
        yield Problem("wrong-value", "invalid value: no public key in PEM", (*route, "data"))
    if key.kms and not key.kms.startswith(KMS_SCHEMES):
        text = f"malformed KMS format, should be prefixed by any of: {', '.join(KMS_SCHEMES)}"
        yield Problem("wrong-value", text, (*route, "kms"))
    if key.hash_algorithm and key.hash_algorithm.strip().lower() not in ALGORITHMS:
        text = f"unknown digest algorithm: {key.hash_algorithm:.80}"
        yield Problem("wrong-value", text, (*route, "hashAlgorithm"))


def _keyless(keyless: Keyless, route: Route) -> Iterator[Problem]:
    if keyless.ca_cert:
        text = "policy-controller accepts nobody by `ca-cert`, and neither does this version"
        yield Problem("unsupported-field", text, (*route, "ca-cert"))
    if not keyless.identities:
        yield Problem("missing-value", "missing field: identities", route)
    for number, identity in enumerate(keyless.identities):
        yield from _identity(identity, (*route, "identities", number))


def _identity(identity: SigstoreIdentity, route: Route) -> Iterator[Problem]:
    for name, exact, expression in (
        ("issuer", identity.issuer, identity.issuer_reg_exp),
        ("subject", identity.subject, identity.subject_reg_exp),
    ):
        field = f"{name}RegExp"
        if bool(exact) == bool(expression):
            text = f"expected exactly one of {name}, {field}"
            yield Problem("wrong-value" if exact else "missing-value", text, route)
        if expression:
            try:
                compile_search(expression)
            except SearchSyntaxError as error:
                yield Problem("wrong-value", f"regex is invalid: {error}", (*route, field))


def _sources(written: Sequence[Source], route: Route) -> Iterator[Problem]:
    if len(written) > 1:
        yield Problem("wrong-value", "only single source is supported", route)
    for number, source in enumerate(written):
        if source.signature_pull_secrets:
            text = "credentials for signatures alone cannot be honoured by this version"
            yield Problem("unsupported-field", text, (*route, number, "signaturePullSecrets"))
        if source.tag_prefix:
            text = "signatures under tags with a prefix cannot be found by this version"
            yield Problem("unsupported-field", text, (*route, number, "tagPrefix"))


# --- resources -----------------------------------------------------------------------------------------


def _match(match: MatchResource, route: Route) -> Iterator[Problem]:
    if (match.group, match.resource) not in RESOURCES:
        text = f"unsupported resource name: '{match.resource:.80}' of group '{match.group:.80}'"
        yield Problem("wrong-value", text, (*route, "resource"))
    if not match.version:
        text = "no resource is of no version: write one, or `*`"
        yield Problem("missing-value", text, route)
    if match.selector:
        yield from _selector(match.selector, (*route, "selector"))


def _selector(selector: LabelSelector, route: Route) -> Iterator[Problem]:
    for key, value in selector.match_labels.items():
        if any(character in key + value for character in "*?"):
            text = "labels are compared as they are, and hold no `*` or `?`"
            yield Problem("wrong-value", text, (*route, "matchLabels", key))
    for number, each in enumerate(selector.match_expressions):
        if each.operator not in _OPERATORS or (each.operator.endswith("In")) != bool(each.values):
            text = "policy with wrong match label selector"
            yield Problem("wrong-value", text, (*route, "matchExpressions", number))
