"""A scan of a big cluster as a Kubernetes Indexed Job: a Pod for each shard, and a Job that merges.

Rights are what the policies need and no more, and Pods run under the Pod Security Standard "restricted". The
merging Job is suspended: Kubernetes has nothing that lets one Job wait for another.

References: Kubernetes, "Indexed Job for Parallel Processing with Static Work Assignment", "Handling retriable
and non-retriable pod failures with Pod failure policy" (`backoffLimitPerIndex`: 1.29 and later).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.api_kinds import BUILT_IN, is_cluster_wide, plural
from pratique.compiler.context_entries import ConfigMapSource
from pratique.compiler.plan import Plan
from pratique.compiler.secret_references import KUBERNETES, secrets_of
from pratique.grammar.errors import ExitCode, UsageError
from pratique.grammar.wildcard import is_literal
from pratique.runtime.fleet.classes import asks_namespaces, asks_objects
from pratique.runtime.resource import POD_SPECS
from pratique.runtime.scanning.background import is_scanned
from pratique.runtime.scanning.scope import namespaces_of

MAX_FILES_BYTES: Final = 900_000
"""Of what goes into a ConfigMap, which etcd bounds at 1.5 MiB with all around it."""
USER: Final = 65532
FILES: Final = "/etc/pratique"
STATE: Final = "/state"
TEMPORARY: Final = "/tmp"  # noqa: S108 (of the Pod)

RBAC: Final = "rbac.authorization.k8s.io/v1"
_ANY: Final = "*"
_EVERYWHERE: Final = ""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """What the Job is to be.

    Attributes:
        name: of all objects, with endings.
        namespace: where it runs; it is not made.
        image: of pratique.
        shards: number of Pods.
        claim: a PersistentVolumeClaim that is there already and can be written from many nodes; empty to have
            one made.
        registry_secret: a Secret of type `kubernetes.io/dockerconfigjson` of that namespace; empty for none.
        arguments: of `pratique scan`, about images and trust; files among them are in `files`.
        files: name -> text of policies and of whatever else arguments name, under `FILES`.
    """

    name: str = "pratique-scan"
    namespace: str = "pratique"
    image: str
    shards: int = 4
    claim: str = ""
    registry_secret: str = ""
    arguments: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def objects(plan: Plan, options: JobOptions) -> list[Object]:
    """Return the objects in the order in which they are applied.

    Raises:
        UsageError: the files are too large for a ConfigMap.
    """
    if sum(len(text.encode()) for text in options.files.values()) > MAX_FILES_BYTES:
        raise UsageError(f"the policies are larger than {MAX_FILES_BYTES} bytes, and do not fit a ConfigMap")
    return [
        _named("v1", "ServiceAccount", options, automountServiceAccountToken=False),
        *_rights(plan, options),
        _named("v1", "ConfigMap", options, data=dict(options.files)),
        *([] if options.claim else [_claim(options)]),
        _network(options),
        _shards(options),
        _merge(options),
    ]


def notices(plan: Plan) -> Iterator[str]:
    """Yield what is to be known before the objects are applied."""
    if asks_objects(plan):
        yield (
            "rules ask the cluster for more than the resource at hand (context entries, CEL): ConfigMaps that"
            " entries name may be read; grant what else they ask for"
        )
    if any(_ANY in rule["resources"] for rules in _kinds(plan).values() for rule in rules):
        yield "rules name kinds by wildcards: the ClusterRole lets the scan list everything, Secrets included"
    yield "Secrets that Pods name for pulling images are not for the scan to read: --job-registry-secret"


# --- rights --------------------------------------------------------------------------------------------


def _rights(plan: Plan, options: JobOptions) -> Iterator[Object]:
    """Yield the roles: what is looked at in some namespaces only may be listed there only."""
    kinds, secrets = _kinds(plan), _secrets(plan)
    # The uid of kube-system tells one cluster from another.
    rules = [*kinds.pop(_EVERYWHERE, []), _rule("", ["namespaces"], "get", ["kube-system"])]
    if asks_namespaces(plan):
        rules.append(_rule("", ["namespaces"], "list"))
    if any(
        isinstance(entry.source, ConfigMapSource)
        for planned in plan.rules
        if is_scanned(planned.policy, planned.rule)
        for entry in planned.rule.context
    ):
        rules.append(_rule("", ["configmaps"], "get"))
    yield _named(RBAC, "ClusterRole", options, namespaced=False, rules=rules)
    yield _binding("ClusterRoleBinding", "ClusterRole", options, "")
    for namespace in sorted({*kinds, *secrets}):
        named = secrets.get(namespace)
        rules = [*kinds.get(namespace, []), *([_rule("", ["secrets"], "get", named)] if named else [])]
        role = _named(RBAC, "Role", options, rules=rules)
        role["metadata"]["namespace"] = namespace
        yield role
        yield _binding("RoleBinding", "Role", options, namespace)


def _rule(group: str, resources: Iterable[str], verb: str, names: Iterable[str] = ()) -> Object:
    named = {"resourceNames": sorted(names)} if names else {}
    return {"apiGroups": [group], "resources": sorted(resources), **named, "verbs": [verb]}


def _kinds(plan: Plan) -> dict[str, list[Object]]:
    """Return the rights to list what the scan looks at, by namespace."""
    found: dict[tuple[str, str], set[str]] = {}
    for planned in plan.rules:
        if not is_scanned(planned.policy, planned.rule):
            continue
        namespaces = namespaces_of(planned.rule.resources)
        for group, kind in _listed(planned.rule):
            wide = namespaces is None or kind == _ANY or is_cluster_wide(group, kind)
            for namespace in [_EVERYWHERE] if wide or namespaces is None else namespaces:
                found.setdefault((namespace, group), set()).add(_ANY if kind == _ANY else plural(kind))
    rights: dict[str, list[Object]] = {}
    for (namespace, group), resources in sorted(found.items()):
        rest = resources - found.get((_EVERYWHERE, group), set()) if namespace else resources
        if rest:
            rights.setdefault(namespace, []).append(_rule(group, rest, "list"))
    return rights


def _listed(rule: ir.Rule) -> Iterator[tuple[str, str]]:
    """Yield group and kind of what a rule speaks about, as `scope` finds it; `*` stands for any."""
    runs = {*POD_SPECS, *(kind for kind, _ in rule.extractors)}
    for wanted in rule.resources.match.filters:
        for selector in wanted.kinds:
            if selector.subresource in ("", "*"):  # of other subresources no object exists
                yield from _selected(selector, runs if rule.body is None else None)


def _selected(selector: ir.KindSelector, only: set[str] | None) -> Iterator[tuple[str, str]]:
    """Yield group and kind of what a selector names, of `only` these kinds if there are some."""
    if not is_literal(selector.kind):
        if only is None:
            yield selector.group if is_literal(selector.group) else _ANY, _ANY
        for kind in only or ():
            yield from _of_kind(kind)
    elif only is None or selector.kind in only:
        if is_literal(selector.group):
            yield selector.group, selector.kind
        else:
            yield from _of_kind(selector.kind)


def _of_kind(kind: str) -> Iterator[tuple[str, str]]:
    groups = [group for group, kinds in BUILT_IN.items() if kind in kinds]
    for group in groups or [_ANY]:
        yield group, kind


def _secrets(plan: Plan) -> dict[str, set[str]]:
    """Return the names of the Secrets that policies name, by namespace."""
    found: dict[str, set[str]] = {}
    for planned in plan.rules:
        for requirement in planned.rule.requirements if is_scanned(planned.policy, planned.rule) else ():
            for reference in secrets_of(requirement):
                namespace, slash, name = reference.removeprefix(KUBERNETES).removeprefix("/").partition("/")
                if slash and "{{" not in reference:
                    found.setdefault(namespace, set()).add(name)
    return found


# --- jobs ----------------------------------------------------------------------------------------------


def _shards(options: JobOptions) -> Object:
    arguments = [
        "scan",
        *(f"{FILES}/{name}" for name in options.files if name.startswith("policy-")),
        "--cluster",
        f"--shard=index/{options.shards}",
        f"--state={STATE}",
        "--exit-zero",
        *options.arguments,
    ]
    if options.registry_secret:
        arguments.append("--registry-config=/etc/pratique-registry/config.json")
    return _job(
        options,
        "",
        arguments,
        token=True,
        completionMode="Indexed",
        completions=options.shards,
        parallelism=options.shards,
        # A shard that could not ask something is tried again, and goes on from its state.
        backoffLimitPerIndex=3,
    )


def _merge(options: JobOptions) -> Object:
    arguments = [
        "scan",
        f"--merge={STATE}",
        "--exit-zero",
        "--output=table",
        f"--output=json={STATE}/report.json",
        f"--output=policy-report={STATE}/policy-reports.json",
        "--output-format=json",
    ]
    return _job(options, "-merge", arguments, token=False, suspend=True, backoffLimit=0)


def _job(options: JobOptions, ending: str, arguments: list[str], *, token: bool, **spec: Any) -> Object:
    volumes: list[Object] = [
        {"name": "state", "persistentVolumeClaim": {"claimName": options.claim or options.name}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
    ]
    mounts: list[Object] = [
        {"name": "state", "mountPath": STATE},
        {"name": "tmp", "mountPath": TEMPORARY},
    ]
    if token:
        volumes.append({"name": "files", "configMap": {"name": options.name}})
        mounts.append({"name": "files", "mountPath": FILES, "readOnly": True})
        if options.registry_secret:
            item = {"key": ".dockerconfigjson", "path": "config.json"}
            secret = {"secretName": options.registry_secret, "items": [item]}
            volumes.append({"name": "registry", "secret": secret})
            mounts.append({"name": "registry", "mountPath": "/etc/pratique-registry", "readOnly": True})
    container = {
        "name": "scan",
        "image": options.image,
        "args": arguments,
        "env": [{"name": "XDG_CACHE_HOME", "value": f"{TEMPORARY}/cache"}],
        "resources": {"requests": {"cpu": "500m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }
    pod = {
        "restartPolicy": "Never",
        "serviceAccountName": options.name,
        "automountServiceAccountToken": token,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }
    failures = [
        {
            "action": "FailJob",  # what cannot be used does not get better
            "onExitCodes": {
                "containerName": "scan",
                "operator": "In",
                "values": [int(ExitCode.USAGE)],
            },
        },
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]
    return _named(
        "batch/v1",
        "Job",
        options,
        ending=ending,
        spec={
            **spec,
            "podFailurePolicy": {"rules": failures},
            "template": {"metadata": {"labels": _labels(options)}, "spec": pod},
        },
    )


# --- the rest ------------------------------------------------------------------------------------------


def _claim(options: JobOptions) -> Object:
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "10Gi"}}}
    return _named("v1", "PersistentVolumeClaim", options, spec=spec)


def _network(options: JobOptions) -> Object:
    """Return what keeps everybody from the Pods, which listen to nobody."""
    spec = {"podSelector": {"matchLabels": _labels(options)}, "policyTypes": ["Ingress"]}
    return _named("networking.k8s.io/v1", "NetworkPolicy", options, spec=spec)


def _binding(kind: str, role: str, options: JobOptions, namespace: str) -> Object:
    found = _named(
        RBAC,
        kind,
        options,
        namespaced=False,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": options.name},
        subjects=[{"kind": "ServiceAccount", "name": options.name, "namespace": options.namespace}],
    )
    if namespace:
        found["metadata"]["namespace"] = namespace
    return found


def _labels(options: JobOptions) -> dict[str, str]:
    return {"app.kubernetes.io/name": "pratique", "app.kubernetes.io/instance": options.name}


def _named(
    version: str, kind: str, options: JobOptions, *, ending: str = "", namespaced: bool = True, **rest: Any
) -> Object:
    metadata: Object = {"name": f"{options.name}{ending}"}
    if namespaced:
        metadata["namespace"] = options.namespace
    metadata["labels"] = _labels(options)
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}
