"""Rows of suites: which rule results they are about, and what is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.documents.testing import Expectation
from pratique.runtime.decision import Status
from pratique.runtime.testing.judging import Judge
from pratique.runtime.testing.model import ResourceKey, Response, Responses, Row, RuleKind, RuleOutcome

WEB: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"}},
}
OTHER: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "other"}}
OK, EXCLUDED, NOT_FOUND = ("Pass", "Ok"), ("Pass", "Excluded"), ("Fail", "Not found")


def outcome(
    rule: str = "r", status: Status = Status.PASS, kind: RuleKind = RuleKind.VALIDATION, **more: Any
) -> RuleOutcome:
    return RuleOutcome(rule=rule, kind=kind, status=status, message="told", **more)


def response(*outcomes: RuleOutcome, policy: str = "p", patched: Any = WEB, **more: Any) -> Response:
    return Response(policy=policy, outcomes=outcomes, resource=WEB, patched=patched, **more)


def judged(
    expected: dict[str, Any], *responses: Response, folder: Path = Path(), **more: Any
) -> list[tuple[str, str]]:
    triggers = {"": {ResourceKey.of(WEB): list(responses)}}
    return told(Judge(folder, Responses(triggers=triggers, **more)).rows([row(expected)]))


def told(rows: list[Row]) -> list[tuple[str, str]]:
    return [(str(row.verdict), row.reason) for row in rows]


def row(expected: dict[str, Any]) -> Expectation:
    data = {"policy": "p", "rule": "r", "result": "pass", "resources": ["web"], **expected}
    return Expectation.model_validate(data, by_alias=True, by_name=False)


def test_a_result_as_expected() -> None:
    assert judged({}, response(outcome())) == [OK]
    assert judged({"result": "fail"}, response(outcome())) == [("Fail", "Want fail, got pass")]
    assert judged({"result": "skip"}, response(outcome(status=Status.SKIP))) == [OK]


def test_each_result_is_a_test() -> None:
    two = response(outcome("r"), outcome("autogen-r", Status.FAIL), outcome("other"))
    assert judged({}, two) == [OK, ("Fail", "Want pass, got fail")]
    assert judged({"rule": ""}, two) == [OK, ("Fail", "Want pass, got fail"), OK]
    assert judged({}, response(outcome("autogen-cronjob-r"))) == [OK]


def test_policies_without_rules_answer_for_any() -> None:
    assert judged({"rule": "whatever"}, response(outcome(""), has_rules=False)) == [OK]


def test_a_policy_that_says_nothing_is_excluded_whatever_is_expected() -> None:
    assert judged({"result": "fail"}, response()) == [EXCLUDED]
    assert judged({"rule": "wrong"}, response(outcome("r"))) == [EXCLUDED]


def test_an_empty_answer_before_the_one_with_a_result_is_a_test_of_its_own() -> None:
    assert judged({}, response(), response(outcome())) == [EXCLUDED, OK]
    assert judged({}, response(outcome()), response()) == [OK]


def test_a_policy_that_does_not_answer_is_not_found() -> None:
    assert judged({}, response(policy="other")) == [NOT_FOUND]
    assert judged({}, invalid={"p": "why"}) == [("Skip", "Invalid Policy")]


def test_policies_may_be_named_with_their_namespace() -> None:
    assert judged({"policy": "shop/p"}, response(outcome())) == [OK]


@pytest.mark.parametrize(
    ("resources", "count"),
    [
        (["web"], 2),
        (["shop/web"], 1),
        (["nowhere/web"], 2),
        (["other/web", "shop/web"], 2),
        ([], 2),
        (None, 2),
    ],
)
def test_resources(resources: list[str] | None, count: int) -> None:
    keys = [ResourceKey.of(WEB), ResourceKey.of(OTHER)]
    responses = Responses(triggers={"": {key: [response(outcome())] for key in keys}})
    expected = row({"resources": resources} if resources is not None else {})
    if resources is None:
        expected = expected.model_copy(update={"resources": None})
    assert len(Judge(Path(), responses).rows([expected])) == count


def test_resources_named_in_full() -> None:
    keys = [ResourceKey.of(WEB), ResourceKey.of(OTHER)]
    responses = Responses(triggers={"": {key: [response(outcome())] for key in keys}})
    spec = {"version": "v1", "kind": "Pod", "namespace": "other", "name": "web"}
    found = Judge(Path(), responses).rows([row({"resources": [], "resourceSpecs": [spec]})])
    assert [each.resource for each in found] == ["v1/Pod/other/web"]


def test_rows_with_an_operation_are_about_a_run_of_their_own() -> None:
    key = ResourceKey.of(WEB)
    triggers = {"": {key: [response(outcome())]}, "DELETE": {key: [response(outcome(status=Status.FAIL))]}}
    judge = Judge(Path(), Responses(triggers=triggers))
    assert told(judge.rows([row({"operation": "DELETE", "result": "fail"}), row({})])) == [OK, OK]


# --- objects -------------------------------------------------------------------------------------------

CHANGED: dict[str, Any] = {**WEB, "spec": {"x": 1.0, "gone": {}, "empty": []}}
MUTATED = outcome(kind=RuleKind.MUTATION)


def write(folder: Path, *objects: dict[str, Any]) -> str:
    (folder / "expected.yaml").write_text("\n---\n".join(map(json.dumps, objects)), "utf-8")
    return "expected.yaml"


def test_a_patched_resource_as_expected(tmp_path: Path) -> None:
    path = write(tmp_path, OTHER, {**WEB, "spec": {"x": 1}})
    expected = {"patchedResources": path}
    assert judged(expected, response(MUTATED, patched=CHANGED), folder=tmp_path) == [OK]
    assert judged(expected, response(MUTATED), folder=tmp_path) == [("Fail", "Resource diff")]


def test_a_patched_resource_that_the_file_lacks_is_not_counted(tmp_path: Path) -> None:
    expected = {"patchedResources": write(tmp_path, OTHER)}
    assert judged(expected, response(MUTATED), folder=tmp_path) == []
    asked = {**expected, "failOnMissingResources": True}
    assert judged(asked, response(MUTATED), folder=tmp_path) == [("Fail", "Resource error")]


def test_a_file_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    expected = {"patchedResources": "gone.yaml"}
    assert judged(expected, response(MUTATED), folder=tmp_path) == [("Fail", "Resource error")]


def test_every_generated_object_is_a_test(tmp_path: Path) -> None:
    labelled = {**WEB["metadata"], "labels": {"a": "b", "generate.kyverno.io/rule-name": "r"}}
    made = ({**WEB, "metadata": labelled}, OTHER)
    generated = outcome(kind=RuleKind.GENERATION, made=made)
    expected = {"generatedResource": write(tmp_path, WEB)}
    found = judged(expected, response(generated), folder=tmp_path)
    assert found == [OK, ("Fail", "Resource error")]
    any_of = {"generatedResources": [write(tmp_path, WEB, OTHER)]}
    assert judged(any_of, response(generated), folder=tmp_path) == [OK, OK]


def test_a_generation_that_made_nothing_is_judged_by_its_status(tmp_path: Path) -> None:
    expected = {"generatedResource": write(tmp_path, WEB), "result": "error"}
    failed = outcome(kind=RuleKind.GENERATION, status=Status.ERROR)
    assert judged(expected, response(failed), folder=tmp_path) == [OK]


def test_existing_objects_that_were_changed(tmp_path: Path) -> None:
    target = outcome(kind=RuleKind.MUTATION, target={**OTHER, "spec": {"x": 1}})
    targets = {ResourceKey.of(OTHER): [response(target)]}
    responses = Responses(triggers={"": {}}, targets=targets)
    expected = row({"resources": ["web"], "patchedResources": write(tmp_path, {**OTHER, "spec": {"x": 1}})})
    assert told(Judge(tmp_path, responses).rows([expected])) == [OK]
