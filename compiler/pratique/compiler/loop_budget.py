"""How much the loops of one rule may do over one resource (R9): whoever sends it chooses their lists.

Loops inside loops multiply, and a loop that mutates may make longer the very list that the next one runs
over; each of its elements costs the copying of the object besides.
"""

from __future__ import annotations

from typing import Any, Final

from pratique.grammar.errors import EvaluationError

MAX_WORK: Final = 5_000_000
"""Values that may be copied, about a microsecond each."""
PER_ELEMENT: Final = 250
"""What an element costs beside the object that is copied for it: there are at most 20,000."""


class LoopBudget:
    """What is left for the loops of a rule; shared by all of them, and spent."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        """Begin with all of it."""
        self._left = MAX_WORK

    def spend(self, copied: Any = None) -> None:
        """Take the cost of one element, and of an object that is copied for it.

        Raises:
            EvaluationError: `too-many-elements`: nothing is left.
        """
        self._left -= PER_ELEMENT + (0 if copied is None else _values(copied, self._left))
        if self._left < 0:
            raise EvaluationError("too-many-elements", "the loops of the rule go through too many elements")


def _values(data: Any, enough: int) -> int:
    """Return the number of values in JSON data, or one that is more than `enough`."""
    count, stack = 0, [data]
    while stack and count <= enough:
        value = stack.pop()
        count += 1
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return count
