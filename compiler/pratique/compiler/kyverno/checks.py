"""What Kyverno refuses when a policy is created, and what cannot be honoured: never ignored, always refused.

Texts are Kyverno 1.19's own where it has one; every problem of a policy is found, not only the first.

References: Kyverno 1.19 `Spec.Validate`, `pkg/validation/policy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pratique.compiler.kyverno.autogen import ANNOTATION
from pratique.compiler.kyverno.body_checks import body_problems, unsupported
from pratique.compiler.kyverno.body_expressions import cel_mistakes, contexts, expression_mistakes
from pratique.compiler.kyverno.expression_checks import expression_problems
from pratique.compiler.kyverno.image_checks import ImageChecks
from pratique.compiler.kyverno.lower import spec_action
from pratique.compiler.kyverno.selection_checks import Problem, selection_problems
from pratique.compiler.kyverno.spec_checks import cannot_be_honoured, spec_problems
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.kyverno import Generation, MatchCondition, Mutation, Rule, Validation
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location


def check(document: PolicyDocument) -> list[PolicyError]:
    """Return every reason not to accept the policy, in the order of the document."""
    checker = _Checker(document)
    return [*checker.spec(), *checker.rules()]


class _Checker:
    def __init__(self, document: PolicyDocument) -> None:
        self._document = document
        self._model = document.model
        self._images = ImageChecks(self._own_namespace)

    def _error(
        self, message: str, *route: str | int, code: str = "invalid-policy", help: str = ""
    ) -> PolicyError:
        text = f"invalid policy {self._model.metadata.name}: {message}"
        return PolicyError(code, text, self._document.location(*route), help=help)

    def _told(self, problems: Iterable[Problem], *route: str | int) -> Iterator[PolicyError]:
        """Yield problems, whose routes start at `route`, as errors."""
        for text, place, code, advice in problems:
            yield self._error(text, *route, *place, code=code, help=advice)

    # --- the policy as a whole -------------------------------------------------------------------------

    def spec(self) -> Iterator[PolicyError]:
        spec, namespaced = self._model.spec, self._model.kind == "Policy"
        yield from self._told(spec_problems(self._model))
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
            yield from self._request_conditions(spec.webhook_configuration.match_conditions)

    def _request_conditions(self, written: Sequence[MatchCondition]) -> Iterator[PolicyError]:
        """Yield what does not compile in conditions on requests."""
        from pratique.compiler.kyverno.lower import request_conditions
        from pratique.compiler.request_conditions import condition_mistakes

        place = ("spec", "webhookConfiguration", "matchConditions")
        lowered = request_conditions(self._document)
        names: set[str] = set()
        for number, condition in enumerate(written):
            if condition.name in names:
                text = f"Duplicate match condition name: '{condition.name}'"
                yield self._error(text, *place, number, "name")
            names.add(condition.name)
            for _, mistake in condition_mistakes(lowered[number : number + 1]):
                at = self._document.character(*place, number, "expression", offset=mistake.offset)
                yield PolicyError(mistake.code, mistake.message, at)

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
        yield from self._told(() if confused else body_problems(rule, number, self._own_namespace), *route)
        for what, place in unsupported(rule):
            yield from self._told([cannot_be_honoured(f"{what} in rule '{rule.name}'", place)], *route)
        if rule.image_extractors and not rule.verify_images:
            text = (
                f"Invalid rule spec for rule '{rule.name}', imageExtractors can only be defined for"
                " verifyImages rule"
            )
            yield self._error(text, *route, "imageExtractors")
        namespaced, background = self._model.kind == "Policy", self._model.spec.background
        selected = selection_problems(rule, number, namespaced=namespaced, background=background)
        yield from self._told(selected, *route)
        yield from self._rule_parts(rule, route)
        yield from self._told(self._images.rule(rule, spec_action(self._model.spec)), *route)
        if rule.validation and rule.validation.manifests is not None:
            yield from self._told(self._images.manifests(rule.validation.manifests), *route)

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
        for mistake in cel_mistakes(rule):
            at = self._document.character(*route, *mistake.path, offset=mistake.offset)
            yield PolicyError(mistake.code, mistake.message, at)
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
                    wrong = expression_problems("path", extractor.jmes_path, ("jmesPath",))
                    yield from self._told(wrong, *place)

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
                    what = "variables in Secret names of a context entry"
                    yield from self._told([cannot_be_honoured(what, at)])
                yield from self._told(self._images.own_secret(name, at))
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
