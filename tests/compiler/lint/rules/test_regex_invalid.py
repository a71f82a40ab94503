import pytest

from tests.support_attestors import keyless
from tests.support_lint import findings


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("((", "missing closing )"),
        ("a{1001}", "invalid repeat count"),
        (r"(?=x)", "invalid or unsupported Perl syntax"),
        ("[a", "missing closing ]"),
    ],
)
def test_flagged(expression: str, error: str) -> None:
    [finding] = findings(keyless(subjectRegExp=expression), "PRQ026")
    assert (
        f"the expression `{expression}` does not compile: error parsing regexp: {error}"
        in finding.problem.message
    )


def test_issuers_are_looked_at() -> None:
    assert len(findings(keyless(issuerRegExp="(("), "PRQ026")) == 1


def test_left_alone() -> None:
    assert findings(keyless(subjectRegExp=r"^(a|b)+\.c$"), "PRQ026") == []
    assert findings(keyless(subject="(("), "PRQ026") == []
