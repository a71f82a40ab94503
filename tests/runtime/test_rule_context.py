"""Context entries in evaluations: what each kind is worth, what goes wrong, and what is asked how often."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pratique.compiler.context_questions import (
    ApiQuestion,
    ConfigMapQuestion,
    GlobalQuestion,
    ImageQuestion,
    Question,
)
from pratique.grammar.errors import EvaluationError, TransportError
from pratique.runtime.answers import MAX_QUESTIONS
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.decision import Status
from pratique.runtime.ports import Digest, Repository
from tests.support_engine import World, digest_of, pod, said
from tests.support_policies import cluster_policy

APP = "ghcr.io/acme/app:v1"


class Cluster:
    """A source that answers from a table and remembers what it was asked."""

    def __init__(self, answers: Mapping[Question, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[Question] = []
        self.values: dict[str, Any] = {}

    knows_images = False

    def loads(self, source: object, given: bool) -> bool:
        return not given

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        return self.values

    async def answer(self, question: Question) -> Any:
        self.asked.append(question)
        answer = self.answers.get(question)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            raise EvaluationError("not-given", "nobody knows")
        return answer


def verdict(
    *entries: dict[str, Any],
    key: str,
    value: Any = "yes",
    source: Cluster | GivenContext | None = None,
    resource: dict[str, Any] | None = None,
    **more: Any,
) -> tuple[str, str]:
    """Return status and message of a rule that holds where `key` equals `value`."""
    condition = {"key": key, "operator": "Equals", "value": value}
    rule = {"context": list(entries), "preconditions": {"all": [condition]}}
    world = World(cluster_policy(rule=rule, **more))
    world.store.image(APP, {"subject": "dev@acme.example"})
    world.source = source
    (result,) = world.judge(resource or pod(APP))
    return said(result)[0]


def variable(name: str = "v", **source: Any) -> dict[str, Any]:
    return {"name": name, "variable": source}


def config_map(name: str = "names", namespace: str = "shop") -> dict[str, Any]:
    return {"name": "cm", "configMap": {"name": name, "namespace": namespace}}


def call(**source: Any) -> dict[str, Any]:
    return {"name": "call", "apiCall": {"urlPath": "/api/v1/namespaces", **source}}


ASKED = ApiQuestion(entry="call", url_path="/api/v1/namespaces")


# --- variables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "key", "value"),
    [
        ({"value": "yes"}, "{{ v }}", "yes"),
        ({"value": {"a": ["yes"]}}, "{{ v.a[0] }}", "yes"),
        ({"value": "{{ request.object.metadata.name }}"}, "{{ v }}", "pod"),
        ({"value": {"a": "yes"}, "jmesPath": "a"}, "{{ v }}", "yes"),
        ({"jmesPath": "request.object.metadata.name"}, "{{ v }}", "pod"),
        ({"jmesPath": "{{ to_string('request.object') }}.metadata.name"}, "{{ v }}", "pod"),
        ({"jmesPath": "request.object.spec.missing", "default": "yes"}, "{{ v }}", "yes"),
        ({"jmesPath": "request.object.spec.missing || ''", "default": "no"}, "{{ v }}", ""),
        ({"jmesPath": "`null`", "default": "{{ request.operation }}"}, "{{ v }}", "CREATE"),
        ({"value": {"a": 1}, "jmesPath": "b", "default": False}, "{{ v }}", False),
        ({"value": 3}, "{{ v }}", 3),
    ],
)
def test_variables(source: dict[str, Any], key: str, value: Any) -> None:
    assert verdict(variable(**source), key=key, value=value)[0] == "pass"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"jmesPath": "request.missing"}, "failed to apply jmespath request.missing to variable <nil>: "),
        (
            {"value": {"a": 1}, "jmesPath": "b"},
            'failed to apply jmespath b to variable <nil>: Unknown key "b"',
        ),
        ({"jmesPath": "`null`"}, "failed to add context entry for variable v since it evaluated to nil"),
        ({"value": "{{ request.missing }}"}, "failed to substitute variables in context entry v: "),
        ({"jmesPath": "{{ request.object }}"}, "jmespath value must be a string"),
        ({"jmesPath": "{{ to_string('(') }}"}, "incorrect query ("),
        ({"value": "{{ @ | no_such_function }}"}, "since it evaluated to nil"),
    ],
)
def test_variables_without_a_value_are_one_error_with_their_place(source: dict[str, Any], text: str) -> None:
    condition = {"key": "{{ v }}", "operator": "Equals", "value": 1}
    rule = {"context": [variable(**source)], "preconditions": {"all": [condition]}}
    (result,) = World(cluster_policy(rule=rule)).judge(pod(APP))
    (check,) = [check for check in result.checks if check.status is Status.ERROR and check.reason][:1]
    assert text in check.message
    assert check.message.startswith("failed to evaluate preconditions: ")
    assert check.reason
    assert check.reason.location
    shown = check.reason.location.source.excerpt(check.reason.location.span)
    assert '"v"' in shown


def test_entries_see_the_earlier_ones_and_the_last_of_a_name_wins() -> None:
    entries = (variable("a", value="ye"), variable("b", value="{{ a }}s"), variable("b", value="{{ b }}!"))
    assert verdict(*entries, key="{{ b }}", value="yes!")[0] == "pass"
    status, text = verdict(variable("b", value="{{ later }}"), variable("later", value=1), key="{{ b }}")
    assert status == "error"
    assert "later" in text


def test_a_broken_entry_that_nobody_mentions_does_no_harm() -> None:
    cluster = Cluster()
    assert verdict(call(), config_map(), key="yes", source=cluster)[0] == "pass"
    assert not cluster.asked


def test_k13_variables_that_double_end_in_an_error() -> None:
    entries = [variable("l0", value="x" * 1024)]
    entries += [variable(f"l{n}", jmesPath=f"join('', [l{n - 1}, l{n - 1}])") for n in range(1, 31)]
    status, text = verdict(*entries, key="{{ l30 }}")
    assert status == "error"
    assert "context size limit exceeded" in text


def test_attestors_take_values_of_entries() -> None:
    keyless = {"subject": "{{ who }}", "issuer": "https://accounts.google.com", "rekor": {"url": "https://r"}}
    entry = {"attestors": [{"entries": [{"keyless": keyless}]}]}
    for name, status in (("dev@acme.example", "pass"), ("eve@acme.example", "fail")):
        world = World(cluster_policy(entry, rule={"context": [variable("who", value=name)]}))
        world.store.image(APP, {"subject": "dev@acme.example"})
        (result,) = world.judge(pod(APP))
        assert said(result)[0][0] == status


# --- ConfigMaps -----------------------------------------------------------------------------------------


def map_object(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "names", "namespace": "shop"},
        "data": data,
    }


def test_config_maps_among_the_given_resources() -> None:
    given = GivenContext(objects=[map_object(answer="yes")])
    assert verdict(config_map(), key="{{ cm.data.answer }}", source=given)[0] == "pass"
    assert verdict(config_map(), key="{{ cm.metadata.namespace }}", value="shop", source=given)[0] == "pass"
    variables = config_map("{{ to_string('names') }}", "{{ to_string('shop') }}")
    assert verdict(variables, key="{{ cm.data.answer }}", source=given)[0] == "pass"


def test_a_missing_config_map_names_the_cure() -> None:
    status, text = verdict(config_map(), key="{{ cm.data.answer }}", source=GivenContext())
    assert status == "error"
    assert "failed to retrieve config map for context entry cm: failed to get configmap shop/names : " in text
    assert "--resource" in text


@pytest.mark.parametrize(
    ("name", "namespace", "text"),
    [
        ("{{ request.object }}", "shop", "configMap.name {{ request.object }}: expected string, got map["),
        (
            "{{ request.missing }}",
            "shop",
            "failed to substitute variables in context cm configMap.name {{ request.missing }}: ",
        ),
        ("{{ to_string('a/b') }}", "shop", "no name of a Kubernetes object"),
        ("names", "{{ to_string('../x') }}", "no name of a Kubernetes object"),
        (
            "names",
            "{{ request.object.metadata }}",
            "configMap.namespace {{ request.object.metadata }}: expected",
        ),
    ],
)
def test_names_that_are_none_are_errors_and_ask_nobody(name: str, namespace: str, text: str) -> None:
    cluster = Cluster()
    status, message = verdict(config_map(name, namespace), key="{{ cm.data.answer }}", source=cluster)
    assert status == "error"
    assert text in message
    assert not cluster.asked


@pytest.mark.parametrize(
    "entry",
    [
        {
            "name": "cm",
            "configMap": {"name": "names", "namespace": "{{ request.object.metadata.labels.to }}"},
        },
        {
            "name": "cm",
            "apiCall": {"urlPath": "/api/v1/namespaces/{{ request.object.metadata.labels.to }}/pods"},
        },
        {"name": "cm", "apiCall": {"urlPath": "{{ request.object.metadata.labels.path }}"}},
    ],
)
def test_k19_k20_a_namespaced_policy_is_held_to_its_namespace_after_substitution(
    entry: dict[str, Any],
) -> None:
    cluster = Cluster()
    labels = {"to": "b", "path": "/api/v1/namespaces/a/../b/secrets"}
    resource = pod(APP, metadata={"namespace": "a", "labels": labels})
    status, text = verdict(
        entry,
        key="{{ cm.data }}",
        source=cluster,
        resource=resource,
        kind="Policy",
        metadata={"namespace": "a"},
    )
    assert status == "error"
    assert "different from" in text or "plain names" in text
    assert not cluster.asked


def test_k20_the_own_namespace_is_asked() -> None:
    cluster = Cluster({ConfigMapQuestion("a", "names"): {"data": {"answer": "yes"}, "metadata": {}}})
    entry = config_map("names", "{{ request.namespace }}")
    resource = pod(APP, metadata={"namespace": "a"})
    status, _ = verdict(
        entry,
        key="{{ cm.data.answer }}",
        source=cluster,
        resource=resource,
        kind="Policy",
        metadata={"namespace": "a"},
    )
    assert status == "pass"


# --- calls ----------------------------------------------------------------------------------------------


def test_calls_and_their_path() -> None:
    cluster = Cluster({ASKED: {"items": [1, 2, 3]}})
    assert verdict(call(), key="{{ length(call.items) }}", value=3, source=cluster)[0] == "pass"
    assert verdict(call(jmesPath="length(items)"), key="{{ call }}", value=3, source=cluster)[0] == "pass"
    status, text = verdict(call(jmesPath="missing.x"), key="{{ call }}", source=cluster)
    assert status == "error"
    assert (
        "failed to store data for APICall: failed to apply JMESPath missing.x for context entry call" in text
    )


def test_calls_send_what_is_written() -> None:
    cluster = Cluster()
    sent = call(
        urlPath="",
        service={"url": "https://svc/{{ request.operation }}", "headers": [{"key": "x", "value": "y"}]},
        method="POST",
        data=[{"key": "name", "value": "{{ request.object.metadata.name }}"}, {"key": "n", "value": 1}],
    )
    assert verdict(sent, key="{{ call }}", source=cluster)[0] == "error"
    assert cluster.asked == [
        ApiQuestion(
            entry="call",
            service_url="https://svc/CREATE",
            method="POST",
            data='{"n":1,"name":"pod"}',
            headers=(("x", "y"),),
        )
    ]


def test_a_default_stands_in_for_a_failed_call_only() -> None:
    down = Cluster({ASKED: TransportError("cluster-unreachable", "down")})
    for source in (Cluster(), down, GivenContext()):
        assert verdict(call(default="yes", jmesPath="x"), key="{{ call }}", source=source)[0] == "pass"
    refused = call(urlPath="/{{ to_string('..') }}", default="yes")
    assert verdict(refused, key="{{ call }}", source=Cluster())[0] == "error"
    unknown = call(urlPath="/api/{{ request.missing }}", default="yes")
    assert verdict(unknown, key="{{ call }}", source=Cluster())[0] == "error"


@pytest.mark.parametrize(
    "spelling", ["%2e%2e", "%252e", "..%2f", "\\", "//", ";", "#", "%zz", "%", "..", "\uff0e\uff0e"]
)
def test_k21_k23_paths_are_judged_after_substitution(spelling: str) -> None:
    cluster = Cluster()
    resource = pod(APP, metadata={"labels": {"x": spelling}})
    entry = call(urlPath="/api/v1/namespaces/a/{{ request.object.metadata.labels.x }}/b")
    status, text = verdict(entry, key="{{ call }}", source=cluster, resource=resource)
    assert status == "error"
    assert "not made of plain names" in text
    assert not cluster.asked


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "2130706433",
    ],
)
def test_k28_k29_no_service_is_called_and_the_error_names_the_cure(host: str) -> None:
    entry = {"name": "call", "apiCall": {"service": {"url": f"http://{host}/latest"}}}
    status, text = verdict(entry, key="{{ call }}", source=GivenContext())
    assert status == "error"
    assert "services are not asked for the context entry call; give a value" in text


def test_an_outage_is_never_unmatched_or_empty() -> None:
    down = Cluster({ASKED: TransportError("cluster-unreachable", "the API server is down")})
    status, text = verdict(call(), key="{{ call || 'yes' }}", source=down)
    assert (status, "the API server is down" in text) == ("error", True)


# --- global references ------------------------------------------------------------------------------------


def test_global_references() -> None:
    cluster = Cluster({GlobalQuestion("all", "names"): ["yes"], GlobalQuestion("all"): {"a": "yes"}})
    for name, path, key in (("all.names", "", "{{ g[0] }}"), ("all", "a", "{{ g }}")):
        entry = {"name": "g", "globalReference": {"name": name, "jmesPath": path}}
        assert verdict(entry, key=key, source=cluster)[0] == "pass"
    entry = {"name": "g", "globalReference": {"name": "other"}}
    status, text = verdict(entry, key="{{ g }}", source=GivenContext())
    assert status == "error"
    assert "context entry g: failed to fetch entry key=other" in text


# --- mocked values ----------------------------------------------------------------------------------------


def test_given_values_stand_for_what_would_be_asked_but_not_for_variables() -> None:
    cluster = Cluster()
    cluster.values = {"cm": {"data": {"answer": "yes"}}, "call": "yes", "v": "given"}
    assert verdict(config_map(), key="{{ cm.data.answer }}", source=cluster)[0] == "pass"
    assert verdict(call(), key="{{ call }}", source=cluster)[0] == "pass"
    assert verdict(variable(value="written"), key="{{ v }}", value="written", source=cluster)[0] == "pass"
    assert not cluster.asked


# --- what is asked how often ------------------------------------------------------------------------------


def test_a_question_is_asked_once_per_evaluation() -> None:
    cluster = Cluster({ASKED: "yes"})
    deny = {"conditions": {"any": [{"key": "{{ call }}", "operator": "Equals", "value": "no"}]}}
    predicate = "https://example.com/p"
    entry = {
        "attestations": [
            {
                "type": predicate,
                "conditions": [{"all": [{"key": "{{ call }}", "operator": "Equals", "value": "yes"}]}],
            }
        ],
        "validate": {"deny": deny},
    }
    condition = {"key": "{{ call }}", "operator": "Equals", "value": "yes"}
    rule = {"context": [call()], "preconditions": {"all": [condition]}}
    world = World(cluster_policy(entry, rule=rule))
    signature = {"subject": "dev@acme.example"}
    world.store.image(APP, signature, attestations=[{**signature, "type": predicate, "predicate": {"x": 1}}])
    world.source = cluster
    (result,) = world.judge(pod(APP, APP))
    assert said(result)[0][0] == "pass"
    assert cluster.asked == [ASKED]


def test_k4_the_next_evaluation_asks_again() -> None:
    cluster = Cluster({ASKED: "yes"})
    condition = {"key": "{{ call }}", "operator": "Equals", "value": "yes"}
    world = World(cluster_policy(rule={"context": [call()], "preconditions": {"all": [condition]}}))
    world.source = cluster
    world.judge(pod(APP), pod(APP))
    assert cluster.asked == [ASKED, ASKED]


def test_k13_random_questions_end() -> None:
    cluster = Cluster()
    entry = call(urlPath="/api/{{ random('[a-z]{20}') }}")
    status, text = verdict(entry, key="{{ call }}", source=cluster)
    assert status == "error"
    assert f"asks for more than {MAX_QUESTIONS} different things" in text
    assert len(cluster.asked) == MAX_QUESTIONS


# --- images -----------------------------------------------------------------------------------------------

REPOSITORY = Repository("ghcr.io", "acme/base")


def image_world(*, key: str, value: Any, reference: str = "ghcr.io/acme/base:v1", path: str = "") -> World:
    entry = {"name": "i", "imageRegistry": {"reference": reference, "jmesPath": path}}
    condition = {"key": key, "operator": "Equals", "value": value}
    world = World(cluster_policy(rule={"context": [entry], "preconditions": {"all": [condition]}}))
    world.store.image(APP, {"subject": "dev@acme.example"})
    return world


def add_image(world: World, config: Any, tag: str = "v1") -> Digest:
    blob = json.dumps(config).encode()
    world.store.blobs[digest_of(blob)] = blob
    body = json.dumps({"config": {"digest": digest_of(blob)}, "layers": []}).encode()
    world.store.manifests[REPOSITORY, tag] = world.store.manifests[REPOSITORY, digest_of(body)] = body
    return digest_of(body)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("{{ i.configData.config.User }}", "app"),
        ("{{ i.registry }}/{{ i.repository }}:{{ i.identifier }}", "ghcr.io/acme/base:v1"),
        ("{{ i.image }}", "ghcr.io/acme/base:v1"),
        ("{{ length(i.manifest.layers) }}", 0),
        ("{{ i.manifestList || 'none' }}", "none"),
    ],
)
def test_image_data(key: str, value: Any) -> None:
    world = image_world(key=key, value=value)
    add_image(world, {"config": {"User": "app"}})
    (result,) = world.judge(pod(APP))
    assert said(result)[0][0] == "pass"


def test_image_data_is_read_by_one_digest_and_once_for_all_resources() -> None:
    world = image_world(key="{{ i }}", value="app", path="configData.config.User")
    digest = add_image(world, {"config": {"User": "app"}})
    results = world.judge(*(pod(APP) for _ in range(5)))
    assert {said(result)[0][0] for result in results} == {"pass"}
    asked = {
        name: n for name, n in world.store.requests.items() if "acme/base" in name or name.startswith("blob")
    }
    assert asked[f"manifest {REPOSITORY}:v1"] == 1
    assert asked[f"manifest {REPOSITORY}:{digest}"] == 1
    assert sum(n for name, n in asked.items() if name.startswith("blob")) <= 2


def test_an_index_gives_the_child_for_linux_on_amd64() -> None:
    world = image_world(key="{{ i.configData.os }} {{ length(i.manifestList.manifests) }}", value="amd 2")
    arm, amd = add_image(world, {"os": "arm"}), add_image(world, {"os": "amd"})
    index = json.dumps(
        {
            "manifests": [
                {"digest": arm, "platform": {"os": "linux", "architecture": "arm64"}},
                {"digest": amd, "platform": {"os": "linux", "architecture": "amd64"}},
            ]
        }
    ).encode()
    world.store.manifests[REPOSITORY, "v1"] = world.store.manifests[REPOSITORY, digest_of(index)] = index
    (result,) = world.judge(pod(APP))
    assert said(result)[0][0] == "pass"


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("ghcr.io/acme/none:v1", "failed to fetch image descriptor: ghcr.io/acme/none:v1, error: "),
        ("{{ to_string('A:B:C') }}", "failed to fetch image descriptor: A:B:C, error: "),
        ("{{ request.object }}", "image reference must be a string"),
        (
            "{{ request.missing }}",
            "failed to substitute variables in context entry i {{ request.missing }}: ",
        ),
        ("ghcr.io/acme/broken:v1", "names no configuration"),
    ],
)
def test_images_that_cannot_be_described_are_errors(reference: str, text: str) -> None:
    world = image_world(key="{{ i }}", value="x", reference=reference)
    broken = Repository("ghcr.io", "acme/broken")
    world.store.manifests[broken, "v1"] = world.store.manifests[broken, digest_of(b"{}")] = b"{}"
    (result,) = world.judge(pod(APP))
    status, message = said(result)[0]
    assert (status, text in message) == ("error", True), message


def test_a_path_over_image_data_that_fails_is_an_error() -> None:
    world = image_world(key="{{ i }}", value="x", path="configData.missing")
    add_image(world, {"config": {}})
    (result,) = world.judge(pod(APP))
    assert (
        "failed to apply JMESPath (configData.missing) results to context entry i, error: "
        in said(result)[0][1]
    )


def test_questions_about_images_are_not_for_the_cluster() -> None:
    with pytest.raises(AssertionError):
        GivenContext().answer(ImageQuestion("a")).send(None)
