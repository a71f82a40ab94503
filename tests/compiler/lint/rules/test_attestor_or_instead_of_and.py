from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Severity
from tests.support_attestors import GOOD, OTHER_PEM, PEM, holder, signer, some_of, verify
from tests.support_lint import findings

CODE = "PRQ020"
ACME = "release@acme.example"
AUDIT = "https://github.com/auditor/scans/.github/workflows/sign.yml@refs/heads/main"
APP = "https://github.com/acme/app/.github/workflows/a.yml@refs/heads/main"
ROBOT = "robot@{}.iam.gserviceaccount.com"


def one_set(*entries: dict[str, Any], count: int | None = 1) -> str:
    return verify(attestors=[some_of(*entries, count=count)])


def test_one_of_two_parties() -> None:
    (found,) = findings(one_set(signer(ACME), signer(AUDIT)), CODE)
    assert found.severity is Severity.WARNING
    (example,) = found.problem.examples
    assert example.text == f"{AUDIT} ({GOOD['issuer']})"
    assert [label for label, _ in found.problem.related] == ["an entry of `acme`", "an entry of `auditor`"]
    assert "count: 2" in found.problem.help


@pytest.mark.parametrize(
    "text",
    [
        one_set(signer(ACME), signer(AUDIT), count=2),
        one_set(signer(ACME), signer(AUDIT), count=None),
        one_set(signer(ACME), signer("security@acme.example")),
        one_set(signer(ACME), signer(APP)),
        one_set(signer(ACME), holder()),
        one_set(holder(), holder(OTHER_PEM)),
        one_set(signer(ROBOT.format("x-prod")), signer(ROBOT.format("y-prod"))),
    ],
)
def test_what_is_one_party_or_demanded_or_unknown(text: str) -> None:
    assert findings(text, CODE) == []


def test_statements_by_one_of_two_parties() -> None:
    by = [some_of(signer(ACME), signer(AUDIT), count=1)]
    stated = [{"type": "https://slsa.dev/provenance/v1", "attestors": by}]
    assert len(findings(verify(attestations=stated), CODE)) == 1


def test_nested_sets_are_looked_at() -> None:
    inner = {"attestor": some_of(signer(ACME), signer(AUDIT), count=1)}
    assert len(findings(one_set(inner, holder(), count=2), CODE)) == 1


def test_parties_of_which_one_accepts_all_signers_of_the_other_are_not_told_apart() -> None:
    everybody = {"keyless": GOOD | {"subject": "*"}}
    assert findings(one_set(signer(ACME), signer(AUDIT), everybody), CODE) == []


@pytest.mark.parametrize("more", [(), (signer(ACME),)])
def test_all_keys_of_an_entry(more: tuple[dict[str, Any], ...]) -> None:
    (found,) = findings(one_set(holder(PEM, OTHER_PEM), *more, count=None), CODE)
    assert found.severity is Severity.INFO
    assert "each of these 2 keys must have signed" in found.problem.message


@pytest.mark.parametrize(
    "text",
    [
        one_set(holder(PEM, OTHER_PEM)),
        one_set(holder(PEM, PEM), count=None),
        one_set(holder(PEM), holder(OTHER_PEM), count=None),
        one_set(holder(PEM, OTHER_PEM), signer(ACME), count=2),
    ],
)
def test_keys_that_are_meant_so(text: str) -> None:
    assert findings(text, CODE) == []
