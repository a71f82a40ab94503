"""Rules that lint calls superfluous (PRQ015), taken away: no image is judged otherwise by the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.superfluous import superfluous
from pratique.compiler.selection import failure_action
from pratique.runtime.decision import Status
from tests.support_attestors import GOOD, signer, some_of
from tests.support_policies import read
from tests.support_rule_sets import DEV, OPS, entry, pods, policy, rule, together
from tests.support_witnesses import judge

IMAGES = (
    "ghcr.io/*",
    "ghcr.io/acme/*",
    "ghcr.io/acme/app*",
    "ghcr.io/acme/app:*",
    "*/acme/*",
    "quay.io/acme/*",
)
REGIONS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"namespaces": ["prod"]},
    {"namespaces": ["prod", "test"]},
    {"names": ["web"]},
)
BY = (
    [some_of(signer(DEV))],
    [some_of(signer(OPS))],
    [some_of(signer("*@acme.example"))],
    [some_of(signer(DEV), signer(OPS), count=1)],
    [some_of(signer(DEV), signer(OPS))],
)
POINTS = tuple(
    Point(image=image, kind=kind, namespace=namespace, name=name)
    for image, namespace, name, kind in product(
        (
            "ghcr.io/acme/app:1",
            "ghcr.io/acme/x:1",
            "ghcr.io/x/y:1",
            "quay.io/acme/app:1",
            "docker.io/acme/app:1",
        ),
        ("prod", "test", "default"),
        ("web", "db"),
        (("", "v1", "Pod", ""), ("apps", "v1", "Deployment", "")),
    )
)
SIGNERS = [{"subject": subject, "issuer": GOOD["issuer"]} for subject in (DEV, OPS, "qa@acme.example")]
SIGNED: tuple[list[dict[str, str]], ...] = ([], [SIGNERS[0]], [SIGNERS[1]], [SIGNERS[2]], SIGNERS[:2])


def policies(random: Random) -> Iterator[dict[str, Any]]:
    for number in range(random.choice((2, 3, 4))):
        rules = [
            rule(
                f"r{each}",
                *(
                    entry(
                        *random.sample(IMAGES, random.choice((1, 1, 2))),
                        by=random.choice(BY),
                        skip=tuple(random.sample(IMAGES, 1)) if random.random() < 0.15 else (),
                        failureAction=(action := random.choice(("Enforce", "Enforce", "Audit"))),
                        mutateDigest=action == "Enforce" and random.random() < 0.15,
                        verifyDigest=random.random() < 0.15,
                    )
                    for _ in range(random.choice((1, 1, 2)))
                ),
                match=pods(**random.choice(REGIONS)),
            )
            for each in range(random.choice((1, 1, 2)))
        ]
        yield policy(f"p{number}", *rules)


def outcome(given: ir.PolicySet, point: Point, signed: list[dict[str, str]]) -> tuple[bool, bool]:
    """Say whether something fails, and whether something that fails blocks."""
    rules = {(each.key, rule.name): rule for each in given.policies for rule in each.rules}
    failed = [
        failure_action(rules[result.policy, result.rule], point.target)
        for result in judge(given.policies, point, *signed)
        for check in result.checks
        if check.status in (Status.FAIL, Status.ERROR)
    ]
    return bool(failed), ir.Action.ENFORCE in failed


@pytest.mark.parametrize("seed", range(6))
def test_nothing_changes_without_them(seed: int) -> None:
    random, found = Random(seed), 0
    while found < 6:
        lowered = read(together(*policies(random)))
        if lowered.errors:
            continue
        facts = Facts(lowered.policies)
        kept = {id(each): each for each in lowered.policies.policies}
        units = list(superfluous(facts))
        for unit in (each.unit for each in units):
            kept[id(unit.policy)] = unit.removed_from(kept[id(unit.policy)])
        left = replace(lowered.policies, policies=tuple(kept.values()))
        for point in random.sample(POINTS, 12) if units else ():
            for signed in SIGNED:
                told = [(unit.unit.policy.key, unit.unit.rule.name, unit.unit.entry) for unit in units]
                assert outcome(lowered.policies, point, signed) == outcome(left, point, signed), (
                    point,
                    signed,
                    told,
                )
        found += bool(units)
