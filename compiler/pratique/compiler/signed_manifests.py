"""Objects beside the manifests that were signed for them: which manifest is meant, and what differs.

References: k8s-manifest-sigstore 0.5 `pkg/k8smanifest/verify_resource.go`, `pkg/util/mapnode`,
`pkg/util/yaml.go` (`FindManifestYAML`), and the fields that it and Kyverno 1.19
(`pkg/engine/resources/default-config.yaml`) leave aside.

DEVIATION: a field that is left aside is named from the top of the object, or, within `spec`, from the top of
a Pod template, to its end; there every pattern is searched for anywhere in a path, so that `status` also
sets `data.status` free, and `spec.type` all that begins so. And list elements have their places; there some
may be moved
(`tests/compiler/test_signed_manifests.py::test_deviation_fields_are_named_from_the_top`,
`::test_deviation_elements_have_their_places`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from pratique.compiler import bodies

Data: TypeAlias = Mapping[str, Any]

_SYSTEM: Final = (
    "metadata.namespace",
    "metadata.labels.app.kubernetes.io/instance",
    "metadata.managedFields.*",
    "metadata.resourceVersion",
    "metadata.selfLink",
    "metadata.uid",
    "metadata.generation",
    "metadata.creationTimestamp",
    "metadata.finalizers",
    "metadata.annotations.namespace",
    "metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
    "metadata.annotations.control-plane.alpha.kubernetes.io/leader",
    "metadata.annotations.deprecated.daemonset.template.generation",
    "metadata.annotations.deployment.kubernetes.io/revision",
    "status",
    "spec.containers.*.imagePullPolicy",
    "spec.containers.*.terminationMessagePath",
    "spec.containers.*.terminationMessagePolicy",
    "spec.dnsPolicy",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.terminationGracePeriodSeconds",
)
"""Of every kind."""
_BY_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": (
        "spec.volumes.*.name",
        "spec.volumes.*.projected.*",
        "spec.volumes.*.configMap.defaultMode",
        "spec.containers.*.volumeMounts.*",
        "spec.tolerations.*",
        "spec.enableServiceLinks",
        "spec.preemptionPolicy",
        "spec.priority",
        "spec.serviceAccount",
    ),
    "Deployment": (
        "spec.progressDeadlineSeconds",
        "spec.revisionHistoryLimit",
        "spec.strategy.*",
        "spec.template.metadata.creationTimestamp",
        "spec.containers.*.ports.*.protocol",
        "spec.containers.*.resources",
        "spec.securityContext",
    ),
    "CustomResourceDefinition": ("spec.conversion.strategy", "spec.names.listKind"),
    "Service": (
        "spec.ports.*.nodePort",
        "spec.clusterIP",
        "spec.clusterIPs.0",
        "spec.sessionAffinity",
        "spec.type",
        "spec.ipFamilies.*",
        "spec.ipFamilyPolicy",
        "spec.internalTrafficPolicy",
    ),
    "ClusterPolicy": (
        "metadata.annotations.pod-policies.kyverno.io/autogen-controllers",
        "spec.failurePolicy",
        "spec.background",
        "spec.validationFailureAction",
    ),
    "ServiceAccount": ("secrets.*.name", "imagePullSecrets.*.name"),
    "Route": ("spec.host",),
}
_SIGNING: Final = ("message", "signature", "certificate", "bundle", "resourceBundleRef")
"""Annotations that hold the proof itself, which is not part of what was signed."""
_TEMPLATES: Final = ("spec.template.spec.", "spec.jobTemplate.spec.template.spec.")


class Difference(NamedTuple):
    """A value that is not as it was signed; None for one that is not there."""

    key: str
    before: Any
    after: Any


def closest(signed: Sequence[Data], data: Data) -> tuple[Data, ...]:
    """Return the manifests that may be meant for an object: that of its name, else all of its kind."""
    kinds = [each for each in signed if each.get("kind") == data.get("kind")]
    group, metadata = _group(data), _metadata(data)
    named = [
        each for each in kinds if (_group(each), _metadata(each).get("name")) == (group, metadata.get("name"))
    ]
    here = [each for each in named if _metadata(each).get("namespace") == metadata.get("namespace")]
    return tuple((here or named)[:1] or kinds)


def differences(signed: Data, data: Data, check: bodies.SignedManifest) -> list[Difference]:
    """Return what differs between a manifest and an object, ignored fields left out, by key."""
    before, after = dict(_values(signed)), dict(_values(data))
    ignored = _ignored(check, _Identity.of(data))
    found = []
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if _equal(one, other) or (key == "metadata.namespace" and one is None):
            continue
        if any(pattern.fullmatch(name) for pattern in ignored for name in _names(key)):
            continue
        if not _is_canonical(key, one, other):
            found.append(Difference(key, one, other))
    return found


def printed(found: Sequence[Difference]) -> str:
    """Return differences as JSON text."""
    items = [{"key": each.key, "values": {"after": each.after, "before": each.before}} for each in found]
    return json.dumps({"items": items}, separators=(",", ":"), ensure_ascii=False, default=str)


class _Identity(NamedTuple):
    group: str
    version: str
    kind: str
    name: str
    namespace: str

    @classmethod
    def of(cls, data: Data) -> _Identity:
        group, _, version = str(data.get("apiVersion") or "").rpartition("/")
        metadata = _metadata(data)
        kind = str(data.get("kind") or "")
        return cls(
            group, version, kind, str(metadata.get("name") or ""), str(metadata.get("namespace") or "")
        )


def _group(data: Data) -> str:
    return str(data.get("apiVersion") or "").rpartition("/")[0]


def _metadata(data: Data) -> Data:
    found = data.get("metadata")
    return found if isinstance(found, dict) else {}


def _values(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the scalars of JSON data with their paths; null is the same as not there."""
    stack = [(path, data)]
    while stack:
        where, value = stack.pop()
        below = f"{where}." if where else ""
        if isinstance(value, Mapping):
            stack += [(f"{below}{key}", item) for key, item in value.items()]
        elif isinstance(value, list):
            stack += [(f"{below}{index}", item) for index, item in enumerate(value)]
        elif value is not None:
            yield where, value


def _equal(one: Any, other: Any) -> bool:
    """Numbers are equal whatever they are written as; nothing else is equal to what has another type."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _is_canonical(key: str, before: Any, after: Any) -> bool:
    """Say whether an image has only got the registry or the tag that it would have anyway."""
    if not key.endswith("image") or not isinstance(before, str) or not isinstance(after, str):
        return False
    return after in (f"docker.io/{before}", f"{before}:latest")


# --- fields that are left aside -------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _ignored(check: bodies.SignedManifest, of: _Identity) -> tuple[re.Pattern[str], ...]:
    fields = [*_SYSTEM, *_BY_KIND.get("ClusterPolicy" if of.kind == "Policy" else of.kind, ())]
    fields += [f"metadata.annotations.{check.domain}/{name}*" for name in _SIGNING]
    for each in check.ignored:
        if not each.objects or any(_is_meant(wanted, of) for wanted in each.objects):
            fields += each.fields
    return tuple(map(_pattern, fields))


def _pattern(field: str) -> re.Pattern[str]:
    """Return what matches a field and all below it; `*` stands for anything."""
    return re.compile(".*".join(map(re.escape, field.split("*"))) + r"(?:\..*)?\Z", re.DOTALL)


def _names(key: str) -> Iterator[str]:
    """Yield what a field is called: its path, and within a Pod template its path in a Pod."""
    yield key
    for template in _TEMPLATES:
        if key.startswith(template):
            yield f"spec.{key.removeprefix(template)}"


def _is_meant(wanted: bodies.ManifestObject, of: _Identity) -> bool:
    given = (wanted.group, wanted.version, wanted.kind, wanted.name, wanted.namespace)
    return all(map(_fits, given, of))


def _fits(pattern: str, value: str) -> bool:
    """Patterns may end in `*`, may list several with commas, and are `-` for nothing; none fits all."""
    pattern = pattern.strip()
    if pattern in ("", "*") or pattern == value or (pattern == "-" and not value):
        return True
    if pattern.endswith("*"):
        return value.startswith(pattern.rstrip("*"))
    return "," in pattern and any(_fits(each, value) for each in pattern.split(","))
