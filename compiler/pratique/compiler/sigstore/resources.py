"""Resources that policy-controller looks at, and `match` of its policies.

References: sigstore/policy-controller of August 2026 `cmd/webhook/main.go` (`types`),
`pkg/apis/config/image_policies.go` (`GetMatchingPolicies`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pratique.compiler import ir
from pratique.compiler.kyverno.regions import label_selector

if TYPE_CHECKING:
    from pratique.grammar.documents.sigstore import MatchResource

RESOURCES: Final = {
    ("", "pods"): "Pod",
    ("apps", "replicasets"): "ReplicaSet",
    ("apps", "deployments"): "Deployment",
    ("apps", "statefulsets"): "StatefulSet",
    ("apps", "daemonsets"): "DaemonSet",
    ("batch", "jobs"): "Job",
    ("batch", "cronjobs"): "CronJob",
}
"""Group and name of a resource -> kind."""


def selection(written: tuple[MatchResource, ...], place: Callable[..., ir.At]) -> ir.Selection:
    """Return the resources that some part of `match` names; all that hold images where there is none."""
    if not written:
        kinds = tuple(ir.KindSelector(group=group, kind=kind) for (group, _), kind in RESOURCES.items())
        return ir.Selection(filters=(ir.ResourceFilter(kinds=kinds, at=place()),))
    return ir.Selection(
        filters=tuple(
            ir.ResourceFilter(
                kinds=(
                    ir.KindSelector(
                        group=each.group, version=each.version, kind=RESOURCES[each.group, each.resource]
                    ),
                ),
                selector=label_selector(each.selector),
                at=place("match", number),
            )
            for number, each in enumerate(written)
        )
    )
