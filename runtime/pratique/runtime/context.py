"""The JSON that the variables of a rule read: request, images, and what is learned on the way.

References: Kyverno 1.19 `pkg/engine/context`: `request.*`, `images.<category>.<name>`, `image`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import Any

from pratique.compiler.expressions.context import Context, merge
from pratique.compiler.expressions.jmespath.run import Environment
from pratique.compiler.expressions.values.instants import Instant
from pratique.runtime.resource import ImageUse, Resource


def _now() -> Instant:
    seconds, nanosecond = divmod(time.time_ns(), 1_000_000_000)
    return Instant(seconds, nanosecond)


ENVIRONMENT = Environment(now=_now, random=secrets.SystemRandom())
"""Clock and random numbers of this process."""


def request_context(resource: Resource) -> Context:
    """Return the context that every rule of an evaluation starts from."""
    target = resource.target
    request = {
        "object": resource.data,
        "operation": target.operation,
        "namespace": target.namespace,
        "name": target.name,
        "kind": {"group": target.group, "version": target.version, "kind": target.kind},
    }
    values: dict[str, Any] = {"request": request}
    if resource.values is not None:
        # Both objects come with the values, which may have changed them.
        del request["object"]
        values = merge(values, resource.values)
    if images := images_value(resource.images):
        values["images"] = images
    return Context(values, environment=ENVIRONMENT)


def cleanup_context(resource: Resource) -> Context:
    """Return the context of a cleanup policy: the object is `target`, and nobody has sent a request."""
    values: dict[str, Any] = {"target": resource.data, "request": {"namespace": resource.target.namespace}}
    if images := images_value(resource.images):
        values["images"] = images
    return Context(values, environment=ENVIRONMENT)


def images_value(uses: Iterable[ImageUse]) -> dict[str, Any]:
    """Return the variable `images`: category -> container name -> parts of the image."""
    found: dict[str, Any] = {}
    for use in uses:
        if use.image is not None:
            found.setdefault(use.category, {})[use.key] = image_value(use)
    return found


def image_value(use: ImageUse) -> dict[str, Any]:
    """Return the variable `image` for one image that can be read."""
    assert use.image is not None  # noqa: S101 (callers select readable ones)
    image = use.image
    value = {
        "registry": image.registry,
        "name": image.path.rpartition("/")[2],
        "path": image.path,
        "reference": image.match_string,
        "referenceWithTag": f"{image.registry}/{image.path}:{image.tag or ''}",
        "jsonPointer": use.pointer,
    }
    if image.tag:
        value["tag"] = image.tag
    if image.digest:
        value["digest"] = image.digest
    return value
