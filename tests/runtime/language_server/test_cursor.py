from __future__ import annotations

import pytest

from pratique.grammar.documents.kyverno import ClusterPolicy, Policy
from pratique.grammar.source import Position, Source
from pratique.runtime.language_server.cursor import Cursor, cursor_at

POLICY = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: "example"}
spec:
  rules:
  - name: verify
    match: &match
      any: []
    exclude: *match
    preconditions:
      anything: [x]
"""
LIST = "apiVersion: v1\nkind: List\nitems:\n- metadata: {}\n- " + POLICY.replace("\n", "\n  ")


def at(text: str, needle: str, offset: int = 0) -> Cursor | None:
    """Return the cursor at the first place of `needle`, `offset` characters on."""
    before, found, _ = text.partition(needle)
    assert found
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n") + offset
    return cursor_at(Source("p.yaml", text), Position(line, column))


@pytest.mark.parametrize(
    ("needle", "path", "is_key"),
    [
        ("rules", ("spec", "rules"), True),
        ("name: verify", ("spec", "rules", 0, "name"), True),
        ("verify", ("spec", "rules", 0, "name"), False),
        ('"example"', ("metadata", "name"), False),
        ("any", ("spec", "rules", 0, "match", "any"), True),
        ("x]", ("spec", "rules", 0, "preconditions", "anything", 0), False),
    ],
)
@pytest.mark.parametrize("text", [POLICY, LIST])
def test_keys_and_values_are_found(text: str, needle: str, path: tuple[str | int, ...], is_key: bool) -> None:
    found = at(text, needle)
    assert found is not None
    assert (found.path, found.is_key, found.root) == (path, is_key, ClusterPolicy)


def test_the_end_of_a_text_belongs_to_it() -> None:
    found = at(POLICY, "verify", len("verify"))
    assert found is not None
    assert found.node.raw == "verify"


@pytest.mark.parametrize("needle", ["  rules", "- name", "[x]", "&match", " verify"])
def test_between_texts_there_is_nothing(needle: str) -> None:
    assert at(POLICY, needle) is None


def test_the_model_is_that_of_the_field() -> None:
    found = at(POLICY, "any")
    assert found is not None
    assert found.model is not None
    assert found.model.__name__ == "MatchResources"
    free = at(POLICY, "x]")
    assert free is not None
    assert free.field == "anything"
    assert free.model is None


def test_namespaced_policies_have_their_model() -> None:
    found = at(POLICY.replace("ClusterPolicy", "Policy"), "rules")
    assert found is not None
    assert found.root is Policy


@pytest.mark.parametrize(
    "text",
    [
        POLICY.replace("kyverno.io/v1", "policies.kyverno.io/v1"),
        POLICY.replace("kind: ClusterPolicy", "kind: [ClusterPolicy]"),
        POLICY.replace("kind: ClusterPolicy", "type: ClusterPolicy"),
        "rules: 1\n",
    ],
)
def test_what_is_no_policy_is_nothing(text: str) -> None:
    assert at(text, "rules") is None


def test_texts_that_cannot_be_read_are_nothing() -> None:
    assert at(POLICY + "\t[", "rules") is None
