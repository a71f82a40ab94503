"""Which entries share a document, what it is called, and settings."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.converting.model import Caveat, Conversion
from pratique.compiler.converting.policies import convert
from pratique.compiler.converting.proof import Status
from pratique.compiler.lower import lower
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.support_converting import codes, conversion, converted, draft, proved
from tests.support_policies import KEYLESS, cluster_policy, rule_policy

OPS = {**KEYLESS, "subject": "ops@acme.example"}
PODS = {"any": [{"resources": {"kinds": ["Pod"]}}]}


def entry(signer: dict[str, Any] = KEYLESS, images: str = "ghcr.io/acme/*", **more: Any) -> dict[str, Any]:
    attestors = [{"entries": [{"keyless": signer}]}]
    return {"imageReferences": [images], "mutateDigest": False, "attestors": attestors, **more}


def policy(*rules: list[dict[str, Any]], **spec: Any) -> str:
    made = [
        {"name": f"rule {number}", "match": PODS, "verifyImages": entries}
        for number, entries in enumerate(rules)
    ]
    return cluster_policy(spec={"rules": made, **spec})


def test_entries_about_the_same_images_share_a_document() -> None:
    made = conversion(policy([entry(), entry(OPS)], [entry({**KEYLESS, "subject": "third@acme.example"})]))
    (found,) = made.drafts
    assert found.name == "p"
    assert found.rules == (0, 1)
    assert len(found.data["spec"]["validations"]) == 3
    assert proved(made).status is Status.EQUIVALENT


@pytest.mark.parametrize(
    "other",
    [
        entry(images="ghcr.io/other/*"),
        entry(OPS, required=False),
        entry(OPS, skipImageReferences=["ghcr.io/acme/x*"]),
        entry(OPS, imageRegistryCredentials={"secrets": ["regcred"]}),
    ],
)
def test_others_have_documents_of_their_own(other: dict[str, Any]) -> None:
    made = conversion(policy([entry()], [other]))
    assert [each.name for each in made.drafts] == ["p-rule-0", "p-rule-1"]
    assert proved(made).status is Status.EQUIVALENT


def test_names_are_names() -> None:
    rules = [
        {"name": name, "match": PODS, "verifyImages": [entry(images=f"{host}/*")]}
        for name, host in (("Ä b!", "a.io"), ("a_b", "b.io"), ("a b", "c.io"))
    ]
    made = conversion(cluster_policy(spec={"rules": rules}))
    assert [each.name for each in made.drafts] == ["p-b", "p-a-b", "p-a-b-2"]


def test_settings() -> None:
    made = draft(
        entry(
            failureAction="Enforce",
            verifyDigest=False,
            required=False,
            imageRegistryCredentials={
                "allowInsecureRegistry": True,
                "secrets": ["a"],
                "providers": ["github"],
            },
        ),
        spec={"background": False, "admission": True, "webhookConfiguration": {"timeoutSeconds": 20}},
        rule={"reportProperties": {"team": "it's"}},
    )
    spec = made.data["spec"]
    assert spec["validationActions"] == ["Deny"]
    assert spec["evaluation"] == {"background": {"enabled": False}}
    assert spec["webhookConfiguration"] == {"timeoutSeconds": 20}
    assert spec["validationConfigurations"] == {
        "mutateDigest": False,
        "verifyDigest": False,
        "required": False,
    }
    assert spec["credentials"] == {"allowInsecureRegistry": True, "providers": ["github"], "secrets": ["a"]}
    assert spec["auditAnnotations"] == [{"key": "team", "valueExpression": "'it\\'s'"}]


def test_warnings_go_with_audit_alone() -> None:
    assert draft(spec={"emitWarning": True}).data["spec"]["validationActions"] == ["Audit", "Warn"]
    made = draft(spec={"emitWarning": True, "validationFailureAction": "Enforce"})
    assert made.data["spec"]["validationActions"] == ["Deny"]


def test_namespaced_policies() -> None:
    made = converted(kind="Policy", metadata={"namespace": "shop"})
    (found,) = made.drafts
    assert found.data["kind"] == "NamespacedImageValidatingPolicy"
    assert found.key == "shop/p"
    assert proved(made).status is Status.EQUIVALENT


def test_entries_that_demand_digests_alone() -> None:
    made = conversion(policy([{"imageReferences": ["a.io/*"], "mutateDigest": False, "required": False}]))
    assert made.drafts[0].data["spec"]["validations"] == [{"expression": "true"}]
    assert proved(made).status is Status.EQUIVALENT


STATEMENT = {"type": "t", "attestors": [{"entries": [{"keyless": KEYLESS}]}]}
UNLOGGED = {"keys": {"kms": "awskms:///k", "rekor": {"ignoreTlog": True, "url": "https://r.example"}}}


@pytest.mark.parametrize(
    ("made", "code", "is_final"),
    [
        (entry(useCache=False), "use-cache", False),
        (entry(attestors=[], attestations=[{**STATEMENT, "type": ""}]), "statement-type", True),
        (
            entry(attestors=[], attestations=[{**STATEMENT, "attestors": [{"entries": [UNLOGGED]}]}]),
            "unlogged-statements",
            False,
        ),
        (
            entry(
                attestors=[],
                attestations=[
                    {
                        **STATEMENT,
                        "conditions": [
                            {"all": [{"key": "{{ length(a) }}", "operator": "Equals", "value": 1}]}
                        ],
                    }
                ],
            ),
            "attestation-conditions",
            False,
        ),
        (
            entry(
                attestors=[],
                attestations=[{**STATEMENT, "name": "s"}],
                validate={
                    "deny": {
                        "conditions": {
                            "any": [{"key": "{{ to_string(s) }}", "operator": "Equals", "value": "x"}]
                        }
                    }
                },
            ),
            "denial",
            False,
        ),
    ],
)
def test_what_cannot_be_said_of_entries(made: dict[str, Any], code: str, is_final: bool) -> None:
    found = conversion(policy([made]))
    assert codes(found) == [code]
    assert found.is_final is is_final
    assert found.differences[0].location is not None


@pytest.mark.parametrize(
    ("spec", "rule", "code"),
    [
        ({"applyRules": "One"}, {}, "apply-rules"),
        (
            {"validationFailureActionOverrides": [{"action": "Enforce", "namespaces": ["prod"]}]},
            {},
            "action-overrides",
        ),
        (
            {},
            {
                "preconditions": {
                    "all": [{"key": "{{ length(request.object.x) }}", "operator": "Equals", "value": 1}]
                }
            },
            "preconditions",
        ),
        ({}, {"imageExtractors": {"Pod": [{"path": "/spec/x"}]}}, "image-extractors"),
    ],
)
def test_what_cannot_be_said_of_rules(spec: dict[str, Any], rule: dict[str, Any], code: str) -> None:
    rules = [
        {"name": "a", "match": PODS, "verifyImages": [entry()], **rule},
        {"name": "b", "match": PODS, "verifyImages": [entry(OPS)]},
    ]
    assert code in codes(conversion(cluster_policy(spec={"rules": rules, **spec})))


def test_match_conditions_of_the_webhook() -> None:
    def made(expression: str) -> Conversion:
        webhook = {"matchConditions": [{"name": "mine", "expression": expression}]}
        return converted(spec={"webhookConfiguration": webhook})

    found = made("request.namespace != 'kube-system'")
    assert found.drafts[0].data["spec"]["matchConditions"][0]["name"] == "mine"
    assert proved(found).status is Status.EQUIVALENT
    assert proved(found, ("kube-system", "default")).status is not Status.EQUIVALENT
    assert codes(made("oldObject == null")) == ["match-conditions"]


def test_rules_without_images_stay() -> None:
    other = {"name": "b", "match": PODS, "validate": {"pattern": {"spec": {"x": "?*"}}}}
    rules = [{"name": "a", "match": PODS, "verifyImages": [entry()]}, other]
    assert codes(conversion(cluster_policy(spec={"rules": rules}))) == ["other-rules"]
    content = read_policies(Source("p.yaml", rule_policy(validate=other["validate"])))
    (lowered,) = lower(content.policies).policies.policies
    assert convert(content.policies[0], lowered) is None


def test_caveats_are_those_that_matter() -> None:
    made = converted(entry(attestors=[], attestations=[STATEMENT]))
    assert made.caveats == tuple(Caveat)
    notary = {"type": "Notary", "attestors": [{"entries": [{"certificates": {"cert": "A"}}]}]}
    assert Caveat.BUNDLES not in converted(notary).caveats
    assert draft(notary).format is ir.SignatureFormat.NOTARY
