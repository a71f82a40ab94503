from __future__ import annotations

import pytest

from pratique.compiler.lint.fixes import applied, edits_in_order
from pratique.compiler.lint.moves import Edits, Moves
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source

ENTRY = ("spec", "rules", 0, "verifyImages", 0)
TEXT = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: p}
spec:
  rules:
  - name: r
    match: {any: [{resources: {kinds: [Pod]}}]}
    verifyImages:
    - key: |
        text
        more

      # kept
      imageReferences: [a]
      annotations: {a: b, "c": d}
      repository: x  # why
      required: false
"""


def moves(text: str = TEXT) -> tuple[Moves, Source]:
    source = Source("p.yaml", text)
    (document,) = read_policies(source).policies
    return Moves(document), source


def after(edits: Edits, source: Source) -> str:
    """Return the lines of the entry with edits made; an empty text where some cannot be made."""
    made = [edit for edit in edits if edit]
    if len(made) < len(edits):
        return ""
    return applied(source, edits_in_order(made)).partition("verifyImages:\n")[2]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("required", "      required: false\n", ""),
        ("imageReferences", "      imageReferences: [a]\n", ""),
        ("repository", "", None),
        ("key", "", None),
    ],
)
def test_removing_lines(name: str, old: str, new: str | None) -> None:
    made, source = moves()
    wanted = TEXT.partition("verifyImages:\n")[2].replace(old, new) if new is not None else ""
    assert after((made.removed((*ENTRY, name)),), source) == wanted


def test_the_first_setting_of_an_item_gives_its_place_to_the_next() -> None:
    made, source = moves(TEXT.replace("      # kept\n", ""))
    assert after((made.removed((*ENTRY, "key")),), source).startswith("    - imageReferences: [a]\n")


@pytest.mark.parametrize(("name", "left"), [("a", '{"c": d}'), ("c", "{a: b}")])
def test_removing_in_flow_style(name: str, left: str) -> None:
    made, source = moves()
    assert f"annotations: {left}\n" in after((made.removed((*ENTRY, "annotations", name)),), source)


def test_the_only_setting_stays() -> None:
    made, _ = moves(TEXT.replace('{a: b, "c": d}', "{a: b}"))
    assert made.removed((*ENTRY, "annotations", "a")) is None


def test_renaming_keeps_quotes() -> None:
    made, source = moves()
    assert '"e": d' in after((made.renamed((*ENTRY, "annotations", "c"), "e"),), source)


def test_adding() -> None:
    made, source = moves()
    assert after((made.added(ENTRY, [("a", "1"), ("b", "x")]),), source).startswith(
        "    - a: 1\n      b: x\n      key: |\n"
    )
    place = (*ENTRY, "annotations")
    assert "annotations: {z: y, a: b" in after((made.added(place, [("z", "y")]),), source)


def test_values_on_several_lines_are_not_written_elsewhere() -> None:
    made, _ = moves()
    assert made.text((*ENTRY, "key")) == ""
    assert made.replaced((*ENTRY, "key"), "keys", [("k", "x")]) is None
    assert made.listed((*ENTRY, "key"), "keys") == (None,)


def test_gathering_moves_the_lines_with_their_blank_ones() -> None:
    made, source = moves()
    settings = [((*ENTRY, "key"), "publicKeys", 4), ((*ENTRY, "required"), "needed", 2)]
    text = after(made.gathered(("attestors:", "- keys:"), settings), source)
    assert text.startswith(
        "    - attestors:\n      - keys:\n          publicKeys: |\n            text\n            more\n"
        "        needed: false\n\n      # kept\n"
    )
    assert not text.endswith("required: false\n")


def test_nothing_is_edited_where_there_are_anchors() -> None:
    made, _ = moves(TEXT.replace("[a]", "&one [a]"))
    assert made.removed((*ENTRY, "required")) is None
    assert made.renamed((*ENTRY, "required"), "x") is None
    assert made.added(ENTRY, [("a", "1")]) is None
    assert made.as_item(ENTRY, "any") == (None,)
    assert made.as_setting((*ENTRY, "imageReferences"), "all") == (None,)


def test_what_is_no_block_is_not_wrapped() -> None:
    made, _ = moves()
    assert made.as_item((*ENTRY, "required"), "any") == (None,)
    assert made.as_setting((*ENTRY, "annotations"), "all") == (None,)
