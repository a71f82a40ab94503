"""Context from what a run was given: values that stand for answers, and objects among its resources.

No cluster is asked and no service called: what is not given is an error that names the cure, never empty.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/store/contextloader.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.questions import ImageDataQuestion, SignedQuestion
from pratique.compiler.context_entries import Source
from pratique.compiler.context_questions import (
    ApiQuestion,
    ConfigMapQuestion,
    GlobalQuestion,
    ImageQuestion,
    Question,
)
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.runtime.given_objects import GivenObjects

_CURE: Final = "give a value for it in --values-file or --set"


class GivenContext:
    """A `ContextSource` over data in memory."""

    knows_images = False

    def __init__(
        self,
        *,
        objects: Iterable[Mapping[str, Any]] = (),
        values: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
    ) -> None:
        """Take Kubernetes objects, and values by policy and rule."""
        self._all = tuple(objects)
        self._maps = {
            (_text(o, "namespace") or "default", _text(o, "name")): o
            for o in self._all
            if o.get("kind") == "ConfigMap" and o.get("apiVersion") == "v1"
        }
        self._values: Mapping[tuple[str, str], Mapping[str, Any]] = values or {}

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        """Return the values for a rule."""
        return self._values.get((policy, rule), {})

    def loads(self, source: Source, given: bool) -> bool:
        """Given values stand for entries; what is not given is told, and never empty."""
        return not given

    @cached_property
    def _objects(self) -> GivenObjects:
        from pratique.runtime.given_objects import GivenObjects

        return GivenObjects(self._all)

    async def answer(self, question: Question) -> Any:
        """Return what was given; see `find`."""
        return self.find(question)

    def find(self, question: Question) -> Any:
        """Return an object that was given.

        Raises:
            EvaluationError: `not-given`, for everything else.
        """
        match question:
            case ConfigMapQuestion(namespace=namespace, name=name):
                found = self._maps.get((namespace, name))
                if found is None:
                    raise _not_given(
                        "it is not among the given resources; add it to --resource, or give its data in"
                        " --values-file or --set"
                    )
                return {"data": found.get("data") or {}, "metadata": found["metadata"]}
            case ApiQuestion(entry=entry, url_path=path):
                asked = "the Kubernetes API is" if path else "services are"
                raise _not_given(f"{asked} not asked for the context entry {entry}; {_CURE}")
            case GlobalQuestion(name=name):
                raise _not_given(f"failed to fetch entry key={name}: no cluster keeps it; {_CURE}")
            case ImageQuestion() | ImageDataQuestion() | SignedQuestion():
                raise AssertionError("registries answer questions about images")
            case _:
                return self._objects.answer(question)


def _not_given(text: str) -> EvaluationError:
    return EvaluationError("not-given", text)


def _text(data: Mapping[str, Any], field: str) -> str:
    value = (data.get("metadata") or {}).get(field)
    return value if isinstance(value, str) else ""
