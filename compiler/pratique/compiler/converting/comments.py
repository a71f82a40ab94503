"""Which comments of a classic policy go where in the new documents.

A comment above something belongs to it, one beside something too; where the thing is not in the new document,
the comment goes to what it was part of. None is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from pratique.compiler.converting.model import Part
from pratique.compiler.converting.writing import Comments
from pratique.grammar.source import Source
from pratique.grammar.yaml_events import event_parser


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment.

    Attributes:
        line: where it stands.
        about: line of what it is about: its own, or the next that says something.
        text: with its `#`.
    """

    line: int
    about: int
    text: str

    @property
    def is_beside(self) -> bool:
        """Say whether something else stands on its line."""
        return self.line == self.about


def comments_of(source: Source, first: int, last: int) -> tuple[Comment, ...]:
    """Return the comments on lines of a source, the ends included; none where the text is no YAML."""
    scalars = _scalars(source)
    if scalars is None:
        return ()
    found = []
    for number in range(first, last + 1):
        line = source.line(number)
        place = _start(line, number, scalars)
        if place is None:
            continue
        about = number if line[:place].strip() else _next(source, number, last)
        found.append(Comment(number, about, line[place:].rstrip()))
    return tuple(found)


def _start(line: str, number: int, scalars: dict[int, list[tuple[int, int]]]) -> int | None:
    """Return where a comment starts on a line."""
    place = line.find("#")
    while place >= 0:
        is_free = place == 0 or line[place - 1] in " \t"
        if is_free and not any(low <= place < high for low, high in scalars.get(number, ())):
            return place
        place = line.find("#", place + 1)
    return None


def _next(source: Source, number: int, last: int) -> int:
    for after in range(number + 1, last + 1):
        text = source.line(after).strip()
        if text and not text.startswith("#"):
            return after
    return last + 1


def _scalars(source: Source) -> dict[int, list[tuple[int, int]]] | None:
    """Return where scalars stand, by line; None where the text is no YAML."""
    found: dict[int, list[tuple[int, int]]] = {}
    parser = event_parser(source.text)
    try:
        while (event := parser.get_event()) is not None:
            start, end = event.start_mark, event.end_mark
            if not isinstance(event, yaml.ScalarEvent) or not start or not end:
                continue
            for number in range(start.line, end.line + 1):
                low = start.column if number == start.line else 0
                high = end.column if number == end.line else len(source.line(number + 1)) + 1
                if event.style in ("|", ">") and number == start.line:
                    continue  # a comment may stand behind the mark of a block
                found.setdefault(number + 1, []).append((low, high))
    except yaml.YAMLError:
        return None
    return found


def placed(comments: Sequence[Comment], parts: Sequence[Part]) -> Comments:
    """Return comments at the smallest part that each is about; above the first part where there is none."""
    result = Comments()
    for comment in comments:
        part = _part(comment, parts)
        if part is None or not part.path:
            result.head.append(comment.text)
        elif comment.is_beside and part.lines[0] == comment.line and part.path not in result.beside:
            result.beside[part.path] = comment.text
        else:
            result.above.setdefault(part.path, []).append(comment.text)
    return result


def _part(comment: Comment, parts: Sequence[Part]) -> Part | None:
    around = [part for part in parts if part.lines[0] <= comment.about <= part.lines[1]]
    return min(around, key=lambda part: (part.lines[1] - part.lines[0], -len(part.path)), default=None)
