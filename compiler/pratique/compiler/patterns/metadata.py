"""Wildcards in the keys of `labels` and `annotations` of a pattern: what the resource has stands in for them.

Nowhere else may keys hold wildcards. Where the resource has such a map, only those values of the pattern's
map take part that are texts.

Of several keys that fit a wildcard Kyverno takes one by chance; here it is the first one of the resource.

References: Kyverno 1.19 `pkg/engine/wildcards` (`ExpandInMetadata`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from pratique.compiler.patterns.anchors import Anchor, parse_anchor
from pratique.grammar import wildcard

Expand: TypeAlias = Callable[[Mapping[str, Any]], "dict[str, Any] | None"]
"""Returns the pattern for one resource; None where the pattern itself will do."""

_METADATA: Final = "metadata"
_MAPS: Final = ("labels", "annotations")


def expansion(pattern: Mapping[str, Any]) -> Expand | None:
    """Return what makes the pattern ready for a resource; None for patterns that always are."""
    key = _named(_METADATA, pattern)
    if key is None or not isinstance(pattern[key], dict):
        return None
    metadata = pattern[key]
    names = [(name, found) for name in _MAPS if (found := _named(name, metadata)) is not None]
    names = [(name, found) for name, found in names if _is_affected(metadata[found])]
    if not names:
        return None

    def expand(resource: Mapping[str, Any]) -> dict[str, Any] | None:
        actual = resource.get(_METADATA)
        if not isinstance(actual, dict):
            return None
        changes = {
            found: _expanded(metadata[found], actual[name])
            for name, found in names
            if isinstance(actual.get(name), dict)
        }
        return {**pattern, key: {**metadata, **changes}} if changes else None

    return expand


def _named(name: str, pattern: Mapping[str, Any]) -> str | None:
    """Return the key that is `name`, anchored or not."""
    for key in pattern:
        if key == name or ((anchor := parse_anchor(key)) and anchor.key == name):
            return key
    return None


def _is_affected(pairs: Any) -> bool:
    return isinstance(pairs, dict) and any(
        wildcard.contains_wildcard(key) or not isinstance(value, str) for key, value in pairs.items()
    )


def _expanded(pattern: Mapping[str, Any], actual: Mapping[str, Any]) -> dict[str, Any]:
    known = [key for key, value in actual.items() if isinstance(value, str)]
    return {_key(key, known): value for key, value in pattern.items() if isinstance(value, str)}


def _key(key: str, known: list[str]) -> str:
    if not wildcard.contains_wildcard(key):
        return key
    anchor = parse_anchor(key)
    glob = anchor.key if anchor else key
    found = next((name for name in known if wildcard.matches(glob, name)), glob)
    return str(Anchor(anchor.modifier, found)) if anchor else found
