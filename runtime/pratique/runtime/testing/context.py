"""What context entries of policies are told in a suite: mocked values, answers, and objects of its cluster.

As in the Kyverno CLI, an entry that nobody answers is not there: its name is an unknown key.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/store/contextloader.go`,
`pkg/engine/factories/contextloaderfactory.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.compiler.cel.questions import SignedQuestion
from pratique.compiler.context_entries import (
    ApiSource,
    ConfigMapSource,
    GlobalSource,
    ImageSource,
    Source,
    VariableSource,
)
from pratique.compiler.context_questions import (
    ABSENT,
    ApiQuestion,
    ConfigMapQuestion,
    GlobalQuestion,
    ImageQuestion,
    Question,
)
from pratique.grammar.errors import EvaluationError
from pratique.runtime.testing.cel_context import CelContext
from pratique.runtime.testing.cluster import Cluster
from pratique.runtime.testing.mocks import Calls, Globals


class SuiteContext:
    """A `ContextSource` over what a suite says."""

    def __init__(
        self,
        values: Mapping[tuple[str, str], Mapping[str, Any]],
        calls: Calls,
        globals: Globals,
        cluster: Cluster | None,
        in_cel: CelContext,
        *,
        registries: bool = False,
    ) -> None:
        """Take what the suite answers.

        Args:
            values: values by policy and rule.
            calls: answers of calls; they win over values and the cluster.
            globals: values of global context entries.
            cluster: objects of the suite; None where it has no cluster.
            in_cel: what policies in CEL are told.
            registries: whether somebody may be asked about images.
        """
        self._values = values
        self._calls = calls
        self._globals = globals
        self._cluster = cluster
        self._in_cel = in_cel
        self._registries = registries
        self.knows_images = not registries

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        """Return the values for a rule."""
        return self._values.get((policy, rule), {})

    def loads(self, source: Source, given: bool) -> bool:
        """Say whether somebody answers entries with such a source; the cluster wins over values."""
        match source:
            case ConfigMapSource():
                return self._cluster is not None
            case ApiSource():
                if self._cluster is not None:
                    return True
                url = source.service_url or source.url_path
                if "{{" in url:
                    return bool(self._calls) and not given
                return self._calls.knows(source.method, url)
            case GlobalSource():
                return bool(self._globals)
            case ImageSource():
                return self._registries
            case VariableSource():
                return True

    async def answer(self, question: Question) -> Any:
        """Return what the suite says.

        Raises:
            EvaluationError: it says that there is no answer.
        """
        match question:
            case ConfigMapQuestion(namespace=namespace, name=name) if self._cluster is not None:
                return self._cluster.config_map(namespace, name)
            case ApiQuestion():
                return self._called(question)
            case GlobalQuestion(name=name, projection=projection):
                return self._globals.answer(name, projection)
            case ConfigMapQuestion():
                raise AssertionError("entries that nobody answers are not loaded")
            case ImageQuestion() | SignedQuestion():
                raise AssertionError("registries answer questions about images")
            case _:
                return self._in_cel.answer(question)

    def _called(self, question: ApiQuestion) -> Any:
        url = question.service_url or question.url_path
        if self._calls.knows(question.method, url):
            return self._calls.answer(question.entry, question.method, url)
        if self._cluster is None:
            return ABSENT
        if question.service_url:
            text = f"no service is called for the context entry {question.entry}"
            raise EvaluationError("not-given", f"{text}; give its answer in apiCallResponses")
        if question.method != "GET":
            raise EvaluationError("not-given", f"method {question.method} not supported for fake client")
        return self._cluster.get(question.url_path)
