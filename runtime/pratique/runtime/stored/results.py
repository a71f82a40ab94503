"""Reads back what `pratique apply -o json` (or `yaml`) wrote: rows, checks and reason trees.

A stored report is a stranger's file: it is read as data, nothing in it is believed to be more than text, and
what does not have the shape is one error with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from pratique.compiler.ir import Action
from pratique.runtime.decision import (
    Check,
    Reason,
    Report,
    Requests,
    RootLine,
    RuleResult,
    Stage,
    Status,
)
from pratique.runtime.outputs.view import CheckRow, Row
from pratique.runtime.stored.parts import Part, Reference, Timestamp, place


class _Reason(Part):
    code: str
    text: str
    met: bool
    details: dict[str, str] = Field(default_factory=dict)
    location: str = ""
    children: list[_Reason] = Field(default_factory=list)

    def value(self) -> Reason:
        return Reason(
            code=self.code,
            text=self.text,
            met=self.met,
            details=tuple(self.details.items()),
            location=place(self.location),
            children=tuple(child.value() for child in self.children),
        )


class _Described(Part):
    policy: str
    rule: str
    result: Status
    message: str
    scored: bool
    category: str = ""
    severity: str = ""
    properties: dict[str, str] = Field(default_factory=dict)


class _Row(_Described):
    resource: Reference
    action: Action
    location: str = ""
    resource_location: str = Field(default="", alias="resourceLocation")


class _Result(_Described):
    resources: list[Reference] = Field(min_length=1, max_length=1)
    stage: Stage
    timestamp: Timestamp = Timestamp()
    image: str = ""
    container: str = ""
    pointer: str = ""
    digest: str = ""
    reason: _Reason | None = None

    def check(self) -> CheckRow:
        check = Check(
            stage=self.stage,
            status=self.result,
            message=self.message,
            image=self.image,
            container=self.container,
            pointer=self.pointer,
            digest=self.digest,
            reason=self.reason.value() if self.reason else None,
        )
        return CheckRow(check, self.result, self.message)


class _Requests(Part):
    manifests: int = 0
    blobs: int = 0
    referrers: int = 0
    tokens: int = 0
    bytes: int = 0


class _Totals(Part):
    policies: int = 0
    rules: int = 0
    resources: int = 0
    images: int = 0
    verifications: int = 0
    requests: _Requests = _Requests()


class _Root(Part):
    name: str
    digest: str = ""
    source: str = ""
    place: str = ""
    checked_at: datetime | None = Field(default=None, alias="checkedAt")
    expires: datetime | None = None
    newest: datetime | None = Field(default=None, alias="newestEntry")

    def line(self) -> RootLine:
        newest = f", newest entry of {self.newest:%Y-%m-%d}" if self.newest else ""
        return RootLine(
            name=self.name,
            version=self.digest.removeprefix("sha256:"),
            source=self.source,
            place=self.place,
            checked_at=self.checked_at,
            expires=self.expires,
            newest=self.newest,
            text=f"{self.name}: {self.source} {self.place}{newest}",
        )


class _Problem(Part):
    code: str
    message: str


class StoredResults(Part):
    """The document."""

    rows: list[_Row]
    results: list[_Result]
    totals: _Totals = _Totals()
    notices: list[str] = Field(default_factory=list)
    roots: list[_Root] = Field(default_factory=list, alias="trustedRoots")
    errors: list[_Problem] = Field(default_factory=list)

    def timed_rows(self) -> Iterator[tuple[Row, int | None]]:
        """Yield each row with when it was judged; None where the document does not say."""
        place, results = 0, self.results
        for stored in self.rows:
            of = _key(stored, stored.resource)
            first = place
            while place < len(results) and _key(results[place], results[place].resources[0]) == of:
                place += 1
            own = results[first:place]
            yield _row(stored, own), max((each.timestamp.seconds for each in own), default=0) or None

    def report(self, rows: Sequence[Row]) -> Report:
        """Return the report that the rows are of."""
        totals = self.totals
        failed = tuple(f"nothing was judged: {each.message}" for each in self.errors)
        return Report(
            results=tuple(row.result for row in rows),
            policies=totals.policies,
            rules=totals.rules,
            resources=totals.resources,
            images=totals.images,
            requests=Requests(**totals.requests.model_dump()),
            verifications=totals.verifications,
            notices=(*self.notices, *failed),
            roots=tuple(root.line() for root in self.roots),
        )


def _key(of: _Described, resource: Reference) -> tuple[Any, ...]:
    return of.policy, of.rule, resource


def _row(stored: _Row, results: Sequence[_Result]) -> Row:
    checks = tuple(result.check() for result in results)
    result = RuleResult(
        policy=stored.policy,
        rule=stored.rule,
        resource=stored.resource.resource(stored.resource_location),
        action=stored.action,
        checks=tuple(shown.check for shown in checks),
        scored=stored.scored,
        category=stored.category,
        severity=stored.severity,
        properties=tuple(stored.properties.items()),
        location=place(stored.location),
    )
    return Row(result=result, status=stored.result, message=stored.message, checks=checks)
