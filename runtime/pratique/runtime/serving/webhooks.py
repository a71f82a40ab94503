"""The webhook configurations that a set of policies needs: as narrow as the API server can be told.

One webhook for each failure policy and group of policies (see `admission.groups`), with the kinds, operations
and namespaces that its policies speak about. Where a wide webhook is called anyway for what a narrow one asks
for, it stands for both: a request is then sent once.

References: Kubernetes `admissionregistration.k8s.io/v1`; Kyverno 1.19 `pkg/controllers/webhook`.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.purposes import Purpose, purpose
from pratique.runtime.admission.groups import EVERYWHERE, group, path
from pratique.runtime.kubernetes.discovery import Discovery
from pratique.runtime.kubernetes.types import (
    CEL_EXCEPTIONS,
    CEL_POLICIES,
    CLUSTER_POLICIES,
    EXCEPTIONS,
    MUTATING_WEBHOOKS,
    POLICIES,
    VALIDATING_WEBHOOKS,
    ResourceType,
)
from pratique.runtime.serving.webhook_rules import WebhookRule, rules_of

SECONDS: Final = 10
NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""Label that the API server itself puts on every namespace, and keeps true."""
LABELS: Final = {"app.kubernetes.io/managed-by": "pratique"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """How the API server reaches the webhooks.

    Attributes:
        url: `https://host:port`; empty where a Service leads to them.
        namespace: of the Service.
        service: its name.
        port: its port.
    """

    url: str = ""
    namespace: str = ""
    service: str = ""
    port: int = 443

    def names(self) -> tuple[str, ...]:
        """Return the names that the server's certificate must have."""
        if self.url:
            host = self.url.partition("://")[2].partition("/")[0]
            name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
            return (name,)
        short = f"{self.service}.{self.namespace}"
        return (f"{short}.svc", f"{short}.svc.cluster.local", short)

    def client(self, path: str, authorities: bytes) -> dict[str, Any]:
        """Return a `clientConfig`."""
        found: dict[str, Any] = {"caBundle": base64.b64encode(authorities).decode()} if authorities else {}
        if self.url:
            return found | {"url": f"{self.url}{path}"}
        service = {"namespace": self.namespace, "name": self.service, "path": path, "port": self.port}
        return found | {"service": service}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What all webhooks of an installation have in common.

    Attributes:
        name: of the configurations.
        endpoint: where they lead.
        excluded: namespaces that no webhook is called for.
        account: service account of the server's own Pods, in its namespace; they are not judged, so that the
            cluster can bring the server back by itself (F36). Whoever can start Pods with it has its rights.
        owner: object that the configurations go with, as an owner reference.
    """

    name: str
    endpoint: Endpoint
    excluded: tuple[str, ...] = ()
    namespace: str = ""
    account: str = ""
    owner: dict[str, Any] | None = None


@dataclass(slots=True)
class _Wanted:
    """What is to be sent to one webhook."""

    groups: set[str] = field(default_factory=set)
    selector: dict[str, Any] | None = None
    namespaces: set[str] = field(default_factory=set)
    rules: set[WebhookRule] = field(default_factory=set)
    seconds: int = SECONDS


def configurations(
    policies: Iterable[ir.Policy],
    discovery: Discovery,
    registration: Registration,
    authorities: bytes,
    *,
    review_policies: str = "",
) -> dict[ResourceType, dict[str, Any]]:
    """Return the mutating and the validating configuration.

    Args:
        policies: those in force.
        discovery: what the cluster serves.
        registration: what is common to all.
        authorities: PEM of what the API server is to trust.
        review_policies: path that policies themselves are sent to; empty for none.
    """
    found = {}
    policies = tuple(policies)
    for type, webhook in ((MUTATING_WEBHOOKS, "mutate"), (VALIDATING_WEBHOOKS, "validate")):
        is_meant = _judges if webhook == "validate" else _writes
        hooks = []
        for fail_open in (False, True):
            wanted = _wanted([p for p in policies if p.fail_open is fail_open], discovery, is_meant)
            hooks += [_hook(webhook, fail_open, each, registration, authorities) for each in wanted]
        if webhook == "validate" and review_policies:
            hooks.append(_policy_hook(review_policies, registration, authorities))
        found[type] = configuration(type, registration, hooks)
    return found


def configuration(
    type: ResourceType, registration: Registration, hooks: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return a configuration with some webhooks."""
    metadata: dict[str, Any] = {"name": registration.name, "labels": dict(LABELS)}
    if registration.owner:
        metadata["ownerReferences"] = [registration.owner]
    return {
        "apiVersion": type.api_version,
        "kind": type.kind,
        "metadata": metadata,
        "webhooks": list(hooks),
    }


def _judges(rule: ir.Rule) -> bool:
    return purpose(rule) is Purpose.JUDGE


def _writes(rule: ir.Rule) -> bool:
    """Say whether a rule changes what is admitted."""
    if isinstance(rule.body, CelImageValidation):
        return rule.body.pin_digest
    pins = any(requirement.pin_digest for requirement in rule.requirements)
    return pins or purpose(rule) is Purpose.CHANGE


def _wanted(
    policies: Sequence[ir.Policy], discovery: Discovery, is_meant: Callable[[ir.Rule], bool]
) -> list[_Wanted]:
    """Return what each webhook of a failure policy is called for, the wide one first."""
    found: defaultdict[str, _Wanted] = defaultdict(_Wanted)
    for policy in policies:
        meant = [rule for rule in policy.rules if policy.admission and is_meant(rule)]
        if not meant:
            continue
        of = group(policy)
        wanted = found[of.name]
        wanted.groups.add(of.name)
        wanted.selector = of.selector
        wanted.namespaces.update(of.namespaces)
        wanted.rules.update(rule for each in meant for rule in rules_of(each, discovery))
        wanted.seconds = max(wanted.seconds, policy.webhook_seconds or SECONDS)
    wide = found.pop(EVERYWHERE, None)
    kept = [wide] if wide else []
    for name in sorted(found):
        if wide and found[name].rules <= wide.rules:
            wide.groups |= found[name].groups
            wide.seconds = max(wide.seconds, found[name].seconds)
        else:
            kept.append(found[name])
    return [wanted for wanted in kept if wanted.rules]


def _hook(
    webhook: str, fail_open: bool, wanted: _Wanted, registration: Registration, authorities: bytes
) -> dict[str, Any]:
    """Return a webhook, every default written out: what the API server holds can then be compared with it."""
    way = path(fail_open=fail_open, groups=wanted.groups)
    conditions = [] if fail_open or not registration.account else [_not_itself(registration)]
    if any(rule.resource.startswith("*") for rule in wanted.rules):
        conditions.append(_not_the_ground(wanted.rules))
    found = {
        "name": f"{way.replace('/', '-')}.{webhook}.{registration.name}",
        "clientConfig": registration.endpoint.client(f"/{webhook}/{way}", authorities),
        "rules": _merged(wanted.rules),
        "failurePolicy": "Ignore" if fail_open else "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": _namespaces(wanted, registration),
        "objectSelector": {},
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": wanted.seconds,
        "admissionReviewVersions": ["v1"],
    }
    if conditions:
        found["matchConditions"] = conditions
    return found | ({"reinvocationPolicy": "IfNeeded"} if webhook == "mutate" else {})


def _policy_hook(path: str, registration: Registration, authorities: bytes) -> dict[str, Any]:
    """Return the webhook that policies themselves are sent to."""
    rules = [
        {
            "apiGroups": [types[0].group],
            "apiVersions": versions,
            "resources": [type.plural for type in types],
            "operations": ["CREATE", "UPDATE"],
            "scope": "*",
        }
        for versions, types in (
            (["v1", "v2beta1"], (CLUSTER_POLICIES, POLICIES)),
            (["v2", "v2beta1"], (EXCEPTIONS,)),
            (["v1", "v1beta1", "v1alpha1"], (*CEL_POLICIES, CEL_EXCEPTIONS)),
        )
    ]
    return {
        "name": f"policies.validate.{registration.name}",
        "clientConfig": registration.endpoint.client(path, authorities),
        "rules": rules,
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "sideEffects": "None",
        "timeoutSeconds": SECONDS,
        "admissionReviewVersions": ["v1"],
    }


def _merged(rules: Iterable[WebhookRule]) -> list[dict[str, Any]]:
    operations: defaultdict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for rule in sorted(rules):
        operations[rule[:4]].append(rule.operation)
    resources: defaultdict[tuple[str, str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group_name, version, scope, resource), found in operations.items():
        resources[group_name, version, scope, tuple(found)].append(resource)
    return [
        {
            "apiGroups": [group_name],
            "apiVersions": [version],
            "resources": [name for name in names if not any(_covers(other, name) for other in names)],
            "operations": list(found),
            "scope": scope,
        }
        for (group_name, version, scope, found), names in resources.items()
    ]


def _covers(wide: str, name: str) -> bool:
    """Say whether a name stands for another one, too: the API server refuses both in one rule."""
    if wide == name:
        return False
    resource, slash, below = wide.partition("/")
    own, own_slash, own_below = name.partition("/")
    if wide == "*/*":
        return True
    return slash == own_slash and resource in ("*", own) and below in ("*", own_below)


def _namespaces(wanted: _Wanted, registration: Registration) -> dict[str, Any]:
    found = dict(wanted.selector or {})
    expressions = list(found.get("matchExpressions", ()))
    if wanted.namespaces:
        expressions.append({"key": NAME_LABEL, "operator": "In", "values": sorted(wanted.namespaces)})
    if registration.excluded:
        excluded = sorted(registration.excluded)
        expressions.append({"key": NAME_LABEL, "operator": "NotIn", "values": excluded})
    if expressions:
        found["matchExpressions"] = expressions
    return found


def _not_itself(registration: Registration) -> dict[str, str]:
    return {
        "name": "not-the-webhook-itself",
        "expression": (
            f'!(request.namespace == "{registration.namespace}" && request.kind.group == ""'
            ' && request.kind.kind == "Pod" && object != null && has(object.spec)'
            " && has(object.spec.serviceAccountName)"
            f' && object.spec.serviceAccountName == "{registration.account}")'
        ),
    }


_GROUND: Final = (
    "/bindings",
    "/events",
    "/nodes",
    "apiregistration.k8s.io/apiservices",
    "authentication.k8s.io/selfsubjectreviews",
    "authentication.k8s.io/tokenreviews",
    "authorization.k8s.io/localsubjectaccessreviews",
    "authorization.k8s.io/selfsubjectaccessreviews",
    "authorization.k8s.io/selfsubjectrulesreviews",
    "authorization.k8s.io/subjectaccessreviews",
    "certificates.k8s.io/certificatesigningrequests",
    "coordination.k8s.io/leases",
    "events.k8s.io/events",
)
_REPORTS: Final = (
    "kyverno.io",
    "openreports.io",
    "policies.kyverno.io",
    "reports.kyverno.io",
    "wgpolicyk8s.io",
)


def _not_the_ground(rules: Iterable[WebhookRule]) -> dict[str, str]:
    """Return what keeps rules about every kind off what the cluster itself stands on.

    Without Nodes, Leases and reviews nothing starts, this server included; and reports are its own. What a
    rule names is judged all the same. Kyverno leaves these out by its `resourceFilters`.
    """
    named = {f"{rule.group}/{rule.resource}" for rule in rules}
    listed = ", ".join(f'"{name}"' for name in _GROUND if name not in named)
    groups = ", ".join(f'"{name}"' for name in _REPORTS)
    return {
        "name": "not-the-ground",
        "expression": (
            f'!((request.resource.group + "/" + request.resource.resource) in [{listed}])'
            f" && !(request.resource.group in [{groups}])"
        ),
    }
