import pytest

from pratique.compiler.lint.base import Severity
from pratique.compiler.texts import compile_search
from tests.support_attestors import keyless
from tests.support_lint import findings

GITHUB = r"https://github\.com/acme"


def found(expression: str) -> list[tuple[Severity | None, str, str]]:
    """Return severity, witness and help of the findings about a `subjectRegExp`."""
    text = keyless(subject=None, subjectRegExp=expression)
    return [
        (finding.severity, finding.problem.examples[0].text, finding.problem.help)
        for finding in findings(text, "PRQ021")
    ]


@pytest.mark.parametrize(
    ("expression", "severity", "witness", "remedy"),
    [
        (GITHUB, "error", "https://github.com/acme-evil/app", f"write `^{GITHUB}/.+$`"),
        (f"^{GITHUB}", "error", "https://github.com/acme-evil/app", f"write `^{GITHUB}/.+$`"),
        (
            r"@acme\.example",
            "error",
            "release@acme.example.attacker.example",
            r"write `^[^@]+@acme\.example$`",
        ),
        (
            r"^https://gitlab\.example",
            "error",
            "https://gitlab.example.attacker.example",
            r"write `^https://gitlab\.example/.+$`",
        ),
        (
            f"{GITHUB}/.*",
            "warning",
            "https://attacker.example/https://github.com/acme/app",
            f"write `^{GITHUB}/.*$`",
        ),
        (
            r"@acme\.example$",
            "warning",
            "https://attacker.example/@acme.example",
            r"write `^[^@]+@acme\.example$`",
        ),
        (
            f"^{GITHUB}/|^https://github\\.com/b",
            "error",
            "https://github.com/b-evil/app",
            "put `^(?:` in front of the expression and `)$` behind it, and check what it spans then",
        ),
    ],
)
def test_flagged(expression: str, severity: str, witness: str, remedy: str) -> None:
    assert found(expression) == [(Severity(severity), witness, remedy)]
    assert compile_search(expression).search(witness)
    assert not compile_search(f"^(?:{expression})$").search(witness)


@pytest.mark.parametrize(
    "expression",
    [
        f"^{GITHUB}/",
        f"^{GITHUB}/.+$",
        f"^{GITHUB}/app/.*@refs/tags/v",
        r"^[^@]+@acme\.example$",
        ".*",
        f"^({GITHUB}/.*|{GITHUB})$",
        r"\bacme\b",
        "((",
    ],
)
def test_left_alone(expression: str) -> None:
    assert found(expression) == []


def test_issuers_are_looked_at() -> None:
    text = keyless(issuer=None, issuerRegExp=r"^https://token\.actions\.githubusercontent\.com")
    [finding] = findings(text, "PRQ021")
    witness = finding.problem.examples[0].text
    assert witness == "https://token.actions.githubusercontent.com.attacker.example"


def test_a_test_that_must_hold_too_keeps_strangers_out() -> None:
    pinned = keyless(issuerRegExp=r"^https://token\.actions\.githubusercontent\.com")
    assert findings(pinned, "PRQ021") == []


def test_the_expression_itself_is_marked() -> None:
    [finding] = findings(keyless(subject=None, subjectRegExp="https://github.com/acme"), "PRQ021")
    place = finding.location
    assert place is not None
    line = place.source.line(place.span.start.line)
    assert line[place.span.start.column - 1 : place.span.end.column - 1] == "https://github.com/acme"
