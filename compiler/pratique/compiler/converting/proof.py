"""Both sides compared: the classic policy with the new documents, read again from their text.

The new policies become demands on images as `image_demands` reads them. Three things are settled before that,
each by a proof of its own, and then taken away on both sides: which names of images are meant (`written`),
conditions on statements and requests (read back by `conditions`), and what `Caveat` lists. Everything else is
the comparison of `pratique diff`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.differences import Comparison
from pratique.compiler.cel.syntax import Expression
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.cel_policies.image_demands import as_demands
from pratique.compiler.converting import conditions, formulas, validation_reading, written
from pratique.compiler.converting.conditions import UnreadableError, compiled
from pratique.compiler.converting.everywhere import plain
from pratique.compiler.converting.formulas import Asked
from pratique.compiler.converting.model import DENIAL, Conversion, Draft
from pratique.compiler.converting.normal import compared, in_format, normal
from pratique.compiler.converting.region_reading import Region
from pratique.compiler.converting.validation_reading import Validations
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.languages.search import Proof, Unknown, Witness


class Status(StrEnum):
    """What is known of a conversion."""

    EQUIVALENT = "equivalent"
    """Proved: nothing differs but what the caveats say."""
    DIFFERENT = "different"
    """An example shows that something does."""
    UNKNOWN = "unknown"
    """No difference was found, and none was excluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What came of the comparison.

    Attributes:
        comparison: of both sides as demands; None where they could not be compared.
        images: names of images that one side alone is about, each with the name of the new policy.
        unknown: what could not be decided, each in a sentence.
        judged: what examples say of that, each in a sentence.
        refuted: examples on which the two differ.
    """

    comparison: Comparison | None = None
    images: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    refuted: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """Return what is known."""
        if self.images or self.refuted or (self.comparison and self.comparison.differs):
            return Status.DIFFERENT
        if self.unknown or self.comparison is None or not self.comparison.is_equivalent:
            return Status.UNKNOWN
        return Status.EQUIVALENT


def prove(conversion: Conversion, after: Sequence[ir.Policy]) -> Proved:
    """Return how a classic policy and its conversion differ.

    Args:
        conversion: the classic policy, and the drafts.
        after: what the text of the drafts reads as, in their order.
    """
    return _Proving(conversion).proved(after)


class _Proving:
    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion
        self._unknown: dict[str, None] = {}
        self._images: dict[tuple[str, str], None] = {}

    def proved(self, after: Sequence[ir.Policy]) -> Proved:
        drafts = self._conversion.drafts
        new = [self._demands(draft, policy) for draft, policy in zip(drafts, after, strict=True)]
        comparison = None
        if all(policy is not None for policy in new):
            old = normal(self._conversion.policy)
            recognised = tuple(normal(policy) for policy in new if policy is not None)
            comparison = compared((old,), recognised)
        return Proved(
            comparison=comparison,
            images=tuple(self._images),
            unknown=(*self._unknown, *(comparison.undecided if comparison else ())),
        )

    def _demands(self, draft: Draft, policy: ir.Policy) -> ir.Policy | None:
        """Return a new policy as demands on the images of the classic one; None where it is none."""
        stripped: list[ir.Rule] = []
        regions: list[Region] = []
        counted: list[tuple[Asked, ...]] = []
        for rule in policy.rules:
            body = rule.body
            if not isinstance(body, CelImageValidation):
                raise AssertionError("conversion writes policies about images")
            self._same_images(draft, policy, body)
            try:
                if draft.is_everywhere:
                    body = plain(body, self._conversion.policy)
                region = self._conditions(draft, body, rule)
                attestors = tuple(in_format(each, draft.format) for each in body.attestors)
                read = self._validations(draft, replace(body, attestors=attestors))
            except (UnreadableError, formulas.UnreadableError, ExpressionError):
                self._unknown[f"expressions of {policy.key} are compared as text"] = None
                return None
            scope = replace(body.scope, conditions=())
            new = replace(body, scope=scope, references=(), validations=tuple(read.flat), attestors=attestors)
            stripped.append(replace(rule, body=new))
            regions.append(region)
            counted.append(tuple(read.sets))
        found = as_demands(replace(policy, rules=tuple(stripped)), draft.format)
        if found is None:
            self._unknown[f"expressions of {policy.key} are compared as text"] = None
            return None
        rules = (
            replace(
                rule,
                resources=region.of(rule.resources),
                requirements=tuple(
                    _with_sets(replace(q, images=draft.images), sets, policy) for q in rule.requirements
                ),
            )
            for rule, region, sets in zip(found.rules, regions, counted, strict=True)
        )
        return replace(found, rules=tuple(rules))

    def _same_images(self, draft: Draft, policy: ir.Policy, body: CelImageValidation) -> None:
        match written.compare(draft.images, body.references):
            case Witness(text=text):
                self._images[policy.key, text] = None
            case Unknown(why=why):
                self._unknown[f"which images {policy.key} is about: {why}"] = None
            case Proof():
                pass

    # --- conditions --------------------------------------------------------------------------------------

    def _conditions(self, draft: Draft, body: CelImageValidation, rule: ir.Rule) -> Region:
        """Return the region that match conditions leave.

        Raises:
            UnreadableError: one of them is none that conversion writes.
        """
        region = Region()
        found: set[str] = set()
        for each in body.scope.conditions:
            if each.expression in self._request_conditions:
                found.add(each.expression)
                continue
            root = compiled(each.expression)
            if each.name == "preconditions":
                self._preconditions(draft, root, rule)
            else:
                region = region.restricted(root)
        if found != self._request_conditions:
            raise UnreadableError
        return region

    @property
    def _request_conditions(self) -> set[str]:
        """Return the match conditions of the classic policy."""
        return {each.expression for rule in self._conversion.policy.rules for each in rule.request_conditions}

    def _preconditions(self, draft: Draft, root: Expression, rule: ir.Rule) -> None:
        found = conditions.read(root, _request(), _REQUEST)
        of_cron_jobs = any(k.kind == "CronJob" for f in rule.resources.match.filters for k in f.kinds)
        classic = (
            each
            for each in self._conversion.policy.rules
            if each.preconditions and bool(each.generated_from) is bool(rule.generated_from)
        )
        wanted = [
            conditions.of_preconditions(each.preconditions)
            for each in classic
            if not rule.generated_from
            or of_cron_jobs is any(k.kind == "CronJob" for f in each.resources.match.filters for k in f.kinds)
        ]
        if found not in wanted:
            raise UnreadableError
        if "" in draft.conditions and not conditions.is_exact(draft.conditions[""]):
            self._unknown["preconditions compare values whose types matter"] = None

    def _validations(self, draft: Draft, body: CelImageValidation) -> Validations:
        """Return the validations of a policy, its attestors in one format; conditions are compared here.

        Raises:
            UnreadableError: conditions are not what the classic policy says.
        """
        found = validation_reading.read(body, draft.format)
        wanted = {name: tree for name, tree in draft.conditions.items() if name not in ("", DENIAL)}
        if found.stated != wanted or bool(found.denials) is not (DENIAL in draft.conditions):
            raise UnreadableError
        if found.denials:
            self._unknown["conditions under which to refuse are compared as text"] = None
        if not all(map(conditions.is_exact, wanted.values())):
            self._unknown["conditions on statements compare values whose types matter"] = None
        return found


def _with_sets(
    requirement: ir.ImageRequirement, sets: Sequence[Asked], policy: ir.Policy
) -> ir.ImageRequirement:
    """Return a requirement with sets of attestors that have sets within them."""
    body = policy.rules[0].body
    types = {each.name: each.type for each in body.statements} if isinstance(body, CelImageValidation) else {}
    signatures = [each.formula for each in sets if not each.statement]
    statements = [
        ir.Attestation(type=types[each.statement], by=(each.formula,)) for each in sets if each.statement
    ]
    return replace(
        requirement,
        signatures=(*requirement.signatures, *signatures),
        attestations=(*requirement.attestations, *statements),
    )


def _request() -> dict[str, Expression]:
    return {name: compiled(name) for name in _REQUEST}


_REQUEST: Final = {
    "object": ("request", "object"),
    "oldObject": ("request", "oldObject"),
    "request": ("request",),
}
