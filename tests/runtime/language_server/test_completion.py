from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.documents.kyverno import ClusterPolicy
from pratique.grammar.documents.schema import fields, model_at
from pratique.grammar.source import Position
from pratique.runtime.language_server.completion import Proposal, proposals

POLICY = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: example
spec:
  validationFailureAction: Enforce
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds:
          - Pod
          operations:
          - CREATE
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      mutateDigest: true
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
"""

RESOURCES = ("spec", "rules", 0, "match", "any", 0, "resources")
IMAGES = ("spec", "rules", 0, "verifyImages", 0)


def at(text: str) -> list[Proposal]:
    """Return what is proposed at `|`."""
    before, _, after = text.partition("|")
    place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
    return proposals((before + after).split("\n"), place)


def labels(text: str) -> list[str]:
    return [proposal.label for proposal in at(text)]


def after(line: str, new: str) -> str:
    """Return the policy with a new line behind the first one that ends in `line`."""
    assert f"{line}\n" in POLICY
    return POLICY.replace(f"{line}\n", f"{line}\n{new}\n", 1)


@pytest.mark.parametrize(
    ("line", "new", "path", "known"),
    [
        ("verify", "    |", ("spec", "rules", 0), {"name", "match", "verifyImages"}),
        ("Enforce", "  ba|", ("spec",), {"validationFailureAction", "rules"}),
        ("google.com", "            |", (*IMAGES, "attestors", 0, "entries", 0, "keyless"), {"issuer"}),
        ("google.com", "        - |", (*IMAGES, "attestors", 0, "entries", 0), set()),
        ("google.com", "      - |", (*IMAGES, "attestors", 0), set()),
        ("google.com", "      |", IMAGES, {"imageReferences", "mutateDigest", "attestors"}),
        ("google.com", "    - |", IMAGES, set()),
        ("google.com", "  - |", ("spec", "rules", 0), set()),
        ("google.com", "  |", ("spec",), {"validationFailureAction", "rules"}),
        ("google.com", "|", (), {"apiVersion", "kind", "metadata", "spec"}),
        ("CREATE", "          |", RESOURCES, {"kinds", "operations"}),
        ("metadata:", "  # a comment\n\n  |", ("metadata",), {"name"}),
    ],
)  # fmt: skip
def test_fields_of_the_block_at_a_place(
    line: str, new: str, path: tuple[str | int, ...], known: set[str]
) -> None:
    model = model_at(ClusterPolicy, path)
    assert model is not None
    assert labels(after(line, new)) == [name for name in fields(model) if name not in known]


def test_lists_in_the_column_of_their_key() -> None:
    text = "kind: Policy\nspec:\n  rules:\n  - match:\n      any:\n      - resources: {}\n    |"
    assert "verifyImages" in labels(text)
    assert "match" not in labels(text)
    assert labels(text.replace("\n    |", "\n      - |")) == [
        "roles",
        "clusterRoles",
        "subjects",
        "resources",
    ]


@pytest.mark.parametrize(
    ("line", "new", "values"),
    [
        ("metadata:", "  name: |", []),
        ("Enforce", "  failurePolicy: |", ["Ignore", "Fail"]),
        ("Enforce", "  failurePolicy: Ig|", ["Ignore", "Fail"]),
        ("Enforce", "  background: |", ["true", "false"]),
        ("CREATE", "          - |", ["CREATE", "CONNECT", "UPDATE", "DELETE"]),
        ("Pod", "          - |", []),
        ("Enforce", "  failurePolicy:|", []),
        ("Enforce", "  failurePolicy: {|", []),
        ("Enforce", "  failurePolicy: Fail | ", []),
    ],
)
def test_values_of_a_field(line: str, new: str, values: list[str]) -> None:
    assert labels(after(line, new)) == values


def test_a_proposal_replaces_the_word_that_was_begun() -> None:
    start, _, _ = POLICY.partition("    verifyImages:")
    (found,) = [each for each in at(start + "    verI|") if each.label == "verifyImages"]
    assert (found.text, found.is_field) == ("verifyImages:", True)
    assert found.span == (Position(16, 5), Position(16, 9))
    assert found.about.startswith("What is demanded of images")


def test_fields_with_plain_values_end_in_a_blank() -> None:
    texts = {each.label: each.text for each in at(after("verify", "    |"))}
    assert texts["exclude"] == "exclude:"
    assert texts["skipBackgroundRequests"] == "skipBackgroundRequests: "


def test_deprecated_fields_are_marked() -> None:
    found = {each.label: each.is_deprecated for each in at(after("google.com", "      |"))}
    assert found["key"] is True
    assert found["type"] is False


def test_each_document_has_its_own_kind_and_path() -> None:
    second = "---\nkind: Policy\nmetadata: {}\nspec:\n  |\n"
    assert "rules" in labels(POLICY + second)
    item = "- " + after("Enforce", "  |").replace("\n", "\n  ")
    assert "background" in labels("kind: List\nitems:\n" + item)


@pytest.mark.parametrize(
    "new", ["      any: {|", "      [|", "      é|", "      foo bar|", "    preconditions:\n      |"]
)
def test_elsewhere_there_is_nothing(new: str) -> None:
    assert labels(after("match:", new) if "pre" not in new else after("verify", new)) == []


@given(st.text(alphabet="ab:- \n#{|k", max_size=60))
def test_half_written_texts_raise_nothing(text: str) -> None:
    lines = (POLICY + text).split("\n")
    proposals(lines, Position(len(lines), len(lines[-1]) + 1))
