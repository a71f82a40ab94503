"""Positioned trees: what a YAML or JSON document says, and where it says it.

INVARIANT: a tree is finite and acyclic, and its expansion is bounded by the limits it was read with. Text
that is used through an alias is one node, shared; its place is where it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pratique.grammar.scalars import Scalar
from pratique.grammar.source import Location, Source, Span


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A scalar.

    Attributes:
        value: what it means.
        raw: its text without quotes and with escapes resolved, such as `no` where `value` is False.
        style: `""` for unquoted text, else `'`, `"`, `|` or `>`.
    """

    span: Span
    value: Scalar
    raw: str
    style: str


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    span: Span
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping with merge keys applied: keys are unique, and their `value` is a string.

    Attributes:
        items: pairs in the order of the text; merged pairs follow those of the mapping itself.
    """

    span: Span
    items: tuple[tuple[ScalarNode, Node], ...]

    def pair(self, key: str) -> tuple[ScalarNode, Node] | None:
        """Return the key and value nodes of `key`, or None. Linear in the number of keys."""
        return next((pair for pair in self.items if pair[0].value == key), None)

    def get(self, key: str) -> Node | None:
        """Return the value node of `key`, or None."""
        pair = self.pair(key)
        return pair[1] if pair else None


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def plain(node: Node) -> Any:
    """Return the JSON data of a tree: dict, list, str, int, float, bool, None. No two parts are shared."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    return {key.value: plain(value) for key, value in node.items}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a source; `index` counts from 0 and counts empty documents too."""

    source: Source
    index: int
    root: Node

    def locate(self, path: Sequence[str | int], *, key: bool = False) -> Span:
        """Return the span of the value at `path`, or of its key if `key`.

        Where a part of the path is missing, the span is that of the deepest part that exists. List items
        have no key: for them `key` changes nothing.
        """
        node, span = self.root, self.root.span
        for part in path:
            if isinstance(node, MappingNode) and isinstance(part, str):
                pair = node.pair(part)
                if pair is None:
                    return span if key else node.span
                span = pair[0].span
                node = pair[1]
            elif isinstance(node, SequenceNode) and isinstance(part, int) and 0 <= part < len(node.items):
                node = node.items[part]
                span = node.span
            else:
                return span if key else node.span
        return span if key else node.span

    def location(self, path: Sequence[str | int] = (), *, key: bool = False) -> Location:
        """Return the place of `locate` in the document's source."""
        return Location(self.source, self.locate(path, key=key))

    def node(self, path: Sequence[str | int]) -> Node | None:
        """Return the node at `path`, or None where a part is missing."""
        node: Node | None = self.root
        for part in path:
            if isinstance(node, MappingNode) and isinstance(part, str):
                node = node.get(part)
            elif isinstance(node, SequenceNode) and isinstance(part, int) and 0 <= part < len(node.items):
                node = node.items[part]
            else:
                return None
        return node


def show_path(path: Sequence[str | int]) -> str:
    """Return a path as people write it: `spec.rules[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
