from __future__ import annotations

from pratique.runtime.decision import Reason, Report
from pratique.runtime.outputs.text import Palette
from pratique.runtime.outputs.tree import Branch, draw, reason_tree, row_tree
from pratique.runtime.outputs.view import View
from tests.support_reports import (
    DIGEST,
    IMAGE,
    SIGNER,
    WRONG,
    proved,
    result,
    signed,
    unproved,
    wrongly_signed,
)


def test_guides_reach_exactly_as_far_as_there_is_more() -> None:
    leaf = Branch(line="leaf", notes=("note",))
    tree = Branch(line="root", notes=("n",), children=(Branch(line="a", children=(leaf, leaf)), leaf))
    assert draw(tree) == [
        "root",
        "│ n",
        "├─ a",
        "│  ├─ leaf",
        "│  │    note",
        "│  └─ leaf",
        "│       note",
        "└─ leaf",
        "     note",
    ]


def test_a_row_says_what_was_expected_and_received() -> None:
    row = View(Report(results=(result((wrongly_signed(), unproved())),))).rows[0]
    text = "\n".join(draw(row_tree(row, Palette())))
    for fact in (f"expected: {SIGNER}", f"received: {WRONG}", "policies/check images.yaml:22:13", IMAGE, "✗"):
        assert fact in text


def test_a_row_says_who_signed_what_when() -> None:
    row = View(Report(results=(result((signed(), proved())),))).rows[0]
    text = "\n".join(draw(row_tree(row, Palette())))
    for fact in (
        f"signer: {SIGNER}",
        f"digest: {DIGEST}",
        "signed at: 2023-03-30T14:12:11+00:00",
        "container main",
    ):
        assert fact in text


def test_lines_of_a_text_stay_under_their_node() -> None:
    reason = Reason(
        code="no-match", text="first\nsecond", met=False, children=(Reason(code="x", text="y", met=True),)
    )
    assert draw(reason_tree(reason, Palette())) == ["✗ first [no-match]", "│ second", "└─ ✓ y [x]"]
