"""Rows of a scan gathered into report objects, each of which is given as soon as it is full."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pratique.runtime.outputs.formats import Grouping, RenderOptions
from pratique.runtime.outputs.json_text import json_line, yaml_text
from pratique.runtime.outputs.report_groups import MAX_RESULTS, Group, name_of
from pratique.runtime.outputs.view import Row


def groups(rows: Iterable[Row], grouping: Grouping) -> Iterator[Group]:
    """Yield the groups of `report_groups.groups`: full ones first, then the others by their first rows.

    Of each group no more than `MAX_RESULTS` rows are held; those of one resource follow each other, so that
    by resource no more than one group is.
    """
    held: dict[tuple[str, str], list[Row]] = {}
    given: dict[tuple[str, str], int] = {}
    for row in rows:
        key = name_of(row, grouping), row.result.resource.namespace
        if grouping is Grouping.RESOURCE and key not in held:
            for before, full in held.items():
                yield _group(before, full, given.pop(before, 0), grouping)
            held.clear()
        gathered = held.setdefault(key, [])
        gathered.append(row)
        if len(gathered) == MAX_RESULTS:
            yield _group(key, gathered, given.get(key, 0), grouping)
            given[key] = given.get(key, 0) + 1
            held[key] = []
    for key, gathered in held.items():
        if gathered:
            yield _group(key, gathered, given.get(key, 0), grouping)


def _group(key: tuple[str, str], rows: list[Row], number: int, grouping: Grouping) -> Group:
    name, namespace = key
    return Group(
        name=f"{name}-{number}" if number else name,
        namespace=namespace,
        rows=tuple(rows),
        scope=rows[0].result.resource if grouping is Grouping.RESOURCE else None,
    )


def written(documents: Iterable[dict[str, Any]], options: RenderOptions) -> Iterator[str]:
    """Yield Kubernetes objects as YAML documents, or as a `List` in JSON with a line for each."""
    if not options.as_json:
        between = ""
        for document in documents:
            yield between + yaml_text([document])
            between = "---\n"
        return
    yield '{"apiVersion": "v1", "kind": "List", "items": ['
    between = "\n"
    for document in documents:
        yield between + json_line(document).rstrip()
        between = ",\n"
    yield "\n]}\n"
