"""Results as they are kept in the log of a scan, and back. What reports show comes out the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.compiler.ir import Action
from pratique.grammar.source import Location, Position, Source, Span
from pratique.runtime.decision import Check, Reason, ResourceId, RuleResult, Stage, Status


def result_json(result: RuleResult) -> dict[str, Any]:
    """Return a result without its resource as plain data; empty parts are left out."""
    return _filled(
        policy=result.policy,
        rule=result.rule,
        number=result.number,
        kind=result.kind,
        action=str(result.action),
        unscored=not result.scored,
        category=result.category,
        severity=result.severity,
        properties=result.properties,
        location=_location_json(result.location),
        checks=[_check_json(each) for each in result.checks],
    )


def result_of(data: Mapping[str, Any], resource: ResourceId) -> RuleResult:
    """Return the result that plain data tells, for a resource."""
    return RuleResult(
        policy=data["policy"],
        rule=data.get("rule", ""),
        number=data.get("number", 0),
        kind=data.get("kind", ""),
        action=Action(data["action"]),
        scored=not data.get("unscored", False),
        category=data.get("category", ""),
        severity=data.get("severity", ""),
        properties=_pairs(data.get("properties", ())),
        location=_location_of(data.get("location")),
        checks=tuple(_check_of(each) for each in data.get("checks", ())),
        resource=resource,
    )


def resource_json(resource: ResourceId) -> list[str]:
    """Return the coordinates of a resource as plain data."""
    return [resource.api_version, resource.kind, resource.namespace, resource.name, resource.uid]


def resource_of(data: list[str]) -> ResourceId:
    """Return the coordinates that plain data tells."""
    version, kind, namespace, name, uid = data
    return ResourceId(api_version=version, kind=kind, namespace=namespace, name=name, uid=uid)


def _check_json(check: Check) -> dict[str, Any]:
    return _filled(
        stage=str(check.stage),
        status=str(check.status),
        message=check.message,
        image=check.image,
        container=check.container,
        pointer=check.pointer,
        digest=check.digest,
        transport=check.transport,
        properties=check.properties,
        reason=_reason_json(check.reason) if check.reason else None,
    )


def _check_of(data: Mapping[str, Any]) -> Check:
    reason = data.get("reason")
    return Check(
        stage=Stage(data["stage"]),
        status=Status(data["status"]),
        message=data.get("message", ""),
        image=data.get("image", ""),
        container=data.get("container", ""),
        pointer=data.get("pointer", ""),
        digest=data.get("digest", ""),
        transport=data.get("transport", False),
        properties=_pairs(data.get("properties", ())),
        reason=_reason_of(reason) if reason else None,
    )


def _reason_json(reason: Reason) -> dict[str, Any]:
    return _filled(
        code=reason.code,
        text=reason.text,
        met=reason.met,
        details=reason.details,
        location=_location_json(reason.location),
        children=[_reason_json(child) for child in reason.children],
    )


def _reason_of(data: Mapping[str, Any]) -> Reason:
    return Reason(
        code=data.get("code", ""),
        text=data.get("text", ""),
        met=data.get("met", False),
        details=_pairs(data.get("details", ())),
        location=_location_of(data.get("location")),
        children=tuple(_reason_of(child) for child in data.get("children", ())),
    )


def _location_json(location: Location | None) -> list[Any] | None:
    if location is None:
        return None
    start, end = location.span
    return [location.source.name, start.line, start.column, end.line, end.column]


def _location_of(data: list[Any] | None) -> Location | None:
    if not data:
        return None
    name, line, column, end_line, end_column = data
    span = Span(Position(line, column), Position(end_line, end_column))
    # Reports name the place; none shows its text.
    return Location(Source(name, ""), span)


def _pairs(data: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in data)


def _filled(**entry: Any) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value}
