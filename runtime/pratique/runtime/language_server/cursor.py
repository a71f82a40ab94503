"""What stands at a place of a document: the way to it, and whether it is a key or a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from pratique.grammar.documents.kyverno import ClusterPolicy, Policy
from pratique.grammar.documents.schema import model_at
from pratique.grammar.nodes import Document, MappingNode, Node, ScalarNode, SequenceNode
from pratique.grammar.source import Position, Source, Span
from pratique.grammar.yaml_tree import read_documents

_MODELS: Final[dict[str, type[BaseModel]]] = {"ClusterPolicy": ClusterPolicy, "Policy": Policy}
_GROUP: Final = "kyverno.io/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A key or a scalar of a policy.

    Attributes:
        root: model of the policy that it is in.
        path: way to it from the top of its policy; the last part is the key itself where it is one.
        node: what stands there.
        value: the value of the key, or `node` where it is a value.
        is_key: it is a key.
    """

    root: type[BaseModel]
    path: tuple[str | int, ...]
    node: ScalarNode
    value: Node
    is_key: bool

    @property
    def field(self) -> str:
        """Return the key that it is, or that it is a value of."""
        return next((part for part in reversed(self.path) if isinstance(part, str)), "")

    @property
    def model(self) -> type[BaseModel] | None:
        """Return the model that `field` belongs to; None inside of free JSON."""
        end = max(number for number, part in enumerate(self.path) if part == self.field)
        return model_at(self.root, self.path[:end])


def cursor_at(source: Source, place: Position) -> Cursor | None:
    """Return what stands at a place; None where it is in no policy, or is neither key nor scalar."""
    for document in read_documents(source).documents:
        found = _find(document.root, place, ())
        if found is not None:
            return _in_policy(document, *found)
    return None


_Found = tuple[tuple[str | int, ...], ScalarNode, Node, bool]


def _find(node: Node, place: Position, path: tuple[str | int, ...]) -> _Found | None:
    if isinstance(node, ScalarNode):
        return (path, node, node, False) if holds(node.span, place) else None
    if isinstance(node, SequenceNode):
        pairs: Sequence[tuple[ScalarNode | None, str | int, Node]] = [
            (None, number, item) for number, item in enumerate(node.items)
        ]
    else:
        pairs = [(key, str(key.value), value) for key, value in node.items]
    for key, part, value in pairs:
        if key is not None and holds(key.span, place):
            return (*path, part), key, value, True
        # An alias stands elsewhere than what it names: the spans of a parent say nothing about its children.
        found = _find(value, place, (*path, part))
        if found is not None:
            return found
    return None


def holds(span: Span, place: Position) -> bool:
    """Say whether a place is in a span, or at its very end."""
    return span.start <= place <= span.end


def _in_policy(
    document: Document, path: tuple[str | int, ...], node: ScalarNode, value: Node, is_key: bool
) -> Cursor | None:
    for length in range(len(path)):
        root = model_of(document.node(path[:length]))
        if root is not None:
            return Cursor(root=root, path=path[length:], node=node, value=value, is_key=is_key)
    return None


def model_of(node: Node | None) -> type[BaseModel] | None:
    """Return the model of a policy; None where the node is none that is read."""
    if not isinstance(node, MappingNode):
        return None
    version, kind = node.get("apiVersion"), node.get("kind")
    if not (isinstance(version, ScalarNode) and isinstance(kind, ScalarNode)):
        return None
    return _MODELS.get(kind.raw) if version.raw.startswith(_GROUP) else None
