"""What rules are for."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.purposes import Purpose, changes_others, purpose
from tests.support_cel_policies import text
from tests.support_policies import cluster_policy, read, rule_policy

LABEL = {"patchStrategicMerge": {"metadata": {"labels": {"a": "b"}}}}
TARGETS = {"targets": [{"apiVersion": "v1", "kind": "Secret", "name": "s", "namespace": "n"}]}
MADE: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "namespace": "n", "data": {}}
PATCH = "mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: 'Object{}'}}]\n"
EXISTING = PATCH + "evaluation: {mutateExisting: {enabled: true}}\n"


@pytest.mark.parametrize(
    ("written", "expected", "others"),
    [
        (cluster_policy(), Purpose.JUDGE, False),
        (rule_policy(validate={"deny": {}}), Purpose.JUDGE, False),
        (rule_policy(mutate=LABEL), Purpose.CHANGE, False),
        (rule_policy(mutate={**TARGETS, **LABEL}), Purpose.CHANGE, True),
        (rule_policy(generate=MADE), Purpose.MAKE, False),
        (text("ValidatingPolicy", "validations: [{expression: 'true'}]\n"), Purpose.JUDGE, False),
        (text("MutatingPolicy", PATCH), Purpose.CHANGE, False),
        (text("MutatingPolicy", EXISTING), Purpose.CHANGE, True),
        (
            text("GeneratingPolicy", "generate: [{expression: \"generator.Apply('a', [])\"}]\n"),
            Purpose.MAKE,
            False,
        ),
        (text("DeletingPolicy", "schedule: '* * * * *'\n"), Purpose.DELETE, False),
    ],
)
def test_each_language_says_what_its_rules_are_for(written: str, expected: Purpose, others: bool) -> None:
    lowered = read(written)
    assert not lowered.errors, [str(each) for each in lowered.errors]
    rule = lowered.policies.policies[0].rules[0]
    assert (purpose(rule), changes_others(rule)) == (expected, others)
