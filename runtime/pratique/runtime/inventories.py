"""The images that there are: from a file, or from a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pratique.compiler.lint.inventory import Inventory, Use
from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.grammar.image_reference import ImageReferenceError, parse_image
from pratique.grammar.limits import RESOURCE_LIMITS
from pratique.grammar.source import Location, Source, Span
from pratique.runtime.inputs import Inputs, load_resources, read_inputs, show
from pratique.runtime.resource import Resource

CLUSTER: Final = "cluster"
"""What stands for the current cluster where a file is named otherwise."""

_LINE: Final = re.compile(r"\s*(?:(?P<count>\d{1,9})\s+)?(?P<image>[^\s#]\S*)\s*(?:#.*)?")
_COMMENT: Final = re.compile(r"\s*(?:#.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadInventory:
    """An inventory, and what is worth a word about it."""

    inventory: Inventory
    notices: tuple[str, ...] = ()


def find_inventory(name: str, kubeconfig: str = "", context: str = "") -> ReadInventory:
    """Return the images of a file, or those of a cluster for `cluster`.

    Raises:
        PolicyErrors: the file cannot be read, or holds something else.
        UsageError: no cluster is known.
        TransportError: the cluster could not be asked.
    """
    return ask_cluster(kubeconfig, context) if name == CLUSTER else read_inventory(name)


def read_inventory(path: str) -> ReadInventory:
    """Return the images of a file: one a line (`sort | uniq -c` may stand before it), or Kubernetes objects.

    Raises:
        PolicyErrors: it cannot be read, or holds something else.
    """
    return inventory_in(read_inputs([path]), path)


def inventory_in(inputs: Inputs, name: str) -> ReadInventory:
    """Return the images in texts that were read already.

    Raises:
        PolicyErrors: some could not be read, or hold something else.
    """
    if inputs.errors:
        raise PolicyErrors(inputs.errors)
    uses: list[Use] = []
    notices = list(inputs.notices)
    objects = []
    for source in inputs.sources:
        if _has_lines(source):
            uses += _from_lines(source)
        else:
            objects.append(source)
    documents, errors = load_resources(objects, RESOURCE_LIMITS)
    if errors:
        raise PolicyErrors(errors)
    sources = {source.name: source for source in objects}
    places = [Location(sources[each.source_name], Span.at(each.line, 1)) for each in documents]
    found, unreadable = uses_of([each.data for each in documents], places)
    uses += found
    notices += unreadable
    return ReadInventory(inventory=Inventory(name=name, uses=tuple(uses)), notices=tuple(notices))


def _has_lines(source: Source) -> bool:
    """Say whether a text lists images line by line: its first line that says something is an image."""
    for line in source.text.splitlines():
        if not _COMMENT.fullmatch(line):
            found = _LINE.fullmatch(line)
            return bool(found and found["image"][0] not in "-{[" and found["image"][-1] != ":")
    return True


def _from_lines(source: Source) -> Iterator[Use]:
    errors = []
    for number, line in enumerate(source.text.splitlines(), start=1):
        if _COMMENT.fullmatch(line):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            place = Location(source, Span.at(number, 1, len(line)))
            message = "a line holds one image, with its number before it or without"
            errors.append(PolicyError("bad-image", message, place))
            continue
        text, column = found["image"], found.start("image") + 1
        place = Location(source, Span.at(number, column, len(text)))
        try:
            image = parse_image(text).match_string
        except ImageReferenceError as error:
            place = Location(source, Span.at(number, column + error.offset))
            errors.append(PolicyError("bad-image", str(error), place))
        else:
            yield Use(image=image, count=int(found["count"] or 1), location=place)
    if errors:
        raise PolicyErrors(errors)


def uses_of(
    objects: Iterable[Mapping[str, Any]], places: Iterable[Location] | None = None
) -> tuple[list[Use], list[str]]:
    """Return the images that Kubernetes objects run, and a word about those that cannot be read.

    Labels of namespaces are taken from the Namespaces among the objects.
    """
    found = list(objects)
    wheres = list(places) if places is not None else [None] * len(found)
    labels = {
        str(each["metadata"].get("name")): each["metadata"].get("labels") or {}
        for each in found
        if each.get("kind") == "Namespace" and isinstance(each.get("metadata"), dict)
    }
    uses, unreadable = [], []
    for each, place in zip(found, wheres, strict=True):
        metadata = each.get("metadata") or {}
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        resource = Resource(each, location=place, namespace_labels=labels.get(str(namespace)))
        for use in resource.images:
            if use.image is None:
                unreadable.append(
                    f"{show(str(resource.id))}: {show(use.text)} is no image reference: left out"
                )
            else:
                uses.append(Use(image=use.match_string, target=resource.target, location=place))
    return uses, unreadable


def ask_cluster(kubeconfig: str = "", context: str = "") -> ReadInventory:
    """Return the images of the Pods in a cluster.

    Raises:
        UsageError: no cluster is known.
        ClusterError: it could not be asked.
    """
    import asyncio

    from pratique.runtime.kubernetes.client import Cluster
    from pratique.runtime.kubernetes.settings import find_cluster
    from pratique.runtime.kubernetes.types import NAMESPACES, PODS

    settings = find_cluster(kubeconfig, context)

    async def ask() -> list[dict[str, Any]]:
        async with Cluster(settings) as cluster:
            listed = [await cluster.list(kind) for kind in (NAMESPACES, PODS)]
        return [item for listing in listed for item in listing.items]

    uses, unreadable = uses_of(asyncio.run(ask()))
    name = f"the cluster at {settings.server}"
    return ReadInventory(inventory=Inventory(name=name, uses=tuple(uses)), notices=tuple(unreadable))
