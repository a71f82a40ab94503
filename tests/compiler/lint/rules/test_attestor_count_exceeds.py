from __future__ import annotations

from typing import Any

import pytest

from tests.support_attestors import OTHER_PEM, PEM, holder, signer, some_of, verify
from tests.support_lint import findings, patterns, reported

CODE = "PRQ018"


def one_set(*entries: dict[str, Any], count: int | None = None) -> str:
    return verify(attestors=[some_of(*entries, count=count)])


@pytest.mark.parametrize(
    "text",
    [
        one_set(holder(), holder(), count=2),
        one_set(holder(), holder(PEM.replace("\n", "\n\n"))),
        one_set(holder(PEM, PEM)),
        one_set(holder(annotations={"a": "b"}), holder(), count=2),
        one_set(signer(), signer(annotations={"a": "b"}), count=2),
        one_set(holder(), holder(OTHER_PEM), holder(), count=3),
    ],
)
def test_the_same_signer_again(text: str) -> None:
    (found,) = findings(text, CODE)
    assert "no image passes" in found.problem.message
    assert [label for label, _ in found.problem.related] == ["named again here"]


@pytest.mark.parametrize(
    "text",
    [
        one_set(holder(), holder(OTHER_PEM), count=2),
        one_set(holder(), holder(), count=1),
        one_set(holder(), holder(OTHER_PEM), holder(), count=2),
        one_set(signer("a@acme.example"), signer("*@acme.example"), count=2),
        one_set({"attestor": some_of(holder())}, holder(OTHER_PEM), count=2),
    ],
)
def test_what_can_be_reached(text: str) -> None:
    assert findings(text, CODE) == []


def test_nested_sets() -> None:
    inner = {"attestor": some_of(holder(), holder())}
    assert len(findings(one_set(holder(OTHER_PEM), inner, count=1), CODE)) == 1


def test_statements_are_left_alone() -> None:
    stated = [{"type": "https://slsa.dev/provenance/v1", "attestors": [some_of(holder(), holder())]}]
    assert findings(verify(attestations=stated), CODE) == []


def test_a_count_beyond_the_entries() -> None:
    more = "attestors:\n- count: 2\n  entries:\n  - keys: {publicKeys: x}\n"
    (found,) = reported(patterns("ghcr.io/acme/*", more=more), CODE)
    assert found.location is not None
    assert found.location.source.line(found.location.span.start.line).strip() == "- count: 2"
    assert found.problem.help == "lower `count` to at most 1, or name more attestors"


def test_a_count_of_keys_that_stand_in_one_entry() -> None:
    (found,) = reported(one_set(holder(PEM, OTHER_PEM, PEM), count=2), CODE)
    assert "write each of the 3 keys as an entry of its own" in found.problem.help
