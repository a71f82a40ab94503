"""Context that is asked for again and again: the scan of a cluster asks the same of each of its resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pratique.compiler.context_entries import Source
from pratique.compiler.context_questions import Question
from pratique.runtime.memory import Memory, Worth
from pratique.runtime.ports import ContextSource

SECONDS: Final = 30.0
MAX_ENTRIES: Final = 1024
WEIGHT: Final = 16 << 10
"""What an answer counts for, whatever it holds: none holds more than the context of a rule."""


class RememberedContext:
    """A `ContextSource` that believes another one for a while."""

    def __init__(self, source: ContextSource) -> None:
        """Take whom to ask."""
        self._source = source
        self._memory = Memory(max_entries=MAX_ENTRIES)
        self.knows_images = source.knows_images

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        """Return what the source says."""
        return self._source.given(policy, rule)

    def loads(self, source: Source, given: bool) -> bool:
        """Say what the source says."""
        return self._source.loads(source, given)

    async def answer(self, question: Question) -> Any:
        """Return what the source said lately; errors are not remembered.

        Raises:
            EvaluationError: there is no answer.
            TransportError: nobody could be asked.
        """
        return await self._memory.ask(question, lambda: self._source.answer(question), _worth)


def _worth(answer: object) -> Worth:
    return Worth(0 if isinstance(answer, Exception) else SECONDS, WEIGHT)
