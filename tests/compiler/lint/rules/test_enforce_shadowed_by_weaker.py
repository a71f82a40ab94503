from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Finding
from tests.support_lint import findings
from tests.support_rule_sets import OPS, entry, pods, policy, rule, together

CODE = "PRQ016"


def old(*rules: dict[str, Any], action: str = "Enforce", overrides: Any = (), **spec: Any) -> str:
    """Return a policy whose entries name no action."""
    for each in rules:
        for one in each["verifyImages"]:
            del one["failureAction"]
    return together(
        policy(
            "p", *rules, validationFailureAction=action, validationFailureActionOverrides=overrides, **spec
        )
    )


def override(action: str, *namespaces: str, **more: Any) -> dict[str, Any]:
    return {"action": action, **({"namespaces": list(namespaces)} if namespaces else {}), **more}


def found(text: str) -> list[Finding]:
    return findings(text, CODE)


def about(*namespaces: str) -> dict[str, Any]:
    return rule(
        "verify", entry("ghcr.io/acme/*"), match=pods(namespaces=list(namespaces)) if namespaces else None
    )


def test_overrides_that_cover_the_rule() -> None:
    (one,) = found(old(about("prod", "test"), overrides=[override("Audit", "prod"), override("Audit", "t*")]))
    assert one.problem.message == (
        "rule `verify` blocks nothing: `validationFailureActionOverrides` set all its namespaces to `Audit`"
    )
    assert one.problem.examples[0].text == "ghcr.io/acme/app:1.4.2 in Pod prod/app"
    assert one.location
    assert one.location.source.line(one.location.span.start.line).strip() == "{"


@pytest.mark.parametrize(
    "overrides",
    [
        [override("Audit", "prod")],
        [override("Enforce", "test"), override("Audit", "?rod")],
        [override("Audit", namespaceSelector={"matchLabels": {"tier": "test"}})],
    ],
)
def test_something_is_left_to_block(overrides: Any) -> None:
    assert found(old(about("prod", "test"), overrides=overrides)) == []


def test_a_rule_that_only_reports_has_nothing_to_lose() -> None:
    assert found(old(about("prod"), action="Audit", overrides=[override("Audit", "prod")])) == []


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        ([override("Enforce", "stage")], "no rule of the policy is about such a namespace"),
        ([override("Enforce", "Prod")], "no namespace can have such a name or such labels"),
        ([override("Enforce")], "it names no namespace"),
        (
            [override("Audit", "prod", "p*"), override("Audit", "pro*")],
            "overrides before it take all its namespaces, and the first one counts",
        ),
    ],
)
def test_overrides_that_apply_nowhere(overrides: Any, why: str) -> None:
    (one,) = found(old(about("prod", "test"), action="Audit", overrides=overrides))
    assert one.problem.message.endswith(f"applies nowhere: {why}")


def test_an_override_is_dead_only_if_it_is_for_all_rules() -> None:
    other = rule("other", entry("quay.io/*"), match=pods(namespaces=["stage"]))
    assert found(old(about("prod"), other, action="Audit", overrides=[override("Enforce", "stage")])) == []


def one_by_one(*rules: dict[str, Any]) -> list[Finding]:
    return found(together(policy("p", *rules, applyRules="One")))


def test_a_rule_behind_one_that_only_reports() -> None:
    reports = rule("reports", entry("ghcr.io/*", failureAction="Audit"))
    (one,) = one_by_one(reports, rule("blocks", entry("ghcr.io/acme/*", by=OPS)))
    assert one.problem.message.startswith("rule `blocks` is never reached: with `applyRules: One`")
    assert one.problem.examples[0].text == "ghcr.io/acme/app:1.4.2 in Pod default/app"
    assert [label for label, _ in one.problem.related] == ["asked before it"]


@pytest.mark.parametrize(
    "first",
    [
        rule("reports", entry("ghcr.io/acme/*", failureAction="Audit", skip=("ghcr.io/acme/x*",))),
        rule("reports", entry("ghcr.io/*", failureAction="Audit"), match=pods(namespaces=["test"])),
        rule("reports", entry("ghcr.io/*", failureAction="Audit", by=[])),
        rule("blocks-too", entry("ghcr.io/*")),
        rule(
            "reports",
            entry("ghcr.io/*", failureAction="Audit"),
            preconditions={"all": [{"key": "a", "operator": "Equals", "value": "b"}]},
        ),
    ],
)
def test_a_rule_that_is_reached(first: dict[str, Any]) -> None:
    assert one_by_one(first, rule("blocks", entry("ghcr.io/acme/*", by=OPS))) == []
