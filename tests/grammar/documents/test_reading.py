import json
from typing import Any

import pytest

from pratique.grammar.documents import ClusterPolicy, Policy, PolicyFile, read_policies
from pratique.grammar.source import Source
from tests.support_grammar import POLICIES, codes, place, policy_sources, seconds, to_yaml

POLICY = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: p}
spec:
  rules:
    - name: r
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["a/*"]
"""


def read(text: str) -> PolicyFile:
    return read_policies(Source("p.yaml", text))


def indented(text: str, by: int) -> str:
    """Return `text` as an item of a block list."""
    lines = text.splitlines(keepends=True)
    return " " * by + "- " + lines[0] + "".join(" " * (by + 2) + line for line in lines[1:])


def test_policies_are_read() -> None:
    (found,) = read(POLICY).policies
    assert isinstance(found.model, ClusterPolicy)
    assert (found.api_version, found.model.kind, found.path_prefix) == ("kyverno.io/v1", "ClusterPolicy", ())
    assert found.model.spec.rules[0].verify_images[0].image_references == ("a/*",)


@pytest.mark.parametrize("source", policy_sources(), ids=lambda source: source.name)
def test_fixtures_are_valid(source: Source) -> None:
    found = read_policies(source)
    assert found.errors == ()
    assert found.policies


@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        (("metadata", "name"), False, 3, 18),
        (("spec", "rules", 0, "verifyImages", 0, "imageReferences", 0), False, 9, 29),
        (("spec", "rules", 0, "verifyImages", 0, "imageReferences"), True, 9, 11),
        # A default has no place of its own: that of the entry.
        (("spec", "rules", 0, "verifyImages", 0, "required"), False, 9, 11),
        ((), False, 1, 1),
    ],
)
def test_places_of_a_policy(path: tuple[str | int, ...], key: bool, line: int, column: int) -> None:
    (found,) = read(POLICY).policies
    assert str(found.location(*path, key=key)) == f"p.yaml:{line}:{column}"


# --- lists ---------------------------------------------------------------------------------------------


def test_b20_items_of_a_list_are_documents() -> None:
    head = "apiVersion: v1\nkind: List\nitems:\n"
    config = "apiVersion: v1\nkind: ConfigMap\n"
    found = read(
        head + indented(config, 0) + indented(POLICY, 0) + indented(POLICY.replace(": p}", ": q}"), 0)
    )
    assert found.errors == ()
    assert [p.path_prefix for p in found.policies] == [("items", 1), ("items", 2)]
    assert str(found.policies[0].location("metadata", "name")) == "p.yaml:8:20"
    assert [(o.kind, o.path_prefix, str(o.location)) for o in found.others] == [
        ("ConfigMap", ("items", 0), "p.yaml:4:3")
    ]


def nested(levels: int) -> str:
    data: Any = {"apiVersion": "kyverno.io/v1", "kind": "Policy", "metadata": {"name": "p"}, "spec": {}}
    for _ in range(levels):
        data = {"apiVersion": "v1", "kind": "List", "items": [data]}
    return json.dumps(data)


def test_b20_lists_nest_four_deep() -> None:
    (found,) = read(nested(4)).policies
    assert found.path_prefix == ("items", 0) * 4
    assert codes(read(nested(5)).errors) == ["too-deep"]


@pytest.mark.parametrize("kind", ["Policy", "ClusterPolicy"])
@pytest.mark.parametrize("version", ["v1", "v2beta1"])
def test_b20_typed_lists(kind: str, version: str) -> None:
    """Items of a typed list may leave their type out, as the API server writes them."""
    text = (
        f"apiVersion: kyverno.io/{version}\nkind: {kind}List\nitems:\n- metadata: {{name: a}}\n  spec: {{}}\n"
    )
    (found,) = read(text).policies
    assert (found.api_version, found.model.kind) == (f"kyverno.io/{version}", kind)


@pytest.mark.parametrize("items", ["items: []", "items: ~", "items:", "metadata: {}"])
def test_b20_lists_without_items(items: str) -> None:
    assert read(f"apiVersion: v1\nkind: List\n{items}\n") == PolicyFile()


def test_b20_items_must_be_a_list() -> None:
    (error,) = read("apiVersion: v1\nkind: List\nitems: {a: 1}\n").errors
    assert (error.code, place(error)) == ("wrong-type", (3, 8))


# --- other documents -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api_version", "kind", "is_policy"),
    [
        ("v1", "Pod", False),
        ("cli.kyverno.io/v1alpha1", "Test", False),
        ("kyverno.io/v2alpha1", "GlobalContextEntry", False),
        ("policies.kyverno.io/v2", "ImageValidatingPolicy", True),
        ("policies.kyverno.io/v1alpha1", "NamespacedValidatingPolicy", True),
        ("kyverno.io/v2alpha1", "PolicyException", True),
        ("kyverno.io/v1", "CleanupPolicy", True),
        ("kyverno.io/v3", "ClusterPolicy", True),
        ("kyverno.io/v1", "ClusterPolcy", True),
        ("kyverno.io/v1", "clusterpolicy", True),
        ("policy.sigstore.dev/v1", "ClusterImagePolicy", True),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", False),
    ],
)
def test_b21_other_kinds_are_told_apart(api_version: str, kind: str, is_policy: bool) -> None:
    found = read(f"a: 1\n---\n\napiVersion: {api_version}\nkind: {kind}\n")
    assert (found.policies, found.errors) == ((), ())
    other = found.others[1]
    assert (other.api_version, other.kind, other.is_policy, str(other.location)) == (
        api_version,
        kind,
        is_policy,
        "p.yaml:4:1",
    )


@pytest.mark.parametrize("text", ["a: 1", "[1]", "text", "12", "kind: [Policy]", "apiVersion: 1\nkind: 2"])
def test_b21_what_is_no_object_is_another_document(text: str) -> None:
    found = read(text)
    assert (found.policies, found.errors) == ((), ())
    ((other),) = found.others
    assert (other.kind, other.is_policy) == ("", False)


def test_b19_a_bad_document_costs_only_itself() -> None:
    text = f"{POLICY}---\n{POLICY.replace('name: r', 'nam: r')}---\na: 'b\n---\na: 1\na: 1\n---\n{POLICY}"
    found = read(text)
    assert len(found.policies) == 2
    assert codes(found.errors) == ["unknown-field", "missing-field", "yaml-syntax", "duplicate-key"]
    assert [place(e)[0] for e in found.errors] == sorted(place(e)[0] for e in found.errors)


def test_b8_merged_policies_have_merged_content() -> None:
    text = (
        POLICY.replace("match: {", "match: &m {") + "    - {name: s, match: *m, verifyImages: [{image: x}]}\n"
    )
    (found,) = read(text).policies
    assert found.model.spec.rules[0].match == found.model.spec.rules[1].match


def test_json_policies_are_the_same_policies() -> None:
    text = (POLICIES / "policy.json").read_text("utf-8")
    (as_json,) = read(text).policies
    (as_yaml,) = read(to_yaml(json.loads(text))).policies
    assert as_json.model == as_yaml.model
    assert as_json.model.metadata.annotations == {"emoji": "\U0001f600"}


def test_a_namespaced_policy_is_its_own_model() -> None:
    (found,) = read(
        POLICY.replace("ClusterPolicy", "Policy").replace("{name: p", "{namespace: ns, name: p")
    ).policies
    assert isinstance(found.model, Policy)
    assert found.model.metadata.namespace == "ns"


def test_two_hundred_policies_are_read_in_a_fifth_of_a_second() -> None:
    text = "---\n".join(POLICY.replace(": p}", f": p{i}}}") for i in range(200))
    time, found = seconds(lambda: read(text))
    assert len(found.policies) == 200
    assert time < 0.2
