"""What cleanup policies would delete, in Kyverno's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.compiler.plan import Plan
from pratique.grammar.errors import EvaluationError
from pratique.runtime.applicable import applicable
from pratique.runtime.cli import main
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.decision import RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.now import run_now
from pratique.runtime.resource import Resource
from pratique.runtime.serving.unserved import unserved
from tests.support_cleanup import cleanup, condition, lowered
from tests.support_engine import pod
from tests.support_suites import POD, ran, reasons

NAME = "{{ target.metadata.name }}"


def judged(text: str, data: Any = None, source: GivenContext | None = None, **known: Any) -> RuleResult:
    found = lowered(text)
    assert not found.errors, [str(error) for error in found.errors]
    plan, resource = Plan(found.policies), Resource(data or pod("nginx:1"), **known)
    (result,) = run_now(Engine(plan, source=source).judge(resource, applicable(plan, resource)))
    return result


def said(text: str, data: Any = None, **known: Any) -> tuple[str, str]:
    result = judged(text, data, **known)
    assert result.rule == "clean"
    return str(result.status), result.message


MATCHED, STAYS = ("pass", "resource matched"), ("fail", "resource did not match")
SELECTED = {"any": [{"resources": {"kinds": ["Pod"], "namespaceSelector": {"matchLabels": {"a": "b"}}}}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, MATCHED),
        ({"match": {"any": [{"resources": {"kinds": ["Job"]}}]}}, STAYS),
        ({"exclude": {"any": [{"resources": {"names": ["po*"]}}]}}, STAYS),
        ({"exclude": {"any": [{"resources": {"names": ["x"]}}]}}, MATCHED),
        ({"conditions": condition(NAME, "pod")}, MATCHED),
        ({"conditions": condition(NAME, "other")}, STAYS),
        ({"conditions": {"any": []}}, STAYS),
        ({"conditions": condition("{{ request.namespace }}", "default")}, MATCHED),
        ({"conditions": condition("{{ images.containers.c0.tag }}", "1")}, MATCHED),
        (
            {
                "context": [{"name": "wanted", "variable": {"value": "pod"}}],
                "conditions": condition(NAME, "{{ wanted }}"),
            },
            MATCHED,
        ),
        ({"kind": "CleanupPolicy"}, STAYS),
    ],
)
def test_every_object_is_answered_for(spec: dict[str, Any], expected: tuple[str, str]) -> None:
    assert said(cleanup(**spec)) == expected


def test_policies_of_a_namespace_clean_that_one() -> None:
    assert said(cleanup(kind="CleanupPolicy"), pod("x", metadata={"namespace": "shop"})) == MATCHED


@pytest.mark.parametrize(
    ("labels", "expected"), [({"a": "b"}, "pass"), ({}, "fail"), (None, "error")], ids=str
)
def test_k11_labels_of_namespaces(labels: dict[str, str] | None, expected: str) -> None:
    assert said(cleanup(match=SELECTED), namespace_labels=labels)[0] == expected


@pytest.mark.parametrize(
    "key", ["{{ request.object.metadata.name }}", "{{ target.spec.none }}", "{{ to_upper(`5`) }}"]
)
def test_what_cannot_be_evaluated_is_one_error_at_its_place(key: str) -> None:
    result = judged(cleanup(conditions=condition(key, "x")))
    (check,) = result.checks
    assert str(result.status) == "error"
    assert check.reason is not None
    assert check.reason.location is not None


def test_an_outage_deletes_nothing() -> None:
    entry = {"name": "v", "apiCall": {"urlPath": "/api/v1/namespaces"}}
    result = judged(cleanup(context=[entry], conditions=condition("{{ v }}", "x", "NotEquals")))
    assert str(result.status) == "error"


def test_calls_are_answered() -> None:
    entry = {"name": "v", "apiCall": {"urlPath": "/api/v1/namespaces", "jmesPath": "items[0]"}}
    text = cleanup(context=[entry], conditions=condition("{{ v }}", "x"))

    class Answering(GivenContext):
        def find(self, question: Any) -> Any:
            if "namespaces" not in str(question):
                raise EvaluationError("not-found", "nothing")
            return {"items": ["x"]}

    assert str(judged(text, source=Answering()).status) == "pass"


def test_served_it_is_refused() -> None:
    (policy,) = lowered(cleanup()).policies.policies
    (error,) = unserved(policy)
    assert error.message.startswith("rule 'clean' deletes: `pratique serve` ")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clean.json").write_text(cleanup(conditions=condition(NAME, "pod")))
    other = pod("x")
    other["metadata"]["name"] = "kept"
    for name, data in (("a", pod("x")), ("b", other)):
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    args = [str(tmp_path / "clean.json"), "-r", str(tmp_path / "a.json")]
    assert main(["apply", *args]) == 0
    assert main(["apply", *args, "-r", str(tmp_path / "b.json")]) == 1
    out = capsys.readouterr().out
    assert "policy clean -> resource default/Pod/kept failed:" in out
    assert "clean resource did not match" in out
    assert main(["lint", str(tmp_path / "clean.json")]) == 0
    assert main(["explain", str(tmp_path / "clean.json")]) == 0
    assert "is deleted at" in capsys.readouterr().out


@pytest.mark.parametrize(("result", "verdict"), [("pass", "Pass"), ("fail", "Fail")])
def test_rows_of_suites(tmp_path: Path, result: str, verdict: str) -> None:
    """Kyverno's command knows no rows about cleanup policies: there is nothing to differ from."""
    rows = [{"policy": "clean", "resources": ["web"], "result": result}]
    policies = [cleanup(conditions=condition("{{ target.metadata.labels.app }}", "web"))]
    found = ran(tmp_path, rows, policies=policies, resources=[POD])
    assert [each for each, _ in reasons(found)] == [verdict]
