from typing import Any

import pytest

from tests.support_attestors import attestor, keyless
from tests.support_lint import findings

ROOTS = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({"subject": "*"}, "a workflow of any GitHub repository"),
        ({"subject": "https://github.com/*"}, "a workflow of any GitHub repository"),
        ({"subject": None}, "a workflow of any GitHub repository"),
        ({"subject": None, "issuer": None}, "a workflow of any GitHub repository"),
        ({"subject": None, "subjectRegExp": ".*"}, "a workflow of any GitHub repository"),
        (
            {"subjectRegExp": r"^https://github\.com/"},
            "a workflow of any GitHub repository",
        ),  # joined by "or"
        ({"subject": "*@gmail.com", "issuer": "https://accounts.google.com"}, "anybody's Google account"),
        (
            {"subject": "https://gitlab.com/*", "issuer": "https://gitlab.com"},
            "a pipeline of any GitLab project",
        ),
    ],
)
def test_flagged(changes: dict[str, Any], who: str) -> None:
    [finding] = findings(keyless(**changes), "PRQ022")
    assert finding.problem.message == f"this attestor accepts {who}: anybody can sign as that"
    assert [example.label for example in finding.problem.examples] == ["accepted subject", "accepted issuer"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": "https://github.com/acme/*"},
        {"subject": "*@acme.example", "issuer": "https://accounts.google.com"},
        {"subject": "*", "issuer": "https://sso.acme.example"},
        {"subject": "*", "roots": ROOTS},
        {"subject": "*", "additionalExtensions": {"githubWorkflowRepository": "acme/app"}},
        {"subject": None, "subjectRegExp": "(("},
    ],
)
def test_left_alone(changes: dict[str, Any]) -> None:
    assert findings(keyless(**changes), "PRQ022") == []


def test_nested_attestors_are_looked_at() -> None:
    inner = {"keyless": {"subject": "*", "rekor": {"url": "https://rekor.sigstore.dev"}}}
    assert len(findings(attestor(attestor={"entries": [inner]}), "PRQ022")) == 1


def test_keys_have_no_identity() -> None:
    assert findings(attestor(keys={"kms": "awskms://key"}), "PRQ022") == []
