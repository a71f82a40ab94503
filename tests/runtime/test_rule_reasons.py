"""Why rules apply: the same rules as a run applies, with sentences for all others."""

from __future__ import annotations

import json
import random
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.explain.reasons import Answer
from pratique.compiler.plan import Plan
from pratique.grammar.source import Source
from pratique.runtime.applicable import applicable
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.exemption_files import read_exemptions
from pratique.runtime.inputs import Inputs
from pratique.runtime.policy_files import policies_of
from pratique.runtime.resource import Resource
from pratique.runtime.rule_reasons import ResourceReasons, RuleReason, demands, reasons
from tests.support_engine import pod
from tests.support_policies import cluster_policy, read, rule_policy

NOTHING = GivenContext()


def of(policy: str, resource: dict[str, Any], given: GivenContext = NOTHING, **known: Any) -> ResourceReasons:
    lowered = read(policy)
    assert not lowered.errors, [str(error) for error in lowered.errors]
    return reasons(Plan(lowered.policies), Resource(resource, **known), given)


def first(policy: str, *images: object, given: GivenContext = NOTHING, **more: Any) -> RuleReason:
    return of(policy, pod(*images, **more), given).rules[0]


def test_an_image_that_is_matched() -> None:
    found = first(cluster_policy(), "ghcr.io/acme/a:1", "nginx")
    assert (found.answer, found.why) == (Answer.YES, "its kind is `v1/Pod`")
    assert [(i.image, i.container, i.answer) for i in found.images] == [
        ("ghcr.io/acme/a:1", "c0", Answer.YES),
        ("docker.io/nginx:latest", "c1", Answer.NO),
    ]
    assert [what for what, _ in demands(found)] == [""]


def test_no_image_is_matched() -> None:
    found = first(cluster_policy(), "nginx")
    assert (found.answer, found.why) == (Answer.NO, "none of its images is matched")
    assert found.images[0].entries[0].look.why == "it is matched by no pattern of `ghcr.io/acme/*`"
    assert list(demands(found)) == []


def test_a_skipped_image_makes_a_result_and_demands_nothing() -> None:
    found = first(cluster_policy({"skipImageReferences": ["*/skip:*"]}), "ghcr.io/acme/skip:1")
    assert (found.answer, found.images[0].answer, found.images[0].is_matched) == (Answer.YES, Answer.NO, True)
    assert list(demands(found)) == []


def test_no_images() -> None:
    assert first(cluster_policy()).why == "it runs no image that anybody looks for"
    deleted = of(cluster_policy(), pod("ghcr.io/acme/a:1"), operation="DELETE")
    assert deleted.rules[0].why == "what is deleted runs no image"


def test_an_image_that_cannot_be_read() -> None:
    (image,) = first(cluster_policy({"imageReferences": ["*"]}), "Bad Image").images
    assert image.problem
    assert image.answer is Answer.YES


IMAGE = {"context": [{"name": "i", "imageRegistry": {"reference": "{{ images.containers.c0.reference }}"}}]}
EXCEPTION: dict[str, Any] = {
    "apiVersion": "kyverno.io/v2",
    "kind": "PolicyException",
    "metadata": {"name": "let", "namespace": "ops"},
    "spec": {
        "exceptions": [{"policyName": "p", "ruleNames": ["verify"]}],
        "match": {"any": [{"resources": {"kinds": ["Pod"], "names": ["pod"]}}]},
    },
}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, ("the exception `ops/let` leaves it alone",)),
        (
            {"match": {"any": [{"resources": {"kinds": ["Pod"], "names": ["other"]}}]}},
            ("the exception `ops/let` does not hold here",),
        ),
        ({"exceptions": [{"policyName": "q", "ruleNames": ["*"]}]}, ()),
        (
            {"conditions": {"all": [{"key": "{{ i.manifest }}", "operator": "Equals", "value": "x"}]}},
            (
                "the exception `ops/let` may leave it alone, which depends on what the registry knows of"
                " `ghcr.io/acme/a:1`; --analyze asks",
            ),
        ),
    ],
)
def test_exceptions(spec: dict[str, Any], said: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "exception.json"
    path.write_text(json.dumps(EXCEPTION | {"spec": EXCEPTION["spec"] | spec}))
    exemptions = read_exemptions([str(path)])
    plan = Plan(read(cluster_policy(rule=IMAGE)).policies)
    found = reasons(plan, Resource(pod("ghcr.io/acme/a:1")), NOTHING, exemptions)
    declared, *generated = found.rules
    assert declared.exceptions == said
    assert all(reason.exceptions == () for reason in generated)


def test_rules_that_validate_need_no_image() -> None:
    text = rule_policy(validate={"message": "no", "pattern": {"spec": {"hostNetwork": "!true"}}})
    found = first(text)
    assert (found.answer, found.images) == (Answer.YES, ())
    ((what, (part,)),) = demands(found)
    assert (what, part.text) == ("", 'the resource looks like `{"spec": {"hostNetwork": "!true"}}`')
    assert list(demands(of(text, {"apiVersion": "v1", "kind": "Service"}).rules[0])) == []


def test_unknown_namespace_labels() -> None:
    match = {"resources": {"kinds": ["Pod"], "namespaceSelector": {"matchLabels": {"env": "prod"}}}}
    text = cluster_policy(rule={"match": {"any": [match]}})
    found = of(text, pod("ghcr.io/acme/a:1")).rules[0]
    assert found.answer is Answer.UNKNOWN
    assert "needs the labels of namespace `default`, which nobody gave" in found.why
    known = of(text, pod("ghcr.io/acme/a:1"), namespace_labels={"env": "prod"}).rules[0]
    assert known.answer is Answer.YES
    assert "the labels of its namespace are `env=prod`" in known.why


def test_extractors_that_fail() -> None:
    broken = cluster_policy(rule={"imageExtractors": {"Pod": [{"path": "/spec/containers/*/image/x"}]}})
    found = first(broken, "ghcr.io/acme/a:1")
    assert found.answer is Answer.UNKNOWN
    assert found.why.startswith("its images cannot be found: ")


def conditional(key: str, **rule: Any) -> str:
    condition = {"key": key, "operator": "Equals", "value": "yes", "message": "not now"}
    return cluster_policy(rule={"preconditions": {"all": [condition]}, **rule})


NAMED = {"name": "m", "namespace": "n"}
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": NAMED, "data": {"a": "yes"}}
CONTEXT = {"context": [{"name": "m", "configMap": NAMED}]}


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        (conditional("yes"), NOTHING, "its preconditions hold"),
        (
            conditional("{{ request.namespace }}"),
            NOTHING,
            "its preconditions do not hold, so that it is skipped: not now",
        ),
        (conditional("{{ m.data.a }}", **CONTEXT), GivenContext(objects=[MAP]), "its preconditions hold"),
        (
            conditional("{{ i.manifest }}", **IMAGE),
            NOTHING,
            "whether its preconditions hold depends on what the registry knows of `ghcr.io/acme/a:1`;"
            " --analyze asks",
        ),
    ],
)
def test_preconditions(text: str, given: GivenContext, said: str) -> None:
    assert first(text, "ghcr.io/acme/a:1", given=given).preconditions == said


def test_preconditions_that_nobody_can_answer_are_errors() -> None:
    found = first(conditional("{{ m.data.a }}", **CONTEXT), "ghcr.io/acme/a:1")
    assert found.preconditions.startswith("its preconditions cannot be evaluated, which is an error: ")


def test_values_of_the_run_are_seen() -> None:
    given = GivenContext(values={("p", "verify"): {"m": {"data": {"a": "yes"}}}})
    text = conditional("{{ m.data.a }}", **CONTEXT)
    assert first(text, "ghcr.io/acme/a:1", given=given).preconditions == "its preconditions hold"


def test_rules_that_apply_are_those_of_a_run() -> None:
    chance = random.Random(5)
    texts = []
    for number in range(12):
        filters = {
            "kinds": chance.choice((["Pod"], ["Deployment"], ["Pod", "Job"])),
            **chance.choice(({}, {"namespaces": ["default"]}, {"names": ["p*"]}, {"namespaces": ["x"]})),
            **chance.choice(({}, {"namespaceSelector": {"matchLabels": {"a": "b"}}})),
        }
        extractors = {"imageExtractors": {"Pod": [{"path": "/spec/containers/*/image"}]}}
        texts.append(
            cluster_policy(
                {
                    "imageReferences": chance.choice((["ghcr.io/*"], ["quay.io/*"], ["*"])),
                    "skipImageReferences": chance.choice(([], ["ghcr.io/a*"])),
                },
                rule={"match": {"any": [{"resources": filters}]}, **chance.choice(({}, {}, extractors))},
                metadata={"name": f"p{number}"},
            )
        )
    plan = Plan(read("\n---\n".join(texts)).policies)
    answers = set()
    for images in (["ghcr.io/a:1"], ["ghcr.io/b:1", "quay.io/c:1"], []):
        for labels in (None, {}, {"a": "b"}):
            resource = Resource(pod(*images), namespace_labels=labels)
            found = reasons(plan, resource, NOTHING).rules
            expected = {
                item.planned.number: Answer.UNKNOWN if item.problem else Answer.YES
                for item in applicable(plan, resource)
            }
            for reason in found:
                answers.add(reason.answer)
                assert reason.answer is expected.get(reason.planned.number, Answer.NO), reason
    assert answers == set(Answer)


def test_exceptions_from_policies_in_cel_are_named() -> None:
    text = """
        apiVersion: policies.kyverno.io/v1
        kind: ValidatingPolicy
        metadata: {name: few}
        spec:
          matchConstraints:
            resourceRules:
              - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
          validations:
            - {expression: "true", message: never}
    """
    source = Source("policy.yaml", dedent(text))
    plan = Plan(policies_of(Inputs(sources=(source,))).policies)
    exemptions = [CelExemption(name="let", namespace="", policies=(("ValidatingPolicy", "few"),))]
    reason, *_ = reasons(plan, Resource(pod()), NOTHING, exemptions).rules
    assert reason.exceptions == ("the exception `let` may leave it alone or allow more; --analyze shows",)
