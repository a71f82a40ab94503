"""Edits that fit into a text as it is laid out: block or flow style, quotes, indentation, comments.

Each function returns None where the text around is not of a form that it is sure about: then there is no fix.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import yaml

from pratique.compiler.lint.base import Edit
from pratique.grammar.scalars import resolve_plain
from pratique.grammar.source import Location, Position, Source, Span

_PLAIN: Final = re.compile(r"[A-Za-z0-9^./(](?:[^\s,\[\]{}:#]|:(?=\S))*")
"""Texts that need no quotes, in flow style neither, unless they are read as something else."""

_DOUBLE: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_SINGLE: Final = re.compile(r"'(?:[^']|'')*'")
_UNQUOTED: Final = re.compile(r"[^\s\"'&*!|>%@`\[\]{},#?-](?:[^\s,\[\]{}]|[ \t](?![#\s]))*")
_SECTION: Final = re.compile(r"[|>][-+0-9]*[ \t]*(?:#.*)?$")

# --- scalars -------------------------------------------------------------------------------------------


def rewritten(place: Location | None, text: str) -> Edit | None:
    """Return the edit that makes the scalar at `place` mean `text`, in its own quotes."""
    written = _one_line(place)
    if place is None or not written:
        return None
    match written[0]:
        case "'":
            return Edit(place, _single(text))
        case '"':
            return Edit(place, _double(text))
        case _ if _UNQUOTED.fullmatch(written):
            return Edit(place, text if _is_plain(text) else _double(text))
        case _:
            return None  # an anchor, a tag, an alias or the head of a block


def affixed(place: Location | None, before: str, after: str) -> Edit | None:
    """Return the edit that puts characters in front of and behind the text of a scalar.

    What is there stays as it is written, escapes included. Neither text may hold quotes or backslashes.
    """
    written = _one_line(place)
    if place is None or not written:
        return None
    if written[0] in "\"'":
        return Edit(place, written[0] + before + written[1:-1] + after + written[0])
    return rewritten(place, before + written + after)


def _one_line(place: Location | None) -> str:
    """Return what stands at a place within one line; empty where it is longer."""
    if place is None or place.span.start.line != place.span.end.line:
        return ""
    start, end = place.span
    return place.source.line(start.line)[start.column - 1 : end.column - 1]


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and resolve_plain(text) == text


def _double(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# --- items of lists ------------------------------------------------------------------------------------


def added_items(place: Location | None, texts: Sequence[str]) -> Edit | None:
    """Return the edit that adds texts to a list, behind the item at `place`."""
    written = _one_line(place)
    if place is None or not written or written[0] in "&!|>*":
        return None
    items = [_double(text) for text in texts]
    match _before(place):
        case "-":
            return _added_lines(place, items)
        case "[" | ",":
            return _added_in_flow(place, items)
        case _:
            return None


def replaced_item(place: Location | None, texts: Sequence[str]) -> tuple[Edit | None, ...]:
    """Return the edits that put texts into a list in the place of the item at `place`."""
    if not texts:
        return ()
    edits = (rewritten(place, texts[0]),)
    return edits if len(texts) == 1 else (*edits, added_items(place, texts[1:]))


def removed_item(place: Location | None) -> Edit | None:
    """Return the edit that takes the item at `place` from a list that keeps others.

    An item with a comment beside it stays: what the comment says would be lost.
    """
    if place is None:
        return None
    match _before(place):
        case "-":
            return removed_lines(place)
        case "," | "[" as mark:
            return _removed_in_flow(place, mark)
        case _:
            return None


def _before(place: Location) -> str:
    """Return the character that makes the text at `place` an item of a list: `-`, `[` or `,`; or nothing."""
    source, number = place.source, place.span.start.line
    text = source.line(number)[: place.span.start.column - 1].rstrip()
    if text:
        if text.strip() == "-":
            return "-"
        return text[-1] if text[-1] in "[," else ""
    while number > 1 and not text:
        number -= 1
        text = source.line(number).strip()
        if text.startswith("#"):
            text = ""
    return text[-1] if text[-1:] in ("[", ",") and " #" not in text else ""


def _added_lines(place: Location, items: list[str]) -> Edit:
    start, end = place.span
    line = place.source.line(end.line)
    head = place.source.line(start.line)[: start.column - 1]
    newline = _newline(place.source, end.line)
    return _insert(
        place.source, Position(end.line, len(line) + 1), "".join(f"{newline}{head}{item}" for item in items)
    )


def _added_in_flow(place: Location, items: list[str]) -> Edit:
    start, end = place.span
    head = place.source.line(start.line)[: start.column - 1]
    between = ", " if head.strip() else f",{_newline(place.source, end.line)}{head}"
    return _insert(place.source, end, "".join(f"{between}{item}" for item in items))


def removed_lines(place: Location) -> Edit | None:
    """Return the edit that takes an item of a list or an entry of a mapping, alone on its lines."""
    source, (start, end) = place.source, place.span
    if end.column == 1:  # behind the text of a block scalar
        end = Position(end.line - 1, len(source.line(end.line - 1)) + 1)
    before, behind = source.line(start.line)[: start.column - 1], source.line(end.line)[end.column - 1 :]
    if behind.strip() or before.strip() not in ("", "-"):
        return None
    if source.ending(end.line):
        return Edit(Location(source, Span(Position(start.line, 1), Position(end.line + 1, 1))), "")
    above = start.line - 1
    from_there = Position(above, len(source.line(above)) + 1)
    return Edit(Location(source, Span(from_there, end)), "")


def _removed_in_flow(place: Location, mark: str) -> Edit | None:
    """Return the edit that takes an item with the comma that it no longer needs, all on one line."""
    source, (start, end) = place.source, place.span
    line = source.line(start.line)
    if start.line != end.line:
        return None
    before, after = line[: start.column - 1], line[end.column - 1 :]
    rest = after.lstrip()
    if rest.startswith(","):
        tail = rest[1:].lstrip()
        if not tail and not before.strip():  # alone on its line
            return Edit(Location(source, Span(Position(start.line, 1), Position(start.line + 1, 1))), "")
        if not tail or tail.startswith("#"):
            return None
        return Edit(Location(source, Span(start, Position(end.line, len(line) - len(tail) + 1))), "")
    comma = before.rstrip()
    if mark == "," and comma.endswith(","):
        return Edit(Location(source, Span(Position(start.line, len(comma)), end)), "")
    return None


# --- settings ------------------------------------------------------------------------------------------


def value_of(block: Location | None, name: str, value: str | bool) -> Location | None:
    """Return the place of the scalar of `name: value` in a block.

    None where it is not written on one line, or where several are.
    """
    if block is None:
        return None
    wanted = re.compile(rf"(?<![\w\"'.-])([\"']?){re.escape(name)}\1[ \t]*:[ \t]*(?=\S)")
    start, end = block.span
    found: list[Span] = []
    for number in range(start.line, end.line + 1):
        line = block.source.line(number)
        low = start.column - 1 if number == start.line else 0
        high = end.column - 1 if number == end.line else len(line)
        for match in wanted.finditer(line, low, high):
            if token := _token(line, match.end()):
                span = Span.at(number, match.end() + 1, len(token))
                found += [span] if _means(token, value) else []
    return Location(block.source, found[0]) if len(found) == 1 else None


def _token(line: str, start: int) -> str:
    for pattern in (_DOUBLE, _SINGLE, _UNQUOTED):
        if match := pattern.match(line, start):
            return match.group()
    return ""


def _means(token: str, value: str | bool) -> bool:
    try:
        found = yaml.safe_load(token)
    except yaml.YAMLError:
        return False
    return type(found) is type(value) and bool(found == value)


def switched(block: Location | None, name: str, *, on: bool) -> Edit | None:
    """Return the edit that turns `name: false` in a block to true, or `name: true` to false."""
    place = value_of(block, name, not on)
    return Edit(place, "true" if on else "false") if place else None


def added_setting(block: Location | None, name: str, value: str) -> Edit | None:
    """Return the edit that gives a block a further setting, a text."""
    if block is None:
        return None
    source, (start, end) = block.source, block.span
    if source.line(start.line)[start.column - 1 :].startswith("{"):
        inner = source.line(start.line)[start.column :]
        is_json = inner.lstrip().startswith('"')
        written = f'"{name}": {_double(value)}' if is_json else f"{name}: {_double(value)}"
        if not inner.strip() or inner.lstrip().startswith("}"):
            return None
        return _insert(source, start._replace(column=start.column + 1), f"{written}, ")
    written = f"{' ' * (start.column - 1)}{name}: {value if _is_plain(value) else _double(value)}"
    if source.line(start.line)[start.column - 1 :].startswith(("&", "!")):
        return None
    if end.column == 1:  # behind the text of a block scalar
        return _insert(source, end, written + _newline(source, start.line))
    line = source.line(end.line)
    if _SECTION.search(line):
        return None
    return _insert(source, Position(end.line, len(line) + 1), _newline(source, end.line) + written)


# --- lines ---------------------------------------------------------------------------------------------


def removed_comment(place: Location) -> Edit:
    """Return the edit that takes a comment, with its line where nothing else is on it."""
    source, (start, end) = place.source, place.span
    before = source.line(start.line)[: start.column - 1]
    if before.strip() or not source.ending(start.line):
        start = Position(start.line, len(before.rstrip()) + 1)
        return Edit(Location(source, Span(start, end)), "")
    return Edit(Location(source, Span(Position(start.line, 1), Position(start.line + 1, 1))), "")


def _insert(source: Source, place: Position, text: str) -> Edit:
    return Edit(Location(source, Span(place, place)), text)


def _newline(source: Source, number: int) -> str:
    """Return what ends a line, or, where it is the last, the first."""
    return source.ending(number) or source.ending(1) or "\n"
