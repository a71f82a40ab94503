"""Edits that rename, move and wrap settings of a policy, in block and in flow style, as they are laid out.

As in `edits`, there is no edit where the text is not of a form that it is sure about. Texts with anchors are
left alone: what is edited there may be used elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final, TypeAlias

from pratique.compiler.lint.base import Edit
from pratique.compiler.lint.edits import removed_lines, rewritten
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.nodes import MappingNode, Node, SequenceNode
from pratique.grammar.source import Location, Position, Span

Route: TypeAlias = tuple[str | int, ...]
Edits: TypeAlias = tuple[Edit | None, ...]
Named: TypeAlias = tuple[str, str]
"""A setting: its name, and its value as it is written on one line."""

STEP: Final = 2
"""Columns by which what is moved inwards is indented."""

_ANCHOR: Final = re.compile(r"(?:^|[\s\[{,:-])&[A-Za-z0-9_-]")


class Moves:
    """The edits of one policy; places are routes in the names of its YAML."""

    def __init__(self, document: PolicyDocument) -> None:
        self._document = document
        self._source = document.document.source
        self._newline = self._source.ending(1) or "\n"

    @cached_property
    def _is_plain(self) -> bool:
        """Say whether the document, to which anchors are confined, has none."""
        start, end = self._document.document.root.span
        lines = (self._source.line(number) for number in range(start.line, end.line + 1))
        return not any("&" in line and _ANCHOR.search(line) for line in lines)

    # --- what is written where -------------------------------------------------------------------------

    def text(self, route: Route) -> str:
        """Return a value as it is written; an empty text where it is on several lines."""
        start, end = self._document.location(*route).span
        line = self._source.line(start.line)
        return line[start.column - 1 : end.column - 1] if start.line == end.line else ""

    def _block(self, route: Route) -> MappingNode | None:
        """Return a mapping that may be edited."""
        node = self._document.node(*route)
        return node if self._is_plain and isinstance(node, MappingNode) and node.items else None

    def _is_flow(self, node: Node) -> bool:
        start = node.span.start
        return self._source.line(start.line)[start.column - 1 :].startswith(("{", "["))

    def _mark(self, place: Position) -> str:
        """Return the quote of a key, as JSON wants one."""
        return '"' if self._source.line(place.line)[place.column - 1 :].startswith('"') else ""

    def _key(self, route: Route) -> Span:
        return self._document.location(*route, key=True).span

    def _end(self, route: Route) -> Position:
        """Return where the text of a value ends: behind its last character, not on a later line."""
        end = self._document.location(*route).span.end
        if end.column > 1:
            return end
        number = end.line - 1
        while number > 1 and not self._source.line(number).strip():
            number -= 1
        return Position(number, len(self._source.line(number)) + 1)

    def _around(self, start: Position, end: Position) -> tuple[str, str]:
        """Return what stands before and behind a piece of text on its lines."""
        return self._source.line(start.line)[: start.column - 1], self._source.line(end.line)[
            end.column - 1 :
        ]

    def _edit(self, start: Position, end: Position, text: str) -> Edit:
        return Edit(Location(self._source, Span(start, end)), text)

    # --- edits of one setting --------------------------------------------------------------------------

    def renamed(self, route: Route, name: str) -> Edit | None:
        """Return the edit that gives a setting another name."""
        key = self._document.location(*route, key=True)
        return rewritten(key, name) if self._block(route[:-1]) else None

    def listed(self, route: Route, name: str) -> Edits:
        """Return the edits that make `setting: text` a list of one text, `name: [text]`."""
        start, end = self._document.location(*route).span
        if not self.text(route):
            return (None,)
        return self.renamed(route, name), self._edit(start, start, "["), self._edit(end, end, "]")

    def removed(self, route: Route) -> Edit | None:
        """Return the edit that takes a setting from a mapping that keeps others."""
        block = self._block(route[:-1])
        if block is None or len(block.items) < 2:
            return None
        start, end = self._key(route).start, self._end(route)
        later = min((key.span.start for key, _ in block.items if key.span.start > start), default=None)
        if self._is_flow(block):
            return self._removed_in_flow(block, start, end, later)
        before, behind = self._around(start, end)
        if not before.strip():
            return removed_lines(Location(self._source, Span(start, end)))
        is_first = before.strip() == "-" and not behind.strip() and later is not None
        if not is_first or later is None:
            return None
        between = [self._source.line(number) for number in range(end.line + 1, later.line)]
        return None if any(line.strip() for line in between) else self._edit(start, later, "")

    def _removed_in_flow(
        self, block: MappingNode, start: Position, end: Position, later: Position | None
    ) -> Edit | None:
        if block.span.start.line != block.span.end.line:
            return None
        if later is not None:
            return self._edit(start, later, "")
        return self._edit(max(v.span.end for k, v in block.items if k.span.start < start), end, "")

    def replaced(self, route: Route, name: str, settings: Sequence[Named]) -> Edit | None:
        """Return the edit that writes `name:` with settings under it in the place of a setting of a block."""
        block = self._block(route[:-1])
        if block is None or self._is_flow(block) or not self.text(route):
            return None
        start = self._key(route).start
        between = self._newline + " " * (start.column - 1 + STEP)
        written = "".join(f"{between}{each}: {value}" for each, value in settings)
        return self._edit(start, self._end(route), f"{name}:{written}")

    def added(self, route: Route, settings: Sequence[Named]) -> Edit | None:
        """Return the edit that puts settings before all others of a mapping."""
        block = self._block(route)
        if block is None:
            return None
        first = block.items[0][0].span.start
        if not self._is_flow(block):
            between = self._newline + " " * (first.column - 1)
            return self._edit(first, first, "".join(f"{name}: {value}{between}" for name, value in settings))
        mark = self._mark(first)
        values = [
            (name, value if value.isdigit() else f"{mark}{value.strip(mark)}{mark}")
            for name, value in settings
        ]
        return self._edit(first, first, "".join(f"{mark}{name}{mark}: {value}, " for name, value in values))

    # --- edits of blocks -------------------------------------------------------------------------------

    def as_item(self, route: Route, name: str) -> Edits:
        """Return the edits that make a mapping the only item of a list `name` in the mapping's place."""
        block = self._block(route)
        if block is None:
            return (None,)
        start, key = block.span.start, self._key(route).start
        if self._is_flow(block):
            mark = self._mark(key)
            closing = self._edit(block.span.end, block.span.end, "]}")
            return self._edit(start, start, f"{{{mark}{name}{mark}: ["), closing
        head = f"{name}:{self._newline}{' ' * (start.column - 1)}- "
        return self._edit(start, start, head), *self._inwards(start.line + 1, self._end(route).line)

    def as_setting(self, route: Route, name: str) -> Edits:
        """Return the edits that make a list the only setting `name` of a mapping in the list's place."""
        node = self._document.node(*route)
        if not isinstance(node, SequenceNode) or not self._is_plain:
            return (None,)
        start, key = node.span.start, self._key(route).start
        if self._is_flow(node):
            mark = self._mark(key)
            closing = self._edit(node.span.end, node.span.end, "}")
            return self._edit(start, start, f"{{{mark}{name}{mark}: "), closing
        if start.column > key.column:
            return (self._edit(start, start, f"{name}:{self._newline}{' ' * (start.column - 1)}"),)
        step = " " * STEP
        head = f"{step}{name}:{self._newline}{' ' * (start.column - 1)}{step}"
        return self._edit(start, start, head), *self._inwards(start.line + 1, self._end(route).line)

    def _inwards(self, first: int, last: int) -> list[Edit]:
        """Return the edits that indent lines."""
        starts = [
            Position(number, 1) for number in range(first, last + 1) if self._source.line(number).strip()
        ]
        return [self._edit(start, start, " " * STEP) for start in starts]

    def gathered(self, head: Sequence[str], settings: Sequence[tuple[Route, str, int]]) -> Edits:
        """Return the edits that bring settings of one block together, in the place of the first.

        Args:
            head: lines above them.
            settings: each with its new name, and the columns by which it stands deeper than before.
        """
        first = settings[0][0]
        block = self._block(first[:-1])
        if block is None or self._is_flow(block):
            return (None,)
        start, end = self._key(first).start, self._end(first)
        before, behind = self._around(start, end)
        if before.strip() not in ("", "-") or behind.strip():
            return (None,)
        lines = [*head, *(line for each in settings for line in self._moved(*each))]
        margin = " " * (start.column - 1)
        text = self._newline.join([lines[0], *(line and margin + line for line in lines[1:])])
        return self._edit(start, end, text), *(self.removed(route) for route, _, _ in settings[1:])

    def _moved(self, route: Route, name: str, deeper: int) -> list[str]:
        """Return the lines of a setting under another name, without the margin of its block."""
        key, end = self._key(route), self._end(route)
        indent, margin = " " * deeper, key.start.column - 1
        last = end.column - 1 if end.line == key.end.line else None
        lines = [f"{indent}{name}{self._source.line(key.end.line)[key.end.column - 1 : last]}"]
        for number in range(key.end.line + 1, end.line + 1):
            line = self._source.line(number)
            lines.append(indent + line[margin:] if line.strip() else "")
        return lines
