"""From results of rules to an admission verdict: allowed or not, in Kyverno's words, and a patch.

References: Kyverno 1.19 `pkg/webhooks/resource/imageverification`, `pkg/utils/engine/response.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.compiler.json_differences import difference
from pratique.compiler.purposes import Purpose, purpose
from pratique.compiler.selection import Target, failure_action
from pratique.grammar.wildcard import matches
from pratique.runtime.admission.messages import blocked, not_changed, place, warning
from pratique.runtime.applicable import Applicable
from pratique.runtime.decision import Check, Reason, RuleResult, Stage, Status, worst
from pratique.runtime.resource import Resource

ATTACK: Final = "digest-mismatch"
"""Bytes other than those asked for are refused even where faults are let through (F13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one rule at admission.

    Attributes:
        attack: somebody answered with other bytes than those asked for.
        notes: what is said besides, whatever the status.
        images: the images that the message is about, each with the container that would run it.
        pins: JSON pointers of images, with what is to be written there.
    """

    policy: ir.Policy
    rule: ir.Rule
    status: Status
    message: str
    attack: bool = False
    notes: tuple[str, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    pins: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the API server is told.

    Attributes:
        patch: JSON patch (RFC 6902); empty unless the request is allowed and may be changed.
        outcomes: what it was made from.
    """

    allowed: bool
    message: str = ""
    warnings: tuple[str, ...] = ()
    patch: tuple[Mapping[str, Any], ...] = ()
    outcomes: tuple[Outcome, ...] = ()


def outcomes(
    results: Iterable[RuleResult],
    rules: Mapping[int, Applicable],
    resource: Resource,
    *,
    unchanged: frozenset[str],
    mutating: bool,
) -> Iterator[Outcome]:
    """Yield the outcome of each result; where nothing can be pinned any more, an unpinned image fails (D4).

    Args:
        results: of the engine.
        rules: by their numbers in the plan.
        resource: what they are about.
        unchanged: pointers of images that an update leaves alone.
        mutating: the answer may carry a patch.
    """
    made = resource.has_controller
    for result in results:
        item = rules[result.number]
        policy, rule = item.planned.policy, item.planned.rule
        outcome = Outcome(
            policy=policy,
            rule=rule,
            status=result.status,
            message=_message(result),
            attack=any(map(_names_attack, result.checks)),
            notes=tuple(_left_out(rule, result.checks)),
            images=tuple(_named(result.checks)),
            pins=tuple(_to_write(result.pins, rule, unchanged, made=made)),
        )
        if outcome.status is Status.ERROR and not outcome.attack:
            outcome = _lenient(outcome, item, result, unchanged)
        if not mutating and outcome.pins and outcome.status in (Status.PASS, Status.SKIP):
            names = ", ".join(text.partition("@")[0] for _, text in outcome.pins)
            outcome = replace(outcome, status=Status.FAIL, message=f"missing digest for {names}")
        yield outcome


def refused_change(found: Sequence[Outcome], resource: Resource) -> Verdict | None:
    """Return the refusal of an object that could not be changed as it should be, in Kyverno's words; or None.

    DEVIATION: as in Kyverno 1.19, but whether a policy fails open is asked of each policy, and not of those
    before it, too (`tests/runtime/admission/test_changing.py`).
    """
    told = [each for each in found if _is_unmet(each) and not each.policy.fail_open]
    if not told:
        return None
    return Verdict(allowed=False, message=not_changed(resource, told), outcomes=tuple(found))


def decide(
    found: Iterable[Outcome],
    resource: Resource,
    *,
    mutating: bool = False,
    sent: Mapping[str, Any] | None = None,
) -> Verdict:
    """Return the verdict on a resource from what became of the rules that apply.

    Args:
        found: the outcomes.
        resource: as rules that change it left it.
        mutating: the answer may carry a patch.
        sent: the object as the patch finds it; None for as it is.
    """
    found = tuple(found)
    told = [outcome for outcome in found if outcome.status in (Status.FAIL, Status.ERROR, Status.WARN)]
    if any(_blocks(outcome, resource.target) for outcome in told):
        return Verdict(allowed=False, message=blocked(resource, told), outcomes=found)
    warnings = [warning(outcome, outcome.message) for outcome in told if _warns(outcome)]
    warnings += [warning(outcome, note) for outcome in found for note in outcome.notes]
    pins = {pin: text for outcome in found for pin, text in outcome.pins} if mutating else {}
    return Verdict(
        allowed=True,
        warnings=tuple(dict.fromkeys(warnings)),
        patch=(*(() if sent is None else difference(sent, resource.data)), *_patch(resource, pins)),
        outcomes=found,
    )


def _is_unmet(outcome: Outcome) -> bool:
    return outcome.status in (Status.FAIL, Status.ERROR)


def _blocks(outcome: Outcome, target: Target) -> bool:
    """Say whether an outcome refuses the request.

    DEVIATION: an error of a rule that audits refuses nothing; in Kyverno 1.19 it does unless the policy fails
    open (`tests/runtime/admission/test_judging.py::test_an_outage_is_told_where_a_failure_would_be`).
    """
    if purpose(outcome.rule) is Purpose.CHANGE:
        return not outcome.policy.fail_open
    if outcome.status is Status.WARN or failure_action(outcome.rule, target) is not ir.Action.ENFORCE:
        return False
    if isinstance(outcome.rule.body, CEL_BODIES):
        return True  # failurePolicy is about conditions, and about a webhook that does not answer
    return outcome.status is Status.FAIL or outcome.attack or not outcome.policy.fail_open


def _warns(outcome: Outcome) -> bool:
    """Say whether an outcome that refuses nothing is told (Kyverno: `emitWarning`; always for images)."""
    return outcome.rule.body is None or outcome.policy.emit_warning or outcome.status is Status.ERROR


def _lenient(outcome: Outcome, item: Applicable, result: RuleResult, unchanged: frozenset[str]) -> Outcome:
    """Return the outcome of a rule that could not be judged in full.

    What could be judged counts under any failure policy: a fault about one image must not excuse another.
    Where the update brings no image, what cannot be found out about those that are there is only told.
    """
    broken = {check.pointer for check in result.checks if check.status is Status.ERROR}
    known = [check for check in result.checks if check.pointer not in broken]
    failed = [check for check in known if check.status is Status.FAIL]
    nothing_new = bool(item.uses) and all(use.pointer in unchanged for use in item.uses)
    outage = all(check.transport for check in result.checks if check.status is Status.ERROR)
    if failed and result.scored and (outcome.policy.fail_open or nothing_new):
        text = "; ".join(dict.fromkeys(check.message for check in failed))
        return replace(outcome, status=Status.FAIL, message=text, images=tuple(_named(failed)))
    if nothing_new and outage and worst(check.status for check in known) is not Status.FAIL:
        return replace(outcome, status=Status.WARN)
    return outcome


def _message(result: RuleResult) -> str:
    """Return the message of a result; that an image is unproved goes without saying where it is said why."""
    decided = worst(check.status for check in result.checks)
    first = [c for c in result.checks if c.status is decided and c.stage is Stage.VERIFY]
    return "; ".join(dict.fromkeys(check.message for check in first)) or result.message


def _to_write(
    pins: Iterable[tuple[str, str]], rule: ir.Rule, unchanged: frozenset[str], *, made: bool
) -> Iterator[tuple[str, str]]:
    """Yield the digests that are written into the object.

    DEVIATION: not into images that were there before: templates of Jobs cannot be changed; and not by
    generated rules into objects that a controller made: it would make them again, and their Pods are pinned
    when they are made (`tests/runtime/admission/test_pinning.py`).
    """
    if not (made and rule.generated_from):
        yield from (pin for pin in pins if pin[0] not in unchanged)


def _named(checks: Iterable[Check]) -> Iterator[tuple[str, str]]:
    """Yield image and container of the checks that are not met, each container once."""
    seen = set()
    for check in checks:
        if check.pointer and check.status in (Status.FAIL, Status.ERROR) and check.pointer not in seen:
            seen.add(check.pointer)
            yield check.image, place(check)


def _left_out(rule: ir.Rule, checks: Iterable[Check]) -> Iterator[str]:
    """Yield what is said of images that a rule leaves out by name (Kyverno: `WithEmitWarning`)."""
    patterns = [pattern.text for entry in rule.requirements for pattern in entry.images.skip]
    if not patterns:
        return
    for check in checks:
        if check.status is Status.SKIP and check.image and any(matches(p, check.image) for p in patterns):
            yield check.message


def _patch(resource: Resource, pins: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Yield a replacement for each pinned image, which the API server refuses if it changed since (W23)."""
    for pointer, text in pins.items():
        before = _at(resource.data, pointer)
        if before != text:
            yield {"op": "test", "path": pointer, "value": before}
            yield {"op": "replace", "path": pointer, "value": text}


def _at(data: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        data = data[int(key)] if isinstance(data, list) else data[key]
    return data


def _names_attack(check: Check) -> bool:
    level: list[Reason] = [check.reason] if check.reason else []
    while level:
        if any(reason.code == ATTACK for reason in level):
            return True
        level = [child for reason in level for child in reason.children]
    return False
