"""Which shard of a scan a resource belongs to.

The image of its first container decides: all replicas of a workload, its controller, and other resources that
run the same come to one shard, so that an image is asked about once in the whole fleet. (A sidecar that many
workloads share is asked about once in each shard where it occurs.) Resources that run no image go by their
coordinates, which spreads them evenly. Nothing depends on the order of resources or on who looks at them.
"""

from __future__ import annotations

import hashlib
from typing import Final

from pratique.runtime.resource import Resource

MAX_SHARDS: Final = 10_000

Shard = tuple[int, int]
"""0-based number, and how many there are."""

WHOLE: Final[Shard] = (0, 1)


def parse_shard(text: str) -> Shard:
    """Return the shard that `I/N` names, I counting from 1.

    Raises:
        ValueError: it is none.
    """
    number, slash, of = text.partition("/")
    if not (slash and number.isascii() and number.isdigit() and of.isascii() and of.isdigit()):
        raise ValueError(f"{text!r} is not I/N, such as 1/4")
    if not 1 <= int(number) <= int(of) <= MAX_SHARDS:
        raise ValueError(f"{text!r}: I counts from 1 to N, and N is at most {MAX_SHARDS}")
    return int(number) - 1, int(of)


def affinity(resource: Resource) -> int:
    """Return a number by which resources that run the same image stay together."""
    images = resource.images
    main = next((use for use in images if use.category == "containers"), images[0] if images else None)
    if main is not None:
        text = main.match_string
    else:
        id = resource.id
        text = "\0".join((id.api_version, id.kind, id.namespace, id.name))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest)


def belongs(resource: Resource, shard: Shard) -> bool:
    """Say whether a resource is of a shard."""
    number, of = shard
    return of == 1 or affinity(resource) % of == number
