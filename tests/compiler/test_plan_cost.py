"""Rules, images and resources: equal questions are counted once, and only those that are asked."""

from __future__ import annotations

from typing import Any

from pratique.compiler.cost import TYPICAL, WORST, Estimate
from pratique.compiler.graph import Op
from pratique.compiler.plan import Plan
from pratique.compiler.plan_cost import about, asked, heaviest, of_image, of_resource, of_rule
from tests.support_policies import KEYLESS, cluster_policy, policy, read

OTHER = {**KEYLESS, "subject": "other@acme.example"}

RULE: dict[str, Any] = {"name": "verify", "match": {"any": [{"resources": {"kinds": ["Pod"]}}]}}


def entry(pattern: str, *signers: dict[str, Any], count: int | None = None, **more: Any) -> dict[str, Any]:
    attestors: dict[str, Any] = {"entries": list(signers or [{"keyless": KEYLESS}])}
    return {
        "imageReferences": [pattern],
        "attestors": [attestors | ({"count": count} if count else {})],
        "mutateDigest": False,
        **more,
    }


def plan(*entries: dict[str, Any], **rule: Any) -> Plan:
    spec = {"validationFailureAction": "Enforce"}
    lowered = read(cluster_policy(spec=spec | {"rules": [RULE | {"verifyImages": list(entries)} | rule]}))
    assert not lowered.errors
    return Plan(lowered.policies)


def whole(of: Plan) -> Estimate:
    return of_image(of.graph, of.graph.roots)


def test_equal_questions_are_counted_once() -> None:
    one = whole(plan(entry("a.io/*")))
    assert (one.typical.requests, one.typical.signatures) == (3, 1)
    assert whole(plan(entry("a.io/*"), entry("b.io/*", {"keyless": OTHER}))) == one


def test_generated_rules_cost_nothing_more() -> None:
    found = plan(entry("a.io/*"))
    assert len(found.graph.roots) > 1
    assert of_image(found.graph, found.graph.roots) == of_image(found.graph, found.graph.roots[:1])


def test_the_first_suffice_typically_and_all_are_asked_at_worst() -> None:
    keys = [{"keys": {"publicKeys": f"-----BEGIN PUBLIC KEY-----\n{n}\n", "rekor": {}}} for n in range(3)]
    lowered = read(cluster_policy(entry("a.io/*", *keys, count=1)))
    graph = Plan(lowered.policies).graph
    counted = {
        a.name: sum(graph.nodes[n].op is Op.VERIFY for n in asked(graph, graph.roots[:1], a))
        for a in (TYPICAL, WORST)
    }
    assert counted == {"typical": 1, "worst": 3}


def test_conditions_wait_for_the_attestors_that_are_asked() -> None:
    stated = {
        "type": "t",
        "attestors": [{"count": 1, "entries": [{"keyless": KEYLESS}, {"keyless": OTHER}]}],
        "conditions": [{"all": [{"key": "{{ x }}", "operator": "Equals", "value": 1}]}],
    }
    graph = plan(entry("a.io/*", attestors=[], attestations=[stated])).graph
    counted = {
        a.name: sum(graph.nodes[n].op is Op.ATTESTOR for n in asked(graph, graph.roots[:1], a))
        for a in (TYPICAL, WORST)
    }
    assert counted == {"typical": 1, "worst": 2}


def test_pinning_alone_resolves() -> None:
    pinned = whole(plan(entry("a.io/*", attestors=[], mutateDigest=True)))
    assert (pinned.typical.requests, pinned.typical.signatures) == (1, 0)


def test_a_resource_costs_its_images_and_its_context_once() -> None:
    context = [{"name": "c", "configMap": {"name": "c", "namespace": "d"}}]
    graph = plan(entry("a.io/*"), context=context).graph
    roots = graph.roots[:1]
    one, three = (of_resource(graph, [roots] * number).typical for number in (1, 3))
    assert (one.calls, three.calls) == (1, 1)
    assert (one.requests, three.requests) == (3, 9)


def test_other_credentials_list_again() -> None:
    secret: dict[str, Any] = {"imageRegistryCredentials": {"secrets": ["pull"]}}
    shared = whole(plan(entry("a.io/*"), entry("a.io/*", {"keyless": OTHER})))
    apart = whole(plan(entry("a.io/*"), entry("a.io/*", {"keyless": OTHER}, **secret)))
    assert (shared.typical.requests, apart.typical.requests) == (3, 5)
    assert (shared.typical.signatures, apart.typical.signatures) == (1, 2)
    anew = whole(plan(entry("a.io/*"), entry("a.io/*", {"keyless": OTHER}, useCache=False)))
    assert anew.typical.requests == 5


def test_about_finds_the_entries_that_look_at_an_image() -> None:
    found = plan(entry("a.io/*", skipImageReferences=["a.io/skip*"]), entry("b.io/*", attestors=[]))
    rule = found.rules[0]
    assert about(found, rule, "c.io/x:1") == about(found, rule, "a.io/skipped:1") == ()
    assert of_image(found.graph, about(found, rule, "a.io/x:1")).typical.requests == 3
    assert of_image(found.graph, about(found, rule, "b.io/x:1")).typical.requests == 0


def test_heaviest_names_the_image_and_its_rules() -> None:
    found = plan(entry("a.io/*", attestors=[]), entry("b.io/*"))
    worst = heaviest(found, ["c.io/x:1", "a.io/x:1", "b.io/x:1", "b.io/y:1"], per_resource=2)
    assert worst is not None
    assert (worst.image, [p.rule.name for p in worst.rules]) == ("b.io/x:1", ["verify"])
    assert worst.estimate.typical.requests == 6
    assert heaviest(found, ["c.io/x:1"]) is None


def test_of_rule_is_the_cost_of_that_rule_alone() -> None:
    one = policy(cluster_policy(entry("a.io/*")))
    assert of_rule(one, one.rules[0]).typical.requests == 3
    assert of_rule(one, one.rules[0], images=4).typical.requests == 12
