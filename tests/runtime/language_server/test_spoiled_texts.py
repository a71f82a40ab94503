"""Every feature on texts that are half written: nothing may be raised, whatever is missing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types

from pratique.grammar.source import Position, Source
from pratique.runtime.language_server.actions import fix_all, quick_fixes
from pratique.runtime.language_server.analysis import analyse
from pratique.runtime.language_server.diagnostics import Reader, diagnostic
from pratique.runtime.language_server.documents import OpenDocument, Positions
from pratique.runtime.language_server.hover import hover
from pratique.runtime.language_server.symbols import symbols
from tests.conftest import ROOT

TEXT = (ROOT / "policies/control-plane/as-printed.yaml").read_text()
PIECES = (
    "",
    " ",
    "\t",
    "\n",
    "- ",
    ": ",
    "*",
    "?",
    '"',
    "[",
    "{{",
    "&a ",
    "*a",
    "|",
    "# ",
    "😋",
    "\u2028",
    "\ud800",
    "\r",
)


def positions(source: Source) -> Positions:
    return Positions(source.text, types.PositionEncodingKind.Utf16)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nothing_is_raised(data: st.DataObject) -> None:
    text = TEXT
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        width = data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(st.sampled_from(PIECES)) + text[start + width :]
    found = analyse(OpenDocument.of("file:///p.yaml", 1, text), {})
    source = found.document.source
    end = Position(10_000, 1)
    for finding in (*found.mistakes, *found.findings):
        shown = diagnostic(finding, Reader(pages={}), positions)
        assert shown.range.start.line <= shown.range.end.line < max(1, len(positions(source).lines))
    symbols(source)
    quick_fixes(found, Position(1, 1), end)
    fix_all(found)
    for line in range(1, len(positions(source).lines) + 1, 3):
        hover(found, Position(line, data.draw(st.integers(1, 40))))
