"""Context out of a cluster, in memory."""

import asyncio
import json
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.cel.questions import (
    AccessQuestion,
    HttpQuestion,
    ParameterQuestion,
    ResourceListQuestion,
    ResourceNameQuestion,
    ResourcePostQuestion,
    ResourceQuestion,
)
from pratique.compiler.context_questions import ApiQuestion, ConfigMapQuestion, GlobalQuestion
from pratique.grammar.errors import EvaluationError, TransportError
from pratique.runtime.kubernetes.services import Services
from pratique.runtime.kubernetes.types import CONFIG_MAPS, NAMESPACES
from pratique.runtime.serving.catalogue import Catalogue
from pratique.runtime.serving.cluster_context import ClusterContext
from pratique.runtime.serving.remembered_context import RememberedContext
from tests.support_admission import APP, judge, world
from tests.support_discovery import DISCOVERY
from tests.support_engine import pod
from tests.support_fake_cluster import FakeCluster


def cluster() -> FakeCluster:
    found = FakeCluster()
    found.put(CONFIG_MAPS, "teams", "shop", data={"owner": "a"}, metadata={"labels": {"app": "x"}})
    found.put(CONFIG_MAPS, "others", "shop", data={})
    found.put(NAMESPACES, "shop")
    return found


def context(given: FakeCluster, *services: str) -> ClusterContext:
    catalogue = Catalogue(given)
    catalogue.discovery = DISCOVERY
    return ClusterContext(given, catalogue, Services(services))


def answer(question: Any, given: FakeCluster | None = None) -> Any:
    return asyncio.run(context(given or cluster()).answer(question))


def test_config_maps() -> None:
    found = answer(ConfigMapQuestion("shop", "teams"))
    assert found["data"] == {"owner": "a"}
    assert found["metadata"]["labels"] == {"app": "x"}
    with pytest.raises(EvaluationError, match='configmaps "none" not found'):
        answer(ConfigMapQuestion("shop", "none"))
    down = cluster()
    down.fail("get", "configmaps", 503)
    with pytest.raises(TransportError):
        answer(ConfigMapQuestion("shop", "teams"), down)


def test_calls_of_the_api() -> None:
    given = cluster()
    path = "/api/v1/namespaces/shop/pods?limit=1"
    given.documents[path] = {"items": [1]}
    assert answer(ApiQuestion(entry="e", url_path=path), given) == {"items": [1]}
    with pytest.raises(EvaluationError, match="failed to GET resource with raw url: /api/v1/x: "):
        answer(ApiQuestion(entry="e", url_path="/api/v1/x"), given)


def test_nothing_is_made_in_the_cluster() -> None:
    given = cluster()
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    given.documents[f"POST {path}"] = {"status": {"allowed": True}}
    asked = ApiQuestion(entry="e", url_path=path, method="POST", data='{"a": 1}')
    assert answer(asked, given) == {"status": {"allowed": True}}
    assert given.posted == [(path, '{"a": 1}')]
    for other in ("/api/v1/namespaces/shop/pods", "/apis/authorization.k8s.io/v1/others"):
        with pytest.raises(EvaluationError, match="would make an object"):
            answer(ApiQuestion(entry="e", url_path=other, method="POST", data="{}"), given)
    with pytest.raises(EvaluationError, match="would make an object"):
        answer(ResourcePostQuestion("v1", "pods", "shop", "{}"), given)
    assert len(given.posted) == 1


def test_what_is_not_kept_is_said() -> None:
    with pytest.raises(EvaluationError, match="global context entries are not kept"):
        answer(GlobalQuestion("known"))


def test_services_are_those_that_were_named() -> None:
    for question in (
        ApiQuestion(entry="e", service_url="https://svc.ns/x"),
        HttpQuestion("GET", "https://svc.ns/x"),
    ):
        with pytest.raises(EvaluationError, match=r"name it with --allow-service svc\.ns:443"):
            answer(question)


def test_k33_namespaced_policies() -> None:
    question = HttpQuestion("GET", "https://svc.ns/x", namespace="shop")
    with pytest.raises(EvaluationError, match="policies of a namespace call no services"):
        asyncio.run(context(cluster(), "svc.ns").answer(question))


def test_objects() -> None:
    assert answer(ResourceQuestion("v1", "configmaps", "shop", "teams"))["data"] == {"owner": "a"}
    assert answer(ResourceQuestion("v1", "namespaces", "", "shop"))["kind"] == "Namespace"
    assert answer(ResourceQuestion("v1", "configmaps", "shop", "none")) is None
    found = answer(ResourceListQuestion("v1", "configmaps", "shop", (("app", "x"),)))
    assert [each["metadata"]["name"] for each in found["items"]] == ["teams"]
    assert answer(ResourceNameQuestion("tekton.dev/v1", "Task")) == "tasks"
    with pytest.raises(EvaluationError, match="serves no Task of v2"):
        answer(ResourceNameQuestion("v2", "Task"))


def test_parameters() -> None:
    def found(name: str, selector: ir.LabelSelector | None = None) -> list[str]:
        question = ParameterQuestion("v1", "ConfigMap", "shop", name, selector)
        return [each["metadata"]["name"] for each in answer(question)]

    assert found("teams") == ["teams"]
    assert found("none") == []
    assert found("", ir.LabelSelector(match_labels=(("app", "x"),))) == ["teams"]


def test_who_may_do_what() -> None:
    given = cluster()
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    given.documents[f"POST {path}"] = {"status": {"allowed": True, "reason": "admin"}}
    question = AccessQuestion(user="u", groups=("g",), verb="get", resource="pods", label_selector="a=b")
    assert answer(question, given) == {"allowed": True, "reason": "admin"}
    answer(AccessQuestion(user="u", verb="get", path="/healthz"), given)
    first, second = (json.loads(data)["spec"] for _, data in given.posted)
    assert first["resourceAttributes"] == {
        "verb": "get",
        "resource": "pods",
        "labelSelector": {"rawSelector": "a=b"},
    }
    assert second["nonResourceAttributes"] == {"path": "/healthz", "verb": "get"}


def test_a_request_is_judged_by_what_the_cluster_holds_now() -> None:
    rule: dict[str, Any] = {
        "context": [{"name": "known", "configMap": {"name": "teams", "namespace": "shop"}}],
        "preconditions": {"all": [{"key": "{{ known.data.owner }}", "operator": "Equals", "value": "a"}]},
    }
    given, held = world(signed=False, **rule), cluster()
    given.source = context(held)
    assert not judge(given, pod(APP)).allowed
    held.put(CONFIG_MAPS, "teams", "shop", data={"owner": "b"})
    assert judge(given, pod(APP)).allowed
    held.drop(CONFIG_MAPS, "teams", "shop")
    verdict = judge(given, pod(APP))
    assert not verdict.allowed
    assert 'configmaps "teams" not found' in verdict.message


def test_a_scan_asks_once_for_a_while() -> None:
    given = cluster()
    given.fail("get", "configmaps", 503)

    async def run() -> None:
        remembered = RememberedContext(context(given))
        with pytest.raises(TransportError):
            await remembered.answer(ConfigMapQuestion("shop", "teams"))
        answers = [await remembered.answer(ConfigMapQuestion("shop", "teams")) for _ in range(5)]
        assert answers[0]["data"] == {"owner": "a"}
        assert given.calls["get configmaps"] == 2

    asyncio.run(run())
