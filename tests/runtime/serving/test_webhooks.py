"""Which webhooks are registered for which policies."""

import base64
import json
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.runtime.admission.groups import Selection, group
from pratique.runtime.kubernetes.types import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS
from pratique.runtime.serving.webhooks import Endpoint, Registration, configurations, unserved
from tests.support_cel_policies import PODS, text
from tests.support_discovery import DISCOVERY
from tests.support_policies import cluster_policy, policy, rule_policy
from tests.support_sigstore import key, written
from tests.support_sigstore import policy as image_policy

HERE = Registration(name="pratique", endpoint=Endpoint(namespace="ns", service="svc", port=8443))
PINNED = {"failureAction": "Enforce", "mutateDigest": True}


def made(name: str = "p", entry: dict[str, Any] | None = None, **more: Any) -> ir.Policy:
    resources = {"kinds": ["Pod"], **more.pop("resources", {})}
    rule = {"match": {"any": [{"resources": resources}]}, **more.pop("rule", {})}
    return policy(cluster_policy(entry, metadata={"name": name}, rule=rule, **more))


def hooks(
    *policies: ir.Policy, registration: Registration = HERE, mutating: bool = False
) -> list[dict[str, Any]]:
    found = configurations(policies, DISCOVERY, registration, b"PEM")
    type = MUTATING_WEBHOOKS if mutating else VALIDATING_WEBHOOKS
    configuration = found[type]
    assert (configuration["kind"], configuration["metadata"]["name"]) == (type.kind, registration.name)
    listed: list[dict[str, Any]] = configuration["webhooks"]
    assert len({hook["name"] for hook in listed}) == len(listed)
    return listed


def sent(hook: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return group, resource and operation of all that a webhook is called for."""
    return {
        (group, resource, operation)
        for rule in hook["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for operation in rule["operations"]
    }


def test_no_policy_no_webhook() -> None:
    assert hooks() == hooks(mutating=True) == []


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


def test_only_what_is_written_is_sent_to_the_mutating_webhook() -> None:
    assert hooks(made(), mutating=True) == []
    [hook] = hooks(made(entry=PINNED), made("audit"), mutating=True)
    assert hook["reinvocationPolicy"] == "IfNeeded"
    assert hook["clientConfig"]["service"]["path"] == "/mutate/fail/all"


LABEL = {"patchStrategicMerge": {"metadata": {"labels": {"a": "b"}}}}


def test_what_rules_change_is_sent_to_the_mutating_webhook_alone() -> None:
    kinds = {"any": [{"resources": {"kinds": ["ConfigMap"]}}]}
    changing = policy(rule_policy(mutate=LABEL, match=kinds))
    assert hooks(changing) == []
    [hook] = hooks(changing, mutating=True)
    assert sent(hook) == {("", "configmaps", "CREATE"), ("", "configmaps", "UPDATE")}


def test_each_webhook_is_called_for_the_rules_that_it_is_about() -> None:
    document = json.loads(rule_policy(mutate=LABEL, match={"any": [{"resources": {"kinds": ["ConfigMap"]}}]}))
    judged = {"any": [{"resources": {"kinds": ["Node"]}}]}
    document["spec"]["rules"].append({"name": "v", "match": judged, "validate": {"deny": {}}})
    both = policy(json.dumps(document))
    [mutating], [validating] = hooks(both, mutating=True), hooks(both)
    assert {resource for _, resource, _ in sent(mutating)} == {"configmaps"}
    assert {resource for _, resource, _ in sent(validating)} == {"nodes"}


def test_policies_in_cel_that_change_are_sent_what_they_name() -> None:
    change = "patchType: ApplyConfiguration, applyConfiguration: {expression: 'Object{}'}"
    changing = policy(text("MutatingPolicy", f"mutations: [{{{change}}}]\n"))
    assert hooks(changing) == []
    [hook] = hooks(changing, mutating=True)
    assert {(resource, operation) for _, resource, operation in sent(hook)} >= {("pods", "CREATE")}


def in_cel(spec: str = "", rules: str = PODS, kind: str = "ValidatingPolicy") -> ir.Policy:
    return policy(text(kind, f"validations: [{{expression: 'true'}}]\n{spec}", rules=rules))


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


def test_selectors_of_namespaces_and_patience_of_policies_in_cel() -> None:
    spec = "validations: [{expression: 'true'}]\nwebhookConfiguration: {timeoutSeconds: 17}\n"
    selector = "namespaceSelector: {matchLabels: {env: prod}}"
    selecting = policy(text("ValidatingPolicy", spec).replace(f"[{PODS}]", f"[{PODS}], {selector}"))
    [hook] = hooks(selecting)
    assert hook["namespaceSelector"] == {"matchLabels": {"env": "prod"}}
    assert hook["timeoutSeconds"] == 17
    path = hook["clientConfig"]["service"]["path"].removeprefix("/validate/")
    assert Selection.of(path).includes(selecting, group(selecting).name)


def test_policies_in_cel_of_a_namespace_are_called_there() -> None:
    [hook] = hooks(in_cel(kind="NamespacedValidatingPolicy"))
    [expression] = hook["namespaceSelector"]["matchExpressions"]
    assert (expression["operator"], expression["values"]) == ("In", ["shop"])


def test_policies_without_admission_have_no_webhook() -> None:
    assert hooks(in_cel("evaluation: {admission: {enabled: false}}\n")) == []
    off = rule_policy(validate={"deny": {}}, spec={"admission": False})
    assert hooks(policy(off)) == []


def test_failure_policies_and_patience() -> None:
    slow, fast = made(spec={"webhookTimeoutSeconds": 25}), made("fast", spec={"webhookTimeoutSeconds": 3})
    open_one = made("open", spec={"failurePolicy": "Ignore", "webhookConfiguration": {"timeoutSeconds": 12}})
    fail, ignore = hooks(slow, fast, open_one)
    assert (fail["failurePolicy"], fail["timeoutSeconds"]) == ("Fail", 25)
    assert (ignore["failurePolicy"], ignore["timeoutSeconds"]) == ("Ignore", 12)
    assert ignore["clientConfig"]["service"]["path"] == "/validate/ignore/all"


def own(name: str, namespace: str, **more: Any) -> ir.Policy:
    return policy(cluster_policy(metadata={"name": name, "namespace": namespace}, kind="Policy", **more))


def test_namespaces_by_name_are_joined() -> None:
    [hook] = hooks(own("a", "one"), own("b", "two"), made(resources={"namespaces": ["three"]}))
    assert hook["namespaceSelector"] == {
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["one", "three", "two"]}
        ]
    }
    assert hook["clientConfig"]["service"]["path"] == "/validate/fail/named"


def test_a_request_is_sent_once_where_a_wide_webhook_is_called_anyway() -> None:
    [hook] = hooks(own("a", "one"), made("wide"))
    assert hook["namespaceSelector"] == {}
    assert hook["clientConfig"]["service"]["path"] == "/validate/fail/all/named"
    tasks = made("tasks", resources={"kinds": ["ConfigMap"]})
    jobs = made("jobs", resources={"kinds": ["Job"]})
    assert len(hooks(own("a", "one"), tasks)) == 1  # ConfigMaps run no image
    assert len(hooks(own("a", "one"), jobs)) == 2


def test_namespaces_by_labels_are_apart() -> None:
    prod = made(resources={"namespaceSelector": {"matchLabels": {"env": "prod"}}})
    test = made("t", resources={"namespaceSelector": {"matchLabels": {"env": "test"}}})
    found = hooks(prod, test)
    assert {str(hook["namespaceSelector"]) for hook in found} == {
        "{'matchLabels': {'env': 'prod'}}",
        "{'matchLabels': {'env': 'test'}}",
    }
    excluding = Registration(name="pratique", endpoint=HERE.endpoint, excluded=("kube-system",))
    [hook] = hooks(prod, registration=excluding)
    assert hook["namespaceSelector"] == {
        "matchLabels": {"env": "prod"},
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
        ],
    }


def test_every_policy_is_judged_by_exactly_one_webhook() -> None:
    labels = {"namespaceSelector": {"matchLabels": {"env": "prod"}}}
    policies = [
        made(),
        made("open", spec={"failurePolicy": "Ignore"}),
        own("own", "one"),
        made("labels", resources=labels),
        made("jobs", resources={"kinds": ["Job"], "namespaces": ["a"]}, spec={"failurePolicy": "Ignore"}),
    ]
    paths = [hook["clientConfig"]["service"]["path"].removeprefix("/validate/") for hook in hooks(*policies)]
    for each in policies:
        assert sum(Selection.of(path).includes(each, group(each).name) for path in paths) == 1


def test_f36_the_server_s_own_pods_come_back_without_it() -> None:
    here = Registration(name="pratique", endpoint=HERE.endpoint, namespace="ns", account="server")
    fail, ignore = hooks(made(), made("open", spec={"failurePolicy": "Ignore"}), registration=here)
    [condition] = fail["matchConditions"]
    assert 'request.namespace == "ns"' in condition["expression"]
    assert 'serviceAccountName == "server"' in condition["expression"]
    assert "matchConditions" not in ignore


def test_owners_and_urls() -> None:
    owner = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "r", "uid": "u"}
    by_url = Registration(name="pratique", endpoint=Endpoint(url="https://10.0.0.7:8443"), owner=owner)
    found = configurations([made()], DISCOVERY, by_url, b"")[VALIDATING_WEBHOOKS]
    assert found["metadata"]["ownerReferences"] == [owner]
    [hook] = found["webhooks"]
    assert hook["clientConfig"] == {"url": "https://10.0.0.7:8443/validate/fail/all"}


@pytest.mark.parametrize(
    ("endpoint", "names"),
    [
        (Endpoint(url="https://10.0.0.7:8443"), ("10.0.0.7",)),
        (Endpoint(url="https://webhook.example"), ("webhook.example",)),
        (Endpoint(url="https://[fd00::1]:8443"), ("fd00::1",)),
        (Endpoint(namespace="n", service="s"), ("s.n.svc", "s.n.svc.cluster.local", "s.n")),
    ],
)
def test_names_of_the_certificate(endpoint: Endpoint, names: tuple[str, ...]) -> None:
    assert endpoint.names() == names


def test_kinds_that_are_not_served() -> None:
    assert unserved(made(), DISCOVERY) == ()
    assert unserved(made(resources={"kinds": ["Pod", "Rollout", "argoproj.io/v1/Rollout"]}), DISCOVERY) == (
        "Rollout",
    )


def validating(body: dict[str, Any], kinds: list[str], name: str = "v", **more: Any) -> ir.Policy:
    rule = {
        "name": "r",
        "match": {"any": [{"resources": {"kinds": kinds, **more.pop("resources", {})}}]},
        "validate": {"message": "no", **body},
    }
    document = {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": name},
        "spec": {"rules": [rule], **more},
    }
    return policy(json.dumps(document))


PATTERN = {"pattern": {"metadata": {"name": "?*"}}}
DENY: dict[str, Any] = {"deny": {}}


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
    [hook] = hooks(validating(DENY, ["Pod/exec"], resources={"operations": ["CONNECT"]}))
    assert sent(hook) == {("", "pods/exec", "CONNECT")}


def test_every_kind_but_what_the_cluster_stands_on() -> None:
    every = validating(PATTERN, ["*"], background=False)
    [hook] = hooks(every)
    assert sent(hook) == {("*", "*", "CREATE"), ("*", "*", "UPDATE")}
    [condition] = hook["matchConditions"]
    assert '"/nodes"' in condition["expression"]
    assert '"wgpolicyk8s.io"' in condition["expression"]
    [both] = hooks(every, validating(PATTERN, ["Node"], "nodes"))
    assert '"/nodes"' not in both["matchConditions"][0]["expression"]


IMAGES = "attestors: []\nvalidations: [{expression: 'true'}]\n"


def test_policies_in_cel_are_called_for_what_they_name() -> None:
    [hook] = hooks(policy(text("ValidatingPolicy", "validations: [{expression: 'true'}]\n", rules=JOBS)))
    assert sent(hook) == {("batch", "jobs", "CREATE")}
    assert not hooks(policy(text("ValidatingPolicy", "validations: [{expression: 'true'}]\n")), mutating=True)


@pytest.mark.parametrize("pins", [True, False])
def test_policies_about_images_are_called_to_write_digests(pins: bool) -> None:
    settings = f"validationConfigurations: {{mutateDigest: {str(pins).lower()}}}\n"
    found = policy(text("ImageValidatingPolicy", f"{settings}{IMAGES}", rules=JOBS))
    assert bool(hooks(found, mutating=True)) is pins
    assert hooks(found)


JOBS = "{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [jobs]}"


def test_policies_of_sigstore_are_about_pods_and_their_controllers() -> None:
    everything = image_policy(written(key()))
    for mutating in (False, True):
        (hook,) = hooks(everything, mutating=mutating)
        assert {resource for _, resource, _ in sent(hook)} >= {"pods", "deployments", "cronjobs"}
        assert hook["failurePolicy"] == "Fail"
    match = "{group: apps, version: '*', resource: deployments}"
    (hook,) = hooks(image_policy(written(key(), more=f"  match: [{match}]\n")))
    assert {resource for _, resource, _ in sent(hook)} == {"deployments"}
