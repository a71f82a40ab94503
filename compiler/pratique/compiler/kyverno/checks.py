"""What Kyverno refuses when a policy is created, and what cannot be honoured: never ignored, always refused.

Texts are Kyverno 1.19's own where it has one; every problem of a policy is found, not only the first.

References: Kyverno 1.19 `Spec.Validate`, `ImageVerification.Validate`, `pkg/validation/policy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pratique.compiler import ir
from pratique.compiler.kyverno.autogen import ANNOTATION
from pratique.compiler.kyverno.body_checks import body_problems, unsupported
from pratique.compiler.kyverno.body_expressions import contexts, expression_mistakes
from pratique.compiler.kyverno.lower import spec_action
from pratique.compiler.kyverno.obligations import (
    DEFAULT_REKOR_URL,
    deprecated_attestor,
    expand_keys,
    key_text,
)
from pratique.compiler.kyverno.selection_checks import selection_problems
from pratique.compiler.kyverno.spec_checks import spec_problems
from pratique.compiler.secret_references import KUBERNETES, foreign_secret, is_foreign
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.documents.attestors import Attestor, AttestorSet, KeylessAttestor, StaticKeyAttestor
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.kyverno import (
    Generation,
    ImageVerification,
    Mutation,
    Rule,
    Validation,
)
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location

_ALGORITHMS = frozenset({"sha224", "sha256", "sha384", "sha512"})


def check(document: PolicyDocument) -> list[PolicyError]:
    """Return every reason not to accept the policy, in the order of the document."""
    checker = _Checker(document)
    return [*checker.spec(), *checker.rules()]


class _Checker:
    def __init__(self, document: PolicyDocument) -> None:
        self._document = document
        self._model = document.model

    def _error(
        self, message: str, *route: str | int, code: str = "invalid-policy", help: str = ""
    ) -> PolicyError:
        text = f"invalid policy {self._model.metadata.name}: {message}"
        return PolicyError(code, text, self._document.location(*route), help=help)

    # --- the policy as a whole -------------------------------------------------------------------------

    def spec(self) -> Iterator[PolicyError]:
        spec, namespaced = self._model.spec, self._model.kind == "Policy"
        for text, route, code, advice in spec_problems(self._model):
            yield self._error(text, *route, code=code, help=advice)
        if not spec.admission and not spec.background:
            text = "disabling both admission and background processing is not allowed"
            yield self._error(text, "spec")
        elif not spec.admission and any(r.verify_images or r.mutate or r.generate for r in spec.rules):
            text = "disabling admission processing is only allowed with validation policies"
            yield self._error(text, "spec", "admission")
        if namespaced and spec.validation_failure_action_overrides:
            text = "Use of validationFailureActionOverrides is supported only with ClusterPolicy"
            yield self._error(text, "spec", "validationFailureActionOverrides")
        configured = spec.webhook_configuration.timeout_seconds if spec.webhook_configuration else None
        for timeout, route in (
            (spec.webhook_timeout_seconds, ("spec", "webhookTimeoutSeconds")),
            (configured, ("spec", "webhookConfiguration", "timeoutSeconds")),
        ):
            if timeout is not None and not 1 <= timeout <= 30:
                yield self._error("the timeout value must be between 1 and 30 seconds", *route)
        controllers = (self._model.metadata.annotations or {}).get(ANNOTATION)
        if controllers == "all":
            text = (
                "Autogen annotation does not support 'all' anymore, remove the annotation or set it to a"
                " valid value"
            )
            yield self._error(text, "metadata", "annotations", ANNOTATION)
        if spec.webhook_configuration and spec.webhook_configuration.match_conditions:
            yield self._unsupported("matchConditions", "spec", "webhookConfiguration", "matchConditions")

    def _unsupported(self, what: str, *route: str | int) -> PolicyError:
        return self._error(
            f"{what} cannot be honoured by this version",
            *route,
            code="unsupported-field",
            help="a condition that is not enforced would be worse than none, so the policy is refused",
        )

    # --- rules -----------------------------------------------------------------------------------------

    def rules(self) -> Iterator[PolicyError]:
        names: set[str] = set()
        for number, rule in enumerate(self._model.spec.rules):
            route = ("spec", "rules", number)
            if rule.name in names:
                yield self._error(f"Duplicate rule name: '{rule.name}'", *route, "name")
            names.add(rule.name)
            problems = list(self._rule(rule, number, route))
            yield from problems
            yield from self._variables(rule, route, sound=not problems)

    def _rule(self, rule: Rule, number: int, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        confused = list(self._verbs(rule, route))
        yield from confused
        for text, place, code, advice in () if confused else body_problems(rule, number):
            yield self._error(text, *route, *place, code=code, help=advice)
        for what, place in unsupported(rule):
            yield self._unsupported(f"{what} in rule '{rule.name}'", *route, *place)
        if rule.image_extractors and not rule.verify_images:
            text = (
                f"Invalid rule spec for rule '{rule.name}', imageExtractors can only be defined for"
                " verifyImages rule"
            )
            yield self._error(text, *route, "imageExtractors")
        yield from self._selection(rule, number, route)
        yield from self._rule_parts(rule, route)
        action = spec_action(self._model.spec)
        for index, entry in enumerate(rule.verify_images or ()):
            # Kyverno walks the entries with one variable: an action named by one holds for the next ones.
            action = ir.Action(entry.failure_action) if entry.failure_action else action
            yield from self._entry(rule, entry, action, (*route, "verifyImages", index))

    def _verbs(self, rule: Rule, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        """A rule has exactly one body; an empty one counts as none."""
        verbs = ("mutate", "validate", "generate", "verifyImages")
        written = (
            rule.mutate not in (None, Mutation()),
            rule.validation not in (None, Validation()),
            rule.generate not in (None, Generation()),
            bool(rule.verify_images),
        )
        listed = ",".join(verbs)
        if not any(written):
            text = f"No operation defined in the rule '{rule.name}'.(supported operations: {listed})"
            yield self._error(text, *route)
        elif sum(written) > 1:
            text = (
                f"Multiple operations defined in the rule '{rule.name}', only one operation ({listed}) is"
                " allowed per rule"
            )
            yield self._error(text, *route)

    def _variables(self, rule: Rule, route: tuple[str | int, ...], *, sound: bool) -> Iterator[PolicyError]:
        """Yield variables that a rule may not use; `sound` says that nothing else is wrong with it."""
        from pratique.compiler.expressions.errors import ExpressionError
        from pratique.compiler.kyverno.variable_checks import variable_problems

        model = self._model
        existing = any(r.mutate and r.mutate.targets for r in model.spec.rules)
        try:
            for code, text, place in variable_problems(rule, background=model.spec.background):
                if code == "user-variable" and existing:
                    continue  # a policy that changes existing resources may ask who sent the request
                yield self._error(text, *route, *place, code=code)
        except ExpressionError as error:
            if sound:  # else it has been told, by who knows more of its place
                yield self._error(error.message, *route, *error.path, code=error.code)

    def _rule_parts(self, rule: Rule, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        for mistake in expression_mistakes(rule):
            yield self._error(mistake.message, *route, *mistake.path, code=mistake.code)
        for entries, place in contexts(rule):
            if entries:
                yield from self._context(entries, (*route, *place))
        for kind, extractors in rule.image_extractors.items():
            for number, extractor in enumerate(extractors):
                place = (*route, "imageExtractors", kind, number)
                if extractor.jmes_path and any(entry.mutate_digest for entry in rule.verify_images):
                    text = (
                        "jmespath may not be used in an image extractor when mutating digests with verify"
                        " images"
                    )
                    yield self._error(text, *place, "jmesPath")
                elif extractor.jmes_path:
                    yield from self._expressions("path", extractor.jmes_path, (*place, "jmesPath"))

    def _context(
        self, entries: Sequence[ContextEntry], route: tuple[str | int, ...]
    ) -> Iterator[PolicyError]:
        from pratique.compiler.context_loading import ContextEntries
        from pratique.compiler.expressions.errors import ExpressionError
        from pratique.compiler.kyverno.context import lower_entries, mistakes

        namespaced = self._model.kind == "Policy"
        sound = True
        for number, entry in enumerate(entries):
            for text, place in mistakes(entry, namespaced=namespaced):
                sound = False
                yield self._error(text, *route, number, *place)
            block = entry.image_registry.image_registry_credentials if entry.image_registry else None
            for index, name in enumerate(block.secrets if block else ()):
                at = (*route, number, "imageRegistry", "imageRegistryCredentials", "secrets", index)
                if "{{" in name:
                    # Kyverno puts no variables in here, and passes over the Secret that it does not find.
                    yield self._unsupported("variables in Secret names of a context entry", *at)
                yield from self._own_secret(name, at)
        if sound:
            namespace = self._own_namespace
            for number, lowered in enumerate(lower_entries(entries, self._nowhere)):
                try:
                    ContextEntries.compile([lowered], namespace=namespace)
                except ExpressionError as error:
                    at = (*route, number, *error.path[1:])
                    yield self._error(error.message, *at, code=error.code)

    @property
    def _own_namespace(self) -> str | None:
        """The namespace of a `Policy`; None for cluster-wide ones."""
        metadata = self._model.metadata
        return (metadata.namespace or "default") if self._model.kind == "Policy" else None

    def _nowhere(self, *_: str | int) -> Location:
        return self._document.location()

    def _expressions(
        self,
        form: Literal["compile", "compile_blocks", "template", "path"],
        data: Any,
        route: tuple[str | int, ...],
    ) -> Iterator[PolicyError]:
        """Compile what holds expressions, and say what is wrong with the first bad one."""
        if form == "template" and "{{" not in data:
            return
        from pratique.compiler.expressions.conditions import Conditions
        from pratique.compiler.expressions.errors import ExpressionError
        from pratique.compiler.expressions.expression import compile_expression
        from pratique.compiler.expressions.variables import Template

        try:
            if form == "template":
                Template.compile(data)
            elif form == "path":
                compile_expression(data)
            else:
                getattr(Conditions, form)(data)
        except ExpressionError as error:
            yield self._error(error.message, *route, *error.path, code=error.code)

    def _selection(self, rule: Rule, number: int, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        namespaced, background = self._model.kind == "Policy", self._model.spec.background
        found = selection_problems(rule, number, namespaced=namespaced, background=background)
        for text, place, code, advice in found:
            yield self._error(text, *route, *place, code=code, help=advice)

    # --- verifyImages entries --------------------------------------------------------------------------

    def _entry(
        self, rule: Rule, entry: ImageVerification, action: ir.Action, route: tuple[str | int, ...]
    ) -> Iterator[PolicyError]:
        if action is ir.Action.AUDIT and entry.mutate_digest:
            written = "mutate_digest" in entry.model_fields_set
            yield self._error(
                "mutateDigest must be set to false for \u2018Audit\u2019 failure action",
                *route,
                *(("mutateDigest",) if written else ()),
                code="digest-added-under-audit",
                help="write mutateDigest: false (its default is true), or failureAction: Enforce",
            )
        if not entry.image_references and not entry.image:
            yield self._error("An image reference is required", *route)
        for number, pattern in enumerate(entry.image_references or ()):
            if "{{" in pattern:
                text = f'rule "{rule.name}" should not have variables in image reference section'
                yield self._error(
                    text,
                    *route,
                    "imageReferences",
                    number,
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
            yield from self._expressions("compile", entry.validation.deny.conditions, place)
        elif any(other.validation for other in rule.verify_images):
            text = "every entry of a rule in which one has `validate` must have `validate.deny`"
            yield self._error(text, *route)
        yield from self._credentials(entry, (*route, "imageRegistryCredentials", "secrets"))

    def _deprecated(self, entry: ImageVerification, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        """Check the attestor that deprecated fields stand for; beside attestations Kyverno drops it."""
        converted = deprecated_attestor(entry)
        if entry.attestations or entry.type == "Notary":
            return
        if converted and converted.keyless:
            yield from self._keyless(converted.keyless, (*route, "issuer"))
        elif not converted and entry.image and entry.annotations:
            text = "keys, certificates, keyless, or a nested attestor is required"
            yield self._error(text, *route, "annotations")

    def _credentials(self, entry: ImageVerification, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        block = entry.image_registry_credentials
        for number, name in enumerate(block.secrets if block else ()):
            yield from self._expressions("template", name, (*route, number))
            yield from self._own_secret(name, (*route, number))

    def _notary(self, entry: ImageVerification, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        """Only certificates can be trusted for Notary signatures.

        DEVIATION: at any depth, and in attestations too, which also need attestors; Kyverno looks at the
        outermost attestors alone, and crashes over the others when they are evaluated
        (`tests/compiler/kyverno/test_checks.py::test_notary_takes_certificates_at_any_depth`).
        """
        if entry.key or entry.issuer:
            text = f"{'Keys' if entry.key else 'Keyless'} field is not allowed for type notary"
            yield self._error(text, *route, "key" if entry.key else "issuer")
        sets = [(s, (*route, "attestors", i)) for i, s in enumerate(entry.attestors or ())]
        for number, attestation in enumerate(entry.attestations or ()):
            place = (*route, "attestations", number)
            if not attestation.attestors:
                yield self._error(
                    "attestations of type notary need attestors",
                    *place,
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
                    yield self._error("Keyless field is not allowed for type notary", *at, "keyless")
                if attestor.keys:
                    yield self._error("Keys field is not allowed for type notary", *at, "keys")

    def _attestations(self, entry: ImageVerification, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        for number, attestation in enumerate(entry.attestations):
            place = (*route, "attestations", number)
            if attestation.conditions:
                blocks = [c.model_dump(mode="json", exclude_unset=True) for c in attestation.conditions]
                yield from self._expressions("compile_blocks", blocks, (*place, "conditions"))
            for index, attestors in enumerate(attestation.attestors):
                yield from self._set(entry, attestors, (*place, "attestors", index))
                for position, attestor in enumerate(attestors.entries):
                    if attestor.attestor:
                        nested = (*place, "attestors", index, "entries", position, "attestor")
                        yield self._unsupported("a nested attestor of an attestation", *nested)

    def _set(
        self, entry: ImageVerification, attestors: AttestorSet, route: tuple[str | int, ...]
    ) -> Iterator[PolicyError]:
        if not attestors.entries:
            yield self._error("An entry is required", *route)
        elif attestors.count is not None and attestors.count > len(attestors.entries):
            yield self._error(
                "Count cannot exceed length of entries",
                *route,
                "count",
                code="count-exceeds-entries",
                help=_count_advice(attestors),
            )
        for number, attestor in enumerate(attestors.entries):
            yield from self._attestor(entry, attestor, (*route, "entries", number))

    def _attestor(
        self, entry: ImageVerification, attestor: Attestor, route: tuple[str | int, ...]
    ) -> Iterator[PolicyError]:
        given = (attestor.keys, attestor.certificates, attestor.keyless, attestor.attestor)
        if sum(part is not None for part in given) != 1:
            yield self._error("keys, certificates, keyless, or a nested attestor is required", *route)
            return
        for text in _texts(attestor):
            yield from self._expressions("template", text, route)
        if attestor.keys:
            yield from self._keys(attestor.keys, (*route, "keys"))
        if attestor.certificates and not (attestor.certificates.cert or attestor.certificates.cert_chain):
            yield self._error("cert or certChain required", *route, "certificates")
        if attestor.keyless:
            yield from self._keyless(attestor.keyless, (*route, "keyless"))
        if attestor.attestor:
            yield from self._set(entry, attestor.attestor, (*route, "attestor"))

    def _keys(self, keys: StaticKeyAttestor, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        if not (keys.public_keys or keys.secret or keys.kms):
            yield self._error("A public key, kms key or secret is required", *route)
        if keys.public_keys and keys.signature_algorithm not in _ALGORITHMS:
            yield self._error("Invalid signature algorithm provided", *route, "signatureAlgorithm")
        if (key := key_text(keys).strip()).startswith(KUBERNETES):
            yield from self._own_secret(key, (*route, "publicKeys" if keys.public_keys else "secret"))

    def _own_secret(self, name: str, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        namespace = self._model.metadata.namespace or "default"
        if self._model.kind == "Policy" and "{{" not in name and is_foreign(name, namespace):
            yield self._error(
                foreign_secret(name, namespace),
                *route,
                code="foreign-secret",
                help=f"write {namespace}/NAME, or make it a ClusterPolicy",
            )

    def _keyless(self, keyless: KeylessAttestor, route: tuple[str | int, ...]) -> Iterator[PolicyError]:
        code, advice = "keyless-without-log", f"write `rekor: {{url: {DEFAULT_REKOR_URL}}}`"
        if keyless.rekor is None and not keyless.roots:
            advice += ", or the `roots` of an authority of your own"
            yield self._error("Either Rekor URL or roots are required", *route, code=code, help=advice)
        if keyless.rekor is not None and not keyless.rekor.url:
            yield self._error("An URL is required", *route, "rekor", code=code, help=advice)


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
