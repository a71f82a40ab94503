"""How much an expression may cost (rule R9)."""

from __future__ import annotations

from dataclasses import dataclass

from pratique.grammar.limits import MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on expressions and their data.

    Attributes:
        max_expression_bytes: of one expression as it is written.
        max_nesting: of parentheses, brackets, calls and projections inside each other.
        max_context_bytes: of the JSON text of all context entries together (Kyverno's default).
        max_work_bytes: of everything that one evaluation builds or looks through; bounds memory and time.
        max_data_depth: of lists and maps inside each other, in parsed and in printed JSON.
        max_expansions: rounds of substitution in one text, so that a value naming itself ends.
        max_substitutions: variables that are put into one text.
    """

    max_expression_bytes: int = 4096
    max_nesting: int = 64
    max_context_bytes: int = 2 * MIB
    max_work_bytes: int = 8 * MIB
    max_data_depth: int = 128
    max_expansions: int = 64
    max_substitutions: int = 1000


DEFAULT_LIMITS = Limits()
