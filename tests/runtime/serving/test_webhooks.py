"""Which webhooks are registered for which policies."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.runtime.admission.groups import Selection, group
from pratique.runtime.kubernetes.types import VALIDATING_WEBHOOKS
from pratique.runtime.serving.webhooks import Endpoint, Registration, configurations
from tests.support_cel_policies import PODS, text
from tests.support_discovery import DISCOVERY
from tests.support_policies import cluster_policy, policy, rule_policy
from tests.support_webhooks import HERE, JOBS, PATTERN, hooks, in_cel, made, sent, validating

PINNED = {"failureAction": "Enforce", "mutateDigest": True}


def test_no_policy_no_webhook() -> None:
    assert hooks() == hooks(mutating=True) == []


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


@pytest.mark.parametrize(
    ("named", "left"),
    [
        (["pods", "*"], ["*"]),
        (["pods", "pods/exec", "*"], ["*", "pods/exec"]),
        (["pods/exec", "pods/*", "pods"], ["pods", "pods/*"]),
        (["nodes/status", "*/status"], ["*/status"]),
        (["pods", "*/*", "pods/exec", "*"], ["*/*"]),
        (["pods/*", "*/status"], ["*/status", "pods/*"]),
    ],
)
def test_names_that_wider_ones_stand_for_are_left_out(named: list[str], left: list[str]) -> None:
    """Of one policy, or of several: the API server would refuse the whole configuration."""

    def about(names: list[str], name: str) -> ir.Policy:
        listed = json.dumps(names)
        rules = f"{{apiGroups: [x.example], apiVersions: [v1], operations: [CREATE], resources: {listed}}}"
        return replace(in_cel(rules=rules), name=name)

    for policies in ([about(named, "p")], [about([each], f"p{n}") for n, each in enumerate(named)]):
        [hook] = hooks(*policies)
        [rule] = hook["rules"]
        assert rule["resources"] == left


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


def test_every_kind_but_what_the_cluster_stands_on() -> None:
    every = validating(PATTERN, ["*"], background=False)
    [hook] = hooks(every)
    assert sent(hook) == {("*", "*", "CREATE"), ("*", "*", "UPDATE")}
    [condition] = hook["matchConditions"]
    assert '"/nodes"' in condition["expression"]
    assert '"wgpolicyk8s.io"' in condition["expression"]
    assert '"policies.kyverno.io"' in condition["expression"]
    [both] = hooks(every, validating(PATTERN, ["Node"], "nodes"))
    assert '"/nodes"' not in both["matchConditions"][0]["expression"]


IMAGES = "attestors: []\nvalidations: [{expression: 'true'}]\n"


@pytest.mark.parametrize("pins", [True, False])
def test_policies_about_images_are_called_to_write_digests(pins: bool) -> None:
    settings = f"validationConfigurations: {{mutateDigest: {str(pins).lower()}}}\n"
    found = policy(text("ImageValidatingPolicy", f"{settings}{IMAGES}", rules=JOBS))
    assert bool(hooks(found, mutating=True)) is pins
    assert hooks(found)
