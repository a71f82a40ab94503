"""Attestations of an image: who states what, whether it holds, and what all statements say together.

References: Kyverno 1.19 `pkg/engine/internal/imageverifier.go` (`verifyAttestations`), whose order and texts
are followed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler import ir
from pratique.grammar.errors import EvaluationError
from pratique.runtime.context import image_value
from pratique.runtime.decision import Check, Reason, Status
from pratique.runtime.judgement import Finding
from pratique.runtime.outcome import Asked, Outcome, all_of, found_by
from pratique.runtime.proof import check_of

if TYPE_CHECKING:
    from pratique.compiler.expressions.conditions import Comparison, Conditions
    from pratique.compiler.expressions.context import Context
    from pratique.compiler.expressions.variables import Template

UNMET: Final = "attestation-conditions"
"""Code of a statement that was verified, and does not say what the policy demands."""
MAX_SHOWN: Final = 200
"""Characters of a value that a reason shows."""


class Attestations:
    """Judges the attestations that one requirement demands of one image."""

    def __init__(self, asked: Asked) -> None:
        self._evidence = asked.evidence
        self._asked = asked
        self._image_use = asked.image_use
        self._named: dict[str, Any] = {}
        assert asked.image_use.image is not None  # noqa: S101 (unreadable images are judged before)
        self._image = asked.image_use.image
        self._digest = ""

    async def judge(self, parts: list[Reason], digest: str) -> Check:
        """Return the check; `parts` are the reasons so far, `digest` what the signatures are about."""
        requirement = self._asked.requirement
        self._digest = digest
        for number, demanded in enumerate(requirement.attestations):
            outcome = await self._attestation(demanded, number)
            parts.append(outcome.reason)
            if not outcome.met:
                status = Status.ERROR if outcome.broken else Status.FAIL
                reason = all_of(parts, met=False)
                text = outcome.errors[0]
                return check_of(self._image_use, status, text, reason=reason, transport=outcome.broken)
        if self._asked.expressions.denials:
            return await self._validated(parts, self._digest)
        text = f"verified image attestations for {self._name}"
        reason = all_of(parts, met=True)
        return check_of(self._image_use, Status.PASS, text, digest=self._digest, reason=reason)

    @property
    def _name(self) -> str:
        """Return the name of the image in messages: with its digest once signatures or bundles told it."""
        image = self._image
        pinned = self._digest and not image.digest
        return f"{image.registry}/{image.path}@{self._digest}" if pinned else image.match_string

    async def _attestation(self, demanded: ir.Attestation, number: int) -> Outcome:
        """Judge one attestation: each of its sets must find enough attestors that vouch for statements."""
        reasons: list[Reason] = []
        errors: list[str] = []  # shared by the sets, as in Kyverno
        problem = "" if demanded.type else f"{demanded.at.path}: missing type"
        broken = False
        for set_number, wanted in enumerate(demanded.by if not problem else ()):
            # The attestation's number stands where the entry's should: Kyverno's text, kept as it is.
            place = f".attestations[{number}].attestors[{set_number}].entries[{number}]"
            count = 0
            for leaf in leaves(wanted):
                finding = await self._evidence.stated(
                    self._image, leaf.attestor, demanded.type, exclusive=demanded.exclusive
                )
                broken = broken or finding.broken
                path = leaf.at.path
                if path.startswith(".attestations"):
                    path = f"{place}{path.rpartition(']')[2]}"
                error = await self._refusal(demanded, number, leaf, finding, path)
                reasons.append(_reason_of(leaf, finding, error))
                if error is None:
                    count += 1
                else:
                    errors.append(error.text)
                if count >= wanted.count:
                    break
            if count < wanted.count:
                problem = (
                    f"image attestations verification failed, verifiedCount: {count}, requiredCount:"
                    f" {wanted.count}, error: {'; '.join(errors) or 'attestations verification failed'}"
                )
                break
        reason = Reason(
            code="attestation",
            text=problem or f"attested: {demanded.type}",
            met=not problem,
            details=(("type", demanded.type),),
            children=tuple(reasons),
            location=demanded.at.location,
        )
        errors_told = (problem,) if problem else ()
        return Outcome(met=not problem, errors=errors_told, broken=broken and bool(problem), reason=reason)

    async def _refusal(
        self, demanded: ir.Attestation, number: int, leaf: ir.Leaf, finding: Finding, path: str
    ) -> _Refusal | None:
        """Return why a finding does not count: not met, or a statement that does not hold."""
        if finding.code == "attestation-missing":
            return _Refusal(text=f"{path}: {finding.text}")
        if not finding.met:
            return _Refusal(text=finding.text)
        predicates = [s.statement.predicate for s in finding.signatures if s.statement]
        if not any(isinstance(predicate, dict) for predicate in predicates):
            text = "predicate not found in any statement"
            return _Refusal(text=text, reason=Reason(code="statement-malformed", text=text, met=False))
        if not self._digest and leaf.attestor.format is not ir.SignatureFormat.COSIGN:
            # Kyverno learns the digest from bundles and Notary documents, not from cosign's attestations.
            self._digest = finding.signatures[0].image_digest
        if demanded.name:
            # DEVIATION: Kyverno binds the first statement found, whatever its type and whoever signed it
            # (`tests/runtime/test_attestations.py::test_a_name_is_bound_to_a_statement_of_its_type`).
            self._named.setdefault(demanded.name, next(p for p in predicates if isinstance(p, dict)))
        conditions = self._asked.expressions.attestations.get((self._asked.entry, number))
        unmet = await self._unmet(demanded, conditions, predicates) if conditions else None
        return _Refusal(text=f"{path}: {unmet.text}", reason=unmet) if unmet else None

    async def _unmet(
        self, demanded: ir.Attestation, conditions: Conditions, predicates: Iterable[Any]
    ) -> Reason | None:
        """Return why a predicate does not satisfy the conditions; all of them must."""
        context = self._asked.context.overlay({"image": image_value(self._image_use)})
        for predicate in predicates:
            if not isinstance(predicate, dict):
                # Never judged as if it were empty: a condition with a default would hold (C9).
                text = "failed to check attestations: failed to extract predicate from statement"
                return Reason(code="statement-malformed", text=text, met=False)
            try:
                evaluate = partial(conditions.explain, context.merged(predicate))
                (holds, message), failed = await self._asked.answers.settle(evaluate)
            except EvaluationError as error:
                text = f"failed to check attestations: {error.message}"
                return Reason(code=UNMET, text=text, met=False, details=(("error", error.code),))
            if not holds:
                # Where the condition has no message of its own, Kyverno's text ends here.
                name = demanded.type
                text = f"attestation checks failed for {self._name} and predicate {name}: {message}"
                children = tuple(_compared(demanded, comparison) for comparison in failed)
                return Reason(code=UNMET, text=text, met=False, children=children)
        return None

    async def _validated(self, parts: list[Reason], digest: str) -> Check:
        """Judge `validate.deny` of all entries of the rule over the predicates by name."""
        rule, reason = self._asked.planned.rule, all_of(parts, met=True)
        context = self._asked.context.overlay({**self._named, "image": image_value(self._image_use)})
        for message, conditions in self._asked.expressions.denials:
            said = await self._asked.answers.settle(partial(_denied, message, conditions, context))
            if said is not None:
                text = f"validation in verifyImages failed: {said}"
                refused = Reason(code="denied", text=text, met=False, children=(reason,))
                return check_of(self._image_use, Status.FAIL, text, digest=digest, reason=refused)
        text = f"verifyImages validation is passed in {rule.name} rule"
        return check_of(self._image_use, Status.PASS, text, digest=digest, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """Why a finding does not count: its text with the path, and the reason if the finding has none itself."""

    text: str
    reason: Reason | None = None


def _reason_of(leaf: ir.Leaf, finding: Finding, refusal: _Refusal | None) -> Reason:
    """Return what an attestor found; where its statements do not hold, why, then who signed them."""
    found = found_by(leaf, finding)
    if refusal is None or refusal.reason is None:
        return found
    children = (*refusal.reason.children, *found.children)
    return replace(refusal.reason, children=children, location=found.location)


def _compared(demanded: ir.Attestation, comparison: Comparison) -> Reason:
    """Return the reason of a comparison that does not hold: its key as written, and both values."""
    block, name, at = comparison.place
    written: Any = demanded.conditions
    key = written[block][name][at].get("key")
    received, wanted = _shown(comparison.key), _shown(comparison.value)
    return Reason(
        code=UNMET,
        text=f"{_shown(key)} is {received}, which is not {comparison.operator} {wanted}",
        met=False,
        details=(
            ("condition", f"conditions[{block}].{name}[{at}]"),
            ("key", _shown(key)),
            ("operator", comparison.operator),
            ("expected", wanted),
            ("received", received),
        ),
    )


def _shown(value: Any) -> str:
    """Return JSON of a value, of a bounded length: the size of a predicate is the signer's choice."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _denied(message: Template, conditions: Conditions, context: Context) -> str | None:
    """Return what is said of a denial, or None where nothing is denied."""
    try:
        denied, found = conditions.evaluate(context)
    except EvaluationError as error:
        return f"failed to check deny conditions: {error.message}"
    if not denied:
        return None
    try:
        own = message.render(context)
    except EvaluationError:
        return found  # Kyverno drops a message whose variables have no value
    return "; ".join(part for part in (own, found) if part) or "validation error: imageVerify  failed"


def leaves(formula: ir.Formula) -> Iterator[ir.Leaf]:
    """Yield the attestors of a formula in declared order."""
    match formula:
        case ir.Leaf():
            yield formula
        case ir.Threshold(of=of):
            for part in of:
                yield from leaves(part)
