"""Looking into values: fields, elements, presence, size, membership.

References: cel-go 0.30 `interpreter/attributes.go` (`refQualify`), `common/types/list.go`, `map.go`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final

from pratique.compiler.cel.errors import CelError, no_such_key, no_such_overload
from pratique.compiler.cel.values.equality import PLAIN, Charge, equal
from pratique.compiler.cel.values.kinds import LISTS, type_name
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.numbers import NUMERIC
from pratique.compiler.cel.values.optionals import NONE, Optional
from pratique.compiler.cel.values.texts import show

MISSING: Final = object()
"""What `find` returns where there is nothing."""


class Record(ABC):
    """A value with fields that are asked for by name, perhaps computed only then."""

    __slots__ = ()

    @abstractmethod
    def field(self, name: str) -> Any:
        """Return the value of a field, or `MISSING`.

        Raises:
            CelError: the field has no value.
        """


class Zeroed(Record):
    """A record whose fields have a value even where they are not set."""

    __slots__ = ()

    @abstractmethod
    def is_set(self, name: str) -> bool:
        """Say whether a field counts as present: `has(value.name)`, `value.?name`."""


def find(value: Any, key: Any) -> Any:
    """Return what stands under `key` in a map, list or record, or `MISSING`.

    Raises:
        CelError: a list is asked for what is no index.
    """
    kind = type(value)
    if kind is dict:
        return value.get(key, MISSING) if type(key) is str else MISSING
    if kind in LISTS:
        index = _index(key)
        return value[index] if 0 <= index < len(value) else MISSING
    if kind is Map:
        entry = value.find(key)
        return MISSING if entry is None else entry[1]
    if isinstance(value, Record) and type(key) is str:
        return value.field(key)
    return MISSING


def select(value: Any, key: Any) -> Any:
    """Return `value.key` or `value[key]`; of an optional value an optional one.

    Raises:
        CelError: there is no such key or index.
    """
    if type(value) is Optional:
        return select_if_present(value, key)
    found = find(value, key)
    if found is MISSING:
        if type(value) in LISTS:
            raise CelError(f"index out of bounds: {show(key)}")
        raise no_such_key(show(key))
    return found


def select_if_present(value: Any, key: Any) -> Optional:
    """Return `value.?key` or `value[?key]`.

    Raises:
        CelError: a list is asked for what is no index.
    """
    if type(value) is Optional:
        if value is NONE:
            return NONE
        value = value.value
    found = find(value, key)
    if found is MISSING or (type(value) is not dict and isinstance(value, Zeroed) and not value.is_set(key)):
        return NONE
    return Optional(found)


def has(value: Any, field: str) -> bool:
    """Return `has(value.field)`.

    Raises:
        CelError: a list is asked for a field.
    """
    return select_if_present(value, field) is not NONE


def contains(needle: Any, haystack: Any) -> bool:
    """Return `needle in haystack`: an element of a list, or a key of a map.

    Raises:
        CelError: it is neither.
    """
    kind = type(haystack)
    if kind is dict:
        return type(needle) is str and needle in haystack
    if kind in LISTS:
        return is_among(needle, haystack)
    if kind is Map:
        return haystack.find(needle) is not None
    raise no_such_overload()


def is_among(needle: Any, elements: Iterable[Any], charge: Charge | None = None) -> bool:
    """Say whether some element is equal to `needle`."""
    own = type(needle)
    if own in PLAIN and own is not int:
        return any(type(element) is own and element == needle for element in elements)
    return any(equal(needle, element, charge) for element in elements)


def size(value: Any) -> int:
    """Return the number of elements, entries, characters or bytes; 1 of everything else, as costs have it."""
    kind = type(value)
    if kind in LISTS or kind in (str, bytes, dict, Map):
        return len(value)
    return 1


def iterate(value: Any) -> Iterable[Any]:
    """Return the elements of a list or the keys of a map.

    Raises:
        CelError: it is neither.
    """
    kind = type(value)
    if kind in LISTS or kind is dict or kind is Map:
        return value  # type: ignore[no-any-return]
    raise CelError(f"got '{_go_name(value)}', expected iterable type")


def iterate_pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return the elements of a list with their indices, or the entries of a map.

    Raises:
        CelError: it is neither.
    """
    kind = type(value)
    if kind in LISTS:
        return enumerate(value)
    if kind is dict or kind is Map:
        return value.items()  # type: ignore[no-any-return]
    raise CelError(f"unsupported comprehension range type: {_go_name(value)}")


def _index(key: Any) -> int:
    kind = type(key)
    if kind is int:
        return key  # type: ignore[no-any-return]
    if kind in NUMERIC:
        if key == int(key):
            return int(key)
        raise CelError(f"unsupported index value {key} in list")
    raise CelError(f"unsupported index type '{type_name(key)}' in list")


def _go_name(value: Any) -> str:
    """Return the name that Go gives the type of a value."""
    name = type_name(value).rpartition(".")[2]
    return f"types.{'Null' if name == 'null_type' else name.capitalize()}"
