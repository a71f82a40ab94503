"""Objects of a cluster are read as files are, with places that people can find."""

from typing import Any

import pytest

from pratique.runtime.serving.policy_objects import key_of, place, read_policy, source_of
from tests.support_policy_objects import cel_object, policy_object


def test_a_policy_is_read() -> None:
    read = read_policy(policy_object())
    assert read.policy is not None
    assert (read.policy.key, read.errors) == ("p", ())
    assert read.source.name == "ClusterPolicy/p"
    own = policy_object(metadata={"namespace": "ns"}, kind="Policy")
    assert key_of(own) == ("Policy", "ns", "p")
    assert read_policy(own).source.name == "Policy/ns/p"


def test_the_text_is_what_people_wrote() -> None:
    item = policy_object(
        metadata={"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}}
    )
    item["status"] = {"conditions": []}
    text = source_of(item).text
    assert text.startswith("apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata:\n  name: p\n")
    for hidden in ("managedFields", "uid-p", "last-applied", "conditions", "generation"):
        assert hidden not in text
    assert "a: b" in text


@pytest.mark.parametrize(
    ("entry", "path", "word"),
    [
        ({"imagereferences": ["x"]}, "spec.rules[0].verifyImages[0].imagereferences", "imageReferences"),
        (
            {"failureAction": "Audit", "mutateDigest": True},
            "spec.rules[0].verifyImages[0].mutateDigest",
            "Audit",
        ),
        ({"attestors": [{"count": 3, "entries": []}]}, "spec.rules[0].verifyImages[0].attestors[0]", "entry"),
    ],
)
def test_mistakes_have_a_path_and_a_place(entry: dict[str, Any], path: str, word: str) -> None:
    read = read_policy(policy_object(entry=entry))
    assert read.policy is None
    line = next(iter(read.lines()))
    assert line.startswith(f"{path} (")
    assert word in line
    row, column = line.partition("(")[2].partition(")")[0].split(":")
    written = read.source.line(int(row))[int(column) - 1 :]
    assert path.rpartition(".")[2].partition("[")[0] in written or written.startswith(("- ", "count", "true"))


def test_what_is_no_policy_is_said() -> None:
    other = {"apiVersion": "kyverno.io/v9", "kind": "Policy", "metadata": {"name": "x"}, "spec": {}}
    read = read_policy(other)
    assert read.policy is None
    assert "kyverno.io/v9 Policy is not read" in next(iter(read.lines()))


def test_nowhere_has_no_place() -> None:
    assert place(None) == ""


def test_policies_in_cel_are_read_with_places() -> None:
    read = read_policy(cel_object("validations: [{expression: 'true'}]\n"))
    assert read.policy is not None
    assert read.policy.kind == "ValidatingPolicy"
    [line] = read_policy(cel_object("validations: [{expression: 'object.spec +'}]\n")).lines()
    assert line.startswith("spec.validations[0].expression (")


def test_kinds_that_are_not_served_are_not_read() -> None:
    item = cel_object("schedule: '* * * * *'\n", "DeletingPolicy")
    [line] = read_policy(item).lines()
    assert "DeletingPolicy is not read" in line
