from typing import Any

import pytest

from pratique.compiler.lint.base import Severity
from tests.support_attestors import keyless
from tests.support_lint import findings

SUBJECT = r"^https://github\.com/acme/app/.+@refs/tags/v1$"
ISSUER = r"^https://token\.actions\.githubusercontent\.com$"


@pytest.mark.parametrize(
    ("changes", "severity", "label", "marked"),
    [
        ({"subjectRegExp": SUBJECT}, Severity.WARNING, "either is enough", '"subjectRegExp"'),
        ({"issuerRegExp": ISSUER}, Severity.INFO, "both must match", '"issuerRegExp"'),
    ],
)
def test_flagged(changes: dict[str, Any], severity: Severity, label: str, marked: str) -> None:
    [finding] = findings(keyless(**changes), "PRQ024")
    assert (finding.severity, finding.problem.label) == (severity, label)
    place = finding.location
    assert place is not None
    assert place.source.line(place.span.start.line)[place.span.start.column - 1 :].startswith(marked)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": None, "subjectRegExp": SUBJECT},
        {"issuer": None, "issuerRegExp": ISSUER},
    ],
)
def test_one_of_each_is_left_alone(changes: dict[str, Any]) -> None:
    assert findings(keyless(**changes), "PRQ024") == []
