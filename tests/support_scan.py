"""Results and reports for tests of the scan."""

from __future__ import annotations

from typing import Any

from pratique.compiler.ir import Action
from pratique.runtime.decision import Check, ResourceId, RuleResult, Stage, Status
from pratique.runtime.kubernetes.types import PODS
from pratique.runtime.outputs.formats import Grouping
from pratique.runtime.scanning.findings import POLICY_REPORT, Findings, ReportForm, ReportKey
from pratique.runtime.scanning.inventory import ResourceKey

BY_RESOURCE = ReportForm(namespaced=POLICY_REPORT[0], cluster=POLICY_REPORT[1])
BY_POLICY = ReportForm(namespaced=POLICY_REPORT[0], cluster=POLICY_REPORT[1], grouping=Grouping.POLICY)


def key(name: str, namespace: str = "ns") -> ResourceKey:
    return ResourceKey(PODS, namespace, name)


def resource(name: str, namespace: str = "ns", uid: str = "") -> ResourceId:
    return ResourceId(api_version="v1", kind="Pod", namespace=namespace, name=name, uid=uid or f"uid-{name}")


def result(
    status: str = "pass",
    message: str = "m",
    *,
    name: str = "a",
    policy: str = "p",
    rule: str = "r",
    namespace: str = "ns",
    **more: Any,
) -> RuleResult:
    kind = more.pop("kind", "Policy" if "/" in policy else "ClusterPolicy")
    check = Check(stage=Stage.VERIFY, status=Status(status), message=message, image="i")
    return RuleResult(
        policy=policy,
        kind=kind,
        rule=rule,
        resource=resource(name, namespace),
        action=Action.AUDIT,
        checks=(check,),
        **more,
    )


class Touched(list[ReportKey]):
    """The reports that were touched, taken with `taken`."""

    def taken(self) -> set[ReportKey]:
        found = set(self)
        self.clear()
        return found


def findings(form: ReportForm = BY_RESOURCE) -> tuple[Findings, Touched]:
    touched = Touched()
    return Findings(form, touched.append), touched


def take(found: Findings, *results: RuleResult, name: str = "a", now: int = 1, **more: Any) -> list[Any]:
    return found.take(
        key(name), resource(name, uid=more.pop("uid", "")), more.pop("judged", None), results, now
    )
