"""What each rule of a policy is asked about."""

import base64

from pratique.runtime.serving.webhook_rules import unserved
from tests.support_cel_policies import text
from tests.support_discovery import DISCOVERY
from tests.support_policies import policy
from tests.support_sigstore import key, written
from tests.support_sigstore import policy as image_policy
from tests.support_webhooks import DENY, JOBS, PATTERN, hooks, in_cel, made, sent, validating


def test_a_webhook_is_called_for_the_kinds_of_its_rules_generated_ones_included() -> None:
    [hook] = hooks(made())
    assert {(g, r) for g, r, _ in sent(hook)} == {
        ("", "pods"),
        ("", "pods/ephemeralcontainers"),
        ("", "replicationcontrollers"),
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("batch", "jobs"),
        ("batch", "cronjobs"),
    }
    assert {operation for *_, operation in sent(hook)} == {"CREATE", "UPDATE"}
    assert {version for rule in hook["rules"] for version in rule["apiVersions"]} == {"v1"}
    assert {rule["scope"] for rule in hook["rules"]} == {"Namespaced"}
    assert hook["clientConfig"] == {
        "caBundle": base64.b64encode(b"PEM").decode(),
        "service": {"namespace": "ns", "name": "svc", "path": "/validate/fail/all", "port": 8443},
    }
    assert (hook["failurePolicy"], hook["timeoutSeconds"], hook["sideEffects"]) == (
        "Fail",
        10,
        "NoneOnDryRun",
    )


def test_operations_and_subresources() -> None:
    [hook] = hooks(made(resources={"operations": ["CREATE", "DELETE"], "names": ["x"]}))
    assert sent(hook) == {("", "pods", "CREATE"), ("", "pods/ephemeralcontainers", "CREATE")}
    assert hooks(made(resources={"operations": ["DELETE"]})) == []
    [hook] = hooks(made(resources={"kinds": ["Pod/ephemeralcontainers"]}))
    assert {resource for _, resource, _ in sent(hook)} == {"pods/ephemeralcontainers"}


def test_of_kinds_by_pattern_those_that_run_images_are_meant() -> None:
    [hook] = hooks(made(resources={"kinds": ["*o*"]}))
    found = {resource for _, resource, _ in sent(hook)}
    assert {"pods", "jobs", "deployments"} <= found
    assert not {"nodes", "configmaps"} & found


def test_kinds_with_extractors() -> None:
    extractors = {"imageExtractors": {"Task": [{"path": "/spec/steps/*/image"}]}}
    [hook] = hooks(made(resources={"kinds": ["tekton.dev/v1/Task"]}, rule=extractors))
    assert sent(hook) == {("tekton.dev", "tasks", "CREATE"), ("tekton.dev", "tasks", "UPDATE")}


def test_policies_in_cel_are_sent_what_they_name_whether_it_is_known_or_not() -> None:
    named = 'resources: [widgets, "widgets/*"], operations: [CREATE, DELETE], scope: Namespaced'
    [hook] = hooks(in_cel(rules=f"{{apiGroups: [acme.example], apiVersions: [v1, v2], {named}}}"))
    assert {version for rule in hook["rules"] for version in rule["apiVersions"]} == {"v1", "v2"}
    assert {rule["scope"] for rule in hook["rules"]} == {"Namespaced"}
    assert sent(hook) == {
        ("acme.example", resource, operation)
        for resource in ("widgets", "widgets/*")
        for operation in ("CREATE", "DELETE")
    }


def test_kinds_that_are_not_served() -> None:
    assert unserved(made(), DISCOVERY) == ()
    assert unserved(made(resources={"kinds": ["Pod", "Rollout", "argoproj.io/v1/Rollout"]}), DISCOVERY) == (
        "Rollout",
    )


def test_rules_about_other_things_than_images_are_validated_only() -> None:
    found = validating(PATTERN, ["ConfigMap", "Node/status"])
    assert hooks(found, mutating=True) == []
    [hook] = hooks(found)
    assert sent(hook) == {
        ("", "configmaps", "CREATE"),
        ("", "configmaps", "UPDATE"),
        ("", "nodes/status", "CREATE"),
        ("", "nodes/status", "UPDATE"),
        ("", "nodes/status", "CONNECT"),
    }
    assert {rule["scope"] for rule in hook["rules"]} == {"Namespaced", "Cluster"}


def test_deletions_are_sent_where_a_rule_can_say_something_of_them() -> None:
    [hook] = hooks(validating(DENY, ["ConfigMap"]))
    assert {operation for *_, operation in sent(hook)} == {"CREATE", "UPDATE", "DELETE"}
    signed = {"manifests": {"attestors": [{"entries": [{"keys": {"publicKeys": "k8s://a/b"}}]}]}}
    [hook] = hooks(validating(signed, ["ConfigMap"]))
    assert {operation for *_, operation in sent(hook)} == {"CREATE", "UPDATE"}
    [hook] = hooks(validating(DENY, ["Pod/exec"], resources={"operations": ["CONNECT"]}))
    assert sent(hook) == {("", "pods/exec", "CONNECT")}


def test_policies_in_cel_are_called_for_what_they_name() -> None:
    [hook] = hooks(policy(text("ValidatingPolicy", "validations: [{expression: 'true'}]\n", rules=JOBS)))
    assert sent(hook) == {("batch", "jobs", "CREATE")}
    assert not hooks(policy(text("ValidatingPolicy", "validations: [{expression: 'true'}]\n")), mutating=True)


def test_policies_of_sigstore_are_about_pods_and_their_controllers() -> None:
    everything = image_policy(written(key()))
    for mutating in (False, True):
        (hook,) = hooks(everything, mutating=mutating)
        assert {resource for _, resource, _ in sent(hook)} >= {"pods", "deployments", "cronjobs"}
        assert hook["failurePolicy"] == "Fail"
    match = "{group: apps, version: '*', resource: deployments}"
    (hook,) = hooks(image_policy(written(key(), more=f"  match: [{match}]\n")))
    assert {resource for _, resource, _ in sent(hook)} == {"deployments"}
