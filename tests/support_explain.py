"""Reports of `pratique explain`, for the tests of what is said and drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.analysis import WATCHED, Analysis, RuleFigures
from pratique.runtime.decision import Report, Requests, Status
from pratique.runtime.explaining import ExplainOptions, ExplainReport, explained
from pratique.runtime.measuring import Measured
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.session import ApplyOptions
from tests.conftest import ROOT
from tests.support_policies import KEYLESS, cluster_policy, rule_policy

STORY = ROOT / "policies" / "control-plane"
TYPE = "https://slsa.dev/provenance/v1"
HOSTILE = "</script><img src=x onerror=alert(1)>\"'`]]>\\ ${x} #quot; \u202e"

EVERYTHING: dict[str, Any] = {
    "imageReferences": ["ghcr.io/acme/*", "quay.io/acme/*"],
    "skipImageReferences": ["*/acme/skip:*"],
    "mutateDigest": True,
    "imageRegistryCredentials": {"secrets": ["pull"], "providers": ["github"]},
    "attestors": [
        {
            "count": 1,
            "entries": [
                {"keyless": KEYLESS, "annotations": {"stage": "prod"}},
                {"keys": {"publicKeys": "k8s://acme/key"}, "repository": "ghcr.io/acme/signatures"},
            ],
        }
    ],
    "attestations": [
        {
            "type": TYPE,
            "name": "provenance",
            "attestors": [{"entries": [{"keyless": KEYLESS}]}],
            "conditions": [{"all": [{"key": "{{ builder.id }}", "operator": "Equals", "value": "gh"}]}],
        }
    ],
    "validate": {
        "message": "no",
        "deny": {"conditions": {"any": [{"key": "{{ provenance.x }}", "operator": "Equals", "value": 1}]}},
    },
}
"""An entry with every kind of question."""

RULE: dict[str, Any] = {
    "name": "verify",
    "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
    "exclude": {"any": [{"resources": {"namespaces": ["kube-system"]}}]},
    "context": [{"name": "allowed", "configMap": {"name": "allowed", "namespace": "acme"}}],
    "preconditions": {"all": [{"key": "{{ allowed.data.on }}", "operator": "Equals", "value": "yes"}]},
}


VALIDATING = rule_policy(
    metadata={"name": "validating"},
    validate={"message": "no", "pattern": {"spec": {"hostNetwork": "!true"}}},
    spec={
        "webhookConfiguration": {
            "matchConditions": [{"name": "made", "expression": "request.operation == 'CREATE'"}]
        }
    },
)


def everything(**metadata: Any) -> str:
    """Return a policy whose plan has every kind of question."""
    spec = {
        "validationFailureAction": "Enforce",
        "failurePolicy": "Ignore",
        "rules": [RULE | {"verifyImages": [EVERYTHING]}],
    }
    return cluster_policy(spec=spec, metadata=metadata)


def options(folder: Path, *texts: str, **more: Any) -> ExplainOptions:
    """Return options over policies of these texts."""
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"policy-{number}.yaml"
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    resources = more.pop("resources", ())
    apply = ApplyOptions(policies=tuple(paths), resources=tuple(resources), store=StoreOptions(offline=True))
    return ExplainOptions(apply=apply, **more)


def report(folder: Path, *texts: str, **more: Any) -> ExplainReport:
    """Return what is explained of policies of these texts."""
    return explained(options(folder, *texts, **more))


def story(name: str = "improved.yaml", *, resources: bool = False, **more: Any) -> ExplainReport:
    """Return what is explained of a policy of the story; run from the root of the project."""
    given = (f"policies/control-plane/{file}" for file in (name, "resources.yaml"))
    policy, resource = given
    apply = ApplyOptions(
        policies=(policy,),
        resources=(resource,) if resources else (),
        store=StoreOptions(offline=True),
    )
    return explained(ExplainOptions(apply=apply, **more))


def ran(report: ExplainReport) -> ExplainReport:
    """Return a report with a run of made-up figures, the same every time."""
    plan = report.explanation
    questions = {
        question.number: Measured(
            asked=3 * question.number,
            answered=2 * question.number,
            requests=question.estimate.typical.requests * 2 * question.number,
            bytes=1000 * question.estimate.typical.requests,
            signatures=question.estimate.typical.signatures * 2,
            seconds=question.number / 1000,
        )
        for question in plan.questions
        if question.op in WATCHED
    }
    first = min(questions, default=0)
    questions[first] = Measured()
    rules = {
        rule.planned.number: RuleFigures(rule.planned.number, 1, {Status.PASS: rule.planned.number})
        for rule in plan.rules
    }
    made = Analysis(
        report=Report(
            results=(),
            resources=27,
            images=6,
            requests=Requests(manifests=12, blobs=6, tokens=1, bytes=40_700),
        ),
        questions=questions,
        elsewhere=Measured(asked=1),
        rules=rules,
        seconds=0.25,
        cpu_seconds=0.125,
    )
    return replace(report, analysis=made)


def hostile() -> ExplainReport:
    """Return a report in which every text of a policy is meant to break out of where it stands."""
    entry = {
        "imageReferences": ["*", f"{HOSTILE}*"],
        "skipImageReferences": [HOSTILE],
        "attestors": [{"entries": [{"keyless": KEYLESS | {"subject": HOSTILE}}]}],
    }
    condition = {"key": HOSTILE, "operator": "Equals", "value": "x"}
    policy = cluster_policy(entry, rule={"preconditions": {"all": [condition]}})
    return ran(report(Path(), policy, images=("ghcr.io/acme/a:1",)))


def made(name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> ExplainReport:
    """Return a report by name; places in it are the same on every machine."""
    monkeypatch.chdir(ROOT if name in ("story", "why", "ran") else folder)
    match name:
        case "story":
            return story()
        case "why":
            return story(resources=True, images=("registry.k8s.io/pause:3.9",), namespace="kube-system")
        case "ran":
            return ran(story("first.yaml"))
        case "everything":
            return report(Path(), everything(), VALIDATING)
        case _:
            return hostile()
