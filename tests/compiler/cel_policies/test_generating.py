from __future__ import annotations

from typing import Any

import pytest

from tests.support_cel_policies import exemptions, mistakes, outcome, said, text


def generating(make: str, more: str = "", kind: str = "GeneratingPolicy") -> str:
    return text(kind, f"generate:\n- {make}\n{more}")


def made(written: str, **options: Any) -> list[Any]:
    found = outcome(written, **options)
    assert found is not None
    assert (found.status, found.message) == ("pass", "policy evaluated successfully")
    return list(found.made)


def applied(target: str, *objects: str) -> str:
    return f'expression: >-\n    generator.Apply("{target}", [{", ".join(objects)}])'


CONFIG = (
    '{"apiVersion": dyn("v1"), "kind": dyn("ConfigMap"), "metadata": dyn({"name": "c"}),'
    ' "data": dyn({"n": object.metadata.name})}'
)


def test_objects_are_made_in_a_namespace() -> None:
    assert made(generating(applied("other", CONFIG))) == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": "other"},
            "data": {"n": "web"},
        }
    ]


def test_lists_are_taken_apart() -> None:
    items = f'{{"apiVersion": dyn("v1"), "kind": dyn("List"), "items": dyn([{CONFIG}, {CONFIG}])}}'
    assert [each["kind"] for each in made(generating(applied("x", items)))] == ["ConfigMap", "ConfigMap"]


def test_what_the_server_adds_is_no_part_of_a_copy() -> None:
    copied = (
        '{"apiVersion": dyn("v1"), "kind": dyn("Secret"), "metadata": dyn({"name": "s", "namespace": "a",'
        ' "uid": "u", "resourceVersion": "7", "ownerReferences": [{"uid": "o"}], "labels": {"l": "1"}})}'
    )
    (elsewhere,) = made(generating(applied("b", copied)))
    assert elsewhere["metadata"] == {"name": "s", "namespace": "b", "labels": {"l": "1"}}
    (here,) = made(generating(applied("a", copied)))
    assert here["metadata"]["ownerReferences"] == [{"uid": "o"}]


def test_kinds_that_are_in_no_namespace() -> None:
    role = (
        '{"apiVersion": dyn("rbac.authorization.k8s.io/v1"), "kind": dyn("ClusterRole"),'
        ' "metadata": dyn({"name": "r"})}'
    )
    (found,) = made(generating(applied("ignored", role)))
    assert "namespace" not in found["metadata"]
    confined = generating(applied("shop", role), kind="NamespacedGeneratingPolicy")
    message = (
        'failed to evaluate policy: cross-scope generation denied: a policy scoped to namespace "shop" cannot'
        " generate cluster-scoped resource rbac.authorization.k8s.io/v1/ClusterRole"
    )
    assert said(confined) == ("error", message)


def test_namespaced_policies_generate_in_their_own_namespace() -> None:
    confined = generating(applied("other", CONFIG), kind="NamespacedGeneratingPolicy")
    found = said(confined)
    assert found is not None
    assert found[0] == "error"
    assert "different from the policy namespace shop" in found[1]


def test_conditions_that_do_not_hold() -> None:
    assert said(generating(applied("x", CONFIG), "matchConditions: [{name: a, expression: 'false'}]")) is None


def test_exceptions() -> None:
    lifting = exemptions(
        "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e, namespace: lifted}\n"
        "spec: {policyRefs: [{name: p, kind: GeneratingPolicy}]}\n"
    )
    message = "rule is skipped due to policy exception: lifted/e"
    assert said(generating(applied("x", CONFIG)), lifting=lifting) == ("skip", message)


# --- templates -----------------------------------------------------------------------------------------


def template(value: str, more: str = "", kind: str = "GeneratingPolicy", interpolate: str = "cel") -> str:
    lines = "".join(f"        {line}\n" for line in value.splitlines())
    return generating(f"template:\n    interpolate: {interpolate}\n    value: |\n{lines}", more, kind)


TEXT = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: of-((object.metadata.name))
  namespace: (( request.namespace ))
  labels: (( object.metadata.labels ))
data:
  on: yes
  count: "n=((object.spec.containers.size())) \\\\((x))"
  text: (( "a)) (" + string(1.5) ))
"""


def test_a_template() -> None:
    (found,) = made(template(TEXT))
    assert found == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "of-web", "namespace": "shop", "labels": {"app": "web"}},
        "data": {"on": "yes", "count": "n=1 ((x))", "text": "a)) (1.5"},
    }


def test_a_template_without_expressions() -> None:
    (found,) = made(template(TEXT.replace('"a)) ("', "a"), interpolate="none"))
    assert found["metadata"]["name"] == "of-((object.metadata.name))"


def test_several_documents() -> None:
    assert [
        each["metadata"]["name"] for each in made(template(f"{TEXT}---\n{TEXT.replace('of-', 'to-')}"))
    ] == [
        "of-web",
        "to-web",
    ]


def test_a_document_that_is_one_expression() -> None:
    more = 'variables: [{name: o, expression: \'{"apiVersion": "v1", "kind": "ConfigMap"}\'}]\n'
    assert made(template("(( variables.o ))", more))[0]["kind"] == "ConfigMap"
    message = (
        "failed to evaluate policy: failed to render generation template: document 1: expected a mapping"
        " describing a resource"
    )
    assert said(template("(( 1 ))")) == ("error", message)


def test_namespaces_of_templates() -> None:
    plain = TEXT.replace("  namespace: (( request.namespace ))\n", "")
    (found,) = made(template(plain, kind="NamespacedGeneratingPolicy"))
    assert found["metadata"]["namespace"] == "shop"
    other = TEXT.replace("(( request.namespace ))", "other")
    result = said(template(other, kind="NamespacedGeneratingPolicy"))
    assert result is not None
    assert "cross-namespace generation denied" in result[1]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "a: x((object.metadata.labels))",
            'placeholder "object.metadata.labels" embedded in a string must evaluate to a scalar; use a'
            " whole-value placeholder for structured results",
        ),
        ("a: [(( object.no ))]", 'failed to evaluate placeholder "object.no": no such key: no'),
    ],
)
def test_placeholders_that_do_not_fit(value: str, message: str) -> None:
    found = said(template(value))
    assert found is not None
    assert found[0] == "error"
    assert found[1].startswith(
        'failed to evaluate policy: failed to render generation template: document 1: field "a": '
    )
    assert found[1].endswith(message)


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        ("a: (( object. ))", "10:24", "expecting"),
        ("kind: x\n\na: (( objct.x ))", "12:17", "undeclared reference to 'objct'"),
        ("((a)): 1", "10:11", "placeholders are not supported in mapping keys"),
        ("a: ((  ))", "10:14", "empty placeholder"),
        ("a: ((1", "10:14", "unterminated placeholder"),
        ("a: (('b", "10:14", "unterminated string"),
        ("a: ((b)c))", "10:14", "unbalanced parenthesis"),
        ("- a", "10:11", "document must be a mapping"),
        ("a: [", "", ""),
    ],
)
def test_mistakes_in_templates(value: str, place: str, words: str) -> None:
    found = mistakes(template(value))
    assert found
    assert found[0].startswith(f"p.yaml:{place}")
    assert words in found[0]
