"""Takes the text of an inventory apart without holding more of it than one object.

What `kubectl get -o json`, `kubectl get -o yaml` and the API server write as one list is read item by item;
so are JSON lines, JSON values one after the other, and YAML documents. What a piece holds is read, checked
and diagnosed by the same reader as everywhere (`inputs.load_resources`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TextIO

from pratique.grammar.limits import MIB

CHUNK: Final = 1 << 18
MAX_PIECE: Final = 64 * MIB
"""Characters of one piece: the bound of a document in any other file of resources."""
LIST_HEAD: Final = 4096
"""Characters within which the items of a list begin."""

_GAP: Final = re.compile(r"[ \t\r\n]*")
_JSON: Final = json.JSONDecoder()
_LIST_KINDS: Final = re.compile(r"[A-Za-z]*List")
_BOUNDARY: Final = re.compile(r"---(\s|$)")
_KEY: Final = re.compile(r"(apiVersion|kind):[ ]*([^\s#]*)")

_COMMENT: Final = re.compile(r"\s*(#.*)?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A text that holds an object (or several, as YAML may).

    Attributes:
        line: 1-based place of its first character in the whole text.
        column: likewise.
        defaults: what the item of a typed list need not say: `apiVersion` and `kind`.
    """

    text: str
    line: int
    column: int = 1
    defaults: dict[str, str] = field(default_factory=dict)


def pieces(stream: TextIO) -> Iterator[Piece]:
    """Yield the pieces of a text in order; blank ones are left out.

    What is not well-formed comes as one piece up to the end, for the reader to say what is wrong with it.
    """
    head = stream.read(CHUNK)
    start = _GAP.match(head)
    first = head[start.end() :][:1] if start else ""
    if first in ("{", "["):
        yield from _JsonPieces(stream, head).read()
    else:
        yield from _YamlPieces().read(_lines(stream, head))


# --- JSON ----------------------------------------------------------------------------------------------


class _EndError(Exception):
    """What follows is not JSON, or there is no more of it."""


class _JsonPieces:
    """A window over the text, from `_at` on, that grows at its end and is cut at its start."""

    def __init__(self, stream: TextIO, head: str) -> None:
        self._stream = stream
        self._text = head
        self._at = 0
        self._ended = False
        self._line, self._column = 1, 1
        self._counted = 0

    def read(self) -> Iterator[Piece]:
        while self._skip():
            try:
                if self._is_list():
                    yield from self._list()
                else:
                    yield self._value({})
            except _EndError:
                yield self._rest()
                return

    def _skip(self) -> bool:
        """Go to the next character that is no blank; say whether there is one."""
        while True:
            gap = _GAP.match(self._text, self._at)
            self._at = gap.end() if gap else self._at
            if self._at < len(self._text):
                return True
            if not self._grow():
                return False

    def _take(self, wanted: str) -> str:
        """Go behind the next character that is no blank, and return it."""
        if not self._skip() or self._text[self._at] not in wanted:
            raise _EndError
        self._at += 1
        return self._text[self._at - 1]

    def _grow(self) -> bool:
        """Take more of the text; what is behind us is let go."""
        if self._ended or len(self._text) - self._at > MAX_PIECE:
            return False
        self._count()
        kept = self._text[self._at :]
        # Doubled, so that a value is not tried anew for every piece of it.
        more = self._stream.read(max(CHUNK, len(kept)))
        if not more:
            self._ended = True
            return False
        self._text, self._at, self._counted = kept + more, 0, 0
        return True

    def _count(self) -> None:
        """Bring line and column up to `_at`."""
        lines = self._text.count("\n", self._counted, self._at)
        if lines:
            self._line += lines
            self._column = self._at - self._text.rindex("\n", self._counted, self._at)
        else:
            self._column += self._at - self._counted
        self._counted = self._at

    def _end_of_value(self) -> int:
        while True:
            try:
                _, end = _JSON.raw_decode(self._text, self._at)
            except RecursionError:
                raise _EndError from None
            except ValueError:
                if not self._grow():
                    raise _EndError from None
                continue
            # A number or word may go on behind the window.
            if end < len(self._text) or self._text[end - 1] in '}]"' or not self._grow():
                return end

    def _value(self, defaults: dict[str, str]) -> Piece:
        end = self._end_of_value()
        self._count()
        piece = Piece(
            text=self._text[self._at : end], line=self._line, column=self._column, defaults=defaults
        )
        self._at = end
        return piece

    def _rest(self) -> Piece:
        self._count()
        line, column = self._line, self._column
        while self._grow():
            pass
        return Piece(text=self._text[self._at :], line=line, column=column)

    def _is_list(self) -> bool:
        """Say whether an object is a list with its items behind the few fields that lists begin with."""
        ahead = _LIST_HEAD.match(self._text, self._at)
        while ahead is None and len(self._text) - self._at < LIST_HEAD and self._grow():
            ahead = _LIST_HEAD.match(self._text, self._at)
        if ahead is None:
            return False
        kind = _KIND.search(ahead.group())
        return kind is None or _LIST_KINDS.fullmatch(kind[1]) is not None

    def _list(self) -> Iterator[Piece]:
        head = _LIST_HEAD.match(self._text, self._at)
        assert head is not None  # noqa: S101 (asked before)
        kind, version = _KIND.search(head.group()), _VERSION.search(head.group())
        item = kind[1].removesuffix("List") if kind else ""
        defaults = {"apiVersion": version[1], "kind": item} if version and item else {}
        self._at = head.end()
        more = not (self._skip() and self._text[self._at] == "]")
        while more:
            self._skip()
            yield self._value(defaults)
            more = self._take(",]") == ","
            if not more:
                self._at -= 1
        self._take("]")
        while self._take(",}") == ",":
            self._skip()
            key = self._value({})
            self._take(":")
            self._skip()
            value = self._value({})
            if key.text == '"kind"' and not _LIST_KINDS.fullmatch(value.text.strip('"')):
                raise _EndError


_PAIR: Final = r'"(?:kind|apiVersion)"\s*:\s*"[^"\\]{0,253}"\s*,\s*|"metadata"\s*:\s*\{[^{}]{0,2000}\}\s*,\s*'
_LIST_HEAD: Final = re.compile(rf'\{{\s*(?:{_PAIR}){{0,3}}"items"\s*:\s*\[')
_KIND: Final = re.compile(r'"kind"\s*:\s*"([^"]*)"')
_VERSION: Final = re.compile(r'"apiVersion"\s*:\s*"([^"]*)"')


# --- YAML ----------------------------------------------------------------------------------------------


def _lines(stream: TextIO, head: str) -> Iterator[str]:
    rest = head
    while True:
        *lines, rest = rest.split("\n")
        for line in lines:
            yield line + "\n"
        more = stream.read(CHUNK)
        if not more:
            break
        rest += more
    if rest:
        yield rest


class _YamlPieces:
    """Cuts a text at the boundaries of documents, and lists at their items.

    As kubectl writes lists, `items:` stands at the left margin, and so does the dash of every item; all else
    in an item is indented, so that no item can look like the beginning of another one.
    """

    def __init__(self) -> None:
        self._held: list[str] = []
        self._start = 1
        self._pairs: dict[str, str] = {}
        self._in_list = self._behind_list = False

    def read(self, lines: Iterable[str]) -> Iterator[Piece]:
        size = 0
        for number, line in enumerate(lines, start=1):
            if self._begins(line):
                yield from self._piece()
                self._turn(line)
                self._start, size = number, 0
            elif not self._in_list and (found := _KEY.match(line)):
                self._pairs[found[1]] = found[2].strip("\"'")
            self._held.append(line)
            size += len(line)
            if size > MAX_PIECE:
                break
        yield from self._piece()

    def _begins(self, line: str) -> bool:
        """Say whether a piece begins with a line."""
        if _is_boundary(line):
            return True
        if self._in_list:
            return line[:1] not in " \t\r\n#"
        return line.startswith("-") and self._is_before_list()

    def _is_before_list(self) -> bool:
        """Say whether what is held is what stands in front of the first item of a list."""
        said = [line for line in self._held if not _COMMENT.fullmatch(line)]
        return bool(said) and said[-1].rstrip() == "items:" and _is_around("".join(said))

    def _turn(self, line: str) -> None:
        """Take note of where the line is with which a piece begins."""
        if _is_boundary(line):
            self._in_list = self._behind_list = False
            self._pairs = {}
        elif not self._in_list:
            self._in_list = True
        elif not line.startswith("-"):
            self._in_list, self._behind_list = False, True

    def _piece(self) -> Iterator[Piece]:
        text = "".join(self._held)
        if self._in_list:
            kind = self._pairs.get("kind", "").removesuffix("List")
            known = {"apiVersion": self._pairs.get("apiVersion", ""), "kind": kind} if kind else {}
            # The dash becomes a blank: what is left is the item, in its own columns.
            yield Piece(text=" " + text[1:], line=self._start, defaults=known)
        elif text.strip() and not (self._is_before_list() or (self._behind_list and _is_around(text))):
            yield Piece(text=text, line=self._start)
        self._held.clear()


def _is_boundary(line: str) -> bool:
    return line.startswith("---") and _BOUNDARY.match(line) is not None


def _is_around(text: str) -> bool:
    """Say whether a text holds nothing but what stands around the items of a list."""
    return all(_AROUND.fullmatch(line) for line in text.splitlines())


_AROUND: Final = re.compile(
    r"\s*|\s*#.*|---(\s.*)?|apiVersion: *[\w./\"'-]+\s*|kind: *[\"']?[A-Za-z]*List[\"']?\s*|items:\s*"
    r"|metadata:( *\{\s*\})?\s*|  (resourceVersion|selfLink|continue): *[\w\"'/-]*\s*"
)
