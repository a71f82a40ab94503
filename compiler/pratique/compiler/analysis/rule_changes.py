"""What a change of policies changes for rules that validate, mutate or generate: where each of them applies.

What such a rule demands or does is compared as data. Equal bodies do the same, so that it can be told, with
an example or a proof, to which resources one newly applies; where a rule has another body than before,
nothing is claimed but that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, assert_never

from pratique.compiler import ir
from pratique.compiler.analysis.demands import Setting, actions, in_order, settings, whole
from pratique.compiler.analysis.points import Point, Zone, find
from pratique.compiler.bodies import Body, Cleanup, Generation, Mutation, Validation
from pratique.compiler.cel_bodies import (
    CelBody,
    CelDeletion,
    CelGeneration,
    CelImageValidation,
    CelMutation,
    CelValidation,
)
from pratique.compiler.languages.search import Proof, Unknown


class RuleEffect(StrEnum):
    """What becomes of a rule at some resources, in the order of weight."""

    DROPPED = "no longer applied"
    APPLIED = "newly applied"
    AUDITED = "no longer enforced"
    ENFORCED = "newly enforced"
    SETTINGS = "other settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRule:
    """A rule with a body, in a zone where it has one action.

    Attributes:
        rule: its name as it was written; generated rules have that of their origin.
        does: `validates`, `mutates` or `generates`.
        what: all that decides what it does to a resource that it applies to.
    """

    policy: str
    rule: str
    does: str
    action: ir.Action
    zone: Zone
    what: tuple[Any, ...]
    settings: frozenset[Setting]
    at: ir.At = field(default=ir.NOWHERE, compare=False)

    @property
    def name(self) -> str:
        """Return policy and rule."""
        return f"{self.policy}/{self.rule}"

    @property
    def enforces(self) -> bool:
        """Say whether it refuses what fails."""
        return self.action is ir.Action.ENFORCE and self.does == "validates"

    def is_like(self, other: AppliedRule) -> bool:
        """Say whether both do the same at the same places with the same settings, whatever their names."""
        mine = self.zone, self.what, self.action, self.settings
        return mine == (other.zone, other.what, other.action, other.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """Resources at which a rule is one thing on the old side and another on the new.

    Attributes:
        rule: as the old side has it where it is no longer applied or enforced, else as the new side has it.
        points: an example for each declared or generated rule behind it; their images do not matter.
        gone: settings of the old side alone.
        come: settings of the new side alone.
    """

    effect: RuleEffect
    rule: AppliedRule
    points: tuple[Point, ...]
    gone: tuple[Setting, ...] = ()
    come: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleComparison:
    """All that differs between the rules with bodies of two sets.

    Attributes:
        undecided: why parts of the answer are not known, with the rules they are about.
        compared: rules that one side alone has, as they stand.
    """

    changes: tuple[RuleChange, ...]
    undecided: tuple[str, ...]
    compared: int


def compare(old: ir.PolicySet, new: ir.PolicySet) -> RuleComparison:
    """Return where rules with bodies apply, or enforce, on one side only."""
    return _Comparing(list(_applied(old)), list(_applied(new))).compare()


class _Comparing:
    def __init__(self, before: Sequence[AppliedRule], after: Sequence[AppliedRule]) -> None:
        self._before, self._after = before, after
        self._gone = [rule for rule in before if not any(map(rule.is_like, after))]
        self._come = [rule for rule in after if not any(map(rule.is_like, before))]
        self._found: dict[tuple[object, ...], tuple[RuleChange, list[Point]]] = {}
        self._undecided: dict[str, None] = {}

    def compare(self) -> RuleComparison:
        for rule in self._gone:
            self._coverage(rule, RuleEffect.DROPPED, self._after, self._come)
            self._enforcement(rule, RuleEffect.AUDITED, self._after)
        for rule in self._come:
            self._coverage(rule, RuleEffect.APPLIED, self._before, self._gone)
            self._enforcement(rule, RuleEffect.ENFORCED, self._before)
            self._settings(rule)
        changes = [
            RuleChange(effect=c.effect, rule=c.rule, points=_told(points), gone=c.gone, come=c.come)
            for c, points in self._found.values()
        ]
        changes.sort(key=lambda change: tuple(RuleEffect).index(change.effect))
        return RuleComparison(
            changes=tuple(changes),
            undecided=tuple(self._undecided),
            compared=len(self._gone) + len(self._come),
        )

    def _coverage(
        self, rule: AppliedRule, effect: RuleEffect, others: Sequence[AppliedRule], new: Sequence[AppliedRule]
    ) -> None:
        """Look for resources to which no rule of the other side does what this one does."""
        left_out = [other.zone for other in others if other.what == rule.what]
        for other in new:
            # Of the same name, and at some of these resources: the rule is there, and has another body.
            if other.name == rule.name and other.what != rule.what:
                if isinstance(find([rule.zone, other.zone], left_out), Proof):
                    continue
                self._undecided[f"{rule.name}: what it {rule.does} has changed, and is compared as text"] = (
                    None
                )
                left_out.append(other.zone)
        self._look(rule, effect, [rule.zone], left_out)

    def _enforcement(self, rule: AppliedRule, effect: RuleEffect, others: Sequence[AppliedRule]) -> None:
        """Look for resources at which this rule enforces, and the other side only reports the same."""
        if not rule.enforces:
            return
        same = [other for other in others if other.what == rule.what]
        enforced = [other.zone for other in same if other.enforces]
        for other in same:
            if not other.enforces:
                self._look(rule, effect, [rule.zone, other.zone], enforced)

    def _settings(self, rule: AppliedRule) -> None:
        for other in self._gone:
            if (other.name, other.what) == (rule.name, rule.what) and other.settings != rule.settings:
                self._look(
                    rule,
                    RuleEffect.SETTINGS,
                    [rule.zone, other.zone],
                    gone=in_order(other.settings - rule.settings),
                    come=in_order(rule.settings - other.settings),
                )

    def _look(
        self,
        rule: AppliedRule,
        effect: RuleEffect,
        inside: Sequence[Zone],
        outside: Sequence[Zone] = (),
        *,
        gone: tuple[Setting, ...] = (),
        come: tuple[Setting, ...] = (),
    ) -> None:
        answer = find(inside, outside)
        if isinstance(answer, Unknown):
            self._undecided[f"{rule.name}: {answer.why}"] = None
        elif isinstance(answer, Point):
            change = RuleChange(effect=effect, rule=rule, points=(), gone=gone, come=come)
            key = effect, rule.name, rule.action, gone, come
            self._found.setdefault(key, (change, []))[1].append(answer)


def _told(points: Sequence[Point]) -> tuple[Point, ...]:
    # Rules are mostly written of Pods: an example of one comes before those of generated rules.
    return tuple(sorted(dict.fromkeys(points), key=lambda point: point.kind[2] != "Pod"))


def _applied(policies: ir.PolicySet) -> Iterator[AppliedRule]:
    for policy in policies.policies:
        for rule in policy.rules:
            if rule.body is None:
                continue
            for zone, action in actions(rule, whole(rule)):
                yield AppliedRule(
                    policy=policy.key,
                    rule=rule.generated_from or rule.name,
                    does=_does(rule.body),
                    action=action,
                    zone=zone,
                    what=(rule.body, rule.context, _unit(policy)),
                    settings=frozenset(settings(policy, rule)),
                    at=rule.at,
                )


def _unit(policy: ir.Policy) -> tuple[ir.Rule, ...]:
    """Return the rules that decide together which of them applies; none where each does by itself."""
    declared = [rule for rule in policy.rules if not rule.generated_from]
    return policy.rules if policy.stop_at_first and len(declared) > 1 else ()


def _does(body: Body | CelBody) -> str:
    match body:
        case Validation() | CelValidation() | CelImageValidation():
            return "validates"
        case Mutation() | CelMutation():
            return "mutates"
        case Generation() | CelGeneration():
            return "generates"
        case Cleanup() | CelDeletion():
            return "deletes"
        case _:
            assert_never(body)
