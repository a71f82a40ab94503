"""New documents as text: metadata as it was laid out, comments beside what they are about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pratique.compiler.converting.comments import Comment, comments_of, placed
from pratique.compiler.converting.model import Conversion, Draft
from pratique.compiler.converting.writing import Verbatim, document, scalar
from pratique.compiler.kyverno.autogen import ANNOTATION
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.nodes import MappingNode, ScalarNode
from pratique.grammar.source import Source

_ANCHOR: Final = re.compile(r"(?:^|[\s\[{,:-])[&*][A-Za-z0-9_-]")


def texts(conversion: Conversion) -> tuple[str, ...]:
    """Return the new documents of a policy as YAML, in order, without marks between them.

    Comments about a rule go to its document, those above the policy and about all of it to the first.
    """
    old = conversion.document
    source = old.document.source
    head, first, last = _lines(old)
    found = comments_of(source, first, last) if not old.path_prefix else ()
    metadata = _metadata_lines(old, found)
    apart = set(metadata or ())
    rules = [_rule_lines(old, number) for number in range(len(conversion.policy.rules))]
    made: list[str] = []
    taken: set[Comment] = set()
    for number, draft in enumerate(conversion.drafts):
        of_rule = [
            c for c in found if any(rules[each][0] <= c.about <= rules[each][1] for each in draft.rules)
        ]
        mine = [c for c in of_rule if c not in taken]
        if number == 0:
            inside = {c for c in found if any(low <= c.about <= high for low, high in rules)}
            mine += [c for c in found if c not in inside and c.line not in apart]
        taken.update(mine)
        comments = placed(sorted(mine, key=lambda c: c.line), draft.parts)
        comments.head = [*(head if number == 0 else ()), *comments.head]
        made.append(document(_data(old, draft, metadata, source), comments))
    return tuple(made)


def _lines(old: PolicyDocument) -> tuple[list[str], int, int]:
    """Return what stands above a document, and its first and last line."""
    source, root = old.document.source, old.document.root
    first = above = root.span.start.line
    if not old.path_prefix:
        while above > 1 and source.line(above - 1).lstrip()[:1] in ("", "#"):
            above -= 1
    head = [source.line(number).rstrip() for number in range(above, first)]
    while head and not head[0]:
        head.pop(0)
    end = root.span.end
    last = end.line - 1 if end.column == 1 and end.line > first else end.line
    while source.ending(last) and source.ending(last + 1) and source.line(last + 1).lstrip()[:1] in ("", "#"):
        last += 1
    return head, first, last


def lines_of(old: PolicyDocument) -> tuple[int, int]:
    """Return the first and last line of a document, with the comments above it and behind it."""
    head, first, last = _lines(old)
    return first - len(head), last


def _rule_lines(old: PolicyDocument, number: int) -> tuple[int, int]:
    if old.node("spec", "rules", number) is None:
        return 0, -1
    start, end = old.location("spec", "rules", number).span
    return start.line, end.line - 1 if end.column == 1 else end.line


# --- metadata ------------------------------------------------------------------------------------------


def _metadata_lines(old: PolicyDocument, comments: Sequence[Comment]) -> range | None:
    """Return the lines below `metadata:` that can be copied; None where they cannot."""
    node, source = old.node("metadata"), old.document.source
    if old.path_prefix or not isinstance(node, MappingNode) or not node.items:
        return None
    key = old.location("metadata", key=True).span.start
    first = node.span.start.line
    is_block = key.column == 1 and first > key.line and source.line(first)[node.span.start.column - 1] != "{"
    last = max(_last(source, comments, value.span.end.line, value.span.end.column) for _, value in node.items)
    lines = range(key.line + 1, last + 1)
    if not is_block or any(_ANCHOR.search(source.line(number)) for number in lines):
        return None
    return lines


def _last(source: Source, comments: Sequence[Comment], line: int, column: int) -> int:
    """Return the last line of a value that ends at a place."""
    if column > 1 and source.line(line)[: column - 1].strip():
        return line
    about = {comment.line for comment in comments if not comment.is_beside}
    line -= 1
    while not source.line(line).strip() or line in about:
        line -= 1
    return line


def _data(old: PolicyDocument, draft: Draft, lines: range | None, source: Source) -> dict[str, object]:
    if lines is None:
        return draft.data
    dropped = _dropped(old, lines)
    name = old.node("metadata", "name")
    copied = []
    for number in lines:
        text = source.line(number).rstrip()
        if number in dropped:
            continue
        if isinstance(name, ScalarNode) and number == name.span.start.line and name.value != draft.name:
            start, end = name.span.start.column - 1, name.span.end.column - 1
            text = f"{text[:start]}{scalar(draft.name)}{text[end:]}"
        copied.append(text)
    return draft.data | {"metadata": Verbatim("\n".join(copied))}


def _dropped(old: PolicyDocument, lines: range) -> set[int]:
    """Return the lines of the annotation that says what `autogen` says in the new document."""
    annotations = old.node("metadata", "annotations")
    found: set[int] = set()
    if isinstance(annotations, MappingNode) and annotations.pair(ANNOTATION):
        keys = [str(key.value) for key, _ in annotations.items]
        route = ("metadata", "annotations", *(() if keys == [ANNOTATION] else (ANNOTATION,)))
        start = old.location(*route, key=True).span.start.line
        end = old.location(*route).span.end
        last = end.line if end.column > 1 else end.line - 1
        found.update(number for number in range(start, last + 1) if number in lines)
    return found
