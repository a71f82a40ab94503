"""A policy that fails closed stands between the cluster and what it needs to start.

## What it does

Reports policies with `failurePolicy: Fail` (the default) that name `kube-system` or the namespace of the
policy engine, and speak there about images without which the engine cannot run: its own, those of cluster
DNS, of the network and of kube-proxy.

## Why

While the engine does not answer, the API server refuses what such a policy speaks about, whatever its action
is. After a restart of the cluster the engine waits for DNS and network, and these wait for the engine.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: Policy
metadata:
  name: system-images
  namespace: kube-system
spec:
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "registry.k8s.io/*"
      failureAction: Enforce
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: Policy
metadata:
  name: system-images
  namespace: kube-system
spec:
  webhookConfiguration:
    failurePolicy: Ignore
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "registry.k8s.io/*"
      failureAction: Enforce
```

## Limits

Policies for all namespaces are left alone: Kyverno's chart keeps `kube-system` and its own namespace from its
webhooks, unless it is told otherwise. Well-known images are looked for: CoreDNS, kube-proxy, Cilium, Calico,
Flannel, Kyverno. What `Ignore` costs, `fail-open` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from pratique.compiler import ir
from pratique.compiler.analysis.partition import look
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import are_disjoint
from pratique.compiler.languages.search import Proof, Witness
from pratique.compiler.languages.sets import AnyOf
from pratique.compiler.lint.base import Basis, Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.wording import joined


class Component(NamedTuple):
    """Something that the policy engine needs to run.

    Attributes:
        pod: name of one of its Pods.
    """

    what: str
    pod: str
    repository: str


NEEDED: Final[Mapping[str, tuple[Component, ...]]] = {
    "kube-system": (
        Component("cluster DNS", "coredns-0", "registry.k8s.io/coredns/coredns"),
        Component("kube-proxy", "kube-proxy-0", "registry.k8s.io/kube-proxy"),
        Component("the network", "cilium-0", "quay.io/cilium/cilium"),
        Component("the network", "calico-node-0", "docker.io/calico/node"),
    ),
    "calico-system": (Component("the network", "calico-node-0", "docker.io/calico/node"),),
    "kube-flannel": (
        Component("the network", "kube-flannel-0", "docker.io/flannel/flannel"),
        Component("the network", "kube-flannel-0", "ghcr.io/flannel-io/flannel"),
    ),
    "kyverno": (
        Component("the engine itself", "kyverno-admission-controller-0", "ghcr.io/kyverno/kyverno"),
        Component("the engine itself", "kyverno-admission-controller-0", "reg.kyverno.io/kyverno/kyverno"),
    ),
}
"""Namespaces, each with what runs there."""

ELSEWHERE: Final = "zq0"
"""A namespace that no policy names: a rule that reaches it is about all namespaces."""


@rule("PRQ035", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the policies that keep from starting what the engine needs."""
    seen: set[int] = set()
    for site in facts.classic_sites:
        if id(site.policy) in seen or site.policy.fail_open:
            continue
        near = look(Zone(site.rule.resources))
        namespaces = [name for name in NEEDED if not near.is_apart(look(_creation(name)))]
        if not namespaces or not _names_namespaces(facts, site):
            continue
        found = [
            (component, point)
            for namespace in namespaces
            for component in NEEDED[namespace]
            if (point := _reached(facts, site, namespace, component))
        ]
        if found:
            seen.add(id(site.policy))
            yield _problem(site, found)


def _names_namespaces(facts: Facts, site: Site) -> bool:
    return isinstance(facts.find([Zone(site.rule.resources), _creation(ELSEWHERE)]), Proof)


def _creation(namespace: str, name: str = "*") -> Zone:
    """Return the creation of Pods in a namespace."""
    pods = ir.ResourceFilter(
        kinds=(ir.KindSelector(kind="Pod"),), namespaces=(namespace,), names=(name,), operations=("CREATE",)
    )
    return Zone(ir.ResourceRegion(namespace=None, match=ir.Selection(filters=(pods,))))


def _reached(facts: Facts, site: Site, namespace: str, component: Component) -> Point | None:
    exempt = facts.exempt(site.policy, site.rule)
    point = facts.find([Zone(site.rule.resources), _creation(namespace, component.pod)], exempt)
    if not isinstance(point, Point) or point.assumptions or site.rule.is_conditional:
        return None
    of_it = AnyOf(tuple(Glob.parse(f"{component.repository}{mark}*") for mark in ":@"))
    image = facts.ask(are_disjoint, of_it, facts.region(site.requirement.images), images())
    return replace(point, image=image.text) if isinstance(image, Witness) else None


def _problem(site: Site, found: list[tuple[Component, Point]]) -> Problem:
    needed = joined(list(dict.fromkeys(component.what for component, _ in found)))
    first = found[0][1]
    places = [f.at.location for f in site.rule.resources.match.filters if f.at.location]
    named = site.policy.namespace is None and places
    return Problem(
        message=f"while the policy engine does not answer, policy `{site.policy.key}` keeps {needed} from"
        f" starting, for its `failurePolicy` is `Fail`: a cluster that was stopped may not come up again",
        location=places[0] if named else site.policy.at.location,
        label=f"is about Pods of `{first.namespace}`",
        confidence=Confidence.MEDIUM,
        basis=Basis.WITNESS,
        examples=(Example("refused while the engine is down", str(first), first),),
        related=(("by this rule", site.rule.at.location),) if site.rule.at.location else (),
        help="write `failurePolicy: Ignore` under `webhookConfiguration`, or leave these images out",
    )
