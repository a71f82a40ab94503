"""Overlays with anchors, made ready for merging into one resource.

`+(key)` is dropped where the resource has the key, and becomes the key elsewhere; `(key)` and `<(key)` must
match the resource and are left out of the patch; an element of a list that has anchors is tried against
every element of the resource, and stands in the patch once for each that fits, by its `name`.

References: Kyverno 1.19 `pkg/engine/mutate/patch/strategicPreprocessing.go`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from pratique.compiler.patterns import PatternMatcher, parse_anchor
from pratique.compiler.patterns.anchors import ADDITION, CONDITION, GLOBAL
from pratique.compiler.patterns.failures import go_type
from pratique.grammar.errors import EvaluationError

_CONDITIONS: Final = (CONDITION, GLOBAL)
_MISSING: Final[Any] = object()


class _ConditionError(Exception):
    """A condition of the map at hand does not hold."""


class _GlobalConditionError(Exception):
    """A condition does not hold, without which nothing is to be changed."""


def patch_for(overlay: Any, resource: Mapping[str, Any]) -> Any:
    """Return the patch that an overlay means for a resource: an empty map where a condition does not hold.

    Raises:
        EvaluationError: `bad-patch`: the overlay does not fit the resource.
    """
    if not isinstance(overlay, dict):
        raise EvaluationError("bad-patch", f"an overlay is a map, not {go_type(overlay)}")
    patch = copy.deepcopy(overlay)
    try:
        _prepare(patch, resource)
    except (_ConditionError, _GlobalConditionError):
        return {}
    _strip_map(patch)
    return patch


# --- conditions and additions --------------------------------------------------------------------------


def _prepare(patch: Any, resource: Any) -> None:
    """Settle additions and check conditions below a place, in place; `_MISSING` is what is not there."""
    if isinstance(patch, dict):
        _settle_additions(patch, resource)
        _check(patch, resource, GLOBAL, _GlobalConditionError)
        _check(patch, resource, CONDITION, _ConditionError)
        for key in list(patch):
            if _modifier(key) not in _CONDITIONS:
                _prepare(patch[key], _field(resource, key))
    elif isinstance(patch, list) and patch and isinstance(patch[0], dict):
        _prepare_elements(patch, resource)


def _field(resource: Any, key: str) -> Any:
    return resource.get(key, _MISSING) if isinstance(resource, dict) else _MISSING


def _settle_additions(patch: dict[str, Any], resource: Any) -> bool:
    """Say whether a map has additions, and settle them without changing the order of its keys."""
    anchors = {
        key: anchor.key for key in patch if (anchor := parse_anchor(key)) and anchor.modifier == ADDITION
    }
    if not anchors:
        return False
    settled = {
        anchors.get(key, key): value
        for key, value in patch.items()
        if key not in anchors or _field(resource, anchors[key]) is _MISSING
    }
    patch.clear()
    patch.update(settled)
    return True


def _check(patch: dict[str, Any], resource: Any, modifier: str, failure: type[Exception]) -> None:
    for key in list(patch):
        anchor = parse_anchor(key)
        if anchor is None or anchor.modifier != modifier:
            continue
        value = _field(resource, anchor.key)
        if value is _MISSING:
            raise failure
        pattern = patch[key]
        if isinstance(pattern, dict) and _settle_additions(pattern, value):
            continue  # as in Kyverno: what may be added is no condition
        if PatternMatcher(_as_text(pattern)).mismatch(_as_text(value)) is not None:
            raise failure


def _as_text(value: Any) -> Any:
    """Return scalars as the texts that Kyverno compares here; maps and lists are as they are."""
    match value:
        case dict() | list() | str():
            return value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _prepare_elements(patch: list[Any], resource: Any) -> None:
    """Try the elements that have anchors against all of the resource's."""
    if resource is not _MISSING and resource is not None and not isinstance(resource, list):
        raise EvaluationError("bad-patch", f"failed to preProcess rule: a list meets {go_type(resource)}")
    present = resource if isinstance(resource, list) else []
    for element in list(patch):
        if _has(element, (*_CONDITIONS, ADDITION)):
            patch += _fitting(element, present, is_there=resource is not _MISSING)


def _fitting(element: Any, present: list[Any], *, is_there: bool) -> list[Any]:
    """Return the element once for each of the resource's that fits, by its name.

    As in Kyverno, additions are settled by the first element of the resource for all, and global conditions
    need one that holds.
    """
    is_global = _has(element, (GLOBAL,))
    tried, made = copy.deepcopy(element), []
    passed = False
    failure: _GlobalConditionError | None = None
    for each in present if is_there else [_MISSING]:
        try:
            _prepare(tried, each)
        except _ConditionError:
            continue
        except _GlobalConditionError as error:
            failure = error
            continue
        if is_global:
            passed = True
        else:
            made += _named(tried, each)
    if failure is not None and not passed:
        raise failure
    return made


def _named(tried: Any, each: Any) -> list[Any]:
    """Return what is left of an element, with the name of the one that it fits; nothing without a name."""
    if not isinstance(each, dict) or each.get("name") in (None, ""):
        return []
    made = copy.deepcopy(tried)
    return [] if _strip(made, is_condition=True) else [{**made, "name": each["name"]}]


# --- leaving conditions out ----------------------------------------------------------------------------


def _modifier(key: str) -> str | None:
    anchor = parse_anchor(key)
    return anchor.modifier if anchor else None


def _has(value: Any, modifiers: tuple[str, ...]) -> bool:
    """Say whether some key has one of the modifiers, or some text is a condition."""
    match value:
        case dict():
            return any(_modifier(key) in modifiers or _has(item, modifiers) for key, item in value.items())
        case list():
            return any(_has(item, modifiers) for item in value)
        case str():
            return _modifier(value) in _CONDITIONS
        case _:
            return False


def _strip(value: Any, *, is_condition: bool) -> bool:
    """Remove conditions below a place, in place; say whether nothing is left of it that changes anything.

    An empty map changes nothing; conditions that hold a change lose their anchor.
    """
    match value:
        case dict():
            return _strip_map(value)
        case list():
            return _strip_list(value)
        case _:
            return is_condition


def _strip_map(patch: dict[str, Any]) -> bool:
    kept: dict[str, Any] = {}
    for key, value in patch.items():
        anchor = parse_anchor(key)
        if anchor is None or anchor.modifier not in _CONDITIONS:
            kept[key] = value
        elif not _strip(value, is_condition=True):
            kept[anchor.key] = value
    patch.clear()
    patch.update((key, value) for key, value in kept.items() if not _strip(value, is_condition=False))
    return not patch


def _strip_list(patch: list[Any]) -> bool:
    """Remove the elements that have anchors: what they mean for the resource stands behind them.

    DEVIATION: Kyverno removes wrong elements where several have anchors, since it counts on after a removal
    (`tests/compiler/mutations/test_overlays.py::test_several_elements_with_anchors`).
    """
    if not patch:
        return False
    patch[:] = [
        each
        for each in patch
        if not _has(each, (*_CONDITIONS, ADDITION)) and not _strip(each, is_condition=False)
    ]
    return not patch
