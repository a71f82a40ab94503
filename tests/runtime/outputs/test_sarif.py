from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from pratique.grammar.source import Location, Source, Span
from pratique.runtime.decision import Check, Report, ResourceId, RuleResult, Stage, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.sarif import render, render_problems
from pratique.runtime.outputs.view import View
from tests.conftest import Golden
from tests.support_reports import POLICY_FILE, mixed, place, resource, result, story, wrongly_signed
from tests.support_schemas import schema_errors

SCHEMA = "sarif-2.1.0"


def run(report: Report, *, audit_warn: bool = False) -> dict[str, Any]:
    data = json.loads(render(View(report, audit_warn=audit_warn), RenderOptions()))
    assert schema_errors(SCHEMA, data) == []
    [only] = data["runs"]
    found: dict[str, Any] = only
    return found


def test_golden(golden: Golden) -> None:
    golden("outputs/mixed.sarif", render(View(mixed()), RenderOptions()))


@pytest.mark.parametrize("report", [story(), mixed(), Report(results=())])
def test_it_fits_the_schema(report: Report) -> None:
    assert run(report)["tool"]["driver"]["name"] == "pratique"


def test_only_what_is_not_as_it_should_be_is_an_alert() -> None:
    found = run(mixed())
    assert [(r["ruleId"], r["level"]) for r in found["results"]] == [
        ("kube-system/check-images/overridden", "error"),
        ("audited/verify-signature", "error"),
        ("unscored/verify-signature", "warning"),
        ("unreachable/verify-signature", "error"),
    ]
    assert found["properties"]["summary"] == {"pass": 1, "fail": 2, "warn": 1, "error": 1, "skip": 1}


def test_every_rule_that_was_applied_is_listed_once() -> None:
    found = run(mixed())
    rules = [rule["id"] for rule in found["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules)) == 6
    assert all(rules[r["ruleIndex"]] == r["ruleId"] for r in found["results"])


def test_the_place_is_the_rule_and_the_resource_is_related() -> None:
    [one] = run(story())["results"]
    [location] = one["locations"]
    assert unquote(location["physicalLocation"]["artifactLocation"]["uri"]) == POLICY_FILE.name
    region = {"startLine": 12, "startColumn": 5, "endLine": 12, "endColumn": 11}
    assert location["physicalLocation"]["region"] == region
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "kube-system/Pod/etcd"
    [related] = one["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "manifests/control-plane.yaml"


def test_the_reason_tree_is_in_the_properties() -> None:
    [one] = run(story())["results"]
    [verify, validate] = one["properties"]["checks"]
    assert verify["reason"]["children"][0]["code"] == "identity-mismatch"
    assert (validate["stage"], validate["status"]) == ("validate", "fail")


def test_fingerprints_tell_resources_apart_and_outlive_changes_of_lines_and_messages() -> None:
    def marks(results: tuple[RuleResult, ...]) -> list[str]:
        return [r["fingerprints"]["pratique/v1"] for r in run(Report(results=results))["results"]]

    first, second = (result((wrongly_signed(),), of=resource(name)) for name in ("a", "b"))
    [one, two] = marks((first, second))
    assert one != two
    other_words = Check(stage=Stage.VERIFY, status=Status.ERROR, message="other words")
    moved = ResourceId(api_version="v1", kind="Pod", namespace="kube-system", name="a", uid="new")
    again = RuleResult(
        policy=first.policy,
        rule=first.rule,
        resource=moved,
        action=first.action,
        checks=(other_words,),
        location=place(POLICY_FILE, 99, 1),
    )
    assert marks((again,)) == [one]


def test_audit_warnings_are_warnings() -> None:
    levels = [r["level"] for r in run(mixed(), audit_warn=True)["results"]]
    assert levels == ["error", "warning", "warning", "error"]


def test_braces_and_links_of_a_message_stay_text() -> None:
    message = "{0} and {x} [here](https://attacker.invalid)"
    check = Check(stage=Stage.VERIFY, status=Status.FAIL, message=message)
    [one] = run(Report(results=(result((check,)),)))["results"]
    assert one["message"]["text"] == (
        "kube-system/Pod/etcd: {{0}} and {{x}} [here] (https://attacker.invalid)"
    )


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("policies/a.yaml", "policies/a.yaml"),
        ("policies/a b#1?.yaml", "policies/a%20b%231%3F.yaml"),
        ("c:d.yaml", "c%3Ad.yaml"),
        ("/abs/ü.yaml", "file:///abs/%C3%BC.yaml"),
        ("<stdin>", "%3Cstdin%3E"),
        ("bad\udc80.yaml", "bad%3F.yaml"),
    ],
)
def test_file_names_become_uris(name: str, uri: str) -> None:
    one = result((wrongly_signed(),))
    moved = RuleResult(
        policy=one.policy,
        rule=one.rule,
        resource=one.resource,
        action=one.action,
        checks=one.checks,
        location=Location(Source(name, ""), Span.at(1, 1)),
    )
    [found] = run(Report(results=(moved,)))["results"]
    given = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert given == uri
    assert urlsplit(given).scheme in ("", "file")


def test_without_a_policy_text_the_resource_is_the_place() -> None:
    one = result((wrongly_signed(),))
    bare = RuleResult(
        policy=one.policy, rule=one.rule, resource=one.resource, action=one.action, checks=one.checks
    )
    [found] = run(Report(results=(bare,)))["results"]
    uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "manifests/control-plane.yaml"


def test_severity_sorts_alerts() -> None:
    rules = {r["id"]: r["properties"] for r in run(mixed())["tool"]["driver"]["rules"]}
    assert rules["kube-system/check-images/verify-signature"]["security-severity"] == "8.0"
    assert rules["unscored/verify-signature"]["security-severity"] == "2.5"
    assert "security-severity" not in rules["kube-system/check-images/overridden"]


def test_problems_make_the_run_unsuccessful() -> None:
    problems = [
        Problem(
            code="bad-regexp",
            message="invalid policy p: no",
            file="p.yaml",
            line=3,
            column=7,
            end_line=3,
            end_column=9,
        ),
        Problem(code="no-such-file", message="x.yaml: no such file"),
    ]
    data = json.loads(render_problems(problems))
    assert schema_errors(SCHEMA, data) == []
    [invocation] = data["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert data["runs"][0]["results"] == []
    first, second = invocation["toolConfigurationNotifications"]
    assert first["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert (first["descriptor"]["id"], second["level"]) == ("bad-regexp", "error")
