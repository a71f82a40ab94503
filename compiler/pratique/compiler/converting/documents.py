"""The document of entries that choose the same resources and images, with the same settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.converting import attestors, conditions, formulas, references
from pratique.compiler.converting.constraints import Scoping
from pratique.compiler.converting.model import DENIAL, Caveat, Difference, Draft, Part, Route
from pratique.compiler.converting.writing import Lines
from pratique.compiler.kyverno.autogen import ANNOTATION
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.nodes import plain
from pratique.grammar.source import Location

API_VERSION: Final = "policies.kyverno.io/v1"
_REQUEST: Final = {"request.object": "object", "request.oldObject": "oldObject", "request": "request"}


@dataclass(slots=True)
class Group:
    """Entries that share a document."""

    rule: ir.Rule
    number: int
    scoping: Scoping
    first: ir.ImageRequirement
    entries: list[tuple[int, ir.ImageRequirement]] = field(default_factory=list)


class Notes:
    """What conversion of one policy has to say: differences and caveats."""

    def __init__(self, document: PolicyDocument, policy: ir.Policy) -> None:
        """Take the policy as it was read, and lowered."""
        self.document = document
        self.policy = policy
        self.differences: list[Difference] = []
        self.caveats: dict[Caveat, None] = {}

    def add(self, *differences: Difference) -> None:
        """Keep differences."""
        self.differences += differences

    def notice(self, *caveats: Caveat) -> None:
        """Keep caveats."""
        self.caveats.update(dict.fromkeys(caveats))

    def differs(
        self, code: str, message: str, witness: str, *route: str | int, is_final: bool = False
    ) -> None:
        """Keep a difference at a route of the classic policy."""
        place = self.document.location(*route, key=isinstance(route[-1], str))
        self.add(Difference(code=code, message=message, witness=witness, location=place, is_final=is_final))


def format_of(entry: ir.ImageRequirement) -> ir.SignatureFormat:
    """Return the format of an entry's signatures."""
    found = [a.format for a in _attestors(entry)]
    return found[0] if found else ir.SignatureFormat.COSIGN


def _attestors(entry: ir.ImageRequirement) -> Iterator[ir.Attestor]:
    for leaf in _leaves(entry):
        yield leaf.attestor


def _leaves(entry: ir.ImageRequirement) -> Iterator[ir.Leaf]:
    for formula in (*entry.signatures, *(t for a in entry.attestations for t in a.by)):
        yield from _below(formula)


def _below(formula: ir.Formula) -> Iterator[ir.Leaf]:
    if isinstance(formula, ir.Leaf):
        yield formula
    else:
        for part in formula.of:
            yield from _below(part)


class Writing:
    """Writes the document of one group."""

    def __init__(self, of: Notes, group: Group, name: str) -> None:
        self._of = of
        self._group = group
        self._name = name
        self._parts: list[Part] = []
        self._conditions: dict[str, conditions.Tree] = {}
        leaves = [leaf for _, entry in group.entries for leaf in _leaves(entry)]
        self._places = {leaf.attestor: leaf.at for leaf in reversed(leaves)}
        kinds = {a.type: a.name for _, e in reversed(group.entries) for a in reversed(e.attestations)}
        unique = list(dict.fromkeys(leaf.attestor for leaf in leaves))
        self._names = attestors.Names(unique, list(reversed(kinds.items())))
        self._format = format_of(group.first)

    def draft(self) -> Draft:
        """Return the document, with what was noted on the way among the notes."""
        spec = self._spec()
        model = self._of.document.model
        kind = "NamespacedImageValidatingPolicy" if model.kind == "Policy" else "ImageValidatingPolicy"
        if self._format is not ir.SignatureFormat.NOTARY and self._names.attestors:
            self._of.notice(Caveat.BUNDLES)
        return Draft(
            data={"apiVersion": API_VERSION, "kind": kind, "metadata": self._metadata(), "spec": spec},
            rules=tuple(dict.fromkeys(number for number, _ in self._group.entries)),
            images=self._group.first.images,
            format=self._format,
            conditions=self._conditions,
            parts=self._parts,
        )

    def _metadata(self) -> dict[str, Any]:
        node = self._of.document.node("metadata")
        found: dict[str, Any] = plain(node) if node else {}
        annotations = {k: v for k, v in (found.get("annotations") or {}).items() if k != ANNOTATION}
        kept = {k: v for k, v in found.items() if k in ("namespace", "labels")}
        return {"name": self._name, **kept, **({"annotations": annotations} if annotations else {})}

    def _spec(self) -> dict[str, Any]:
        group = self._group
        self._part(("spec",), self._of.document.location("spec", "rules", group.number))
        if not group.first.use_cache:
            self._of.add(
                Difference(
                    code="use-cache",
                    message="that verdicts are not remembered cannot be said",
                    witness="an image whose signature was taken back since it was last verified",
                    location=group.first.at.location,
                )
            )
        return {**self._enforcement(), **self._scope(), **self._demands()}

    def _enforcement(self) -> dict[str, Any]:
        """Return when the policy is evaluated, and what a failure does."""
        policy = self._of.policy
        spec: dict[str, Any] = {}
        if policy.webhook_seconds is not None:
            spec["webhookConfiguration"] = {"timeoutSeconds": policy.webhook_seconds}
            self._setting("webhookConfiguration", "webhookConfiguration", "webhookTimeoutSeconds")
        if policy.fail_open:
            spec["failurePolicy"] = "Ignore"
            self._setting("failurePolicy", "failurePolicy", "webhookConfiguration")
        spec["validationActions"] = self._actions()
        self._setting("validationActions", "validationFailureAction")
        evaluation = {}
        if not self._of.document.model.spec.admission:
            evaluation["admission"] = {"enabled": False}
        if not policy.background:
            evaluation["background"] = {"enabled": False}
        if evaluation:
            spec["evaluation"] = evaluation
            self._setting("evaluation", "background", "admission")
        return spec

    def _scope(self) -> dict[str, Any]:
        """Return which requests and images the policy is about."""
        group, scoping = self._group, self._group.scoping
        spec: dict[str, Any] = {}
        route = ("spec", "rules", group.number)
        if scoping.controllers is not None:
            spec["autogen"] = {"podControllers": {"controllers": list(scoping.controllers)}}
        spec["matchConstraints"] = scoping.constraints
        self._part(("spec", "matchConstraints"), self._of.document.location(*route, "match"), above=1)
        found: list[dict[str, Any]] = [
            {"name": name, "expression": Lines(text)} for name, text in scoping.conditions
        ]
        found += self._request_conditions(group.rule)
        found += self._preconditions(group.rule, group.number)
        if found:
            spec["matchConditions"] = found
            for name in ("exclude", "preconditions"):
                if self._of.document.node(*route, name) is not None:
                    self._part(("spec", "matchConditions"), self._of.document.location(*route, name), above=1)
        spec["matchImageReferences"] = list(self._references(group.first))
        return spec

    def _demands(self) -> dict[str, Any]:
        """Return what is demanded of images."""
        entry = self._group.first
        spec: dict[str, Any] = {}
        settings = {
            "mutateDigest": entry.pin_digest,
            "verifyDigest": entry.demand_digest,
            "required": entry.demand_proof,
        }
        if not all(settings.values()):
            spec["validationConfigurations"] = {k: v for k, v in settings.items() if not v}
        if entry.credentials:
            spec["credentials"] = _credentials(entry.credentials)
        spec["attestors"] = list(self._attestors())
        statements = list(self._statements())
        if statements:
            spec["attestations"] = statements
        spec["validations"] = list(self._validations()) or [{"expression": "true"}]
        properties = self._group.rule.report_properties
        if properties:
            spec["auditAnnotations"] = [
                {"key": key, "valueExpression": references.literal(value)} for key, value in properties
            ]
        return spec

    # --- parts of the specification ----------------------------------------------------------------------

    def _actions(self) -> list[str]:
        if self._group.rule.action is ir.Action.ENFORCE:
            return ["Deny"]
        return ["Audit", "Warn"] if self._of.policy.emit_warning else ["Audit"]

    def _request_conditions(self, rule: ir.Rule) -> Iterator[dict[str, Any]]:
        """Yield match conditions of the classic policy, which are in CEL already."""
        for number, each in enumerate(rule.request_conditions):
            problem = conditions.foreign(each.expression, is_rewritten=self._has_forms)
            if problem:
                self._of.differs(
                    "match-conditions",
                    f"a match condition means something else here: {problem}",
                    "a request for which it holds in one of the two policies alone",
                    *("spec", "webhookConfiguration", "matchConditions", number, "expression"),
                )
            else:
                yield {"name": each.name, "expression": each.expression}

    @property
    def _has_forms(self) -> bool:
        """Say whether autogen makes forms of the document."""
        rules = self._group.scoping.constraints["resourceRules"]
        is_about_pods = [each["resources"] for each in rules] == [["pods"]]
        return is_about_pods and self._group.scoping.controllers != ()

    def _preconditions(self, rule: ir.Rule, number: int) -> Iterator[dict[str, Any]]:
        if not rule.preconditions:
            return
        try:
            tree = conditions.of_preconditions(rule.preconditions)
            text = conditions.written(tree, _REQUEST)
        except conditions.UntranslatableError as error:
            self._of.differs(
                "preconditions",
                f"preconditions cannot be converted: {error.what}",
                "a resource for which the preconditions do not hold",
                *("spec", "rules", number, "preconditions"),
            )
            return
        self._conditions[""] = tree
        yield {"name": "preconditions", "expression": Lines(text)}

    def _references(self, entry: ir.ImageRequirement) -> Iterator[dict[str, Any]]:
        for number, test in enumerate(references.reference_tests(entry.images)):
            if test.of and test.of.at.location:
                self._part(("spec", "matchImageReferences", number), test.of.at.location)
            yield {"expression": Lines(test.text)} if test.is_expression else {"glob": test.text}

    def _attestors(self) -> Iterator[dict[str, Any]]:
        writing = attestors.AttestorWriting()
        for number, (attestor, name) in enumerate(self._names.attestors.items()):
            at = self._places[attestor]
            if at.location:
                self._part(("spec", "attestors", number), at.location, above=1)
            yield writing.attestor(name, attestor, at)
        self._of.add(*writing.differences)

    def _statements(self) -> Iterator[dict[str, Any]]:
        is_referrer = self._format is ir.SignatureFormat.NOTARY
        for kind, name in self._names.statements.items():
            self._of.notice(Caveat.STATEMENTS)
            yield attestors.statement(name, kind, is_referrer=is_referrer)

    def _validations(self) -> Iterator[dict[str, Any]]:
        number = 0
        for _, entry in self._group.entries:
            for made, place in self._of_entry(entry):
                if place:
                    self._part(("spec", "validations", number), place, above=1)
                number += 1
                yield made

    def _of_entry(self, entry: ir.ImageRequirement) -> Iterator[tuple[dict[str, Any], Location | None]]:
        for threshold in entry.signatures:
            for part in formulas.conjuncts(threshold):
                text = formulas.condition(part, self._names.attestors, formulas.of_signatures)
                who = formulas.wanted(part, self._names.attestors)
                yield _validation(text, f"images must be signed by {who}"), threshold.at.location
        for attestation in entry.attestations:
            yield from self._of_attestation(attestation)
        if entry.denial:
            yield from self._denied(entry, entry.denial)

    def _of_attestation(
        self, attestation: ir.Attestation
    ) -> Iterator[tuple[dict[str, Any], Location | None]]:
        name, place = self._names.statements[attestation.type], attestation.at.location
        self._unlogged(attestation)
        if not attestation.type:
            self._of.add(
                Difference(
                    code="statement-type",
                    message="a statement without a type cannot be asked for; the rule refuses all images",
                    witness="any image that the rule is about",
                    location=place,
                    is_final=True,
                )
            )
        for threshold in attestation.by:
            for part in formulas.conjuncts(threshold):
                text = formulas.condition(part, self._names.attestors, formulas.of_statement(name))
                who = formulas.wanted(part, self._names.attestors)
                yield _validation(text, f"images must have a {name} signed by {who}"), place
        if not attestation.conditions:
            return
        try:
            tree = conditions.of_blocks(attestation.conditions)
            text = conditions.written(tree, {"": self._payload(name)})
        except conditions.UntranslatableError as error:
            self._of.add(
                Difference(
                    code="attestation-conditions",
                    message=f"conditions on statements cannot be converted: {error.what}",
                    witness="an image with a signed statement that does not meet the conditions",
                    location=place,
                )
            )
            return
        known = self._conditions.get(name)
        self._conditions[name] = conditions.together(known, tree) if known else tree
        yield _validation(text, f"the {name} of an image must meet the conditions"), place

    def _payload(self, name: str) -> str:
        payload = f"extractPayload(image, attestations.{name})"
        return payload if self._format is ir.SignatureFormat.NOTARY else f"{payload}.predicate"

    def _denied(
        self, entry: ir.ImageRequirement, denial: ir.Denial
    ) -> Iterator[tuple[dict[str, Any], Location | None]]:
        roots = {a.name: self._payload(self._names.statements[a.type]) for a in entry.attestations if a.name}
        place = entry.at.location
        try:
            tree = conditions.of_preconditions(denial.conditions)
            text = conditions.written(tree, roots)
        except conditions.UntranslatableError as error:
            self._of.add(
                Difference(
                    code="denial",
                    message=f"conditions under which to refuse cannot be converted: {error.what}",
                    witness="an image with a signed statement that meets these conditions",
                    location=place,
                )
            )
            return
        self._conditions[DENIAL] = tree
        made = _validation(
            f"!({text})",
            denial.message or "the statements of an image are refused",
        )
        yield made, place

    def _unlogged(self, attestation: ir.Attestation) -> None:
        leaves = [leaf for threshold in attestation.by for leaf in _below(threshold)]
        for leaf in leaves:
            is_cosign = leaf.attestor.format is ir.SignatureFormat.COSIGN
            if is_cosign and not leaf.attestor.trust.log.required:
                self._of.add(
                    Difference(
                        code="unlogged-statements",
                        message="an ImageValidatingPolicy accepts no statement in cosign's format that a"
                        " transparency log does not know, whatever it is told to ignore",
                        witness=f"an image with a {attestation.type} of the right signer that no log knows",
                        location=leaf.at.location,
                    )
                )

    # --- places ------------------------------------------------------------------------------------------

    def _setting(self, name: str, *old: str) -> None:
        for each in old:
            if self._of.document.node("spec", each) is not None:
                key = self._of.document.location("spec", each, key=True)
                value = self._of.document.location("spec", each)
                lines = key.span.start.line, max(key.span.start.line, value.span.end.line - 1)
                self._parts.append(Part(path=("spec", name), lines=lines))

    def _part(self, path: Route, place: Location, above: int = 0) -> None:
        start, end = place.span
        last = end.line - 1 if end.column == 1 and end.line > start.line else end.line
        self._parts.append(Part(path=path, lines=(start.line - above, last)))


def _validation(test: str, message: str) -> dict[str, Any]:
    lines = test.replace(" && ", " &&\n")
    return {"expression": Lines(f"({formulas.ALL_IMAGES})\n.all(image, {lines})"), "message": message}


def _credentials(given: ir.RegistryCredentials) -> dict[str, Any]:
    parts = {
        "allowInsecureRegistry": given.insecure,
        "providers": list(given.providers),
        "secrets": list(given.secrets),
    }
    return {name: value for name, value in parts.items() if value}
