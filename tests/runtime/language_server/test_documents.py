from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from pratique.grammar.source import Position, Span
from pratique.runtime.language_server.documents import OpenDocument, Positions, uri_of

UTF8, UTF16, UTF32 = (
    types.PositionEncodingKind.Utf8,
    types.PositionEncodingKind.Utf16,
    types.PositionEncodingKind.Utf32,
)

texts = st.text(alphabet=st.sampled_from("ab:é \t\r\n\u2028\x0b😋🗿\ufeff"), max_size=40)


@pytest.mark.parametrize(("encoding", "character"), [(UTF8, 6), (UTF16, 4), (UTF32, 3)])
def test_columns_are_counted_in_the_units_of_the_editor(
    encoding: types.PositionEncodingKind, character: int
) -> None:
    positions = Positions("x\n- 😋b\n", encoding)
    assert positions.position(Position(2, 4)) == types.Position(1, character)
    assert positions.place(types.Position(1, character)) == Position(2, 4)


@given(text=texts, encoding=st.sampled_from([UTF8, UTF16, UTF32]), has_mark=st.booleans())
def test_every_place_comes_back(text: str, encoding: types.PositionEncodingKind, has_mark: bool) -> None:
    positions = Positions(text, encoding, has_mark=has_mark)
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        for column in range(1, len(line) + 2):
            place = Position(number, column)
            assert positions.place(positions.position(place)) == place


@given(text=texts, encoding=st.sampled_from([UTF8, UTF16, UTF32]))
def test_columns_agree_with_the_encoded_text(text: str, encoding: types.PositionEncodingKind) -> None:
    codec, width = {UTF8: ("utf-8", 1), UTF16: ("utf-16-le", 2), UTF32: ("utf-32-le", 4)}[encoding]
    positions = Positions(text, encoding)
    for number, line in enumerate(positions.lines):
        for column in range(len(line) + 1):
            found = positions.position(Position(number + 1, column + 1))
            assert line.encode(codec)[: found.character * width].decode(codec) == line[:column]


@given(text=texts, line=st.integers(0, 60), character=st.integers(0, 60))
def test_positions_outside_are_moved_into_the_text(text: str, line: int, character: int) -> None:
    positions = Positions(text, UTF16)
    place = positions.place(types.Position(line, character))
    assert 1 <= place.line <= len(positions.lines)
    assert 1 <= place.column <= len(positions.lines[place.line - 1]) + 1


def test_a_position_inside_a_surrogate_pair_is_that_of_its_character() -> None:
    assert Positions("a😋b", UTF16).place(types.Position(0, 2)) == Position(1, 2)


def test_a_lone_surrogate_is_a_unit() -> None:
    assert Positions("a\ud800b", UTF16).position(Position(1, 3)) == types.Position(0, 2)


def test_places_behind_the_end_are_at_the_end() -> None:
    positions = Positions("ab\nc", UTF16)
    assert positions.position(Position(1, 9)) == types.Position(0, 2)
    assert positions.position(Position(9, 9)) == types.Position(1, 1)


def test_a_span_of_many_lines_is_underlined_on_its_first() -> None:
    positions = Positions("key: |  \n  a\n  b\n", UTF16)
    span = Span(Position(1, 6), Position(3, 4))
    assert positions.first_line(span) == types.Range(types.Position(0, 5), types.Position(0, 6))
    assert positions.range(span) == types.Range(types.Position(0, 5), types.Position(2, 3))


def test_a_byte_order_mark_counts_for_the_editor_alone() -> None:
    document = OpenDocument.of("file:///p.yaml", 1, "\ufeffa: 1\nb: 2\n")
    assert document.source.text == "a: 1\nb: 2\n"
    positions = Positions(document.source.text, UTF16, has_mark=document.has_mark)
    assert positions.position(Position(1, 1)) == types.Position(0, 1)
    assert positions.position(Position(2, 1)) == types.Position(1, 0)
    assert positions.place(types.Position(0, 0)) == Position(1, 1)


def test_everything_is_the_whole_text() -> None:
    assert Positions("a\nbc", UTF16).everything == Span(Position(1, 1), Position(2, 3))
    assert Positions("a\n", UTF16).everything == Span(Position(1, 1), Position(2, 1))


@pytest.mark.parametrize("uri", ["file:///a%20b/p.yaml", "untitled:Untitled-1"])
def test_names_of_sources_lead_back_to_documents(uri: str) -> None:
    assert uri_of(OpenDocument.of(uri, 1, "").source.name) == uri
