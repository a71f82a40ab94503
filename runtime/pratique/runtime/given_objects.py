"""Objects that were given, as the API of a cluster would tell of them.

What was not given is an error that names the cure, and never "there is none".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from pratique.grammar.errors import EvaluationError


class GivenObjects:
    """Kubernetes objects by the names of their resources."""

    def __init__(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Take the objects; of several with the same name the last one counts."""
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Mapping[str, Any]]] = {}
        for each in objects:
            kind = each.get("kind")
            if isinstance(kind, str) and kind:
                found = self._objects.setdefault((str(each.get("apiVersion") or ""), plural(kind)), {})
                found[_text(each, "namespace"), _text(each, "name")] = each

    def answer(self, question: CelQuestion) -> Any:
        """Return what the objects say.

        Raises:
            EvaluationError: `not-given`: they do not.
        """
        match question:
            case ResourceNameQuestion(kind=kind):
                return plural(kind)
            case ResourceQuestion():
                return self._object(question)
            case ResourceListQuestion():
                return {"kind": "List", "apiVersion": "v1", "items": self._list(question)}
            case ParameterQuestion():
                return self._parameters(question)
            case ResourcePostQuestion(resource=resource):
                raise EvaluationError("not-given", f"no cluster answers the POST of {resource}")
            case HttpQuestion(method=method):
                raise EvaluationError("not-given", f"services are not asked: {method} is not sent")
            case AccessQuestion():
                raise EvaluationError("not-given", "no cluster says who may do what")

    def _of(self, api_version: str, resource: str) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        return self._objects.get((api_version, resource), {})

    def _object(self, question: ResourceQuestion) -> Any:
        known = self._of(question.api_version, question.resource)
        found = known.get((question.namespace, question.name))
        if found is None and question.namespace == "default":
            found = known.get(("", question.name))
        if found is None:
            place = f"{question.namespace}/{question.name}" if question.namespace else question.name
            text = f"{question.resource} {place} is not among the given resources; add it to --resource"
            raise EvaluationError("not-given", text)
        return found

    def _list(self, question: ResourceListQuestion) -> list[Mapping[str, Any]]:
        known = self._of(question.api_version, question.resource)
        if not known:
            text = f"no {question.resource} are among the given resources; add them to --resource"
            raise EvaluationError("not-given", text)
        return [
            each
            for (namespace, _), each in known.items()
            if question.namespace in ("", namespace or "default")
            and all(_labels(each).get(key) == value for key, value in question.labels)
        ]

    def _parameters(self, question: ParameterQuestion) -> list[Mapping[str, Any]]:
        """Return the parameters of a binding; one that is in no namespace of its own is in any."""
        known = self._of(question.api_version, plural(question.kind))
        return [
            each
            for (namespace, name), each in known.items()
            if (not namespace or not question.namespace or namespace == question.namespace)
            and (
                selects(question.selector, _labels(each))
                if question.selector is not None
                else name == question.name
            )
        ]


def _metadata(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = data.get("metadata")
    return found if isinstance(found, dict) else {}


def _text(data: Mapping[str, Any], field: str) -> str:
    value = _metadata(data).get(field)
    return value if isinstance(value, str) else ""


def _labels(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _metadata(data).get("labels")
    return found if isinstance(found, dict) else {}
