from __future__ import annotations

import json

import pytest

from tests.compiler.lint.test_budgets import bundles
from tests.support_lint import findings, reported
from tests.support_policies import cluster_policy

CODE = "PRQ042"


def test_one_rule_that_takes_too_long() -> None:
    (found,) = findings(bundles("slow", 3), CODE)
    assert found.problem.message.startswith("rule `verify` looks at one image with 28 requests, 14 s")
    assert "waits 10 s: the resource is then refused" in found.problem.message
    assert found.problem.related == ()


def test_several_rules_that_take_too_long_together() -> None:
    policies = [bundles(f"p{n}", failurePolicy="Ignore") for n in range(4)]
    (found,) = findings("\n---\n".join(policies), CODE)
    assert found.problem.message.startswith("4 rules look at one image")
    assert "admitted unverified" in found.problem.message
    assert len(found.problem.related) == 3


@pytest.mark.parametrize(
    "text",
    [
        bundles("p", 2),
        bundles("p", 3, webhookTimeoutSeconds=20),
        "\n---\n".join(bundles(f"p{n}", namespace=f"n{n}") for n in range(4)),
        "\n---\n".join([bundles("a", 2), bundles("b", 2, failurePolicy="Ignore")]),
    ],
)
def test_what_is_done_in_time(text: str) -> None:
    assert findings(text, CODE) == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [("*/*", True), ("apps/*/*", True), ("apps/v1/*Set", False), ("*/ephemeralcontainers", False)],
)
def test_every_kind(kind: str, told: bool) -> None:
    match = {"any": [{"resources": {"kinds": [kind]}}]}
    found = findings(cluster_policy(rule={"match": match}), CODE)
    assert len(found) == told
    for each in found:
        assert each.location is not None
        span = each.location.span
        assert kind in each.location.source.line(span.start.line)[span.start.column - 1 : span.end.column - 1]


@pytest.mark.parametrize("kinds", [["*"], ["*", "Pod"]])
@pytest.mark.parametrize("background", [True, False])
def test_a_star_alone_is_refused(kinds: list[str], background: bool) -> None:
    match = {"any": [{"resources": {"kinds": kinds}}]}
    text = cluster_policy(rule={"match": match}, spec={"background": background})
    (found,) = reported(text, CODE)
    assert "wildcard policy" in found.problem.message
    assert found.problem.help == "name the kinds"


def test_rules_with_extractors_may_be_about_anything() -> None:
    data = json.loads(cluster_policy(rule={"match": {"any": [{"resources": {"kinds": ["*/*"]}}]}}))
    data["spec"]["rules"][0]["imageExtractors"] = {"Task": [{"path": "/spec/image"}]}
    assert findings(json.dumps(data), CODE) == []
