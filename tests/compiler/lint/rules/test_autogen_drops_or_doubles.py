from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.kyverno.autogen import ANNOTATION
from pratique.compiler.lint.base import Finding, Severity
from tests.support_lint import findings
from tests.support_rule_sets import entry, pods, policy, rule, together

CODE = "PRQ013"
LABELS = {"selector": {"matchLabels": {"team": "a"}}}
DEPLOYMENTS = [{"resources": {"kinds": ["Deployment"]}}]


def plain(name: str = "plain", **more: Any) -> dict[str, Any]:
    return rule(name, entry("ghcr.io/acme/*"), **more)


def found(*rules: dict[str, Any], controllers: str | None = None) -> list[Finding]:
    metadata = {"annotations": {ANNOTATION: controllers}} if controllers is not None else {}
    return findings(together(policy("p", *rules, metadata=metadata)), CODE)


@pytest.mark.parametrize(
    ("described", "what"),
    [
        (LABELS, "selects by labels (`selector`)"),
        ({"names": ["web-*"]}, "selects by `name`"),
        ({"annotations": {"a": "b"}}, "selects by `annotations`"),
    ],
)
def test_one_rule_takes_them_from_all(described: dict[str, Any], what: str) -> None:
    (one,) = found(plain(), rule("special", entry("quay.io/*"), match=pods(**described)))
    assert one.severity is Severity.WARNING
    assert one.problem.message == (
        f"rule `special` {what}, so that no rules for controllers are made of `plain` either: controllers are"
        " not looked at, only the Pods that they make"
    )
    (example,) = one.problem.examples
    assert example.text == "ghcr.io/acme/app:1.4.2 in Deployment default/app"
    assert [label for label, _ in one.problem.related] == ["goes without"]
    assert one.problem.help == "put the rule into a policy of its own"


def test_from_itself_alone() -> None:
    (one,) = found(plain("special", match=pods(**LABELS)))
    assert one.severity is Severity.INFO
    assert "are made of it: they are not looked at" in one.problem.message


def test_an_annotation_asks_for_them() -> None:
    (one,) = found(plain("special", match=pods(**LABELS)), controllers="Deployment")
    assert one.severity is Severity.WARNING
    assert "are made, though an annotation asks: " in one.problem.message


@pytest.mark.parametrize(
    "rules",
    [
        (plain(),),
        (plain(match=pods(namespaces=["prod"])),),
        (plain(match=pods(**LABELS)), plain("again", match=DEPLOYMENTS)),
        (plain(match=DEPLOYMENTS),),
    ],
)
def test_left_alone(rules: tuple[dict[str, Any], ...]) -> None:
    assert found(*rules) == []


def test_none_is_meant() -> None:
    assert found(plain(), plain("b", match=pods(**LABELS)), controllers="none") == []


def test_exclude_names_other_kinds() -> None:
    (one,) = found(plain(exclude={"any": DEPLOYMENTS}), plain("other"))
    assert one.problem.message == (
        "no rules for controllers are made of rule `plain`: its `exclude` names `Deployment` and no Pods"
    )
    assert found(plain(exclude={"any": pods(namespaces=["x"])})) == []


def test_names_that_are_no_controllers() -> None:
    (one,) = found(plain(), controllers="Deployments, CronJob")
    assert one.problem.message == f"`Deployments` in `{ANNOTATION}` is no controller that rules are made for"
    assert one.location
    line = one.location.source.line(one.location.span.start.line)
    assert "Deployments, CronJob" in line


def test_a_rule_whose_name_is_taken() -> None:
    (one,) = found(plain(), rule("autogen-mine", entry("quay.io/*")))
    assert one.severity is Severity.ERROR
    assert one.problem.message.startswith("rule `autogen-mine` counts for nothing")
    assert found(plain(), rule("autogen-mine", entry("quay.io/*")), controllers="none") == []


def test_a_controller_that_is_judged_twice() -> None:
    (one,) = found(plain(match=[*pods(), *DEPLOYMENTS]))
    assert one.problem.message == (
        "rule `plain` and the rule `autogen-plain` that is made of it judge the same Deployment: it has two"
        " results and costs twice as much"
    )
    assert [example.text for example in one.problem.examples] == ["Deployment default/app"]
    both = [*pods(namespaces=["a"]), {"resources": {"kinds": ["Deployment"], "namespaces": ["b"]}}]
    assert len(found(plain(match=both))) == 1
    assert found(plain(match=both), controllers="CronJob") == []
