"""What types of objects a cluster serves, and under which names.

References: Kubernetes API concepts, "Aggregated discovery" (1.26, stable since 1.30); older servers are asked
group by group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.cel_bodies import ResourceRule
from pratique.grammar.wildcard import matches
from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.types import ResourceType

_LIST: Final = "APIGroupDiscoveryList"
_ACCEPT: Final = ", ".join(
    [
        *(f"application/json;g=apidiscovery.k8s.io;v={v};as={_LIST}" for v in ("v2", "v2beta1")),
        "application/json",
    ]
)
MAX_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A type that the cluster serves.

    Attributes:
        verbs: what can be done with it: `list`, `watch` ...
        subresources: names such as `ephemeralcontainers`.
        preferred: the version that the cluster prefers for its group.
    """

    type: ResourceType
    verbs: frozenset[str] = frozenset()
    subresources: frozenset[str] = frozenset()
    preferred: bool = True

    @property
    def can_be_watched(self) -> bool:
        """Say whether all objects can be listed and watched."""
        return {"list", "watch"} <= self.verbs


@dataclass(frozen=True, slots=True)
class Discovery:
    """All types of a cluster at one moment, and the groups that could not be asked."""

    served: tuple[Served, ...]
    unavailable: frozenset[str] = field(default=frozenset())

    def selected(self, selector: ir.KindSelector) -> Iterator[Served]:
        """Yield the types that a selector names; of several versions that it names the preferred one alone.

        The API server converts objects of other versions, so that one version stands for all.
        """
        return self._preferred(
            each
            for each in self.served
            if matches(selector.kind, each.type.kind)
            and matches(selector.group, each.type.group)
            and matches(selector.version, each.type.version)
        )

    def named(self, rule: ResourceRule) -> Iterator[Served]:
        """Yield the types that a rule of a policy in CEL names, of several versions as `selected`.

        Names of subresources name no type: there are no such objects.
        """
        scopes = {"Namespaced": (True,), "Cluster": (False,)}.get(rule.scope, (True, False))
        return self._preferred(
            each
            for each in self.served
            if _among(each.type.group, rule.groups)
            and _among(each.type.version, rule.versions)
            and (_among(each.type.plural, rule.resources) or "*/*" in rule.resources)
            and each.type.namespaced in scopes
        )

    @staticmethod
    def _preferred(candidates: Iterable[Served]) -> Iterator[Served]:
        found: dict[tuple[str, str], Served] = {}
        for each in candidates:
            of = each.type
            first = found.get((of.group, of.plural))
            if first is None or (each.preferred and not first.preferred):
                found[of.group, of.plural] = each
        yield from found.values()


def _among(value: str, values: Sequence[str]) -> bool:
    return value in values or "*" in values


async def discover(cluster: Cluster) -> Discovery:
    """Return what a cluster serves.

    Raises:
        ClusterError: it could not be asked at all; a single group that is down is left out.
    """
    core, groups = await asyncio.gather(
        cluster.document("/api", accept=_ACCEPT), cluster.document("/apis", accept=_ACCEPT)
    )
    if core.get("kind") == _LIST and groups.get("kind") == _LIST:
        items = [*_objects(core, "items"), *_objects(groups, "items")]
        return Discovery(tuple(_aggregated(items)), frozenset(_stale(items)))
    return await _one_by_one(cluster, core, groups)


def _aggregated(items: Iterable[Mapping[str, Any]]) -> Iterator[Served]:
    for item in items:
        group = _text(item.get("metadata") or {}, "name")
        for number, version in enumerate(_objects(item, "versions")):
            for resource in _objects(version, "resources"):
                kind = resource.get("responseKind") or {}
                yield Served(
                    type=ResourceType(
                        group=group,
                        version=_text(version, "version"),
                        plural=_text(resource, "resource"),
                        kind=_text(kind, "kind"),
                        namespaced=resource.get("scope") == "Namespaced",
                    ),
                    verbs=frozenset(resource.get("verbs") or ()),
                    subresources=frozenset(
                        _text(part, "subresource") for part in _objects(resource, "subresources")
                    ),
                    preferred=number == 0,
                )


def _stale(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the groups whose servers are down: what is said of them is old."""
    for item in items:
        if any(version.get("freshness") == "Stale" for version in _objects(item, "versions")):
            yield _text(item.get("metadata") or {}, "name")


async def _one_by_one(cluster: Cluster, core: Mapping[str, Any], groups: Mapping[str, Any]) -> Discovery:
    paths = [("", f"/api/{version}", n == 0) for n, version in enumerate(core.get("versions") or ())]
    for group in _objects(groups, "groups"):
        preferred = _text(group.get("preferredVersion") or {}, "version")
        for version in _objects(group, "versions"):
            name = _text(version, "groupVersion")
            paths.append((_text(group, "name"), f"/apis/{name}", _text(version, "version") == preferred))
    room = asyncio.Semaphore(MAX_AT_ONCE)

    async def ask(group: str, path: str, preferred: bool) -> list[Served] | str:
        async with room:
            try:
                document = await cluster.document(path)
            except ClusterError as error:
                if error.status in (404, 503):
                    return group  # an extension server that is down takes no other group with it
                raise
        return list(_listed(document, group, preferred))

    found = await asyncio.gather(*(ask(*each) for each in paths))
    served = [each for part in found if not isinstance(part, str) for each in part]
    return Discovery(tuple(served), frozenset(part for part in found if isinstance(part, str)))


def _listed(document: Mapping[str, Any], group: str, preferred: bool) -> Iterator[Served]:
    version = _text(document, "groupVersion").rpartition("/")[2]
    resources = _objects(document, "resources")
    names = [_text(resource, "name") for resource in resources]
    for resource, name in zip(resources, names, strict=True):
        if "/" in name:
            continue
        below = f"{name}/"
        yield Served(
            type=ResourceType(
                group=group,
                version=version,
                plural=name,
                kind=_text(resource, "kind"),
                namespaced=resource.get("namespaced") is True,
            ),
            verbs=frozenset(resource.get("verbs") or ()),
            subresources=frozenset(n.removeprefix(below) for n in names if n.startswith(below)),
            preferred=preferred,
        )


def _objects(data: Mapping[str, Any], field: str) -> Sequence[Mapping[str, Any]]:
    found = data.get(field)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _text(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field)
    return value if isinstance(value, str) else ""
