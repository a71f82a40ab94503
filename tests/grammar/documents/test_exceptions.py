from __future__ import annotations

import pytest

from pratique.grammar.documents import PolicyException, PolicyFile, read_policies
from pratique.grammar.source import Source
from tests.support_grammar import codes, place

EXCEPTION = """\
apiVersion: kyverno.io/v2
kind: PolicyException
metadata: {name: e, namespace: exceptions}
spec:
  match: {any: [{resources: {kinds: [Pod], names: ["debug-*"]}}]}
  exceptions:
  - policyName: team/signed
    ruleNames: [verify, autogen-verify]
"""


def read(text: str) -> PolicyFile:
    return read_policies(Source("e.yaml", text))


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_exceptions_are_read(version: str) -> None:
    file = read(EXCEPTION.replace("/v2", f"/{version}"))
    (found,) = file.exceptions
    assert (file.policies, file.others, file.errors) == ((), (), ())
    assert isinstance(found.model, PolicyException)
    (excepted,) = found.model.spec.exceptions
    assert (excepted.policy_name, excepted.rule_names) == ("team/signed", ("verify", "autogen-verify"))
    assert found.model.spec.background is True
    assert str(found.location("spec", "exceptions", 0, "policyName")) == "e.yaml:7:17"


def test_a_list_of_exceptions() -> None:
    items = "".join("  " + line for line in EXCEPTION.splitlines(keepends=True))
    text = f"apiVersion: kyverno.io/v2\nkind: PolicyExceptionList\nitems:\n-{items[1:]}"
    (found,) = read(text).exceptions
    assert str(found.location("metadata", "name")) == "e.yaml:6:20"


@pytest.mark.parametrize("version", ["v1", "v2alpha1"])
def test_other_versions_are_told_apart(version: str) -> None:
    (other,) = read(EXCEPTION.replace("/v2", f"/{version}")).others
    assert other.is_policy


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ("any: [", "resources: [", "unknown-field", (5, 11)),
        ("    ruleNames: [verify, autogen-verify]\n", "", "missing-field", (7, 5)),
        ("match:", "matches:", "unknown-field", (5, 3)),
        ("names:", "nanes:", "unknown-field", (5, 44)),
        (
            "  exceptions:",
            "  conditions: {all: [{key: a, operator: In, value: b}]}\n  exceptions:",
            "wrong-value",
            (6, 41),
        ),
        (
            "  exceptions:",
            "  podSecurity: [{controlName: Everything}]\n  exceptions:",
            "wrong-value",
            (6, 31),
        ),
        ("kind: PolicyException", "kind: PolicyException\nstatus: {}", "unknown-field", (3, 1)),
    ],
)
def test_mistakes_are_told_at_their_place(old: str, new: str, code: str, at: tuple[int, int]) -> None:
    file = read(EXCEPTION.replace(old, new))
    assert file.exceptions == ()
    assert code in codes(file.errors)
    assert at in [place(error) for error in file.errors]
