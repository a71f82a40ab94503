from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.lower import lower_exceptions
from pratique.grammar.documents import read_policies
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Source

PODS = {"resources": {"kinds": ["Pod"], "names": ["debug-*"]}}


def lowered(**spec: Any) -> tuple[tuple[ir.Exemption, ...], tuple[PolicyError, ...]]:
    excepted = [{"policyName": "signed", "ruleNames": ["*"]}]
    text = json.dumps(
        {
            "apiVersion": "kyverno.io/v2",
            "kind": "PolicyException",
            "metadata": {"name": "e"},
            "spec": {"match": {"any": [PODS]}, "exceptions": excepted, **spec},
        }
    )
    file = read_policies(Source("e.json", text))
    assert not file.errors
    return lower_exceptions(file.exceptions)


def test_an_exemption() -> None:
    conditions = {"all": [{"key": "{{ request.operation }}", "operator": "Equals", "value": "CREATE"}]}
    (found,), errors = lowered(conditions=conditions)
    assert not errors
    assert (found.key, found.rules) == ("default/e", (("signed", ("*",)),))
    assert found.conditions == conditions
    (only,) = found.resources.filters
    assert only.names == ("debug-*",)
    assert found.at.location is not None


def test_without_conditions() -> None:
    assert [each.conditions for each in lowered()[0]] == [None]
    assert [each.conditions for each in lowered(conditions={})[0]] == [None]


def test_all() -> None:
    (found,), _ = lowered(match={"all": [PODS, PODS]})
    assert found.resources.every
    assert len(found.resources.filters) == 2


SENDER = {"subjects": [{"kind": "User", "name": "root"}]}


@pytest.mark.parametrize(
    ("spec", "message", "place"),
    [
        ({"match": {"any": [PODS], "all": [PODS]}}, "Can't specify any and all together", "match"),
        ({"match": {"any": [{**PODS, **SENDER}]}}, "Usage of user info is forbidden", "subjects"),
        (
            {"exceptions": [{"policyName": "", "ruleNames": ["*"]}]},
            "An exception requires a policy name",
            '""',
        ),
        (
            {"match": {"any": [{"resources": {"kinds": ["Pod"], "name": "a", "names": ["b"]}}]}},
            "Both name and names can not be specified together",
            "names",
        ),
        (
            {"match": {"any": [{"resources": {"kinds": ["a/b/c/d/e"]}}]}},
            "'a/b/c/d/e' is not a kind selector",
            "a/b/c/d/e",
        ),
    ],
)
def test_refused(spec: dict[str, Any], message: str, place: str) -> None:
    found, (error,) = lowered(**spec)
    assert found == ()
    assert error.message.startswith(f"invalid exception e: {message}")
    assert error.location is not None
    line = error.location.source.line(1)
    assert place in line[error.location.span.start.column - 20 : error.location.span.end.column]


def test_senders_may_be_named_where_background_scans_take_no_part() -> None:
    (found,), errors = lowered(match={"any": [{**PODS, **SENDER}]}, background=False)
    assert not errors
    assert found.resources.filters[0].has_user_info
