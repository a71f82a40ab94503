"""The `imagePullSecrets` that a resource names for its images.

References: Kyverno 1.19 `pkg/utils/api/image.go`: names found on the way to an image count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pratique.compiler import ir
from pratique.runtime.resource import POD_SPECS, Resource

MAX_NAMES: Final = 32
MAX_PLACES: Final = 10_000


def named_pull_secrets(resource: Resource, rule: ir.Rule) -> tuple[str, ...]:
    """Return the names, in the order of the resource, each once.

    DEVIATION: all that are found count for all images of the resource; Kyverno takes those on the way to an
    arbitrary image of it (`tests/runtime/test_pull_secrets.py::test_extractors`).
    """
    routes: list[Sequence[str]] = []
    if resource.id.kind in POD_SPECS:
        routes.append(POD_SPECS[resource.id.kind])
    for kind, extractors in rule.extractors:
        if kind == resource.id.kind:
            routes = [[step for step in e.path.split("/") if step] for e in extractors]
    left = [MAX_PLACES]
    found = dict.fromkeys(name for route in routes for name in _names(resource.data, route, left))
    return tuple(found)[:MAX_NAMES]


def _names(data: Any, route: Sequence[str], left: list[int]) -> Iterator[str]:
    if not left[0]:
        return
    left[0] -= 1
    if isinstance(data, dict):
        listed = data.get("imagePullSecrets")
        for item in listed if isinstance(listed, list) else ():
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str) and name:
                yield name
    if route:
        for child in _children(data, route[0]):
            yield from _names(child, route[1:], left)


def _children(data: Any, step: str) -> Iterator[Any]:
    match data:
        case dict():
            yield from data.values() if step == "*" else (data[step],) if step in data else ()
        case list() if step == "*":
            yield from data
        case _:
            return
