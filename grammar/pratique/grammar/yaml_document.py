"""One YAML document from its events to a positioned tree, within limits.

INVARIANT: what a document may cost is checked on the event that would exceed it, so neither nesting, nor
aliases, nor sizes can make the reader allocate or recurse beyond its limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent

from pratique.grammar.errors import PolicyError
from pratique.grammar.limits import Limits
from pratique.grammar.nodes import MappingNode, Node, ScalarNode, SequenceNode, plain
from pratique.grammar.scalars import (
    MERGE_TAG,
    Scalar,
    ScalarError,
    key_text,
    resolve_plain,
    resolve_tagged,
    show_tag,
)
from pratique.grammar.source import Position, Source, Span
from pratique.grammar.tree_reader import TreeReader
from pratique.grammar.yaml_events import EventParser

_MAPPING_TAGS = (None, "!", "tag:yaml.org,2002:map")
_SEQUENCE_TAGS = (None, "!", "tag:yaml.org,2002:seq")


@dataclass(slots=True)
class _Anchor:
    """A named part of the document: its node (None while it is being read) and what an alias adds."""

    node: Node | None = None
    nodes: int = 0
    characters: int = 0
    height: int = 0


class YamlReader(TreeReader):
    """Reads one document from `parser`, whose `text` is what follows `first_line` lines of `source`."""

    def __init__(
        self,
        parser: EventParser,
        text: str,
        source: Source,
        first_line: int,
        limits: Limits,
        errors: list[PolicyError],
    ) -> None:
        super().__init__(source, limits, errors)
        self._parser = parser
        self._text = text
        self._first_line = first_line
        self._anchors: dict[str, _Anchor] = {}
        self._aliases = 0
        self._characters = 0
        self._reach = 0
        self._start = 0
        self._event: Any = None

    def read(self) -> Node:
        """Return the root node, whose start event is the parser's next one; read up to the document's end.

        Raises:
            StopReading: a limit is exceeded; the error is recorded.
            yaml.YAMLError: the text is not YAML.
        """
        event = self._next()
        self._start = event.start_mark.index
        root = self._node(event, 1)
        end = self._next().start_mark.index
        self._check_bytes(self._text[self._start : end], event)
        return root

    @property
    def line(self) -> int:
        """The line (0-based, in the parser's text) where reading stands."""
        return int(self._event.start_mark.line)

    def _next(self) -> Any:
        self._event = self._parser.get_event()
        return self._event

    def _size(self, event: Any) -> int:
        return int(event.end_mark.index - self._start)

    # --- nodes -------------------------------------------------------------------------------------

    def _node(self, event: Any, depth: int) -> Node:
        self._check_depth(depth, event)
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        if event.anchor is not None:
            return self._anchored(event, depth)
        return self._content(event, depth)

    def _content(self, event: Any, depth: int) -> Node:
        self._count(self._size(event), event)
        self._reach = max(self._reach, depth)
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, depth)
        return self._sequence(event, depth)

    def _anchored(self, event: Any, depth: int) -> Node:
        anchor = self._anchors[event.anchor] = _Anchor()
        nodes, characters, reach = self._nodes, self._characters, self._reach
        self._reach = depth
        node = self._content(event, depth)
        anchor.nodes = self._nodes - nodes
        anchor.characters = self._characters - characters
        anchor.height = self._reach - depth
        anchor.node = node
        self._reach = max(self._reach, reach)
        return node

    def _alias(self, event: AliasEvent, depth: int) -> Node:
        self._aliases += 1
        if self._aliases > self._limits.max_aliases:
            self._stop("too-many-aliases", f"more than {self._limits.max_aliases} aliases", event)
        name = event.anchor or ""
        anchor = self._anchors.get(name)
        if anchor is None:
            self._stop("unknown-alias", f"the alias *{name[:60]} has no anchor before it", event)
        if anchor.node is None:
            self._stop("recursive-alias", f"the alias *{name[:60]} stands inside its own anchor", event)
        self._nodes += anchor.nodes
        self._characters += anchor.characters
        self._reach = max(self._reach, depth + anchor.height)
        if self._nodes > self._limits.max_nodes or self._characters > self._limits.max_bytes:
            self._stop("too-many-aliases", "the aliases expand to more than a document may hold", event)
        if self._reach > self._limits.max_depth:
            self._stop("too-deep", f"aliases nest deeper than {self._limits.max_depth}", event)
        return anchor.node

    def _sequence(self, start: Any, depth: int) -> SequenceNode:
        self._check_tag(start, _SEQUENCE_TAGS)
        items: list[Node] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return SequenceNode(self._span_of_collection(start, event, items[-1:]), tuple(items))

    def _mapping(self, start: Any, depth: int) -> MappingNode:
        self._check_tag(start, _MAPPING_TAGS)
        pairs: dict[str, tuple[ScalarNode, Node]] = {}
        merges: list[tuple[ScalarNode, Node, frozenset[str]]] = []
        last: list[Node] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            if _is_merge(event):
                key = ScalarNode(self._span(event), "<<", "<<", "")
                last = [self._node(self._next(), depth + 1)]
                if merges:
                    self._add_duplicate(key, merges[0][0])
                merges.append((key, last[0], frozenset(pairs)))
                continue
            found = self._key(event, depth)
            last = [self._node(self._next(), depth + 1)]
            if found is None:
                continue
            name = str(found.value)
            if name in pairs:
                self._add_duplicate(found, pairs[name][0])
            else:
                pairs[name] = (found, last[0])
        for key, value, before in merges:
            self._merge(pairs, key, value, before)
        return MappingNode(self._span_of_collection(start, event, last), tuple(pairs.values()))

    def _key(self, event: Any, depth: int) -> ScalarNode | None:
        """Return the key, or None if it can be none (the error is recorded)."""
        if isinstance(event, ScalarEvent) and event.anchor is None:
            self._count(self._size(event), event)
            return self._scalar(event, is_key=True)
        node = self._node(event, depth + 1)
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return node
        self._add("bad-key", "a key must be a text", event)
        return None

    # --- scalars -----------------------------------------------------------------------------------

    def _scalar(self, event: ScalarEvent, *, is_key: bool = False) -> ScalarNode:
        text = event.value
        self._characters += len(text)
        self._check_text(text, event)
        value: Scalar = ""
        try:
            value = _value(event, is_key)
        except ScalarError as error:
            self._add(error.code, str(error), event)
        return ScalarNode(self._span(event), value, text, event.style or "")

    # --- merge keys --------------------------------------------------------------------------------

    def _merge(
        self,
        pairs: dict[str, tuple[ScalarNode, Node]],
        key: ScalarNode,
        value: Node,
        before: frozenset[str],
    ) -> None:
        """Add the pairs of `value` that `pairs` does not have; `before` are keys written in front of `<<`."""
        own = dict(pairs)
        sources = value.items if isinstance(value, SequenceNode) else (value,)
        for source in sources:
            if not isinstance(source, MappingNode):
                problem = "a merge key needs a mapping or a list of mappings"
                self._record(PolicyError("bad-merge", problem, self._location(key.span)))
                return
            for merged_key, merged in source.items:
                name = str(merged_key.value)
                if name in before and plain(own[name][1]) != plain(merged):
                    # DEVIATION: in YAML the mapping's own key wins, in Kubernetes' reader the later `<<`.
                    # Test: test_merge_key_after_own_key_is_ambiguous.
                    self._record(
                        PolicyError(
                            "ambiguous-merge",
                            f"readers disagree whether this `{name}` or the one that `<<` brings in holds",
                            self._location(own[name][0].span),
                            help="put `<<` in front of the mapping's own keys",
                            related=[("the other one", self._location(merged_key.span))],
                        )
                    )
                pairs.setdefault(name, (merged_key, merged))

    # --- problems and places -----------------------------------------------------------------------

    def _check_tag(self, event: Any, allowed: tuple[str | None, ...]) -> None:
        if event.tag not in allowed:
            self._add("tag-not-allowed", f"the tag {show_tag(event.tag)} is not allowed", event)

    def _span(self, event: Any) -> Span:
        start, end, shift = event.start_mark, event.end_mark, self._first_line + 1
        return Span(
            Position(start.line + shift, start.column + 1), Position(end.line + shift, end.column + 1)
        )

    def _span_of_collection(self, start: Any, end: Any, last: list[Node]) -> Span:
        """Return the span up to the closing bracket, or up to the last part of a block.

        (libyaml ends a block only at the next token, which may be lines further down.)
        """
        span = self._span(start)
        if start.flow_style:
            return Span(span.start, self._span(end).end)
        return Span(span.start, max(span.start, last[0].span.end)) if last else span


def _is_merge(event: Any) -> bool:
    return isinstance(event, ScalarEvent) and (
        event.tag == MERGE_TAG or (event.tag is None and event.implicit[0] and event.value == "<<")
    )


def _value(event: ScalarEvent, is_key: bool) -> Scalar:
    text, tag = event.value, event.tag
    if tag is not None:
        value = resolve_tagged(tag, text)
        return key_text(text) if is_key and not isinstance(value, str) else value
    if not event.implicit[0]:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise ScalarError("yaml-syntax", "found invalid Unicode character escape code")
        return text
    return key_text(text) if is_key else resolve_plain(text)
