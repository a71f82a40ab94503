"""Strategic merge patches on JSON data.

References: kustomize `kyaml/yaml/merge2` and `kyaml/yaml/walk`, as Kyverno 1.19 calls them: elements that a
patch adds to a list come first, null removes, and `$patch: delete|replace|merge` is understood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pratique.compiler.mutations.patch_strategies import DEFAULT, Strategy
from pratique.compiler.patterns.failures import go_type
from pratique.grammar.errors import EvaluationError

DIRECTIVE: Final = "$patch"

_MISSING: Final[Any] = object()


def merge(base: Any, patch: Any, strategy: Strategy = DEFAULT) -> Any:
    """Return `base` with a patch merged into it; neither is changed, parts of both are shared.

    Raises:
        EvaluationError: `bad-patch`: a map meets a list or a scalar, or a directive is unknown.
    """
    merged = _merge(base, patch, strategy)
    return None if merged is _MISSING else merged


def _merge(base: Any, patch: Any, strategy: Strategy) -> Any:
    """Return the merged value, `_MISSING` for none."""
    if patch is _MISSING:
        return base
    if patch is None:
        return _MISSING
    if base is not _MISSING and base is not None and _shape(base) is not _shape(patch):
        text = f"wrong node kind: expected {go_type(base)} but got {go_type(patch)}"
        raise EvaluationError("bad-patch", text)
    match patch:
        case dict():
            return _map({} if base is _MISSING or base is None else base, patch, strategy)
        case list() if strategy.keys:
            return _list([] if base is _MISSING or base is None else base, patch, strategy)
        case _:
            return patch


def _shape(value: Any) -> type:
    return value.__class__ if value.__class__ in (dict, list) else object


def _map(base: Mapping[str, Any], patch: Mapping[str, Any], strategy: Strategy) -> Any:
    directive, patch = _directive(patch)
    if directive == "delete":
        return _MISSING
    merged = {} if directive == "replace" else dict(base)
    for key, value in patch.items():
        found = _merge(merged.get(key, _MISSING), value, strategy.of(key))
        if found is _MISSING:
            merged.pop(key, None)
        else:
            merged[key] = found
    return merged


def _directive(patch: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the directive of a map (`merge` where it has none), and the map without it."""
    if DIRECTIVE not in patch:
        return "merge", patch
    directive = patch[DIRECTIVE]
    if directive not in ("delete", "replace", "merge"):
        raise EvaluationError("bad-patch", f"unknown patch strategy '{directive}'")
    return directive, {key: value for key, value in patch.items() if key != DIRECTIVE}


def _list(base: Sequence[Any], patch: Sequence[Any], strategy: Strategy) -> Any:
    directive, patch = _list_directive(patch)
    if directive == "delete":
        return _MISSING
    if directive == "replace":
        base = ()
    if strategy.keys == ("",):
        return _without_doubles([*patch, *base])
    keys = _told_apart_by(strategy.keys, [*patch, *base])
    left = {_key(each, keys): each for each in reversed(base)}
    first: dict[tuple[str, ...], Any] = {}
    for each in patch:
        key = _key(each, keys)
        found = _merge(first.get(key, left.get(key, _MISSING)), each, strategy.element or DEFAULT)
        first[key] = found
    added = [each for each in first.values() if each is not _MISSING and each != {}]
    return [*added, *(each for each in base if _key(each, keys) not in first)]


def _without_doubles(values: Sequence[Any]) -> list[Any]:
    """Return scalars, of those with the same text the first."""
    found: dict[str, Any] = {}
    for value in values:
        found.setdefault(_text(value), value)
    return list(found.values())


def _list_directive(patch: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """Return the directive that an element of its own gives, and the list without that element."""
    for index, each in enumerate(patch):
        if isinstance(each, dict) and DIRECTIVE in each and len(each) == 1:
            directive, _ = _directive(each)
            return directive, [*patch[:index], *patch[index + 1 :]]
    return "merge", patch


def _told_apart_by(keys: tuple[str, ...], elements: Sequence[Any]) -> tuple[str, ...]:
    """Return the keys that some element has: a second key that nobody gives tells nothing apart."""
    if not all(isinstance(each, dict) for each in elements):
        raise EvaluationError("bad-patch", "an element of a list that is merged by keys is not a map")
    return tuple(key for key in keys if any(key in each for each in elements)) or keys


def _key(element: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return what tells an element apart, as texts: 80 and "80" are the same."""
    return tuple(_text(element.get(key, _DEFAULTS.get(key, ""))) for key in keys)


_DEFAULTS: Final = {"protocol": "TCP"}
"""Keys that elements may leave out: a port without protocol is the TCP port."""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
