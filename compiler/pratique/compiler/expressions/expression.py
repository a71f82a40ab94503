"""A compiled expression: text to closure once, then value to result."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.expressions.errors import ExpressionError, UnknownKeyError
from pratique.compiler.expressions.jmespath.run import NOTHING_OUTSIDE, Environment, Run
from pratique.compiler.expressions.limits import DEFAULT_LIMITS, Limits
from pratique.compiler.expressions.values.json_text import clean
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.expressions.jmespath.syntax import Node

_FRAMES: Final = "the interpreter's stack is too small for this expression"


class Expression:
    """A JMESPath expression in Kyverno's dialect, ready for many values; immutable.

    Attributes:
        text: as it is written, without blanks at the ends.
        tree: its syntax tree, for static analysis.
    """

    __slots__ = ("_evaluate", "_mentions", "text", "tree")

    def __init__(self, text: str, limits: Limits = DEFAULT_LIMITS) -> None:
        """Compile `text`.

        Raises:
            ExpressionError: with the offset of the mistake in `text`.
        """
        # Parser and functions are only loaded once there is something to compile: they cost start-up time.
        from pratique.compiler.expressions.jmespath.evaluation import compile_tree
        from pratique.compiler.expressions.jmespath.parser import parse

        self.text = text.strip()
        lead = len(text) - len(text.lstrip())
        try:
            self.tree = parse(self.text, limits)
            self._evaluate = compile_tree(self.tree)
        except ExpressionError as error:
            raise error.within((), lead) from None
        self._mentions: dict[str, bool] = {}

    def evaluate(self, value: Any, environment: Environment = NOTHING_OUTSIDE) -> Any:
        """Return the result for JSON data, which is never changed; it may share parts with `value`.

        Raises:
            EvaluationError: `unknown-key` for a missing key that no form swallows, `invalid-argument` for
                functions, `context-too-large` beyond the budget.
        """
        run = Run(environment)
        try:
            result = self._evaluate(value, run)
            return clean(result) if run.has_raw_bytes else result
        except UnknownKeyError as error:
            raise EvaluationError("unknown-key", str(error)) from None
        except RecursionError as error:
            raise EvaluationError("expression-too-deep", _FRAMES) from error

    def mentions(self, name: str) -> bool:
        """Say whether the text mentions a context entry: what makes Kyverno load it.

        A mention stands behind the start, a blank, or anything but a dot, letter or digit; it may be inside a
        literal, and need not be reached by the evaluation.

        References: Kyverno 1.19 `NewDeferredLoader`.
        """
        found = self._mentions.get(name)
        if found is None:
            found = self._mentions[name] = _mention(name).search(self.text) is not None
        return found

    @property
    def roots(self) -> frozenset[str]:
        """Return the keys that the expression reads from the value it starts with."""
        return roots(self.tree)

    @property
    def functions(self) -> frozenset[str]:
        """Return the names of the functions it calls."""
        from pratique.compiler.expressions.jmespath import syntax

        return frozenset(node.name for node in syntax.walk(self.tree) if isinstance(node, syntax.Call))

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


@lru_cache(maxsize=1024)
def compile_expression(text: str, limits: Limits = DEFAULT_LIMITS) -> Expression:
    """Return the compiled expression; equal texts share one.

    Raises:
        ExpressionError: with the offset of the mistake in `text`.
    """
    return Expression(text, limits)


@lru_cache(maxsize=1024)
def _mention(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?:\A|\s|[^.0-9A-Za-z]){re.escape(name)}\b", re.ASCII)


def roots(node: Node) -> frozenset[str]:
    """Return the keys that a tree reads from the value it starts with; the name `@` stands for all of them.

    Behind a dot, pipe or projection other values are read, which have no roots.
    """
    from pratique.compiler.expressions.jmespath import syntax

    found: set[str] = set()
    pending = [node]
    while pending:
        node = pending.pop()
        match node:
            case syntax.Field():
                found.add(node.name)
            case syntax.Current():
                found.add("@")
            case syntax.Subexpression() | syntax.Pipe() | syntax.Projection() | syntax.ValueProjection():
                pending.append(node.left)
            case syntax.Filter():
                pending.append(node.left)
            case syntax.Reference():
                pass
            case _:
                pending += syntax.children(node)
    return frozenset(found)
