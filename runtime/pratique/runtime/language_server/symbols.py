"""The outline of a document: policies, their rules, what each entry is about, and who must have signed.

Made of the text itself, so that it is there while a policy has mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lsprotocol.types import SymbolKind

from pratique.grammar.nodes import Document, MappingNode, Node, ScalarNode, SequenceNode
from pratique.grammar.source import Source, Span
from pratique.grammar.yaml_tree import read_documents
from pratique.runtime.language_server.cursor import model_of

MAX_NAME: Final = 80
"""Characters of a name."""

_SIGNERS: Final = ("keyless", "keys", "certificates")
_TELLING: Final = (
    "subject",
    "subjectRegExp",
    "issuer",
    "issuerRegExp",
    "kms",
    "publicKeys",
    "cert",
    "certChain",
)
"""Fields that say who a signer is, the most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A part of a document.

    Attributes:
        span: all of it.
        named: where its name stands, within `span`.
        parts: what is within it, in the order of the text.
    """

    name: str
    kind: SymbolKind
    detail: str
    span: Span
    named: Span
    parts: tuple[Symbol, ...] = ()


def symbols(source: Source) -> list[Symbol]:
    """Return the policies of a text with their parts; documents that cannot be read have none."""
    return [symbol for document in read_documents(source).documents for symbol in _policies(document)]


def _policies(document: Document) -> Iterator[Symbol]:
    for node in _objects(document.root):
        if model_of(node) is None or not isinstance(node, MappingNode):
            continue
        name = _at(node, "metadata", "name")
        rules = (_rule(rule, node.span) for rule in _items(_at(node, "spec", "rules")))
        yield _symbol(node, name, SymbolKind.Module, _text(node.get("kind")), rules)


def _objects(root: Node) -> Iterator[Node]:
    """Yield the object of a document, or those of a list."""
    yield root
    if isinstance(root, MappingNode) and _text(root.get("kind")).endswith("List"):
        yield from _items(root.get("items"))


def _rule(rule: Node, around: Span) -> Symbol | None:
    entries = _items(_at(rule, "verifyImages"))
    parts = (_entry(entry, rule.span) for entry in entries)
    return _within(around, rule, _at(rule, "name"), SymbolKind.Function, "rule", parts)


def _entry(entry: Node, around: Span) -> Symbol | None:
    patterns = _items(_at(entry, "imageReferences"))
    first = patterns[0] if patterns else _at(entry, "image")
    more = f"and {len(patterns) - 1} more" if len(patterns) > 1 else ""
    parts = (
        part
        for block in (entry, *_items(_at(entry, "attestations")))
        for attestors in _items(_at(block, "attestors"))
        for part in _signers(attestors, entry.span)
    )
    return _within(around, entry, first, SymbolKind.Array, more, parts)


def _signers(attestors: Node, around: Span) -> Iterator[Symbol | None]:
    for entry in _items(_at(attestors, "entries")):
        inner = _at(entry, "attestor")
        if inner is not None:
            yield from _signers(inner, around)
        for kind in _SIGNERS:
            block = _at(entry, kind)
            if isinstance(block, MappingNode):
                named = next((node for name in _TELLING if (node := block.get(name))), None)
                yield _within(around, block, named, SymbolKind.Key, kind, ())


def _within(
    around: Span,
    node: Node,
    name: Node | None,
    kind: SymbolKind,
    detail: str,
    parts: Iterator[Symbol | None] | tuple[()],
) -> Symbol | None:
    """Return a symbol that lies within `around`; what stands elsewhere, through an alias, has none."""
    inside = around.start <= node.span.start and node.span.end <= around.end
    return _symbol(node, name, kind, detail, parts) if inside else None


def _symbol(
    node: Node, name: Node | None, kind: SymbolKind, detail: str, parts: Iterator[Symbol | None] | tuple[()]
) -> Symbol:
    text = "".join(c if c.isprintable() else " " for c in _text(name)).strip()
    named = name.span if name and text else Span(node.span.start, node.span.start)
    inside = node.span.start <= named.start and named.end <= node.span.end
    return Symbol(
        name=f"{text[: MAX_NAME - 1]}…" if len(text) > MAX_NAME else text or "(without a name)",
        kind=kind,
        detail=detail,
        span=node.span,
        named=named if inside else Span(node.span.start, node.span.start),
        parts=tuple(part for part in parts if part),
    )


def _at(node: Node | None, *path: str) -> Node | None:
    for key in path:
        node = node.get(key) if isinstance(node, MappingNode) else None
    return node


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, SequenceNode) else ()


def _text(node: Node | None) -> str:
    return node.raw if isinstance(node, ScalarNode) else ""
