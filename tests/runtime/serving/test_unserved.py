"""Policies that admission does not carry out."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.runtime.serving.policy_objects import read_policy
from pratique.runtime.serving.unserved import unserved
from tests.support_cel_policies import text
from tests.support_policies import read, rule_policy

LABEL = {"patchStrategicMerge": {"metadata": {"labels": {"a": "b"}}}}
MADE: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "namespace": "n", "data": {}}


EXISTING = {"targets": [{"apiVersion": "v1", "kind": "Secret", "name": "s", "namespace": "n"}], **LABEL}


@pytest.mark.parametrize(
    ("rule", "verb"), [({"mutate": EXISTING}, "mutates existing objects"), ({"generate": MADE}, "generates")]
)
def test_rules_that_mutate_others_or_generate(rule: dict[str, Any], verb: str) -> None:
    lowered = read(rule_policy(**rule))
    assert not lowered.errors, [str(each) for each in lowered.errors]
    (error,) = unserved(lowered.policies.policies[0])
    assert error.message == f"rule 'rule' {verb}: `pratique serve` judges and changes what is admitted only"
    assert error.location is not None


MUTATING = """\
mutations:
- patchType: ApplyConfiguration
  applyConfiguration: {expression: 'Object{}'}
"""
ELSEWHERE = MUTATING + "evaluation: {mutateExisting: {enabled: true}}\n"
GENERATING = "generate: [{expression: \"generator.Apply('shop', [])\"}]\n"
DELETING = "schedule: '* * * * *'\n"


@pytest.mark.parametrize(
    ("kind", "spec", "verb"),
    [
        ("MutatingPolicy", ELSEWHERE, "mutates existing objects"),
        ("GeneratingPolicy", GENERATING, "generates"),
        ("DeletingPolicy", DELETING, "deletes"),
    ],
)
def test_policies_in_cel(kind: str, spec: str, verb: str) -> None:
    lowered = read(text(kind, spec))
    assert not lowered.errors, [str(each) for each in lowered.errors]
    (error,) = unserved(lowered.policies.policies[0])
    assert error.message == f"the policy p {verb}: `pratique serve` judges and changes what is admitted only"


@pytest.mark.parametrize(
    "written",
    [
        text("ValidatingPolicy", "validations: [{expression: 'true'}]\n"),
        text("MutatingPolicy", MUTATING),
        rule_policy(validate={"deny": {}}),
        rule_policy(mutate=LABEL),
    ],
)
def test_what_judges_and_changes_is_served(written: str) -> None:
    assert unserved(read(written).policies.policies[0]) == ()


def test_objects_of_a_cluster_are_refused() -> None:
    rule = {
        "name": "r",
        "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
        "generate": MADE,
    }
    found = read_policy(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": "p"},
            "spec": {"rules": [rule]},
        }
    )
    assert found.policy is None
    assert [each.code for each in found.errors] == ["unsupported-field"]
