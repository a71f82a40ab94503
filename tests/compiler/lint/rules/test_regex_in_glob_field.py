from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.compiler.lint.base import Severity
from tests.support_attestors import GOOD, keyless, verify
from tests.support_lint import findings, policy_text

CODE = "PRQ025"


def expression(text: str, **more: Any) -> str:
    return keyless(subject=None, subjectRegExp=text, **more)


@pytest.mark.parametrize(
    ("text", "refused", "fixed"),
    [
        (".*@acme.example", "release@acme.example", "*@acme.example"),
        (r"^https://github\.com/acme/.+$", "https://github.com/acme/release", "https://github.com/acme/*"),
        (r"^release@acme\.example$", "release@acme.example", "release@acme.example"),
        (r"(release|build)@acme\.example", "", ""),
    ],
)
def test_an_expression_as_a_pattern(text: str, refused: str, fixed: str) -> None:
    (found,) = findings(keyless(subject=text), CODE)
    (example,) = found.problem.examples
    assert example.label == "refused"
    assert example.text == refused or not refused
    fix = found.problem.fix
    assert (json.loads(fix.edits[0].text) if fix else "") == fixed


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("https://github.com/acme/*", Severity.ERROR),
        (r"^https://github\.com/acme/*$", Severity.WARNING),
        ("*@acme.example", Severity.WARNING),
        ("^https://github.com/acme*", Severity.ERROR),
    ],
)
def test_a_pattern_as_an_expression(text: str, severity: Severity) -> None:
    (found,) = findings(expression(text), CODE)
    assert found.severity is severity
    assert found.problem.examples[0].label == ("accepted" if severity is Severity.ERROR else "refused")
    assert found.problem.fix is not None


def test_it_says_more_than_the_rules_about_expressions() -> None:
    assert [found.code for found in findings(expression("https://github.com/acme/*"))] == [CODE]
    assert [found.code for found in findings(expression("*@acme.example"))] == [CODE]


@pytest.mark.parametrize(
    "text",
    [
        keyless(),
        keyless(subject="https://github.com/acme/app/.github/workflows/release.*@refs/tags/v1.*"),
        expression(r"^https://github\.com/acme/.+$"),
        expression(r"^[^@]+@acme\.example$"),
        keyless(issuer=r"https://token.actions.githubusercontent.com"),
        keyless(additionalExtensions={"githubWorkflowRef": "refs/tags/*"}),
        # What an expression means is right where the other test accepts it.
        keyless(subject="https://github.com/acme/*", subjectRegExp="https://github.com/acme/*"),
    ],
)
def test_texts_in_the_language_of_their_field(text: str) -> None:
    assert CODE not in {found.code for found in findings(text, CODE) if found.severity is Severity.WARNING}


def test_issuers_and_extensions() -> None:
    (found,) = findings(keyless(issuer=r"https://token\.actions\.githubusercontent\.com"), CODE)
    assert found.problem.help == f"write `{GOOD['issuer']}`"
    (found,) = findings(keyless(additionalExtensions={"githubWorkflowRef": "^refs/tags/v.+$"}), CODE)
    assert found.problem.message.startswith("`githubWorkflowRef` is a pattern")


def test_the_other_test_of_a_pair_may_accept_what_is_meant() -> None:
    text = keyless(subject="https://github.com/acme/*", subjectRegExp=r"^https://github\.com/acme/*$")
    assert findings(text, CODE) == []


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"namespaces": ["prod-.*"]}, "no namespace holds `.`"),
        ({"namespaces": ["^prod$"]}, "no namespace holds `^`"),
        ({"names": ["(a|b)"]}, "no name holds `(`"),
    ],
)
@pytest.mark.parametrize("block", ["match", "exclude"])
def test_names_of_resources(block: str, resources: dict[str, Any], message: str) -> None:
    kinds = {"kinds": ["Pod"]}
    blocks = {"match": kinds, "exclude": None}
    blocks[block] = {**kinds, **resources}
    text = "".join(f"{name}: {json.dumps({'any': [{'resources': r}]})}\n" for name, r in blocks.items() if r)
    (found,) = findings(text, CODE)
    assert message in found.problem.message
    assert found.location is not None
    written = next(iter(resources.values()))[0]
    span = found.location.span
    assert found.location.source.line(span.start.line)[span.start.column - 1 : span.end.column - 1] == written


def test_good_names_of_resources() -> None:
    resources = {"kinds": ["Pod"], "names": ["app.v1-?", "*"], "namespaces": ["prod-*"]}
    assert findings(f"match: {json.dumps({'any': [{'resources': resources}]})}\n", CODE) == []


def test_policy_exceptions() -> None:
    exception = {
        "apiVersion": "kyverno.io/v2",
        "kind": "PolicyException",
        "metadata": {"name": "e"},
        "spec": {
            "match": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["dev.*"]}}]},
            "exceptions": [{"policyName": "example", "ruleNames": ["*"]}],
        },
    }
    text = f"{policy_text(verify())}---\n{json.dumps(exception)}\n"
    (found,) = findings(text, CODE)
    assert "dev.*" in found.problem.message
