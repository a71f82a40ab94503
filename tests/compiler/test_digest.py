from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from pratique.compiler import ir
from pratique.compiler.digest import canonical, digest
from tests.support_policies import KEYLESS, cluster_policy, read


def of(*texts: str) -> str:
    lowered = read("\n---\n".join(texts))
    assert not lowered.errors
    return digest(lowered.policies)


ONE, TWO = cluster_policy(), cluster_policy(metadata={"name": "q"})


def test_places_comments_and_spelling_do_not_count() -> None:
    spread = json.dumps(json.loads(ONE), indent=4)
    written_out = json.dumps(json.loads(ONE) | {"status": {}})
    assert of(ONE) == of(f"# a comment\n{spread}") == of(written_out)
    assert of(ONE).startswith("sha256:")
    assert len(of(ONE)) == 71


@pytest.mark.parametrize(
    "other",
    [
        cluster_policy({"imageReferences": ["ghcr.io/acme/?*"]}),
        cluster_policy({"attestors": [{"entries": [{"keyless": KEYLESS | {"subject": "x@acme.example"}}]}]}),
        cluster_policy({"required": False}),
        cluster_policy(spec={"validationFailureAction": "Enforce"}),
        cluster_policy(spec={"failurePolicy": "Ignore"}),
        cluster_policy(rule={"name": "other"}),
        cluster_policy(rule={"preconditions": {"all": [{"key": "a", "operator": "Equals", "value": 1}]}}),
        cluster_policy(rule={"imageExtractors": {"Task": [{"path": "/spec/image"}]}}),
        cluster_policy(metadata={"annotations": {"policies.kyverno.io/severity": "high"}}),
        cluster_policy(kind="Policy", metadata={"namespace": "default"}),
    ],
)
def test_what_the_engine_sees_counts(other: str) -> None:
    assert of(other) != of(ONE)


def test_values_that_python_takes_for_equal_are_not() -> None:
    conditions = [
        {"preconditions": {"all": [{"key": "{{ x }}", "operator": "Equals", "value": value}]}}
        for value in (1, True, "1")
    ]
    context = [{"name": "x", "variable": {"value": 1}}]
    assert len({of(cluster_policy(rule=each | {"context": context})) for each in conditions}) == 3


def test_order_counts() -> None:
    assert of(ONE, TWO) != of(TWO, ONE)


def test_types_count() -> None:
    @dataclass(frozen=True)
    class Glob:
        text: str

    assert canonical(ir.Exactly(text="a")) != canonical(ir.Glob(text="a"))
    assert canonical(ir.Glob(text="a")) == canonical(Glob(text="a"))
    with pytest.raises(TypeError):
        canonical(object())


def test_exemptions_count_and_none_is_nothing() -> None:
    policies = read(ONE).policies
    exemption = ir.Exemption(name="x", namespace="y", rules=(), resources=ir.Selection(filters=()))
    assert digest(policies, ()) == digest(policies)
    assert len({digest(policies), digest(policies, [exemption]), digest(policies, [exemption] * 2)}) == 3


def test_places_are_left_out() -> None:
    pattern = ir.ImagePattern(text="a", at=ir.At(path="x"))
    assert canonical(pattern) == canonical(replace(pattern, at=ir.NOWHERE))
