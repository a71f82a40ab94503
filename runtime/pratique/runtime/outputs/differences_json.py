"""What a change of policies changes, as JSON."""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.analysis.demands import Demand, Setting
from pratique.compiler.analysis.differences import Change, Shift
from pratique.compiler.analysis.places import Region
from pratique.compiler.analysis.points import Point
from pratique.compiler.analysis.rule_changes import AppliedRule, RuleChange
from pratique.compiler.analysis.signers import Signer
from pratique.runtime.differing import DiffReport
from pratique.runtime.outputs import differences as words
from pratique.runtime.outputs.json_format import API_VERSION
from pratique.runtime.outputs.json_text import json_text

KIND: Final = "DiffReport"


def render(report: DiffReport) -> str:
    """Return everything; `outcome` is `equivalent`, `different` or `undecided`."""
    found = report.comparison
    outcome = "equivalent" if found.is_equivalent else "different" if found.differs else "undecided"
    return json_text(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "old": report.old,
            "new": report.new,
            "outcome": outcome,
            "totals": {
                "oldPolicies": report.policies[0],
                "newPolicies": report.policies[1],
                "parts": found.cells,
            },
            "changes": [_change(change) for change in found.changes],
            "rules": [_rule_change(change) for change in found.rules],
            "undecided": list(found.undecided),
            "notices": list(report.notices),
        }
    )


def _change(change: Change) -> dict[str, Any]:
    return {
        "effects": [_shift(change, shift) for shift in change.shifts],
        "regions": [_region(region) for region in change.regions],
        "kinds": list(change.kinds),
        "before": [_rule(demand) for demand in change.before],
        "after": [_rule(demand) for demand in change.after],
    }


def _rule_change(change: RuleChange) -> dict[str, Any]:
    return {
        "effect": str(change.effect),
        "does": change.rule.does,
        **_named(change.rule),
        "settings": {
            "old": _settings(change.gone),
            "new": _settings(change.come),
        },
        "examples": [_resource(point) for point in change.points],
    }


def _shift(change: Change, shift: Shift) -> dict[str, Any]:
    data: dict[str, Any] = {"effect": str(shift.effect), "says": words.effect(change, shift)}
    if shift.gone or shift.come:
        return data | {"settings": {"old": _settings(shift.gone), "new": _settings(shift.come)}}
    signers = [_signer(signer) for signer in shift.signers]
    return data | {
        "signers": signers,
        "signersVouchForStatement": shift.is_stated,
        "missing": str(shift.asks),
    }


def _settings(these: tuple[Setting, ...]) -> list[dict[str, str]]:
    return [{"name": setting.name, "value": setting.value} for setting in these]


def _signer(signer: Signer) -> dict[str, Any]:
    data = {"kind": signer.kind, "subject": signer.subject}
    return data | ({"issuer": signer.issuer} if signer.issuer else {})


def _region(region: Region) -> dict[str, Any]:
    return {
        "images": [list(group) for group in region.patterns],
        "without": list(region.without),
        "where": list(region.where),
        "unless": list(region.unless),
        "example": {"image": region.point.image, **_resource(region.point)},
    }


def _resource(point: Point) -> dict[str, Any]:
    group, version, kind, subresource = point.kind
    return {
        "apiVersion": f"{group}/{version}" if group else version,
        "kind": kind,
        "subresource": subresource,
        "namespace": point.namespace,
        "name": point.name,
        "operation": point.operation,
        "labels": dict(point.labels),
        "annotations": dict(point.annotations),
        "namespaceLabels": dict(point.namespace_labels),
        "providedThat": [each.replace("condition ", "", 1) for each in point.assumptions],
    }


def _rule(demand: Demand) -> dict[str, Any]:
    return {**_named(demand), "asks": str(demand.asks)}


def _named(rule: Demand | AppliedRule) -> dict[str, Any]:
    data: dict[str, Any] = {"policy": rule.policy, "rule": rule.rule, "action": str(rule.action)}
    place = rule.at.location
    if place:
        data |= {"file": place.source.name, "line": place.span.start.line}
    return data
