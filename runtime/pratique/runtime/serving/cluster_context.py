"""Context out of a running cluster: ConfigMaps, calls of its API, objects that CEL asks for.

References: Kyverno 1.19 `pkg/engine/context/loaders`, `pkg/engine/apicall/executor.go`; texts are theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.compiler.cel.questions import ImageDataQuestion, SignedQuestion
from pratique.compiler.context_entries import Source
from pratique.compiler.context_questions import (
    ApiQuestion,
    ConfigMapQuestion,
    GlobalQuestion,
    ImageQuestion,
    Question,
)
from pratique.grammar.errors import EvaluationError, TransportError
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.services import Services
from pratique.runtime.kubernetes.types import CONFIG_MAPS
from pratique.runtime.serving.catalogue import Catalogue
from pratique.runtime.serving.cluster_objects import MAX_ANSWER, ClusterObjects, review


class ClusterContext:
    """A `ContextSource` that asks the API server, each time anew."""

    knows_images = False

    def __init__(self, cluster: Cluster, catalogue: Catalogue, services: Services) -> None:
        """Take the cluster, the types that it serves, and the services that may be called."""
        self._cluster = cluster
        self._services = services
        self._objects = ClusterObjects(cluster, catalogue, services)

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        """Return the values for a rule: there are none but those of the cluster."""
        return {}

    def loads(self, source: Source, given: bool) -> bool:
        """Every entry is loaded."""
        return True

    async def answer(self, question: Question) -> Any:
        """Return what the cluster says.

        Raises:
            EvaluationError: there is no answer.
            TransportError: the cluster, or a service, could not be asked.
        """
        match question:
            case ConfigMapQuestion(namespace=namespace, name=name):
                return await self._config_map(namespace, name)
            case ApiQuestion(service_url=url) if url:
                return await self._services.call(
                    url,
                    method=question.method,
                    data=question.data,
                    headers=question.headers,
                    authorities=question.authorities,
                )
            case ApiQuestion():
                return await self._api(question)
            case GlobalQuestion(name=name):
                text = f"failed to fetch entry key={name}: global context entries are not kept here"
                raise EvaluationError("not-given", text)
            case ImageQuestion() | ImageDataQuestion() | SignedQuestion():
                raise AssertionError("registries answer questions about images")
            case _:
                return await self._objects.answer(question)

    async def _config_map(self, namespace: str, name: str) -> Object:
        try:
            found = await self._cluster.get(CONFIG_MAPS, name, namespace)
        except ClusterError as error:
            if error.status == 404:
                text = f'configmaps "{name}" not found'
                raise EvaluationError("not-found", text) from error
            raise
        return {"data": found.get("data") or {}, "metadata": found.get("metadata") or {}}

    async def _api(self, question: ApiQuestion) -> Object:
        path, method = question.url_path, question.method
        try:
            if method == "POST":
                return await review(self._cluster, path, question.data)
            return await self._cluster.document(path, limit=MAX_ANSWER)
        except TransportError as error:
            problem = f"failed to {method} resource with raw url: {path}: "
            if isinstance(error, ClusterError) and error.status in (401, 403):
                problem += "permission denied: "
            text = problem + error.message
            if isinstance(error, ClusterError) and 400 <= error.status < 500:
                raise EvaluationError(error.code, text) from error
            raise TransportError(error.code, text) from error
