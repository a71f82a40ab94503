"""Suites from their files to their rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.testing.discovery import find_files
from pratique.runtime.testing.running import Selector, run_file, run_files
from tests.support_policies import rule_policy
from tests.support_suites import LABELLED, POD, ran, reasons, row, write_suite

OK = ("Pass", "Ok")
BARE: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": {}}


def test_a_suite(tmp_path: Path) -> None:
    result = ran(tmp_path, [row("pass"), row("fail", resources=["bare"])], resources=(POD, BARE))
    assert reasons(result) == [OK, OK]
    assert (result.name, result.policies, result.resources, result.failures) == ("suite", 1, 2, 0)
    assert result.rows[0].resource == "v1/Pod/default/web"


def test_a_row_that_is_wrong(tmp_path: Path) -> None:
    result = ran(tmp_path, [row("fail")])
    assert reasons(result) == [("Fail", "Want fail, got pass")]
    assert (result.passes, result.failures) == (0, 1)


def test_generated_rules_are_covered_by_the_name_of_their_origin(tmp_path: Path) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"metadata": {"labels": {"app": "x"}}}},
    }
    assert reasons(ran(tmp_path, [row("pass")], resources=[deployment])) == [OK]


def test_unscored_policies_warn(tmp_path: Path) -> None:
    annotations = {"annotations": {"policies.kyverno.io/scored": "false"}}
    policy = rule_policy(validate=LABELLED, metadata=annotations)
    result = ran(tmp_path, [row("warn", resources=["bare"])], policies=[policy], resources=[BARE])
    assert reasons(result) == [OK]


def test_policies_that_kyverno_refuses_are_skipped(tmp_path: Path) -> None:
    policy = rule_policy(validate={"pattern": {}, "deny": {}})
    result = ran(tmp_path, [row("fail")], policies=[policy])
    assert reasons(result) == [("Skip", "Invalid Policy")]
    assert "only one of pattern" in result.rows[0].message
    assert result.failures == 0


def test_what_this_version_cannot_follow_is_not_run(tmp_path: Path) -> None:
    manifests = {"attestors": [{"entries": [{"keys": {"publicKeys": "x"}}]}], "dryRun": {"enable": True}}
    policy = rule_policy(validate={"manifests": manifests})
    result = ran(tmp_path, [row("pass")], policies=[policy])
    assert "by a dry run in rule 'rule' cannot be honoured" in result.problem
    assert "policies.yaml:" in result.problem
    assert result.failures == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"resultz": []}, "has no field `resultz`"),
        ({"name": "old"}, "`name` at the top is the form of old suites"),
        ({"apiVersion": ""}, "apiVersion"),
        ({"policies": ["gone.yaml"]}, "there is no file"),
        ({"resources": ["gone.yaml"]}, "there is no file"),
        ({"variables": "gone.yaml"}, "gone.yaml"),
        ({"userinfo": "gone.yaml"}, "gone.yaml"),
        ({"exceptions": ["gone.yaml"]}, "gone.yaml"),
        ({"jsonPayloads": ["gone.json"]}, "gone.json"),
        ({"jsonPayloads": ["."]}, "must be one JSON object"),
        ({"results": [row("maybe")]}, "must be `pass`, `fail`, `skip`, `warn` or `error`"),
        ({"results": [row("pass", operation="PATCH")]}, "must be"),
    ],
)
def test_a_suite_that_cannot_be_read_is_one_failed_test(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    path = write_suite(tmp_path, [row("pass")])
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), "utf-8")
    (result,) = run_file(path, Selector())
    assert told in result.problem
    assert (result.failures, result.rows) == (1, ())


def test_several_suites_in_one_file(tmp_path: Path) -> None:
    path = write_suite(tmp_path, [row("pass")])
    path.write_text(f"{path.read_text('utf-8')}\n---\n{path.read_text('utf-8')}", "utf-8")
    assert [reasons(result) for result in run_file(path, Selector())] == [[OK], [OK]]


def test_duplicates_are_noted(tmp_path: Path) -> None:
    result = ran(tmp_path, [row("pass")], resources=(POD, POD))
    assert reasons(result) == [OK]
    assert result.notes == ("found duplicated resource Pod web default",)


# --- values, users, exceptions, operations -------------------------------------------------------------

OPERATION = {
    "message": "m",
    "deny": {
        "conditions": {"any": [{"key": "{{ request.operation }}", "operator": "Equals", "value": "DELETE"}]}
    },
}


def test_values_by_resource(tmp_path: Path) -> None:
    values = {
        "policies": [{"name": "p", "resources": [{"name": "web", "values": {"request.operation": "DELETE"}}]}]
    }
    policy = rule_policy(validate=OPERATION)
    rows = [row("fail"), row("pass", resources=["bare"])]
    result = ran(tmp_path, rows, policies=[policy], resources=(POD, BARE), values=values)
    assert reasons(result) == [OK, OK]


def test_values_in_a_file(tmp_path: Path) -> None:
    file = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Values",
        "globalValues": {"request.operation": "DELETE"},
    }
    result = ran(
        tmp_path,
        [row("fail")],
        policies=[rule_policy(validate=OPERATION)],
        variables="v.yaml",
        files={"v.yaml": file},
    )
    assert reasons(result) == [OK]


def test_rows_may_name_operations(tmp_path: Path) -> None:
    rows = [row("fail", operation="DELETE"), row("pass"), row("pass", operation="UPDATE")]
    assert reasons(ran(tmp_path, rows, policies=[rule_policy(validate=OPERATION)])) == [OK, OK, OK]


def test_patterns_on_what_is_deleted_are_excluded(tmp_path: Path) -> None:
    assert reasons(ran(tmp_path, [row("fail", operation="DELETE")])) == [("Pass", "Excluded")]


def test_users(tmp_path: Path) -> None:
    match = {"any": [{"resources": {"kinds": ["Pod"]}, "subjects": [{"kind": "User", "name": "dev"}]}]}
    policy = rule_policy(validate=LABELLED, match=match, spec={"background": False})
    user = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "UserInfo",
        "userInfo": {"username": "ops"},
    }
    asked = ran(tmp_path, [row("pass")], policies=[policy], userinfo="u.yaml", files={"u.yaml": user})
    assert reasons(asked) == [("Pass", "Excluded")]
    assert reasons(ran(tmp_path / "2", [row("pass")], policies=[policy])) == [OK]


EXCEPTION = {
    "apiVersion": "kyverno.io/v2",
    "kind": "PolicyException",
    "metadata": {"name": "e", "namespace": "n"},
    "spec": {
        "match": {"any": [{"resources": {"kinds": ["Pod"], "names": ["bare"]}}]},
        "exceptions": [{"policyName": "p", "ruleNames": ["r*"]}],
    },
}


def test_exceptions(tmp_path: Path) -> None:
    result = ran(
        tmp_path,
        [row("skip", resources=["bare"]), row("pass")],
        resources=(POD, BARE),
        exceptions=["e.yaml"],
        files={"e.yaml": EXCEPTION},
    )
    assert reasons(result) == [OK, OK]
    assert result.rows[0].message == "rule is skipped due to policy exceptionsn/e"
    assert result.exceptions == 1


def test_labels_of_namespaces(tmp_path: Path) -> None:
    selector = {"namespaceSelector": {"matchLabels": {"env": "prod"}}}
    match = {"any": [{"resources": {"kinds": ["Pod"], **selector}}]}
    policy = rule_policy(validate=LABELLED, match=match)
    labels = {"namespaceSelector": [{"name": "default", "labels": {"env": "prod"}}]}
    assert reasons(ran(tmp_path, [row("pass")], policies=[policy], values=labels)) == [OK]
    # A namespace that nobody describes has no labels.
    assert reasons(ran(tmp_path / "2", [row("pass")], policies=[policy])) == [("Pass", "Excluded")]


def test_context_entries_that_nobody_answers_are_unknown_names(tmp_path: Path) -> None:
    entry = {"name": "map", "configMap": {"name": "m", "namespace": "n"}}
    condition = {"key": "{{ map.data.x || 'none' }}", "operator": "Equals", "value": "none"}
    validate = {"message": "m", "deny": {"conditions": {"any": [condition]}}}
    policy = rule_policy(validate=validate, context=[entry])
    assert reasons(ran(tmp_path, [row("fail")], policies=[policy])) == [OK]
    values = {"policies": [{"name": "p", "rules": [{"name": "rule", "values": {"map.data.x": "y"}}]}]}
    assert reasons(ran(tmp_path / "2", [row("pass")], policies=[policy], values=values)) == [OK]


# --- selectors, many files -----------------------------------------------------------------------------


def test_selectors() -> None:
    chosen = Selector.parse("policy=p*, rule=r,resource=web")
    assert (chosen.policy, chosen.rule, chosen.resource) == ("p*", "r", "web")
    for wrong in ("policy", "policy=a=b", "kind=Pod"):
        with pytest.raises(UsageError, match="--test-case-selector"):
            Selector.parse(wrong)


def test_rows_that_are_not_chosen_are_not_run(tmp_path: Path) -> None:
    path = write_suite(tmp_path, [row("pass"), row("fail", rule="other"), row("pass", policy="q")])
    (result,) = run_file(path, Selector(policy="p", rule="rule"))
    assert reasons(result) == [OK]
    assert run_file(path, Selector(policy="nothing")) == []


def test_a_chosen_resource_is_what_rows_are_about(tmp_path: Path) -> None:
    path = write_suite(tmp_path, [row("fail", resources=["web", "bare"])], resources=(POD, BARE))
    (result,) = run_file(path, Selector(resource="bare"))
    assert [each.resource for each in result.rows] == ["v1/Pod/default/bare"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_are_in_the_order_of_the_files(tmp_path: Path, jobs: int) -> None:
    for name in ("b/x", "a", "b/a", "c"):
        write_suite(tmp_path / name, [row("pass")])
    (tmp_path / "c" / "kyverno-test.yaml").write_text("kind: [", "utf-8")
    files = find_files([str(tmp_path)])
    found = list(run_files(files, Selector(), jobs))
    assert [Path(each.path).parent.relative_to(tmp_path).as_posix() for each in found] == [
        "a",
        "b/a",
        "b/x",
        "c",
    ]
    assert [each.failures for each in found] == [0, 0, 0, 1]


def test_paths_that_are_not_there() -> None:
    with pytest.raises(UsageError, match="there is no file or folder gone"):
        find_files(["gone"])
