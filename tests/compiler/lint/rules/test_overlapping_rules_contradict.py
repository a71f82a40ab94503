from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Finding, Severity, lint
from tests.support_attestors import PEM, holder, signer, some_of
from tests.support_lint import findings
from tests.support_policies import read
from tests.support_rule_sets import DEV, OPS, entry, pods, policy, rule, together

CODE = "PRQ014"


def found(*policies: dict[str, Any]) -> list[Finding]:
    return findings(together(*policies), CODE)


def pair(first: dict[str, Any], second: dict[str, Any], **more: Any) -> list[Finding]:
    return found(policy("p", rule("one", first), **more), policy("q", rule("two", second), **more))


def test_a_registry_and_one_of_its_images() -> None:
    (one,) = pair(entry("registry.k8s.io/*"), entry("registry.k8s.io/etcd*", by=OPS))
    assert one.severity is Severity.WARNING
    assert one.problem.message == (
        "rule `p/one` and rule `q/two` want different signers of one image: no one signature is both, so"
        " `registry.k8s.io/etcd:3.5.6-0` fails unless it has a signature of each"
    )
    labels = [example.label for example in one.problem.examples]
    assert labels == ["asked for both", "meets rule `p/one` alone", "meets rule `q/two` alone"]
    assert [s.subject for e in one.problem.examples for s in e.signers] == [DEV, OPS]
    assert one.problem.help.startswith("add `registry.k8s.io/etcd*` to `skipImageReferences` of rule `p/one`")
    assert one.location
    assert [label for label, _ in one.problem.related] == ["rule `p/one` speaks about it, too"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("ghcr.io/acme/*",), ("*/app:*",)),
        (("docker.io/*", "*/tools/*"), ("ghcr.io/*/app*",)),
        (("ghcr.io/*@sha256:*",), ("ghcr.io/acme/*",)),
    ],
)
def test_patterns_that_cross(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    assert len(pair(entry(*first), entry(*second, by=OPS))) == 1


@pytest.mark.parametrize(
    "second",
    [
        entry("ghcr.io/acme/*"),
        entry("ghcr.io/acme/*", by="*@acme.example"),
        entry("ghcr.io/acme/*", by=[some_of(signer(OPS), signer(DEV), count=1)]),
        entry("quay.io/acme/*", by=OPS),
        entry("ghcr.io/acme/*", by=OPS, skip=("ghcr.io/acme*",)),
        # Two are asked for anyhow.
        entry("ghcr.io/acme/*", by=[some_of(signer(OPS), signer("qa@acme.example"))]),
    ],
)
def test_left_alone(second: dict[str, Any]) -> None:
    assert pair(entry("ghcr.io/acme/*"), second) == []


def test_resources_in_common() -> None:
    one, other = entry("ghcr.io/*"), entry("ghcr.io/acme/*", by=OPS)

    def about(match: Any, again: Any, **more: Any) -> list[Finding]:
        return found(
            policy("p", rule("one", one, match=match)), policy("q", rule("two", other, match=again, **more))
        )

    assert about(pods(namespaces=["a"]), pods(namespaces=["b"])) == []
    assert about(pods(namespaces=["a-*"]), pods(namespaces=["b-*"])) == []
    (met,) = about(pods(namespaces=["team-*"]), pods(namespaces=["*-prod"]))
    assert met.problem.examples[0].text.startswith("ghcr.io/acme/app:1.4.2 in Pod team-")
    labels = [pods(selector={"matchLabels": {name: "x"}}) for name in ("app", "tier")]
    (met,) = about(*labels)
    assert met.problem.examples[0].text.endswith("labels app=x,tier=x")
    assert about(pods(), pods(), exclude={"any": [{"resources": {"namespaces": ["*"]}}]}) == []
    condition = {"all": [{"key": "{{ request.operation }}", "operator": "Equals", "value": "CREATE"}]}
    assert about(pods(), pods(), preconditions=condition) == []


def test_entries_and_rules_of_one_policy() -> None:
    one, other = entry("registry.k8s.io/*"), entry("registry.k8s.io/etcd*", by=OPS)
    (met,) = found(policy("p", rule("r", one, other)))
    assert met.problem.message.startswith("entry 1 of rule `r` and entry 2 of rule `r` want")
    (met,) = found(policy("p", rule("a", one), rule("b", other)))
    assert met.problem.message.startswith("rule `a` and rule `b` want")
    # Who lists the same images twice in a rule asks for both.
    assert found(policy("p", rule("r", entry("ghcr.io/*"), entry("ghcr.io/*", by=OPS)))) == []


def test_names_that_an_earlier_entry_changes() -> None:
    """Behind `mutateDigest` a pattern over tags sees no image."""
    one, tags = entry("ghcr.io/*", mutateDigest=True), entry("ghcr.io/acme/app:*", by=OPS)
    assert found(policy("p", rule("r", one, tags))) == []
    (met,) = found(policy("p", rule("r", one, entry("ghcr.io/acme/app*", by=OPS))))
    assert ":" in met.problem.examples[0].text.partition("@")[0]
    (met,) = found(policy("p", rule("r", one, entry("ghcr.io/acme/*", by=OPS, skip=("ghcr.io/acme/x:*",)))))
    assert "@sha256:" in met.problem.examples[0].text


def test_only_the_first_rule_is_sure_to_be_asked_under_apply_rules_one() -> None:
    one, other = rule("a", entry("ghcr.io/*")), rule("b", entry("ghcr.io/acme/*", by=OPS))
    assert found(policy("p", one, other, applyRules="One")) == []
    assert (
        len(
            found(
                policy("p", one, other),
                policy("q", rule("c", entry("ghcr.io/*", by="x@y.z")), applyRules="One"),
            )
        )
        > 1
    )


def test_policies_of_one_name_are_never_together() -> None:
    one, other = rule("a", entry("ghcr.io/*")), rule("b", entry("ghcr.io/acme/*", by=OPS))
    texts = together(policy("p", one), policy("p", other))
    assert lint(read(texts).policies, {CODE}) == ()


def test_where_an_exception_holds_nothing_is_asked() -> None:
    exception = {
        "apiVersion": "kyverno.io/v2",
        "kind": "PolicyException",
        "metadata": {"name": "e", "namespace": "x"},
        "spec": {
            "exceptions": [{"policyName": "q", "ruleNames": ["two*"]}],
            "match": {"any": pods(namespaces=["prod"])},
        },
    }
    rules = (
        policy("p", rule("one", entry("ghcr.io/*"), match=pods(namespaces=["prod", "test"]))),
        policy("q", rule("two", entry("ghcr.io/acme/*", by=OPS))),
    )
    (met,) = found(*rules)
    assert " in Pod prod/" in met.problem.examples[0].text
    (met,) = found(*rules, exception)
    assert " in Pod test/" in met.problem.examples[0].text


def test_a_key_and_an_identity_and_formats() -> None:
    (met,) = pair(entry("ghcr.io/*"), entry("ghcr.io/acme/*", by=[some_of(holder(PEM))]))
    assert "want different signers" in met.problem.message
    bundle = entry("ghcr.io/acme/*", type="SigstoreBundle")
    (met,) = pair(entry("ghcr.io/*"), bundle)
    assert "want signatures of different formats of one image" in met.problem.message


def test_no_more_than_three_are_named() -> None:
    many = [policy(f"p{n}", rule("r", entry("ghcr.io/*"))) for n in range(5)]
    met = found(*many, policy("q", rule("r", entry("ghcr.io/acme/*", by=OPS))))
    (last,) = met
    assert last.problem.message.endswith("; so it is with `p1/r`, `p2/r`")


def test_digests() -> None:
    """What one policy mends another refuses."""
    mends = entry("ghcr.io/*", mutateDigest=True)
    refuses = entry("ghcr.io/acme/*", verifyDigest=True)
    (met,) = pair(mends, refuses)
    assert met.problem.message == (
        "rule `p/one` writes a digest into images by tag, rule `q/two` refuses them for having none: at"
        " admission `ghcr.io/acme/app:1.4.2` passes, in scans and pipelines it fails"
    )
    (other_way,) = pair(refuses, mends)
    assert other_way.problem.message.startswith("rule `q/two` writes a digest")
    assert pair(mends, {**refuses, "imageReferences": ["ghcr.io/acme/*@*"]}) == []
    assert pair(mends, {**refuses, "failureAction": "Audit"}) == []
    assert found(policy("p", rule("one", mends), rule("two", refuses))) == []
