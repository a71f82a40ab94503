from __future__ import annotations

import pytest

from pratique.grammar.errors import (
    EvaluationError,
    NotFoundError,
    PolicyError,
    PolicyErrors,
    PratiqueError,
    TransportError,
    UsageError,
    VerificationError,
)
from pratique.grammar.source import Location, Source, Span
from pratique.runtime.outputs.problems import Problem, problems

POLICY = Location(Source("p.yaml", "a: b"), Span.at(1, 4, 2))
RESOURCE = Location(Source("r.yaml", "a: b"), Span.at(1, 1))


def is_policy(name: str) -> bool:
    return name == "p.yaml"


def test_mistakes_keep_their_order_and_place() -> None:
    error = PolicyErrors(
        [
            PolicyError("bad-regexp", "invalid policy named: no regexp", POLICY, help="anchor it"),
            PolicyError("yaml-syntax", "expected a mapping", POLICY),
            PolicyError("yaml-syntax", "expected a mapping", RESOURCE),
            PolicyError("no-such-file", "x.yaml: no such file"),
        ]
    )
    at = {"file": "p.yaml", "line": 1, "column": 4, "end_line": 1, "end_column": 6}
    assert problems(error, is_policy)[:2] == (
        Problem(code="bad-regexp", message="invalid policy named: no regexp", help="anchor it", **at),  # type: ignore[arg-type]
        Problem(code="yaml-syntax", message="invalid policy p.yaml: expected a mapping", **at),  # type: ignore[arg-type]
    )
    assert [p.message for p in problems(error, is_policy)[2:]] == [
        "expected a mapping",
        "x.yaml: no such file",
    ]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PolicyError("c", "m"), "c"),
        (TransportError("registry-unreachable", "m"), "registry-unreachable"),
        (NotFoundError("image-not-found", "m"), "image-not-found"),
        (EvaluationError("e", "m"), "e"),
        (VerificationError("v", "m"), "v"),
        (UsageError("m"), "usage"),
        (PratiqueError("m"), "usage"),
    ],
)
def test_every_error_has_a_code_and_a_message(error: PratiqueError, code: str) -> None:
    assert problems(error, is_policy) == (Problem(code=code, message="m"),)
