"""What context entries of policies are told in a suite: mocked values, and nothing else.

As in the Kyverno CLI, an entry that nobody answers is not there: its name is an unknown key.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/store/contextloader.go`,
`pkg/engine/factories/contextloaderfactory.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.compiler.context_entries import ImageSource, Source
from pratique.compiler.context_loading import Question
from pratique.grammar.errors import EvaluationError


class SuiteContext:
    """A `ContextSource` over what a suite says."""

    def __init__(
        self, values: Mapping[tuple[str, str], Mapping[str, Any]], *, registries: bool = False
    ) -> None:
        """Take values by policy and rule, and whether registries may be asked about images."""
        self._values = values
        self._registries = registries

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        """Return the values for a rule."""
        return self._values.get((policy, rule), {})

    def loads(self, source: Source) -> bool:
        """Say whether somebody answers entries with such a source."""
        return self._registries and isinstance(source, ImageSource)

    async def answer(self, question: Question) -> Any:
        """Nobody answers.

        Raises:
            EvaluationError: `not-given`.
        """
        raise EvaluationError("not-given", f"the suite gives no answer to {question}")
