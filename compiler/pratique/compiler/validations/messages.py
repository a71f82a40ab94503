"""What a rule says: its own message with values put in, and what went wrong behind it.

References: Kyverno 1.19 `validate_resource.go` (`getDenyMessage`, `buildErrorMessage`,
`buildAnyPatternErrorMessage`).
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.expressions.context import Reader
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.values.numbers import sprint
from pratique.compiler.expressions.variables import Template
from pratique.grammar.errors import EvaluationError

_NO_TEXT: Final = "the produced message didn't resolve to a string, check your policy definition."


class Message:
    """The message of a rule; values are put in only when it is said."""

    __slots__ = ("_template", "_written", "rule")

    def __init__(self, rule: str, written: str) -> None:
        """Take the name of the rule, and its message as it is written, which may be empty."""
        self.rule = rule
        self._written = written
        # A message without variables is said as it stands: most are.
        self._template = _compiled(written) if "{{" in written or "$(" in written else None

    def passed(self, which: str = "") -> str:
        """Return what is said where the check holds; `which` tells one of several patterns."""
        return f"validation rule '{self.rule}' {which}passed."

    def denied(self, conditions: str, context: Reader) -> str:
        """Return what is said where conditions deny; `conditions` are their messages."""
        if not self._written and not conditions:
            return f"validation error: rule {self.rule} failed"
        text = "; ".join(part for part in (self._written, conditions) if part)
        if "{{" not in text and "$(" not in text:
            return text
        template = _compiled(text)
        try:
            said = template.render(context) if template else None
        except EvaluationError:
            return conditions
        if template is None:
            return conditions
        return said if isinstance(said, str) else _NO_TEXT

    def failed(self, path: str, cause: str, context: Reader | None) -> str:
        """Return what is said where a pattern does not fit: at `path`, or (without one) for `cause`.

        Args:
            path: where in the resource; empty for nowhere.
            cause: why.
            context: what variables of the message read; None where it has none.
        """
        told = (
            f"rule {self.rule} failed at path {path}"
            if path
            else f"rule {self.rule} execution error: {cause}"
        )
        return self._error(told, cause, context)

    def none_fits(self, told: str, context: Reader | None) -> str:
        """Return what is said where none of several patterns fits; `told` has a sentence about each."""
        return self._error(told, told, context)

    def _error(self, told: str, cause: str, context: Reader | None) -> str:
        if not self._written:
            return f"validation error: {told}"
        try:
            text = self._text(context)
        except EvaluationError:
            return (
                f"validation error: variables substitution error in rule {self.rule} execution error: {cause}"
            )
        return f"validation error: {text if text.endswith('.') else text + '.'} {told}"

    @property
    def has_variables(self) -> bool:
        """Say whether what is said depends on a context."""
        return "{{" in self._written or "$(" in self._written

    def _text(self, context: Reader | None) -> str:
        if not self.has_variables:
            return self._written
        if self._template is None or context is None:
            raise EvaluationError("unresolved-reference", "the message holds a reference that leads nowhere")
        said = self._template.render(context)
        return said if isinstance(said, str) else sprint(said)


def _compiled(text: str) -> Template | None:
    """Return the template of a message; None where a reference in it leads nowhere."""
    try:
        return Template.compile(text)
    except ExpressionError:
        return None
