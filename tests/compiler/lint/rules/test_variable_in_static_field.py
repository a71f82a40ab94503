from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support_attestors import verify
from tests.support_lint import findings, old_action, patterns, policy_text, reported

CODE = "PRQ040"
VARIABLE = "{{ request.object.metadata.name }}"


@pytest.mark.parametrize(
    "text",
    [
        patterns(f"{VARIABLE}/*"),
        f"match: {json.dumps({'any': [{'resources': {'kinds': ['Pod'], 'names': [VARIABLE]}}]})}\n",
    ],
)
def test_what_is_refused(text: str) -> None:
    (found,) = reported(text, CODE)
    assert "should not have variables" in found.problem.message
    assert found.problem.help


def overridden(**override: Any) -> str:
    block = json.dumps([{"action": "Audit", **override}])
    overrides = f"  validationFailureActionOverrides: {block}\n"
    return old_action(patterns("ghcr.io/acme/*"), more=overrides)


@pytest.mark.parametrize(
    "override",
    [
        {"namespaces": ["prod", f"{VARIABLE}-x"]},
        {"namespaceSelector": {"matchLabels": {"team": VARIABLE}}},
        {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": [VARIABLE]}]}},
    ],
)
def test_overrides(override: dict[str, Any]) -> None:
    (found,) = findings(overridden(**override), CODE)
    assert "the override never applies" in found.problem.message
    assert found.location is not None
    assert VARIABLE in found.location.source.line(found.location.span.start.line)


def test_extractors() -> None:
    extractors = {"Task": [{"path": f"/spec/{VARIABLE}/image"}, {"path": "/spec/image", "key": "name"}]}
    text = f"imageExtractors: {json.dumps(extractors)}\n"
    (found,) = findings(verify() + text, CODE)
    assert "no `Task` has such a field" in found.problem.message


@pytest.mark.parametrize(
    "resources",
    [
        {"names": [VARIABLE]},
        {"namespaces": [VARIABLE]},
        {"selector": {"matchLabels": {"app": VARIABLE}}},
        {"annotations": {"team": VARIABLE}},
        {"names": ["debug"]},
    ],
)
def test_exceptions(resources: dict[str, Any]) -> None:
    exception = {
        "apiVersion": "kyverno.io/v2",
        "kind": "PolicyException",
        "metadata": {"name": "e"},
        "spec": {
            "match": {"any": [{"resources": {"kinds": ["Pod"], **resources}}]},
            "exceptions": [{"policyName": "example", "ruleNames": ["*"]}],
        },
    }
    found = findings(f"{policy_text(verify())}---\n{json.dumps(exception)}\n", CODE)
    assert len(found) == (VARIABLE in str(resources))


def test_variables_with_values() -> None:
    assert findings(verify(repository=f"ghcr.io/acme/{VARIABLE}"), CODE) == []
    assert findings(overridden(namespaces=["prod"]), CODE) == []
