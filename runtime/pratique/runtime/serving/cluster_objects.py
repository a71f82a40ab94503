"""Objects of a running cluster, and what else expressions in CEL ask the world for."""

from __future__ import annotations

import json
from typing import Any, Final

from pratique.compiler.cel.questions import (
    AccessQuestion,
    CelQuestion,
    HttpQuestion,
    ParameterQuestion,
    ResourceListQuestion,
    ResourceNameQuestion,
    ResourcePostQuestion,
    ResourceQuestion,
)
from pratique.compiler.cel_policies.constraints import selects
from pratique.grammar.errors import EvaluationError
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.services import Services
from pratique.runtime.kubernetes.types import ACCESS_REVIEWS, ResourceType
from pratique.runtime.serving.catalogue import Catalogue

MAX_ANSWER: Final = 2 << 20
"""Bytes of one answer of the API: all that the context of a rule may hold."""
_REVIEWS: Final = ("/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")
"""What a POST to them makes is an answer, and nothing is kept of it."""


async def review(cluster: Cluster, path: str, data: str) -> Object:
    """Return the answer to a POST that a policy asks for.

    DEVIATION: only of reviews, which leave nothing behind; Kyverno sends any
    (`tests/runtime/serving/test_cluster_context.py::test_nothing_is_made_in_the_cluster`).

    Raises:
        EvaluationError: `path-refused`: it would make an object.
        ClusterError: it is refused, or the server could not be asked.
    """
    if not path.startswith(_REVIEWS) or not path.endswith("reviews"):
        text = f"a POST to {path} would make an object: only access and token reviews are sent"
        raise EvaluationError("path-refused", text)
    return await cluster.post(path, data, limit=MAX_ANSWER)


class ClusterObjects:
    """Answers questions of CEL."""

    def __init__(self, cluster: Cluster, catalogue: Catalogue, services: Services) -> None:
        """Take the cluster, the types that it serves, and the services that may be called."""
        self._cluster = cluster
        self._catalogue = catalogue
        self._services = services

    async def answer(self, question: CelQuestion) -> Any:
        """Return what the cluster says.

        Raises:
            EvaluationError: there is no answer.
            TransportError: the cluster, or a service, could not be asked.
        """
        match question:
            case ResourceQuestion():
                return await self._object(question)
            case ResourceListQuestion():
                return await self._list(question)
            case ResourcePostQuestion():
                type = _type(question.api_version, question.resource, question.namespace)
                return await review(self._cluster, type.path(question.namespace), question.data)
            case ResourceNameQuestion(api_version=version, kind=kind):
                return self._served(version, kind).plural
            case HttpQuestion():
                return await self._http(question)
            case AccessQuestion():
                return await self._access(question)
            case ParameterQuestion():
                return await self._parameters(question)

    async def _object(self, question: ResourceQuestion) -> Object | None:
        type = _type(question.api_version, question.resource, question.namespace)
        subresource = question.resource.partition("/")[2]
        try:
            return await self._cluster.get(type, question.name, question.namespace, subresource=subresource)
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def _list(self, question: ResourceListQuestion) -> Object:
        type = _type(question.api_version, question.resource, question.namespace)
        labels = ",".join(f"{name}={value}" for name, value in question.labels)
        found = await self._cluster.list(type, question.namespace, labels=labels)
        return {"kind": "List", "apiVersion": "v1", "items": list(found.items)}

    async def _http(self, question: HttpQuestion) -> Any:
        """Return what a service answers.

        DEVIATION: policies of a namespace call none: whoever writes them has no right to what the server can
        reach (K29, K33; `tests/runtime/serving/test_cluster_context.py::test_k33_namespaced_policies`).
        """
        if question.namespace:
            raise EvaluationError("service-refused", "policies of a namespace call no services")
        return await self._services.call(
            question.url,
            method=question.method,
            data=question.data,
            headers=question.headers,
            authorities=question.authorities,
        )

    async def _access(self, question: AccessQuestion) -> Object:
        spec: Object = {"user": question.user, "groups": list(question.groups)}
        if question.path:
            spec["nonResourceAttributes"] = {"path": question.path, "verb": question.verb}
        else:
            named = {
                name: value
                for name in ("verb", "group", "resource", "subresource", "namespace", "name")
                if (value := getattr(question, name))
            }
            selectors = {
                name: {"rawSelector": text}
                for name, text in (
                    ("fieldSelector", question.field_selector),
                    ("labelSelector", question.label_selector),
                )
                if text
            }
            spec["resourceAttributes"] = named | selectors
        body = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": ACCESS_REVIEWS.kind, "spec": spec}
        answer = await self._cluster.post(ACCESS_REVIEWS.path(), json.dumps(body), limit=MAX_ANSWER)
        status = answer.get("status")
        return status if isinstance(status, dict) else {}

    async def _parameters(self, question: ParameterQuestion) -> list[Object]:
        type = self._served(question.api_version, question.kind)
        namespace = question.namespace if type.namespaced else ""
        if question.selector is None:
            try:
                return [await self._cluster.get(type, question.name, namespace)]
            except ClusterError as error:
                if error.status == 404:
                    return []
                raise
        found = await self._cluster.list(type, namespace)
        return [each for each in found.items if selects(question.selector, _labels(each))]

    def _served(self, api_version: str, kind: str) -> ResourceType:
        for each in self._catalogue.discovery.served:
            if (each.type.api_version, each.type.kind) == (api_version, kind):
                return each.type
        raise EvaluationError("not-found", f"the cluster serves no {kind} of {api_version}")


def _type(api_version: str, resource: str, namespace: str) -> ResourceType:
    group, _, version = api_version.rpartition("/")
    plural = resource.partition("/")[0]
    return ResourceType(group=group, version=version, plural=plural, kind="", namespaced=bool(namespace))


def _labels(item: Object) -> dict[str, str]:
    found = (item.get("metadata") or {}).get("labels")
    return found if isinstance(found, dict) else {}
