from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.compiler.lint.budgets import DEFAULT_SECONDS, REQUEST_SECONDS, patience, slowest
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lower import lower
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.support_policies import cluster_policy


def facts(*policies: str) -> Facts:
    file = read_policies(Source("policies.yaml", "\n---\n".join(policies)))
    lowered = lower(file.policies)
    assert (file.errors, lowered.errors) == ((), ())
    return Facts(lowered.policies, documents=file.policies)


def bundles(name: str, number: int = 1, *, namespace: str = "", **spec: Any) -> str:
    """Return a policy that looks for the bundles of one image in so many repositories."""
    entries = [
        {"keys": {"publicKeys": f"k8s://a/{name}-{n}"}, "repository": f"ghcr.io/s/{name}-{n}"}
        for n in range(number)
    ]
    resources = {"kinds": ["Pod"], **({"namespaces": [namespace]} if namespace else {})}
    return cluster_policy(
        {"type": "SigstoreBundle", "attestors": [{"entries": entries}]},
        metadata={"name": name},
        rule={"match": {"any": [{"resources": resources}]}},
        spec=spec,
    )


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        ({}, DEFAULT_SECONDS),
        ({"webhookTimeoutSeconds": 20}, 20),
        ({"webhookConfiguration": {"timeoutSeconds": 30}}, 30),
        ({"webhookTimeoutSeconds": 1}, DEFAULT_SECONDS),
    ],
)
def test_how_long_the_api_server_waits(spec: dict[str, Any], seconds: int) -> None:
    found = facts(cluster_policy(spec=spec), cluster_policy(metadata={"name": "other"}))
    assert patience(found, fail_open=False) == seconds
    assert patience(found, fail_open=True) == DEFAULT_SECONDS


def test_each_failure_policy_has_a_webhook_of_its_own() -> None:
    found = facts(cluster_policy(spec={"failurePolicy": "Ignore", "webhookTimeoutSeconds": 20}))
    assert (patience(found, fail_open=True), patience(found, fail_open=False)) == (20, DEFAULT_SECONDS)


def test_requests_are_those_of_the_model() -> None:
    # The tag; and in each place the fallback list, which is two requests, and two for each of three bundles.
    # Keys in Secrets are one more question each.
    slow = slowest(facts(bundles("p", 2)), fail_open=False, beyond=0)
    assert slow is not None
    assert slow.requests == 1 + 2 * (2 + 2 * 3) + 2
    assert slow.seconds == pytest.approx(slow.requests * REQUEST_SECONDS, rel=0.05)
    assert slow.point.image.startswith("ghcr.io/acme/")


def test_rules_that_look_at_one_image_are_added_up() -> None:
    one = slowest(facts(bundles("a")), fail_open=False, beyond=0)
    two = slowest(facts(bundles("a"), bundles("b")), fail_open=False, beyond=0)
    assert one is not None
    assert two is not None
    assert two.requests == 2 * one.requests - 1  # the tag is resolved once
    assert [site.policy.name for site in two.sites] == ["a", "b"]


def test_rules_about_other_resources_are_not() -> None:
    apart = facts(bundles("a", namespace="one"), bundles("b", namespace="two"))
    slow = slowest(apart, fail_open=False, beyond=0)
    assert slow is not None
    assert [site.policy.name for site in slow.sites] == ["a"]
    assert slow.point.namespace == "one"


def test_policies_of_the_other_failure_policy_are_not() -> None:
    found = facts(bundles("a"), bundles("b", failurePolicy="Ignore"))
    slow = slowest(found, fail_open=True, beyond=0)
    assert slow is not None
    assert [site.policy.name for site in slow.sites] == ["b"]


def test_skipped_images_cost_nothing() -> None:
    data = json.loads(bundles("a", 3))
    data["spec"]["rules"][0]["verifyImages"][0]["skipImageReferences"] = ["*"]
    assert slowest(facts(json.dumps(data)), fail_open=False, beyond=1) is None


KEYS = [{"entries": [{"keys": {"publicKeys": f"k8s://a/{n}"}} for n in range(3)]}]
CERTIFICATES = [{"entries": [{"certificates": {"cert": f"{n}"}} for n in range(3)]}]
APART = [{"entries": [{"keys": {"kms": f"awskms:///{n}"}, "repository": f"ghcr.io/s/{n}"} for n in range(3)]}]
STATED = [{"type": f"https://a.example/{n}", "attestors": KEYS} for n in range(2)]


@pytest.mark.parametrize(
    "entry",
    [
        {"attestors": KEYS},
        {"attestors": APART},
        {"attestors": KEYS, "cosignOCI11": True},
        {"attestors": [], "attestations": STATED},
        {"attestors": KEYS, "attestations": STATED},
        {"attestors": APART, "attestations": STATED, "type": "SigstoreBundle"},
        {"attestors": CERTIFICATES, "type": "Notary"},
        {
            "attestors": CERTIFICATES,
            "attestations": [{**stated, "attestors": CERTIFICATES} for stated in STATED],
            "type": "Notary",
        },
    ],
)
@pytest.mark.parametrize(
    "context", [[], [{"name": "c", "imageRegistry": {"reference": "ghcr.io/a/b:1"}}] * 2]
)
def test_the_first_look_overlooks_nothing(entry: dict[str, Any], context: list[Any]) -> None:
    named = [{**each, "name": f"c{n}"} for n, each in enumerate(context)]
    found = facts(cluster_policy(entry, rule={"context": named} if named else {}))
    slow = slowest(found, fail_open=False, beyond=0)
    assert slow is not None
    assert slowest(found, fail_open=False, beyond=slow.seconds - 0.001) == slow
    assert slowest(found, fail_open=False, beyond=slow.seconds) is None
