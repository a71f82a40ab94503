from __future__ import annotations

from textwrap import indent

import pytest

from pratique.compiler.reads import EVERYTHING, Reads, reads_of
from tests.support_fleet import policies

POLICY = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {{name: p}}
spec:
  rules:
    - name: r
      match: {{any: [{{resources: {{kinds: [Pod], names: ["web-*"], selector: {{matchLabels: {{a: b}}}}}}}}]}}
{body}
"""
IMAGES = 'verifyImages: [{imageReferences: ["a*"], mutateDigest: false, required: false}]'


def reads(body: str) -> Reads:
    (policy,) = policies(POLICY.format(body=indent(body, " " * 6))).policies
    return reads_of(policy.rules[0])


def routes(*found: str) -> Reads:
    return Reads(frozenset(tuple(each.split(".")) for each in found))


def test_rules_about_images_read_images_and_not_what_match_looks_at() -> None:
    assert reads(IMAGES) == Reads(images=True)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("validate: {pattern: {spec: {hostNetwork: false}}}", routes("spec.hostNetwork")),
        (
            'validate: {pattern: {spec: {"=(hostPID)": false, containers: [{image: "?*"}]}}}',
            routes("spec.hostPID", "spec.containers"),
        ),
        ('validate: {pattern: {metadata: {labels: {"app*": "?*"}}}}', routes("metadata.labels")),
        (
            'validate: {anyPattern: [{spec: {a: "x"}}, {metadata: {name: "y"}}]}',
            routes("spec.a", "metadata.name"),
        ),
        ("validate: {podSecurity: {level: baseline}}", routes("spec", "metadata.annotations")),
        (
            'validate: {message: "{{ request.object.metadata.name }}", pattern: {spec: {a: "x"}}}',
            routes("spec.a", "metadata.name"),
        ),
    ],
)
def test_validations(body: str, found: Reads) -> None:
    assert reads(body) == found


def deny(key: str) -> str:
    return f"validate: {{deny: {{conditions: {{any: [{{key: '{key}', operator: Equals, value: CREATE}}]}}}}}}"


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("{{ request.object.spec.nodeName }}", routes("spec.nodeName")),
        ("{{ request.object.spec.containers[].image }}", routes("spec.containers")),
        ("{{ request.object.spec.containers[?name == `1`] | [0] }}", routes("spec.containers")),
        ("{{ length(request.object.spec.volumes || `[]`) }}", routes("spec.volumes")),
        ("{{ request.object.spec.{a: hostPID, b: hostIPC} }}", routes("spec")),
        ("{{ request.namespace }}", Reads(namespace=True)),
        ("{{ request.operation }}", Reads()),
        ("{{ images.containers.*.tag }}", Reads(images=True)),
        ("{{ request.object }}", EVERYTHING),
        ("{{ request.object | spec }}", EVERYTHING),
        ("{{ request.object.spec.{{ request.namespace }} }}", EVERYTHING),
        ("{{ request.oldObject.spec }}", EVERYTHING),
        ("{{ @ }}", EVERYTHING),
    ],
)
def test_expressions(key: str, found: Reads) -> None:
    assert reads(deny(key)) == found


def test_context_entries_and_loops_are_read_where_they_come_from() -> None:
    body = """\
context:
  - name: where
    variable: {jmesPath: request.object.spec.nodeName}
preconditions: {all: [{key: "{{ where }}", operator: Equals, value: x}]}
validate:
  foreach:
    - list: request.object.spec.containers
      deny: {conditions: {any: [{key: "{{ element.image }}", operator: Equals, value: y}]}}
"""
    assert reads(body) == routes("spec.nodeName", "spec.containers")


def test_what_is_not_understood_reads_everything() -> None:
    assert reads('validate: {cel: {expressions: [{expression: "has(object.spec)"}]}}') == EVERYTHING
    assert reads(f"{IMAGES}\nimageExtractors: {{Pod: [{{path: /spec/x}}]}}") == EVERYTHING
