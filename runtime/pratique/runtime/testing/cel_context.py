"""What policies in CEL are told in a suite: objects and images of its context file, and mocked answers.

References: Kyverno 1.19 `pkg/cel/libs/fake_context.go`, `http_mock.go`,
`cmd/cli/kubectl-kyverno/processor/utils.go` (`NewContextProvider`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pratique.compiler.api_kinds import plural
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
from pratique.compiler.context_loading import ImageQuestion
from pratique.grammar.documents.testing import ApiCallResponse, ContextFile
from pratique.grammar.errors import EvaluationError
from pratique.runtime.testing.model import ResourceKey


class CelContext:
    """Answers what expressions ask."""

    def __init__(
        self,
        file: ContextFile | None,
        targets: Iterable[Mapping[str, Any]] = (),
        parameters: Iterable[Mapping[str, Any]] = (),
        calls: Sequence[ApiCallResponse] = (),
    ) -> None:
        """Take what a suite says.

        Args:
            file: its context file.
            targets: existing objects.
            parameters: objects that bindings may name.
            calls: answers of services.
        """
        spec = file.spec if file else None
        self._resources: dict[tuple[str, str], dict[tuple[str, str], Mapping[str, Any]]] = {}
        for each in (*(spec.resources if spec else ()), *targets):
            self._add(each)
        self._images = {each.image: _image(each) for each in (spec.images if spec else ())}
        self._parameters = tuple(parameters)
        self._calls = {
            (each.method.strip().upper(), (each.url or each.url_path).strip()): {
                "body": each.response.body,
                "statusCode": each.response.status_code or 200,
            }
            for each in calls
        }

    def _add(self, data: Mapping[str, Any]) -> None:
        key = ResourceKey.of(data)
        found = self._resources.setdefault((key.api_version, plural(key.kind)), {})
        found[key.namespace, key.name] = data

    def answer(self, question: CelQuestion | ImageQuestion) -> Any:
        """Return what the suite says.

        Raises:
            EvaluationError: it says nothing.
        """
        match question:
            case ImageQuestion(reference=reference):
                found = self._images.get(reference)
                if found is None:
                    text = f"image data for {reference} not found in the context"
                    raise EvaluationError("not-given", text)
                return found
            case ResourceQuestion(api_version=version, resource=resource):
                objects = self._resources.get((version, resource), {})
                return objects.get((question.namespace, question.name))
            case ResourceListQuestion():
                return self._list(question)
            case ResourceNameQuestion(kind=kind):
                return plural(kind)
            case ParameterQuestion():
                return [each for each in self._parameters if _is_parameter(question, each)]
            case HttpQuestion():
                return self._called(question)
            case ResourcePostQuestion(resource=resource):
                raise EvaluationError("not-given", f"the suite gives no answer to the POST of {resource}")
            case AccessQuestion():
                raise EvaluationError("not-given", "the suite does not say who may do what")

    def _list(self, question: ResourceListQuestion) -> dict[str, Any]:
        """Return the objects of one namespace, or those that are in none; labels do not count."""
        objects = self._resources.get((question.api_version, question.resource))
        if objects is None:
            group = question.api_version.rpartition("/")[0]
            name = f"{question.resource}.{group}" if group else question.resource
            raise EvaluationError("not-given", f"{name} resource not found")
        items = [each for (namespace, _), each in objects.items() if namespace == question.namespace]
        return {"items": items}

    def _called(self, question: HttpQuestion) -> Any:
        for method in (question.method, ""):
            if (method, question.url) in self._calls:
                return self._calls[method, question.url]
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
        labels = (data.get("metadata") or {}).get("labels") or {}
        return selects(question.selector, labels)
    return key.name == question.name
