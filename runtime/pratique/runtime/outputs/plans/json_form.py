"""A plan as JSON: everything, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler import phrases
from pratique.compiler.cost import LIMIT, TYPICAL, WORST, Assumptions, Cost, Estimate
from pratique.compiler.explain.explanation import Explanation, Question, RulePlan
from pratique.compiler.explain.stages import PURPOSES
from pratique.grammar.source import Location
from pratique.runtime.outputs.json_format import API_VERSION
from pratique.runtime.outputs.json_text import json_text
from pratique.runtime.rule_reasons import ImageReason, ResourceReasons, RuleReason, demands

if TYPE_CHECKING:
    from pratique.runtime.analysis import Analysis
    from pratique.runtime.explaining import ExplainReport
    from pratique.runtime.measuring import Measured

KIND: Final = "Explanation"


def render(report: ExplainReport) -> str:
    """Return the plan, the reasons and the run as JSON text."""
    return json_text(document(report))


def document(report: ExplainReport) -> dict[str, Any]:
    """Return the same as data."""
    data = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "digest": report.digest,
        **plan(report.explanation, report.analysis),
        "resources": [_resource(reasons) for reasons in report.reasons],
        "notices": list(report.notices),
    }
    return data | ({"run": _run(report.analysis)} if report.analysis else {})


def plan(explanation: Explanation, analysis: Analysis | None = None) -> dict[str, Any]:
    """Return what a plan says by itself, and what became of it."""
    heaviest = explanation.heaviest
    data: dict[str, Any] = {
        "totals": {
            "policies": explanation.policies,
            "rules": len(explanation.rules),
            "questions": len(explanation.questions),
            "unshared": explanation.unshared,
        },
        "assumptions": {each.name: _assumed(each) for each in (TYPICAL, WORST, LIMIT)},
        "stages": [
            {
                "stage": str(line.stage),
                "asks": PURPOSES[line.stage],
                "questions": line.questions,
                "unshared": line.unshared,
                "estimate": _estimate(line.estimate),
            }
            for line in explanation.stages
        ],
        "rules": [_rule(rule, analysis) for rule in explanation.rules],
        "questions": [_question(question, analysis) for question in explanation.questions],
    }
    if explanation.universe:
        data["universe"] = explanation.universe
    if heaviest:
        data["heaviest"] = {
            "image": heaviest.image,
            "rules": [planned.number for planned in heaviest.rules],
            "estimate": _estimate(heaviest.estimate),
        }
    return data


def _assumed(of: Assumptions) -> dict[str, Any]:
    return {_camel(name): value for name, value in asdict(of).items() if name != "name"}


def _rule(rule: RulePlan, analysis: Analysis | None) -> dict[str, Any]:
    planned = rule.planned
    data: dict[str, Any] = {
        "number": planned.number,
        "policyKind": planned.policy.kind,
        "policy": planned.policy.key,
        "rule": planned.rule.name,
        "action": str(planned.rule.action),
        **({"generatedFrom": planned.rule.generated_from} if planned.rule.generated_from else {}),
        **_place(rule.location),
        "question": rule.root,
        "estimate": _estimate(rule.estimate),
        "notes": list(rule.notes),
    }
    if analysis:
        figures = analysis.rules[planned.number]
        data["actual"] = {
            "resources": figures.resources,
            "images": figures.images,
            "results": {str(status): number for status, number in figures.results.items()},
        }
    return data


def _question(question: Question, analysis: Analysis | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "number": question.number,
        "op": question.op.name.lower(),
        "stage": str(question.stage),
        "text": question.text,
        "inputs": list(question.inputs),
        "rules": list(question.rules),
        "estimate": _estimate(question.estimate),
        **_place(question.at),
    }
    if question.kept:
        data["images"] = {"of": question.kept.of, "kept": question.kept.kept, "pruned": question.kept.pruned}
    figures = analysis.questions.get(question.number) if analysis else None
    return data | ({"actual": _measured(figures)} if figures else {})


def _estimate(of: Estimate) -> dict[str, Any]:
    return {"typical": _cost(of.typical), "worst": _cost(of.worst), "limit": _cost(of.limit)}


def _cost(of: Cost) -> dict[str, Any]:
    return {_camel(name): _rounded(value) for name, value in asdict(of).items()}


def _measured(of: Measured) -> dict[str, Any]:
    return {
        "asked": of.asked,
        "answered": of.answered,
        "remembered": of.remembered,
        "requests": of.requests,
        "bytes": of.bytes,
        "signatures": of.signatures,
        "milliseconds": _rounded(of.seconds * 1000),
    }


def _run(analysis: Analysis) -> dict[str, Any]:
    report = analysis.report
    requests = report.requests
    return {
        "resources": report.resources,
        "images": report.images,
        "results": {str(status): number for status, number in report.summary.items()},
        "requests": {**asdict(requests), "total": requests.total},
        "signatures": report.verifications,
        "milliseconds": _rounded(analysis.seconds * 1000),
        "cpuMilliseconds": _rounded(analysis.cpu_seconds * 1000),
        "elsewhere": _measured(analysis.elsewhere),
    }


# --- reasons -------------------------------------------------------------------------------------------


def _resource(reasons: ResourceReasons) -> dict[str, Any]:
    resource = reasons.resource
    return {
        "apiVersion": resource.id.api_version,
        "kind": resource.id.kind,
        "namespace": resource.id.namespace,
        "name": resource.id.name,
        **_place(resource.location),
        "rules": [_reason(reason) for reason in reasons.rules],
    }


def _reason(reason: RuleReason) -> dict[str, Any]:
    planned = reason.planned
    data: dict[str, Any] = {
        "number": planned.number,
        "policy": planned.policy.key,
        "rule": planned.rule.name,
        "applies": str(reason.answer),
        "why": reason.why,
        "images": [_image(image) for image in reason.images],
        "needs": [[_phrase(each) for each in parts] for _, parts in demands(reason)],
    }
    told: dict[str, Any] = {"preconditions": reason.preconditions, "exceptions": list(reason.exceptions)}
    return data | {name: value for name, value in told.items() if value}


def _image(image: ImageReason) -> dict[str, Any]:
    data: dict[str, Any] = {
        "image": image.image,
        "container": image.container,
        "looksAt": str(image.answer),
        "entries": [
            {
                "entry": found.entry,
                "looksAt": str(found.look.answer),
                "skipped": found.look.skipped,
                "why": found.look.why,
            }
            for found in image.entries
        ],
    }
    return data | ({"problem": image.problem} if image.problem else {})


def _phrase(phrase: phrases.Phrase) -> dict[str, Any]:
    parts = [_phrase(part) for part in phrase.parts]
    return {"text": phrase.text, **({"parts": parts} if parts else {})}


# --- plain values --------------------------------------------------------------------------------------


def _place(place: Location | None) -> Mapping[str, str]:
    return {"location": str(place)} if place else {}


def _rounded(number: float) -> float:
    return round(number, 3)


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
