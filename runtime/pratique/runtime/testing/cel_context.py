"""What policies in CEL are told in a suite: objects and images of its context file, and mocked answers.

References: Kyverno 1.19 `pkg/cel/libs/fake_context.go`, `http_mock.go`,
`cmd/cli/kubectl-kyverno/processor/utils.go` (`NewContextProvider`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pratique.compiler.api_kinds import plural
from pratique.compiler.cel.questions import (
    AccessQuestion,
    CelQuestion,
    HttpQuestion,
    ImageDataQuestion,
    ParameterQuestion,
    ResourceListQuestion,
    ResourceNameQuestion,
    ResourcePostQuestion,
    ResourceQuestion,
)
from pratique.compiler.cel_policies.constraints import selects
from pratique.grammar.documents.testing import ContextFile
from pratique.grammar.errors import EvaluationError
from pratique.runtime.testing.cluster import Cluster
from pratique.runtime.testing.mocks import Calls
from pratique.runtime.testing.model import ResourceKey


class CelContext:
    """Answers what expressions ask."""

    def __init__(
        self,
        file: ContextFile | None,
        targets: Iterable[Mapping[str, Any]] = (),
        parameters: Iterable[Mapping[str, Any]] = (),
        calls: Calls | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        """Take what a suite says.

        Args:
            file: its context file.
            targets: existing objects.
            parameters: objects that bindings may name.
            calls: answers of services.
            cluster: its cluster, which is asked about what the file does not hold.
        """
        spec = file.spec if file else None
        self._resources: dict[tuple[str, str], dict[tuple[str, str], Mapping[str, Any]]] = {}
        for each in (*(spec.resources if spec else ()), *targets):
            self._add(each)
        self._images = {each.image: _image(each) for each in (spec.images if spec else ())}
        self._parameters = tuple(parameters)
        self._calls = calls or Calls(())
        self._cluster = cluster

    def _add(self, data: Mapping[str, Any]) -> None:
        key = ResourceKey.of(data)
        found = self._resources.setdefault((key.api_version, plural(key.kind)), {})
        found[key.namespace, key.name] = data

    def answer(self, question: CelQuestion | ImageDataQuestion) -> Any:
        """Return what the suite says.

        Raises:
            EvaluationError: it says nothing.
        """
        match question:
            case ImageDataQuestion(reference=reference):
                if reference in self._images:
                    return self._images[reference]
                raise EvaluationError("not-given", f"image data for {reference} not found in the context")
            case ResourceQuestion(api_version=version, resource=resource):
                objects = self._resources.get((version, resource), {})
                return objects.get((question.namespace, question.name)) or self._named(question)
            case ResourceListQuestion():
                return self._list(question)
            case ResourceNameQuestion(api_version=version, kind=kind):
                return self._cluster.resource_of(version, kind) if self._cluster else plural(kind)
            case ParameterQuestion():
                return [each for each in self._parameters if _is_parameter(question, each)]
            case HttpQuestion():
                return self._called(question)
            case ResourcePostQuestion(resource=resource):
                raise EvaluationError("not-given", f"the suite gives no answer to the POST of {resource}")
            case AccessQuestion():
                raise EvaluationError("not-given", "the suite does not say who may do what")

    def _named(self, question: ResourceQuestion) -> Mapping[str, Any] | None:
        if self._cluster is None:
            return None
        named = (question.namespace, question.name)
        return self._cluster.named(question.api_version, question.resource, *named)

    def _list(self, question: ResourceListQuestion) -> dict[str, Any]:
        """Return the objects of one namespace, or those that are in none; labels do not count.

        A cluster does as Kubernetes does: no namespace stands for all, and labels count.
        """
        if self._cluster is not None:
            return self._listed(self._cluster, question)
        objects = self._resources.get((question.api_version, question.resource))
        if objects is None:
            group = question.api_version.rpartition("/")[0]
            name = f"{question.resource}.{group}" if group else question.resource
            raise EvaluationError("not-given", f"{name} resource not found")
        items = [each for (namespace, _), each in objects.items() if namespace == question.namespace]
        return {"items": items}

    def _listed(self, cluster: Cluster, question: ResourceListQuestion) -> dict[str, Any]:
        found = cluster.listed(question.api_version, question.resource, question.namespace)
        wanted = question.labels
        items = [each for each in found["items"] if all(_labels(each).get(k) == v for k, v in wanted)]
        return {**found, "items": items}

    def _called(self, question: HttpQuestion) -> Any:
        found = self._calls.response(question.method, question.url)
        if found is not None:
            return {"body": found.body, "statusCode": found.status_code or 200}
        if question.namespace:
            text = (
                "http calls are not allowed in namespaced policies: set --allowHTTPInNamespacedPolicies to"
                " enable"
            )
            raise EvaluationError("not-given", text)
        raise EvaluationError("not-given", "no service is called; give its answer in apiCallResponses")


def _image(facts: Any) -> dict[str, Any]:
    data: dict[str, Any] = facts.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        key: value for key, value in data.items() if value or key in ("image", "resolvedImage", "registry")
    }


def _is_parameter(question: ParameterQuestion, data: Mapping[str, Any]) -> bool:
    """Say whether an object is a parameter; one that is named may be in any namespace."""
    key = ResourceKey.of(data)
    if (key.api_version, key.kind) != (question.api_version, question.kind):
        return False
    if question.selector is not None:
        return selects(question.selector, _labels(data))
    return key.name == question.name


def _labels(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return (data.get("metadata") or {}).get("labels") or {}
