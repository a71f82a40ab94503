"""Rules that change what is admitted: patches, their order, digests after them, what cannot be changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pratique.compiler.json_patch import apply_patch
from pratique.grammar.errors import TransportError
from pratique.runtime.admission.groups import Selection
from pratique.runtime.admission.verdict import Verdict
from tests.support_admission import APP, DEV, judge
from tests.support_cel_policies import text
from tests.support_engine import World, pod
from tests.support_policies import cluster_policy, rule_policy

PINNED = {"failureAction": "Enforce", "mutateDigest": True}


def labelling(name: str, value: str, *, key: str = "team", **more: Any) -> str:
    change = {"patchStrategicMerge": {"metadata": {"labels": {key: value}}}}
    return rule_policy(metadata={"name": name}, mutate=change, **more)


def left(verdict: Verdict, data: Mapping[str, Any]) -> Any:
    """Return what the API server makes of the patch."""
    assert verdict.allowed, verdict.message
    return apply_patch(data, verdict.patch)


def labels(data: Mapping[str, Any]) -> Any:
    return data["metadata"].get("labels", {})


def test_rules_see_what_those_before_them_left() -> None:
    changed = labelling("a", "one")
    wanted = {"key": "{{ request.object.metadata.labels.team || '' }}", "operator": "Equals", "value": "one"}
    follows = labelling("b", "two", preconditions={"all": [wanted]})
    for order, expected in (((changed, follows), "two"), ((follows, changed), "one")):
        verdict = judge(World(*order), pod("x"))
        assert labels(left(verdict, pod("x"))) == {"team": expected}


def test_the_patch_says_nothing_else() -> None:
    verdict = judge(World(labelling("a", "one")), pod("x", metadata={"labels": {"b": "c"}}))
    assert verdict.patch == ({"op": "add", "path": "/metadata/labels/team", "value": "one"},)
    again = judge(World(labelling("a", "one")), pod("x", metadata={"labels": {"team": "one"}}))
    assert again.allowed
    assert again.patch == ()


def test_a_rule_applies_to_what_others_left() -> None:
    match = {"any": [{"resources": {"kinds": ["Pod"], "selector": {"matchLabels": {"team": "one"}}}}]}
    given = World(labelling("a", "one"), labelling("b", "yes", key="seen", match=match))
    assert labels(left(judge(given, pod("x")), pod("x"))) == {"team": "one", "seen": "yes"}


def mirror(where: str = "ghcr.io/acme") -> str:
    loop = {
        "list": "request.object.spec.containers",
        "patchStrategicMerge": {
            "spec": {"containers": [{"name": "{{ element.name }}", "image": where + "/app:v1"}]}
        },
    }
    return rule_policy(metadata={"name": "mirror"}, mutate={"foreach": [loop]})


def test_digests_are_those_of_the_images_that_are_left() -> None:
    given = World(mirror(), cluster_policy(PINNED))
    digest = given.store.image(APP, DEV)
    made = left(judge(given, pod("docker.io/library/app:v1")), pod("docker.io/library/app:v1"))
    assert made["spec"]["containers"][0]["image"] == f"{APP}@{digest}"
    assert judge(given, made, mutating=False).allowed


def test_r4_images_are_judged_as_they_are_left() -> None:
    """What was signed before a rule changed it is no evidence for what it is now."""
    given = World(mirror("ghcr.io/acme/evil"), cluster_policy(PINNED))
    given.store.image(APP, DEV)
    given.store.image("ghcr.io/acme/evil/app:v1")
    verdict = judge(given, pod(APP))
    assert not verdict.allowed
    assert "failed to verify image ghcr.io/acme/evil/app:v1" in verdict.message


def test_validation_judges_what_is_there_and_changes_nothing() -> None:
    pattern = {"message": "no team", "pattern": {"metadata": {"labels": {"team": "?*"}}}}
    enforced = {"validationFailureAction": "Enforce"}
    given = World(labelling("a", "one"), rule_policy(metadata={"name": "v"}, spec=enforced, validate=pattern))
    refused = judge(given, pod("x"), mutating=False)
    assert not refused.allowed
    assert "no team" in refused.message
    made = left(judge(given, pod("x")), pod("x"))
    verdict = judge(given, made, mutating=False)
    assert verdict.allowed
    assert verdict.patch == ()


BROKEN = {"patchStrategicMerge": {"metadata": {"labels": {"team": "{{ request.object.nothing.there }}"}}}}


def broken(name: str = "p", failure: str = "Fail") -> str:
    return rule_policy(metadata={"name": name}, spec={"failurePolicy": failure}, mutate=BROKEN)


@pytest.mark.parametrize("others", [(), (labelling("z", "one"),)])
def test_what_cannot_be_changed_is_refused_in_the_words_of_kyverno(others: Sequence[str]) -> None:
    verdict = judge(World(broken(), *others), pod("x"))
    assert not verdict.allowed
    assert verdict.message.startswith("mutation policy p error: failed to apply policy p rules [rule: ")
    assert "nothing" in verdict.message
    assert verdict.patch == ()


def test_a_policy_that_fails_open_changes_what_it_can_and_says_so() -> None:
    document = json.loads(broken(failure="Ignore"))
    [rule] = document["spec"]["rules"]
    change = {"patchStrategicMerge": {"metadata": {"labels": {"b": "c"}}}}
    document["spec"]["rules"] = [{**rule, "name": "first", "mutate": change}, rule]
    verdict = judge(World(json.dumps(document)), pod("x"))
    assert labels(left(verdict, pod("x"))) == {"b": "c"}
    [warning] = verdict.warnings
    assert warning.startswith("policy p.rule: ")


def test_a_policy_does_not_open_those_that_fail_closed() -> None:
    for policies in ((broken("a", "Ignore"), broken("b")), (broken("a"), broken("b", "Ignore"))):
        assert not judge(World(*policies), pod("x")).allowed


def test_an_outage_is_an_error() -> None:
    class Down:
        knows_images = False

        def given(self, policy: str, rule: str) -> Mapping[str, Any]:
            return {}

        def loads(self, source: object, given: bool) -> bool:
            return True

        async def answer(self, question: object) -> Any:
            raise TransportError("cluster-unreachable", "down")

    context = [{"name": "c", "configMap": {"name": "m", "namespace": "n"}}]
    given = World(labelling("a", "{{ c.data.team }}", context=context))
    given.source = Down()
    verdict = judge(given, pod("x"))
    assert not verdict.allowed
    assert "down" in verdict.message


def test_a_path_stands_for_some_policies() -> None:
    """Also for what applies only once the object was changed."""
    match = {"any": [{"resources": {"kinds": ["Pod"], "selector": {"matchLabels": {"team": "one"}}}}]}
    other = labelling("b", "yes", key="seen", match=match, spec={"failurePolicy": "Ignore"})
    given = World(labelling("a", "one"), other)
    for path, expected in (("fail", {"team": "one"}), ("ignore", {}), ("", {"team": "one", "seen": "yes"})):
        verdict = judge(given, pod("x"), among=Selection.of(path) if path else None)
        assert labels(left(verdict, pod("x"))) == expected


def test_an_image_in_the_place_of_one_that_was_there_before_is_a_new_one() -> None:
    put = [{"op": "add", "path": "/spec/containers/0", "value": {"name": "first", "image": APP}}]
    in_front = rule_policy(metadata={"name": "m"}, mutate={"patchesJson6902": json.dumps(put)})
    given = World(in_front, cluster_policy(PINNED))
    digest = given.store.image(APP, DEV)
    data = pod("docker.io/x:v1")
    made = left(judge(given, data, operation="UPDATE", oldObject=data), data)
    assert [c["image"] for c in made["spec"]["containers"]] == [f"{APP}@{digest}", "docker.io/x:v1"]


OWNED = {"ownerReferences": [{"kind": "Deployment", "name": "d", "controller": True}]}


def workload(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "w", "namespace": "default", **metadata},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "x"}]}}},
    }


def test_generated_rules_leave_what_a_controller_made_alone() -> None:
    assert judge(World(labelling("a", "one")), workload()).patch
    assert judge(World(labelling("a", "one")), workload(**OWNED)).patch == ()
    match = {"any": [{"resources": {"kinds": ["ReplicaSet"]}}]}
    assert judge(World(labelling("a", "one", match=match)), workload(**OWNED)).patch


def in_cel(expression: str, spec: str = "") -> str:
    change = f"patchType: ApplyConfiguration, applyConfiguration: {{expression: {json.dumps(expression)}}}"
    return text("MutatingPolicy", f"mutations: [{{{change}}}]\n{spec}")


def labelled_in_cel(key: str) -> str:
    return f'Object{{metadata: Object.metadata{{labels: Object.metadata.labels{{{key}: "yes"}}}}}}'


def test_policies_in_cel_come_after_the_others_and_before_digests() -> None:
    seen = 'has(object.metadata.labels) && "team" in object.metadata.labels ? ' + labelled_in_cel("seen")
    image = (
        'Object{spec: Object.spec{containers: [Object.spec.containers{name: "c0", image: "' + APP + '"}]}}'
    )
    given = World(in_cel(f"{seen} : Object{{}}"), in_cel(image).replace("p}", "q}"), labelling("a", "one"))
    assert labels(left(judge(given, pod("x")), pod("x"))) == {"team": "one", "seen": "yes"}
    pinned = World(in_cel(image), cluster_policy(PINNED, metadata={"name": "v"}))
    digest = pinned.store.image(APP, DEV)
    made = left(judge(pinned, pod("docker.io/x:v1")), pod("docker.io/x:v1"))
    assert made["spec"]["containers"][0]["image"] == f"{APP}@{digest}"


def test_policies_in_cel_that_cannot_be_evaluated() -> None:
    wrong = "Object{metadata: Object.metadata{labels: Object.metadata.labels{a: object.nothing.there}}}"
    verdict = judge(World(in_cel(wrong)), pod("x"))
    assert not verdict.allowed
    assert verdict.message.startswith("Resource: default/pod, Kind: Pod, Errors: [Policy p: ")
    verdict = judge(World(in_cel(wrong, "failurePolicy: Ignore\n")), pod("x"))
    assert verdict.allowed
    assert verdict.patch == ()
