"""Inventories: the images that somebody runs, one reference a line, or those of the resources of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from pratique.grammar.errors import PolicyError, PolicyErrors, UsageError
from pratique.grammar.image_reference import ImageReferenceError, parse_image
from pratique.grammar.source import Location, Source, Span
from pratique.runtime.inputs import SUFFIXES, load_resources, read_inputs
from pratique.runtime.resource import Resource

MAX_MISTAKES = 20


def read_inventory(path: str, stdin: Callable[[], bytes] | None = None) -> tuple[str, ...]:
    """Return the canonical references of the images in a file, each once, in the order of the file.

    Files that are called `*.yaml`, `*.yml` or `*.json`, and those of a folder, hold resources. Any other
    file, and standard input (`-`), holds a reference a line; empty lines and those that begin with `#` do not
    count.

    Raises:
        PolicyErrors: the file cannot be read, or lines of it are no references.
        UsageError: there is no image in it.
    """
    inputs = read_inputs([path], stdin)
    if inputs.errors:
        raise PolicyErrors(inputs.errors)
    found: dict[str, None] = {}
    for source in inputs.sources:
        is_resources = PurePath(source.name).suffix.lower() in SUFFIXES
        found.update(dict.fromkeys(_resources(source) if is_resources else _lines(source)))
    if not found:
        raise UsageError(f"no image in {path}")
    return tuple(found)


def images_of(resources: Sequence[Resource]) -> tuple[str, ...]:
    """Return the canonical references of the images of resources, each once."""
    return tuple(dict.fromkeys(use.match_string for each in resources for use in each.images if use.image))


def _resources(source: Source) -> Iterator[str]:
    documents, errors = load_resources([source])
    if errors:
        raise PolicyErrors(errors)
    yield from images_of([Resource(document.data) for document in documents])


def _lines(source: Source) -> list[str]:
    found, mistakes = [], []
    for number, line in enumerate(source.text.splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            found.append(parse_image(text).match_string)
        except ImageReferenceError as error:
            start = len(line) - len(line.lstrip()) + 1
            place = Location(source, Span.at(number, start, len(text)))
            mistakes.append(PolicyError("bad-image-reference", str(error), place))
            if len(mistakes) == MAX_MISTAKES:
                break
    if mistakes:
        raise PolicyErrors(mistakes)
    return found
