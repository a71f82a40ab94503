from typing import Any

import pytest

from tests.support_attestors import keyless
from tests.support_lint import findings


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"issuer": None}, "none is named"),
        ({"issuer": "*"}, "`*` matches any"),
        ({"issuer": None, "issuerRegExp": "^https://"}, "`^https://` matches any"),
        ({"issuer": "https://*"}, "`https://*` matches any"),
    ],
)
def test_flagged(changes: dict[str, Any], text: str) -> None:
    [finding] = findings(keyless(**changes), "PRQ023")
    assert finding.problem.message == f"this attestor accepts its subject from any issuer: {text}"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"issuer": "https://*.acme.example"},
        {"issuer": "*", "issuerRegExp": r"^https://accounts\.google\.com$"},  # joined by "and"
        {"issuer": None, "subject": None},  # left to identity-too-wide
    ],
)
def test_left_alone(changes: dict[str, Any]) -> None:
    assert findings(keyless(**changes), "PRQ023") == []


def test_both_too_wide_is_one_finding() -> None:
    assert [f.code for f in findings(keyless(issuer=None, subject=None))] == ["PRQ022"]
