"""An engine whose results somebody else gets to see, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pratique.runtime.applicable import Applicable
from pratique.runtime.decision import RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.resource import Resource

Seen = Callable[[Sequence[Applicable], Sequence[RuleResult]], None]
"""Is told which rules were judged, and what was found."""


class WatchedEngine(Engine):
    """Judges as any engine does, and tells `seen` what it found."""

    def __init__(self, seen: Seen, *arguments: Any, **options: Any) -> None:
        """Take who is told; the rest is that of an engine."""
        super().__init__(*arguments, **options)
        self._seen = seen

    async def judge(
        self, resource: Resource, rules: Sequence[Applicable], *, seconds: float | None = None
    ) -> tuple[RuleResult, ...]:
        """Return the results as an engine does."""
        results = await super().judge(resource, rules, seconds=seconds)
        self._seen(rules, results)
        return results
