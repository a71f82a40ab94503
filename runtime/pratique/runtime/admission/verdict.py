"""From results of rules to an admission verdict: allowed or not, in Kyverno's words, and a patch.

References: Kyverno 1.19 `pkg/webhooks/utils/block.go` (texts and the shape of the message).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from pratique.compiler import ir
from pratique.compiler.selection import Target, failure_action
from pratique.runtime.decision import Check, RuleResult, Status
from pratique.runtime.resource import Resource

ATTACK: Final = "digest-mismatch"
"""Bytes other than those asked for are refused even where faults are let through (F13)."""
MAX_MESSAGE: Final = 16_384
"""Characters of a denial; longer ones are cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one rule at admission."""

    policy: ir.Policy
    rule: ir.Rule
    status: Status
    message: str
    attack: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the API server is told.

    Attributes:
        patch: JSON patch (RFC 6902); empty unless the request is allowed and may be changed.
    """

    allowed: bool
    message: str = ""
    warnings: tuple[str, ...] = ()
    patch: tuple[Mapping[str, Any], ...] = ()


def outcomes(
    results: Iterable[RuleResult],
    rules: Mapping[tuple[str, str], tuple[ir.Policy, ir.Rule]],
    *,
    mutating: bool,
) -> Iterator[Outcome]:
    """Yield the outcome of each result; where nothing can be pinned any more, an unpinned image fails (D4).

    Args:
        results: of the engine.
        rules: by key of the policy and name of the rule.
        mutating: the answer may carry a patch.
    """
    for result in results:
        policy, rule = rules[result.policy, result.rule]
        status, message = result.status, result.message
        if status is Status.ERROR and policy.fail_open and (failed := _failed(result)):
            status, message = Status.FAIL, failed
        if not mutating and result.pins and status in (Status.PASS, Status.SKIP):
            names = ", ".join(text.partition("@")[0] for _, text in result.pins)
            status, message = Status.FAIL, f"missing digest for {names}"
        attack = any(_names_attack(check) for check in result.checks)
        yield Outcome(policy=policy, rule=rule, status=status, message=message, attack=attack)


def decide(found: Iterable[Outcome], resource: Resource, pins: Iterable[tuple[str, str]] = ()) -> Verdict:
    """Return the verdict on a resource.

    Args:
        found: what became of the rules that apply.
        resource: what they were asked about.
        pins: JSON pointers of images, with what is to be written there.
    """
    blocking: dict[str, dict[str, str]] = {}
    warnings = []
    for outcome in found:
        if outcome.status not in (Status.FAIL, Status.ERROR, Status.WARN):
            continue
        if outcome.status is not Status.WARN and _blocks(outcome, resource.target):
            blocking.setdefault(outcome.policy.key, {})[outcome.rule.name] = outcome.message
        else:
            warnings.append(f"policy {outcome.policy.key}.{outcome.rule.name}: {outcome.message}")
    if blocking:
        return Verdict(allowed=False, message=_blocked(resource, blocking), warnings=tuple(warnings))
    return Verdict(allowed=True, warnings=tuple(warnings), patch=tuple(_patch(resource, dict(pins))))


def _blocks(outcome: Outcome, target: Target) -> bool:
    if failure_action(outcome.rule, target) is not ir.Action.ENFORCE:
        return False
    return outcome.status is Status.FAIL or outcome.attack or not outcome.policy.fail_open


def _blocked(resource: Resource, blocking: Mapping[str, Mapping[str, str]]) -> str:
    found = resource.id
    name = f"{found.kind}/{found.namespace}/{found.name}"
    listed = yaml.safe_dump(dict(blocking), width=MAX_MESSAGE, allow_unicode=True)
    text = f"\n\nresource {name} was blocked due to the following policies \n\n{listed}"
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 3] + "..."


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


def _failed(result: RuleResult) -> str:
    """Return why images fail that could be judged; a fault about another image must not excuse them."""
    broken = {check.pointer for check in result.checks if check.status is Status.ERROR}
    failed = (c for c in result.checks if c.status is Status.FAIL and c.pointer not in broken)
    return "; ".join(dict.fromkeys(check.message for check in failed)) if result.scored else ""


def _names_attack(check: Check) -> bool:
    level = [check.reason] if check.reason else []
    while level:
        if any(reason.code == ATTACK for reason in level):
            return True
        level = [child for reason in level for child in reason.children]
    return False
