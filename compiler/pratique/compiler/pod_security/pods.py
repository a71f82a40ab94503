"""The part of a resource that the Pod Security Standards speak about, read with the types of the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pratique.grammar.errors import EvaluationError

CONTROLLERS: Final = frozenset(
    {"DaemonSet", "Deployment", "Job", "StatefulSet", "ReplicaSet", "ReplicationController"}
)
"""Kinds whose Pod template is at `spec.template`."""

CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
"""Lists of containers, in the order in which they are looked at."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container: its place such as `spec.containers[0]`, and its data."""

    path: str
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return its name."""
        return text(self.data, "name") or ""

    @property
    def image(self) -> str:
        """Return its image reference as written."""
        return text(self.data, "image") or ""

    @property
    def security(self) -> Mapping[str, Any] | None:
        """Return its `securityContext`, None where it has none."""
        return mapping(self.data, "securityContext")


@dataclass(frozen=True, slots=True)
class Pod:
    """Annotations and spec of a Pod or of a Pod template."""

    annotations: Mapping[str, Any]
    spec: Mapping[str, Any]

    @classmethod
    def of(cls, resource: Mapping[str, Any]) -> Pod:
        """Return the Pod of a resource.

        As in Kyverno 1.19, the annotations for a CronJob are those of its Job template.

        Raises:
            EvaluationError: its kind has no Pods, or a value has another type than the API's.
        """
        kind = resource.get("kind")
        if kind == "Pod":
            return cls._under(resource, resource)
        spec = mapping(resource, "spec") or {}
        if kind in CONTROLLERS:
            template = mapping(spec, "template") or {}
            return cls._under(template, template)
        if kind == "CronJob":
            job = mapping(spec, "jobTemplate") or {}
            template = mapping(mapping(job, "spec") or {}, "template") or {}
            return cls._under(job, template)
        raise EvaluationError("bad-resource", "could not find correct resource type")

    @classmethod
    def _under(cls, described: Mapping[str, Any], holder: Mapping[str, Any]) -> Pod:
        metadata = mapping(described, "metadata") or {}
        return cls(mapping(metadata, "annotations") or {}, mapping(holder, "spec") or {})

    @property
    def security(self) -> Mapping[str, Any] | None:
        """Return its `securityContext`, None where it has none."""
        return mapping(self.spec, "securityContext")

    @property
    def is_windows(self) -> bool:
        """Say whether it is declared for Windows."""
        return text(mapping(self.spec, "os") or {}, "name") == "windows"

    def containers(self) -> Iterator[Container]:
        """Yield all containers."""
        for each in CONTAINERS:
            for number, data in enumerate(items(self.spec, each)):
                yield Container(f"spec.{each}[{number}]", data)

    def with_containers_of(self, spec: Mapping[str, Any]) -> Pod:
        """Return the Pod with the containers of another spec."""
        rest = {key: value for key, value in self.spec.items() if key not in CONTAINERS}
        return replace(self, spec={**rest, **spec})


def mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """Return the map at a key, None where there is none."""
    found: Mapping[str, Any] | None = _typed(parent, key, dict, "an object")
    return found


def text(parent: Mapping[str, Any], key: str) -> str | None:
    """Return the text at a key, None where there is none."""
    found: str | None = _typed(parent, key, str, "a string")
    return found


def flag(parent: Mapping[str, Any], key: str) -> bool | None:
    """Return the boolean at a key, None where there is none."""
    found: bool | None = _typed(parent, key, bool, "a boolean")
    return found


def number(parent: Mapping[str, Any], key: str) -> int | None:
    """Return the whole number at a key, None where there is none."""
    value = parent.get(key)
    if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
        raise _wrong(key, "a whole number")
    return None if value is None else int(_typed(parent, key, (int, float), "a whole number"))


def items(parent: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the maps of the list at a key; null elements are empty maps, as in the API's decoder."""
    found = _typed(parent, key, list, "a list") or []
    if not all(each is None or isinstance(each, dict) for each in found):
        raise _wrong(key, "a list of objects")
    return [each or {} for each in found]


def texts(parent: Mapping[str, Any], key: str) -> list[str]:
    """Return the texts of the list at a key."""
    found: list[str] = _typed(parent, key, list, "a list") or []
    if not all(isinstance(each, str) for each in found):
        raise _wrong(key, "a list of strings")
    return found


def _typed(parent: Mapping[str, Any], key: str, kind: type | tuple[type, ...], name: str) -> Any:
    value = parent.get(key)
    if value is not None and not isinstance(value, kind):
        raise _wrong(key, name)
    return value


def _wrong(key: str, name: str) -> EvaluationError:
    return EvaluationError("bad-resource", f"`{key}` of the resource is not {name}")
