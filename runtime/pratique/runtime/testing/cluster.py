"""The cluster of a suite: objects in memory, asked by the paths of the Kubernetes API.

References: Kyverno 1.19 `ext/cluster/fake.go`, `pkg/clients/dclient` (`rawAbsPathForFakeClient`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from pratique.compiler.api_kinds import plural as plural_of
from pratique.compiler.context_questions import NOT_FOUND
from pratique.grammar.errors import EvaluationError
from pratique.runtime.testing.model import ResourceKey

_ALWAYS_THERE: Final = {
    ("", "v1", "configmaps"): "ConfigMap",
    ("", "v1", "endpoints"): "Endpoints",
    ("", "v1", "namespaces"): "Namespace",
    ("", "v1", "resourcequotas"): "ResourceQuota",
    ("", "v1", "secrets"): "Secret",
    ("", "v1", "serviceaccounts"): "ServiceAccount",
    ("apps", "v1", "daemonsets"): "DaemonSet",
    ("apps", "v1", "deployments"): "Deployment",
    ("apps", "v1", "statefulsets"): "StatefulSet",
}
"""Types of which a list is empty where the suite has no object of them; asking for others is an error."""


class _Type(NamedTuple):
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class Cluster:
    """Objects of a suite by type; what comes first of each name counts."""

    def __init__(
        self, objects: Iterable[Mapping[str, Any]], definitions: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Take objects, and definitions of custom resources, which say how their kinds are called."""
        self._kinds: dict[_Type, str] = {_Type(*key): kind for key, kind in _ALWAYS_THERE.items()}
        self._plurals: dict[tuple[str, str, str], str] = {
            (key.group, key.version, kind): key.plural for key, kind in self._kinds.items()
        }
        self._objects: dict[_Type, dict[tuple[str, str], Mapping[str, Any]]] = {}
        for definition in definitions:
            self._define(definition)
        for each in objects:
            key = ResourceKey.of(each)
            of = self._type(key)
            self._objects.setdefault(of, {}).setdefault((key.namespace, key.name), each)

    def _define(self, definition: Mapping[str, Any]) -> None:
        spec = definition.get("spec") or {}
        names = spec.get("names") or {}
        for version in spec.get("versions") or ():
            of = _Type(str(spec.get("group")), str(version.get("name")), str(names.get("plural")))
            self._kinds[of] = str(names.get("kind"))
            self._plurals[of.group, of.version, self._kinds[of]] = of.plural

    def _type(self, key: ResourceKey) -> _Type:
        group, _, version = key.api_version.rpartition("/")
        named = (group, version, key.kind)
        plural = self._plurals.setdefault(named, plural_of(key.kind))
        of = _Type(group, version, plural)
        self._kinds.setdefault(of, key.kind)
        return of

    def find(self, api_version: str, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Return an object; None where there is none."""
        of = self._type(ResourceKey(api_version, kind, namespace, name))
        return self._objects.get(of, {}).get((namespace, name))

    def named(self, api_version: str, plural: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Return an object by the name of its resource; None where there is none."""
        return self._objects.get(_of(api_version, plural), {}).get((namespace, name))

    def listed(self, api_version: str, plural: str, namespace: str) -> dict[str, Any]:
        """Return the list of the objects in a namespace, or in all of them where it is empty.

        Raises:
            EvaluationError: `not-found`: there is no such type.
        """
        of = _of(api_version, plural)
        if of not in self._kinds:
            raise EvaluationError(NOT_FOUND, f"the cluster of the suite has no {plural} of {api_version}")
        return self._list(of, namespace)

    def resource_of(self, api_version: str, kind: str) -> str:
        """Return how resources of a kind are called."""
        return self._type(ResourceKey(api_version, kind, "", "")).plural

    def _list(self, of: _Type, namespace: str) -> dict[str, Any]:
        objects = self._objects.get(of, {})
        return {
            "apiVersion": of.api_version,
            "kind": f"{self._kinds[of]}List",
            "metadata": {"resourceVersion": ""},
            "items": [each for key, each in objects.items() if namespace in ("", key[0])],
        }

    def config_map(self, namespace: str, name: str) -> dict[str, Any]:
        """Return what a context entry knows of a ConfigMap.

        Raises:
            EvaluationError: `not-found`.
        """
        found = self.find("v1", "ConfigMap", namespace, name)
        if found is None:
            raise EvaluationError(NOT_FOUND, f'configmaps "{name}" not found')
        return {"data": found.get("data") or {}, "metadata": found["metadata"]}

    def namespace_labels(self, name: str) -> Mapping[str, str] | None:
        """Return the labels of a Namespace; None where there is none."""
        found = self.find("v1", "Namespace", "", name)
        return None if found is None else found["metadata"].get("labels") or {}

    def get(self, path: str) -> Any:
        """Return the object or list at a path of the API.

        Raises:
            EvaluationError: `not-found`: there is no such object or type.
        """
        of, namespace, name = _parsed(path)
        if of not in self._kinds:
            raise _failed(path, "the cluster of the suite has no such resources")
        if not name:
            return self._list(of, namespace)
        found = self._objects.get(of, {}).get((namespace, name))
        if found is None:
            raise _failed(path, f'{of.plural} "{name}" not found')
        return found


def _of(api_version: str, plural: str) -> _Type:
    group, _, version = api_version.rpartition("/")
    return _Type(group, version, plural)


def _parsed(path: str) -> tuple[_Type, str, str]:
    """Return type, namespace and name of a path; the last two may be empty."""
    match path.strip("/").split("/"):
        case ["api", version, "namespaces", name]:
            return _Type("", version, "namespaces"), "", name
        case ["api", version, "namespaces", namespace, plural, *name]:
            return _Type("", version, plural), namespace, _only(path, name)
        case ["api", version, plural, *name]:
            return _Type("", version, plural), "", _only(path, name)
        case ["apis", group, version, "namespaces", namespace, plural, *name]:
            return _Type(group, version, plural), namespace, _only(path, name)
        case ["apis", group, version, plural, *name]:
            return _Type(group, version, plural), "", _only(path, name)
        case _:
            raise _failed(path, "it is the path of no resource")


def _only(path: str, name: list[str]) -> str:
    if len(name) > 1:
        raise _failed(path, "the cluster of the suite has no subresources")
    return name[0] if name else ""


def _failed(path: str, why: str) -> EvaluationError:
    return EvaluationError(NOT_FOUND, f"failed to GET resource with raw url: {path}: {why}")
