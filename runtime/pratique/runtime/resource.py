"""A Kubernetes object as the engine sees it, and the images it would run.

References: Kyverno 1.19, `pkg/utils/api/image.go`. Order of images: the map order of Kyverno is random; here
it is initContainers, containers, ephemeralContainers, image volumes, each by index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias

from pratique.compiler.selection import Requester, Target
from pratique.grammar.errors import EvaluationError
from pratique.grammar.image_reference import ImageReference, ImageReferenceError, parse_image
from pratique.grammar.source import Location
from pratique.runtime.decision import ResourceId

_TEMPLATE: Final = ("spec", "template", "spec")
POD_SPECS: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": ("spec",),
    "DaemonSet": _TEMPLATE,
    "Deployment": _TEMPLATE,
    "Job": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "ReplicationController": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Kind -> route to its pod specification."""

CONTAINER_LISTS: Final = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class ImageUse:
    """An image string at its place in a resource.

    Attributes:
        text: the string as written.
        image: what it refers to; None where it cannot be read.
        problem: why it cannot be read; empty otherwise.
        category: `containers`, `initContainers` ..., or the name of an extractor.
        key: container name, or the key field of an extractor.
        pointer: JSON pointer (RFC 6901) of the string.
    """

    text: str
    image: ImageReference | None
    problem: str
    category: str
    key: str
    pointer: str

    @property
    def match_string(self) -> str:
        """Return what image patterns are matched against; the raw text for an unreadable reference."""
        return self.image.match_string if self.image else self.text


def use(text: str, category: str, key: str, pointer: str) -> ImageUse:
    """Return the use of an image string, readable or not."""
    try:
        return ImageUse(text, parse_image(text), "", category, key, pointer)
    except ImageReferenceError as error:
        return ImageUse(text, None, str(error), category, key, pointer)


View: TypeAlias = "tuple[Resource, Callable[[str], bool] | None]"
"""An object as some policies see it, and what says of a name which ones; None for all."""


class Kind(NamedTuple):
    """Group, version and kind of an object; the group is empty for the core API."""

    group: str
    version: str
    kind: str


class Resource:
    """An object with the facts that rules ask about. Immutable by convention; facts are computed once."""

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        location: Location | None = None,
        namespace_labels: Mapping[str, str] | None = None,
        namespace_object: Mapping[str, Any] | None = None,
        operation: str = "CREATE",
        subresource: str = "",
        requester: Requester | None = None,
        kind: Kind | None = None,
        values: Mapping[str, Any] | None = None,
        views: Sequence[View] = (),
        left_out: frozenset[str] = frozenset(),
        remake: Callable[[Mapping[str, Any]], Resource] | None = None,
    ) -> None:
        """Take the object and what is known of its request.

        Args:
            data: the object; the old one of a DELETE.
            location: where a file declares it.
            namespace_labels: None where they are not known.
            namespace_object: the Namespace itself; None where it is not known.
            operation: of the request.
            subresource: of the request; `kind` is then that of the parent.
            requester: None where nobody is known to have sent the request.
            kind: what match and exclude see in place of the object's own.
            values: further values of its context, with `request.object` and `request.oldObject`.
            views: how policies see it that do not see it as it is.
            left_out: JSON pointers of images that are not looked at.
            remake: returns a changed object with the values beside it; None where there are no others.
        """
        self.data = data
        self.location = location
        self._namespace_labels = namespace_labels
        self.namespace_object = namespace_object
        self._operation = operation
        self._subresource = subresource
        self._requester = requester
        self._kind = kind
        self.values = values
        self._views = tuple(views)
        self._left_out = left_out
        self._remake = remake

    @property
    def views(self) -> Sequence[View]:
        """How policies see the object: each view with what says of the name of a policy whether it is its."""
        return self._views or ((self, None),)

    def changed(self, data: Mapping[str, Any]) -> Resource:
        """Return the object as a rule that mutates left it, in the same request."""
        if self._remake is not None:
            return self._remake(data)
        values = self.values
        if values is not None:
            request = values.get("request")
            values = {**values, "request": {**(request if isinstance(request, dict) else {}), "object": data}}
        return Resource(
            data,
            location=self.location,
            namespace_labels=self._namespace_labels,
            namespace_object=self.namespace_object,
            operation=self._operation,
            subresource=self._subresource,
            requester=self._requester,
            kind=self._kind,
            values=values,
            left_out=self._left_out,
        )

    def of_request(
        self,
        data: Mapping[str, Any],
        *,
        operation: str,
        values: Mapping[str, Any] | None,
        requester: Requester | None,
    ) -> Resource:
        """Return another object as the same policies would see it in another request."""
        return Resource(
            data,
            location=self.location,
            namespace_labels=self._namespace_labels,
            namespace_object=self.namespace_object,
            operation=operation,
            subresource=self._subresource,
            requester=requester,
            kind=self._kind,
            values=values,
        )

    @cached_property
    def id(self) -> ResourceId:
        """The coordinates of the object."""
        metadata = self.metadata
        return ResourceId(
            api_version=_text(self.data.get("apiVersion")),
            kind=_text(self.data.get("kind")),
            namespace=_text(metadata.get("namespace")),
            name=_text(metadata.get("name")) or _text(metadata.get("generateName")),
            uid=_text(metadata.get("uid")),
            location=self.location,
        )

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The `metadata` object; empty where there is none."""
        metadata = self.data.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @property
    def has_controller(self) -> bool:
        """Say whether a controller made the object, and keeps it as it is."""
        owners = self.metadata.get("ownerReferences")
        return isinstance(owners, list) and any(
            isinstance(o, dict) and o.get("controller") is True for o in owners
        )

    @cached_property
    def target(self) -> Target:
        """What match and exclude see."""
        group, _, version = self.id.api_version.rpartition("/")
        kind = self._kind or Kind(group, version, self.id.kind)
        return Target(
            group=kind.group,
            version=kind.version,
            kind=kind.kind,
            subresource=self._subresource,
            namespace=self.id.namespace,
            name=self.id.name,
            labels=_pairs(self.metadata.get("labels")),
            annotations=_pairs(self.metadata.get("annotations")),
            namespace_labels=self._namespace_labels,
            operation=self._operation,
            requester=self._requester,
        )

    @property
    def index_namespace(self) -> str:
        """The namespace under which rules are looked up: for a Namespace, its own name."""
        return self.id.name if self.id.kind == "Namespace" else self.id.namespace

    @cached_property
    def images(self) -> tuple[ImageUse, ...]:
        """The images of the built-in extraction; empty for kinds that run none, and for what is deleted."""
        route = POD_SPECS.get(self.id.kind)
        if route is None or self._operation == "DELETE":
            return ()
        spec: Any = self.data
        for step in route:
            spec = spec.get(step) if isinstance(spec, dict) else None
        if not isinstance(spec, dict):
            return ()
        found = _pod_images(spec, "/" + "/".join(route))
        return tuple(use for use in found if use.pointer not in self._left_out)


def labels_of(data: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels of an object, as texts."""
    metadata = data.get("metadata")
    return _pairs(metadata.get("labels")) if isinstance(metadata, dict) else {}


def _pod_images(spec: Mapping[str, Any], prefix: str) -> Iterator[ImageUse]:
    """Yield the images of a pod specification that stands at the pointer `prefix`.

    DEVIATION: image volumes are looked at like containers; Kyverno 1.19 does not see them
    (`tests/runtime/test_resource.py::test_i14_image_volumes`).
    """
    for category in CONTAINER_LISTS:
        for number, container in _objects(spec.get(category)):
            pointer = f"{prefix}/{category}/{number}/image"
            yield from _used(container, "image", category, number, pointer, container)
    for number, volume in _objects(spec.get("volumes")):
        source = volume.get("image")
        if isinstance(source, dict):
            pointer = f"{prefix}/volumes/{number}/image/reference"
            yield from _used(source, "reference", "volumes", number, pointer, volume)


def _objects(items: object) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a list; what is none is not a container for the API server either."""
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield number, item


def _used(
    holder: Mapping[str, Any],
    field: str,
    category: str,
    number: int,
    pointer: str,
    named: Mapping[str, Any],
) -> Iterator[ImageUse]:
    image = holder.get(field)
    key = _text(named.get("name")) or str(number)
    if isinstance(image, str):
        if image.strip():
            yield use(image, category, key, pointer)
    elif image:
        yield ImageUse(repr(image), None, "an image must be a text", category, key, pointer)


def extract(data: Any, extractors: Sequence[Any]) -> tuple[ImageUse, ...]:
    """Return the images that the extractors of a rule (see `ir.Rule.extractors`) find in a resource.

    Each extractor names a path with slashes, where `*` stands for every element of a list or map; its last
    step is the image, unless `value` names the field that holds it.

    Raises:
        EvaluationError: `bad-extraction`, when what is found is not what the extractor says.
    """
    found: list[ImageUse] = []
    for extractor in extractors:
        steps = [step for step in extractor.path.split("/") if step]
        value = extractor.value
        if not value and steps:
            *steps, value = steps
        for holder, pointer in _walk(data, steps, ""):
            found += _extracted(holder, value, pointer, extractor)
    return tuple(found)


def _walk(data: Any, steps: Sequence[str], pointer: str) -> Iterator[tuple[Any, str]]:
    if not steps:
        yield data, pointer
        return
    step, rest = steps[0], steps[1:]
    children: Iterable[tuple[int | str, Any]]
    match data:
        case list():
            children = enumerate(data)
        case dict():
            children = data.items()
        case _:
            return
    chosen = (child for child in children if step in ("*", str(child[0])))
    for key, inner in chosen:
        yield from _walk(inner, rest, f"{pointer}/{_escape(str(key))}")


def _extracted(holder: Any, value: str, pointer: str, extractor: Any) -> Iterator[ImageUse]:
    if not isinstance(holder, dict):
        raise EvaluationError("bad-extraction", f"invalid value: {pointer or '/'} is not an object")
    text = holder.get(value)
    if text is None:
        return
    place = f"{pointer}/{_escape(value)}"
    if not isinstance(text, str):
        raise EvaluationError("bad-extraction", f"invalid value: {place} is not a text")
    key = holder.get(extractor.key) if extractor.key else place
    if not isinstance(key, str):
        raise EvaluationError(
            "bad-extraction", f"invalid key: {extractor.key!r} at {pointer or '/'} is not a text"
        )
    if text.strip():
        image = _transformed(text, extractor.jmes_path) if extractor.jmes_path else text
        yield use(image, extractor.name or "custom", key, place)


def _transformed(text: str, path: str) -> str:
    """Return the image that the JMESPath of an extractor makes of a text; texts and errors as in Kyverno."""
    from pratique.compiler.expressions.expression import compile_expression
    from pratique.compiler.expressions.values.numbers import sprint
    from pratique.runtime.context import ENVIRONMENT

    try:
        image = compile_expression(path).evaluate(text, ENVIRONMENT)
    except EvaluationError as error:
        raise EvaluationError(error.code, f"failed to apply jmespath {path}: {error.message}") from error
    if not isinstance(image, str):
        raise EvaluationError(
            "bad-extraction", f"jmespath {path} must produce a string, but produced {sprint(image, 200)}"
        )
    return image


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _pairs(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(k): v if isinstance(v, str) else str(v) for k, v in value.items()}
