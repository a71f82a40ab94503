"""What Kyverno refuses in entries of `verifyImages`, and what cannot be honoured there.

References: Kyverno 1.19 `ImageVerification.Validate` (`api/kyverno/v1/image_verification_types.go`), whose
texts are repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.kyverno.expression_checks import expression_problems
from pratique.compiler.kyverno.obligations import (
    DEFAULT_REKOR_URL,
    deprecated_attestor,
    expand_keys,
    key_text,
    signing_entry,
)
from pratique.compiler.kyverno.selection_checks import Problem, Route
from pratique.compiler.kyverno.spec_checks import cannot_be_honoured
from pratique.compiler.secret_references import KUBERNETES, foreign_secret, is_foreign
from pratique.grammar.documents.attestors import Attestor, AttestorSet, KeylessAttestor, StaticKeyAttestor
from pratique.grammar.documents.kyverno import ImageVerification, Rule
from pratique.grammar.documents.validation import Manifests

_ALGORITHMS: Final = frozenset({"sha224", "sha256", "sha384", "sha512"})


class ImageChecks:
    """The checks of the entries of one policy; `namespace` is that of a `Policy`, None for others."""

    def __init__(self, namespace: str | None) -> None:
        self._namespace = namespace

    def rule(self, rule: Rule, action: ir.Action) -> Iterator[Problem]:
        """Yield what is wrong with the entries of a rule, by routes within the rule."""
        for number, entry in enumerate(rule.verify_images):
            # Kyverno walks the entries with one variable: an action named by one holds for the next ones.
            action = ir.Action(entry.failure_action) if entry.failure_action else action
            yield from self._entry(rule, entry, action, ("verifyImages", number))

    def manifests(self, written: Manifests) -> Iterator[Problem]:
        """Yield what is wrong with the attestors of a signed manifest, by routes within the rule."""
        route: Route = ("validate", "manifests")
        if not written.attestors:
            # DEVIATION: nobody's signature is none; in Kyverno such a rule passes
            # (`tests/compiler/kyverno/test_manifests.py::test_deviation_attestors_are_needed`).
            yield Problem("attestors are required", route, "no-attestors", "say who must have signed")
        if "{{" in written.model_dump_json():
            text = "variables in `validate.manifests` are not replaced, as in Kyverno"
            yield Problem(text, route, "variable-in-static-field", "write the values themselves")
            return
        entry = signing_entry(written)
        for number, attestors in enumerate(entry.attestors):
            yield from self._set(entry, attestors, (*route, "attestors", number))

    def own_secret(self, name: str, route: Route) -> Iterator[Problem]:
        """Yield a problem where a `Policy` names a Secret of another namespace."""
        if self._namespace is not None and "{{" not in name and is_foreign(name, self._namespace):
            advice = f"write {self._namespace}/NAME, or make it a ClusterPolicy"
            yield Problem(foreign_secret(name, self._namespace), route, "foreign-secret", advice)

    def _entry(
        self, rule: Rule, entry: ImageVerification, action: ir.Action, route: Route
    ) -> Iterator[Problem]:
        if action is ir.Action.AUDIT and entry.mutate_digest:
            written = "mutate_digest" in entry.model_fields_set
            yield Problem(
                "mutateDigest must be set to false for \u2018Audit\u2019 failure action",
                (*route, *(("mutateDigest",) if written else ())),
                code="digest-added-under-audit",
                help="write mutateDigest: false (its default is true), or failureAction: Enforce",
            )
        if not entry.image_references and not entry.image:
            yield Problem("An image reference is required", route)
        for number, pattern in enumerate(entry.image_references or ()):
            if "{{" in pattern:
                text = f'rule "{rule.name}" should not have variables in image reference section'
                yield Problem(
                    text,
                    (*route, "imageReferences", number),
                    code="variable-in-static-field",
                    help="write the patterns themselves; images are told apart before variables have values",
                )
        for number, attestors in enumerate(entry.attestors or ()):
            yield from self._set(entry, attestors, (*route, "attestors", number))
        yield from self._deprecated(entry, route)
        if entry.type == "Notary":
            yield from self._notary(entry, route)
        yield from self._attestations(entry, route)
        if entry.validation and entry.validation.deny:
            place = (*route, "validate", "deny", "conditions")
            yield from expression_problems("compile", entry.validation.deny.conditions, place)
        elif any(other.validation for other in rule.verify_images):
            text = "every entry of a rule in which one has `validate` must have `validate.deny`"
            yield Problem(text, route)
        yield from self._credentials(entry, (*route, "imageRegistryCredentials", "secrets"))

    def _deprecated(self, entry: ImageVerification, route: Route) -> Iterator[Problem]:
        """Check the attestor that deprecated fields stand for; beside attestations Kyverno drops it."""
        converted = deprecated_attestor(entry)
        if entry.attestations or entry.type == "Notary":
            return
        if converted and converted.keyless:
            yield from self._keyless(converted.keyless, (*route, "issuer"))
        elif not converted and entry.image and entry.annotations:
            text = "keys, certificates, keyless, or a nested attestor is required"
            yield Problem(text, (*route, "annotations"))

    def _credentials(self, entry: ImageVerification, route: Route) -> Iterator[Problem]:
        block = entry.image_registry_credentials
        for number, name in enumerate(block.secrets if block else ()):
            yield from expression_problems("template", name, (*route, number))
            yield from self.own_secret(name, (*route, number))

    def _notary(self, entry: ImageVerification, route: Route) -> Iterator[Problem]:
        """Only certificates can be trusted for Notary signatures.

        DEVIATION: at any depth, and in attestations too, which also need attestors; Kyverno looks at the
        outermost attestors alone, and crashes over the others when they are evaluated
        (`tests/compiler/kyverno/test_checks.py::test_notary_takes_certificates_at_any_depth`).
        """
        if entry.key or entry.issuer:
            text = f"{'Keys' if entry.key else 'Keyless'} field is not allowed for type notary"
            yield Problem(text, (*route, "key" if entry.key else "issuer"))
        sets = [(s, (*route, "attestors", i)) for i, s in enumerate(entry.attestors or ())]
        for number, attestation in enumerate(entry.attestations or ()):
            place = (*route, "attestations", number)
            if not attestation.attestors:
                yield Problem(
                    "attestations of type notary need attestors",
                    place,
                    code="attestation-without-attestors",
                    help="say under `attestors` whose certificate must have signed the statement",
                )
            sets += [(s, (*place, "attestors", i)) for i, s in enumerate(attestation.attestors)]
        while sets:
            block, place = sets.pop(0)
            for number, attestor in enumerate(block.entries):
                at = (*place, "entries", number)
                if attestor.attestor:
                    sets.append((attestor.attestor, (*at, "attestor")))
                if attestor.keyless:
                    yield Problem("Keyless field is not allowed for type notary", (*at, "keyless"))
                if attestor.keys:
                    yield Problem("Keys field is not allowed for type notary", (*at, "keys"))

    def _attestations(self, entry: ImageVerification, route: Route) -> Iterator[Problem]:
        for number, attestation in enumerate(entry.attestations):
            place = (*route, "attestations", number)
            if attestation.conditions:
                blocks = [c.model_dump(mode="json", exclude_unset=True) for c in attestation.conditions]
                yield from expression_problems("compile_blocks", blocks, (*place, "conditions"))
            for index, attestors in enumerate(attestation.attestors):
                yield from self._set(entry, attestors, (*place, "attestors", index))
                for position, attestor in enumerate(attestors.entries):
                    if attestor.attestor:
                        nested = (*place, "attestors", index, "entries", position, "attestor")
                        yield cannot_be_honoured("a nested attestor of an attestation", nested)

    def _set(self, entry: ImageVerification, attestors: AttestorSet, route: Route) -> Iterator[Problem]:
        if not attestors.entries:
            yield Problem("An entry is required", route)
        elif attestors.count is not None and attestors.count > len(attestors.entries):
            yield Problem(
                "Count cannot exceed length of entries",
                (*route, "count"),
                code="count-exceeds-entries",
                help=_count_advice(attestors),
            )
        for number, attestor in enumerate(attestors.entries):
            yield from self._attestor(entry, attestor, (*route, "entries", number))

    def _attestor(self, entry: ImageVerification, attestor: Attestor, route: Route) -> Iterator[Problem]:
        given = (attestor.keys, attestor.certificates, attestor.keyless, attestor.attestor)
        if sum(part is not None for part in given) != 1:
            yield Problem("keys, certificates, keyless, or a nested attestor is required", route)
            return
        for text in _texts(attestor):
            yield from expression_problems("template", text, route)
        if attestor.keys:
            yield from self._keys(attestor.keys, (*route, "keys"))
        if attestor.certificates and not (attestor.certificates.cert or attestor.certificates.cert_chain):
            yield Problem("cert or certChain required", (*route, "certificates"))
        if attestor.keyless:
            yield from self._keyless(attestor.keyless, (*route, "keyless"))
        if attestor.attestor:
            yield from self._set(entry, attestor.attestor, (*route, "attestor"))

    def _keys(self, keys: StaticKeyAttestor, route: Route) -> Iterator[Problem]:
        if not (keys.public_keys or keys.secret or keys.kms):
            yield Problem("A public key, kms key or secret is required", route)
        if keys.public_keys and keys.signature_algorithm not in _ALGORITHMS:
            yield Problem("Invalid signature algorithm provided", (*route, "signatureAlgorithm"))
        if (key := key_text(keys).strip()).startswith(KUBERNETES):
            yield from self.own_secret(key, (*route, "publicKeys" if keys.public_keys else "secret"))

    def _keyless(self, keyless: KeylessAttestor, route: Route) -> Iterator[Problem]:
        code, advice = "keyless-without-log", f"write `rekor: {{url: {DEFAULT_REKOR_URL}}}`"
        if keyless.rekor is None and not keyless.roots:
            advice += ", or the `roots` of an authority of your own"
            yield Problem("Either Rekor URL or roots are required", route, code=code, help=advice)
        if keyless.rekor is not None and not keyless.rekor.url:
            yield Problem("An URL is required", (*route, "rekor"), code=code, help=advice)


def _count_advice(attestors: AttestorSet) -> str:
    """Say how a count can be reached; Kyverno compares it with the entries as they are written."""
    written = len(attestors.entries)
    expanded = sum(len(expand_keys(entry)) for entry in attestors.entries)
    if attestors.count and written < attestors.count <= expanded:
        return f"write each of the {expanded} keys as an entry of its own: entries are counted as written"
    return f"lower `count` to at most {written}, or name more attestors"


def _texts(attestor: Attestor) -> Iterator[str]:
    """Yield every text of an attestor, nested sets left out (they are checked by themselves)."""
    stack: list[Any] = [attestor.model_dump(exclude={"attestor"})]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list | tuple):
            stack += value
