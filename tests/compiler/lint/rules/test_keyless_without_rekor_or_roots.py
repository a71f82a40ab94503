from __future__ import annotations

import pytest

from tests.support_lint import patterns, reported

CODE = "PRQ030"


def keyless(more: str) -> str:
    entry = f"attestors:\n- entries:\n  - keyless:\n      subject: a@acme.example\n{more}"
    return patterns("ghcr.io/acme/*", more=entry)


OLD = patterns("ghcr.io/acme/*", more="issuer: https://accounts.google.com\nsubject: a@acme.example\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (keyless(""), "subject: a@acme.example"),
        (keyless("      rekor: {}\n"), "rekor: {}"),
        (keyless('      rekor: {url: ""}\n'), 'rekor: {url: ""}'),
        (OLD, "issuer: https://accounts.google.com"),
    ],
)
def test_the_mistake_has_the_code_and_advice(text: str, line: str) -> None:
    (found,) = reported(text, CODE)
    assert found.location is not None
    assert found.location.source.line(found.location.span.start.line).strip() == line
    assert "rekor: {url: https://rekor.sigstore.dev}" in found.problem.help


@pytest.mark.parametrize(
    "text",
    [
        keyless("      rekor: {url: https://rekor.sigstore.dev}\n"),
        keyless("      roots: PEM\n"),
        OLD.replace("  subject:", "  roots: PEM\n  subject:"),
    ],
)
def test_nothing_else(text: str) -> None:
    assert reported(text, CODE) == []
