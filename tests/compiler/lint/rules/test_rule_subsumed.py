from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Finding, lint
from tests.support_attestors import signer, some_of
from tests.support_lint import findings
from tests.support_policies import read
from tests.support_rule_sets import DEV, OPS, entry, pods, policy, rule, together

CODE = "PRQ015"


def found(*policies: dict[str, Any]) -> list[Finding]:
    return findings(together(*policies), CODE)


def messages(*policies: dict[str, Any]) -> list[str]:
    return [each.problem.message for each in found(*policies)]


WIDE = policy("p", rule("wide", entry("ghcr.io/*")))


def narrow(*images: str, by: Any = DEV, match: Any = None, **more: Any) -> dict[str, Any]:
    """Return a policy with one rule about some of the images of `WIDE`."""
    return policy("q", rule("narrow", entry(*images, by=by, **more.pop("fields", {})), match=match), **more)


def test_one_rule_within_another() -> None:
    (one,) = found(WIDE, narrow("ghcr.io/acme/*", match=pods(namespaces=["prod"])))
    assert one.problem.message == (
        "rule `narrow` adds nothing: wherever it applies, rule `p/wide` demands as much"
    )
    assert [example.text for example in one.problem.examples] == ["ghcr.io/acme/app:1.4.2 in Pod prod/app"]
    assert [label for label, _ in one.problem.related] == ["demanded by rule `p/wide`"]
    assert one.problem.help == "remove it, or narrow the other"


@pytest.mark.parametrize(
    "other",
    [
        narrow("ghcr.io/acme/*", by=OPS),
        narrow("ghcr.io/acme/*", by=[some_of(signer(OPS), signer(DEV))]),
        narrow("ghcr.io/acme/*", "quay.io/*"),
        narrow("ghcr.io/acme/*", fields={"verifyDigest": True}),
        narrow("ghcr.io/acme/*", fields={"mutateDigest": True}),
        narrow(
            "ghcr.io/acme/*", match=pods() + pods(operations=["DELETE"]), background=True, applyRules="One"
        ),
        narrow("ghcr.io/acme/*", match=[{"resources": {"kinds": ["Deployment"]}}], background=False),
    ],
)
def test_a_rule_that_demands_more_or_elsewhere(other: dict[str, Any]) -> None:
    wide = policy("p", rule("wide", entry("ghcr.io/*"), match=pods(namespaces=["prod"])))
    assert messages(wide, other) == []


def test_a_wider_signer_or_a_weaker_action_adds_nothing() -> None:
    assert len(messages(WIDE, narrow("ghcr.io/acme/*", by="*@acme.example"))) == 1
    assert len(messages(WIDE, narrow("ghcr.io/acme/*", fields={"failureAction": "Audit"}))) == 1
    audit = policy("p", rule("wide", entry("ghcr.io/*", failureAction="Audit")))
    assert messages(audit, narrow("ghcr.io/acme/*")) == []


def test_other_settings_matter() -> None:
    open_to_faults = policy(
        "p", rule("wide", entry("ghcr.io/*")), webhookConfiguration={"failurePolicy": "Ignore"}
    )
    assert messages(open_to_faults, narrow("ghcr.io/acme/*")) == []


def test_several_rules_together() -> None:
    parts = [
        policy(name, rule("r", entry("ghcr.io/*"), match=pods(namespaces=[name]))) for name in ("a", "b")
    ]
    both = policy("q", rule("both", entry("ghcr.io/acme/*"), match=pods(namespaces=["a", "b"])))
    (told,) = messages(*parts, both)
    assert told == (
        "rule `both` adds nothing: wherever it applies, rule `a/r` and rule `b/r` together demand as much"
    )
    assert messages(parts[0], both) == []
    halves = [
        policy(name, rule("r", entry(f"ghcr.io/acme/app{end}"))) for name, end in (("a", ":*"), ("b", "@*"))
    ]
    covered = policy("q", rule("both", entry("ghcr.io/acme/app:v*", "ghcr.io/acme/app@sha256:*")))
    assert len(messages(*halves, covered)) == 1


def test_of_equal_rules_the_last_is_reported_however_many() -> None:
    many = [policy(f"p{n}", rule("r", entry("ghcr.io/*"))) for n in range(4)]
    assert [each.location and each.location.span.start.line for each in found(*many)] == sorted(
        each.location.span.start.line for each in found(*many) if each.location
    )
    assert len(found(*many)) == 3


def test_an_entry_of_a_rule() -> None:
    rules = rule("r", entry("ghcr.io/*"), entry("quay.io/*"), entry("ghcr.io/acme/*"))
    (told,) = messages(policy("p", rules))
    assert (
        told == "entry 3 of rule `r` adds nothing: wherever it applies, another entry of it demands as much"
    )


def test_rules_whose_removal_changes_others() -> None:
    """Without the rule that tests labels, rules for controllers would be made of the other."""
    labelled = rule("x", entry("ghcr.io/acme/*"), match=pods(selector={"matchLabels": {"a": "b"}}))
    assert messages(policy("p", rule("wide", entry("ghcr.io/*")), labelled)) == []
    assert len(messages(WIDE, policy("q", labelled))) == 1


def test_what_has_exceptions_stands_in_for_nothing() -> None:
    exception = {
        "apiVersion": "kyverno.io/v2",
        "kind": "PolicyException",
        "metadata": {"name": "e", "namespace": "x"},
        "spec": {"exceptions": [{"policyName": "p", "ruleNames": ["wide*"]}], "match": {"any": pods()}},
    }
    assert messages(WIDE, narrow("ghcr.io/acme/*"), exception) == []


def test_policies_of_one_name_and_rules_without_signers() -> None:
    again = policy("p", rule("again", entry("ghcr.io/acme/*")))
    assert lint(read(together(WIDE, again)).policies, {CODE}) == ()
    assert messages(WIDE, narrow("ghcr.io/acme/*", by=[], fields={"verifyDigest": False})) == []


def test_a_generated_rule_stands_in_for_one_that_is_written() -> None:
    written = rule(
        "deployments", entry("ghcr.io/acme/*"), match=[{"resources": {"kinds": ["apps/v1/Deployment"]}}]
    )
    (told,) = messages(WIDE, policy("q", written))
    assert told.startswith("rule `deployments` adds nothing")
