"""Reads policy reports of any program: `wgpolicyk8s.io` and `openreports.io`, as clusters hold them.

They say less than pratique's own results: no images, no reason trees, and not whether a policy enforces.

References: custom resource definitions `PolicyReport`, `ClusterPolicyReport`, `Report`, `ClusterReport`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from pratique.compiler.ir import Action
from pratique.runtime.decision import Check, RuleResult, Stage, Status
from pratique.runtime.outputs.view import CheckRow, Row
from pratique.runtime.stored.parts import Part, Reference, Timestamp

KINDS: Final = {
    "wgpolicyk8s.io": ("PolicyReport", "ClusterPolicyReport"),
    "openreports.io": ("Report", "ClusterReport"),
}
"""Group -> kinds that are read, in any version."""


class _Entry(Part):
    policy: str
    rule: str = ""
    result: Status
    message: str = ""
    description: str = ""
    source: str = ""
    category: str = ""
    severity: str = ""
    scored: bool = True
    timestamp: Timestamp = Timestamp()
    properties: dict[str, str] = Field(default_factory=dict)
    resources: list[Reference] = Field(default_factory=list)


class _Metadata(Part):
    name: str = ""
    namespace: str = ""


class PolicyReport(Part):
    """A report."""

    metadata: _Metadata = _Metadata()
    source: str = ""
    scope: Reference | None = None
    results: list[_Entry] | None = None

    def timed_rows(self) -> Iterator[tuple[Row, int | None, str]]:
        """Yield each result with when it was found (None for unknown) and which program says so."""
        for entry in self.results or ():
            about = entry.resources or [self.scope or Reference(namespace=self.metadata.namespace)]
            for resource in about:
                yield _row(entry, resource), entry.timestamp.seconds or None, entry.source or self.source


def _row(entry: _Entry, resource: Reference) -> Row:
    message = entry.message or entry.description
    check = Check(stage=Stage.VALIDATE, status=entry.result, message=message)
    result = RuleResult(
        policy=entry.policy,
        rule=entry.rule,
        resource=resource.resource(),
        action=Action.AUDIT,
        checks=(check,),
        scored=entry.scored,
        category=entry.category,
        severity=entry.severity,
        properties=tuple(entry.properties.items()),
    )
    return Row(result, entry.result, message, (CheckRow(check, entry.result, message),))
