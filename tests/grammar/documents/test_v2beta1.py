import pytest

from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.support_grammar import codes, pointed_at

POLICY = """\
apiVersion: kyverno.io/VERSION
kind: ClusterPolicy
metadata: {name: p}
spec:
  rules:
    - name: r
      match: {MATCH}
      preconditions: PRE
      verifyImages:
        - imageReferences: ["a/*"]
          ENTRY
"""


def read(version: str, *, match: str = "any: []", pre: str = "{}", entry: str = "required: true") -> Source:
    text = POLICY.replace("VERSION", version).replace("MATCH", match).replace("PRE", pre)
    return Source("p.yaml", text.replace("ENTRY", entry))


@pytest.mark.parametrize(
    ("part", "text", "pointed"),
    [
        ("entry", "image: x", "image"),
        ("entry", "key: x", "key"),
        ("entry", "roots: x", "roots"),
        ("entry", "subject: x", "subject"),
        ("entry", "issuer: x", "issuer"),
        ("entry", "additionalExtensions: {a: b}", "additionalExtensions"),
        ("entry", "annotations: {a: b}", "annotations"),
        ("entry", "cosignOCI11: true", "cosignOCI11"),
        ("match", "resources: {kinds: [Pod]}", "resources"),
        ("match", "roles: [a]", "roles"),
        ("match", "clusterRoles: [a]", "clusterRoles"),
        ("match", "subjects: [{kind: User, name: a}]", "subjects"),
        ("pre", "[{key: a, operator: Equals, value: b}]", "[{key: a, operator: Equals, value: b}]"),
        ("pre", "{all: [{key: a, operator: In, value: [b]}]}", "In"),
        ("pre", "{any: [{key: a, operator: NotIn, value: [b]}]}", "NotIn"),
    ],
)
def test_deprecated_forms_of_v1_are_gone(part: str, text: str, pointed: str) -> None:
    assert read_policies(read("v1", **{part: text})).errors == ()
    (error,) = read_policies(read("v2beta1", **{part: text})).errors
    assert pointed_at(error) == pointed
    assert "kyverno.io/v2beta1" in error.message


@pytest.mark.parametrize(
    ("text", "pointed"),
    [
        (
            "{deny: {conditions: [{key: a, operator: Equals, value: b}]}}",
            "[{key: a, operator: Equals, value: b}]",
        ),
        ("{deny: {conditions: {any: [{key: a, operator: In, value: [b]}]}}}", "In"),
        ("{allowExistingViolations: true, pattern: {}}", "allowExistingViolations"),
    ],
)
def test_deprecated_forms_of_validate_are_gone(text: str, pointed: str) -> None:
    policy = POLICY.replace("MATCH", "any: []").replace("PRE", "{}").partition("      verifyImages")[0]
    found = [
        read_policies(Source("p.yaml", policy.replace("VERSION", v) + f"      validate: {text}\n"))
        for v in ("v1", "v2beta1")
    ]
    assert found[0].errors == ()
    (error,) = found[1].errors
    assert pointed_at(error) == pointed


def test_the_rest_is_the_same() -> None:
    v1, v2 = (read_policies(read(version)).policies[0] for version in ("v1", "v2beta1"))
    assert v1.model.spec == v2.model.spec
    assert (v1.model.api_version, v2.api_version) == ("kyverno.io/v1", "kyverno.io/v2beta1")


def test_mistakes_of_v1_are_mistakes() -> None:
    assert codes(read_policies(read("v2beta1", entry="requird: true")).errors) == ["unknown-field"]
