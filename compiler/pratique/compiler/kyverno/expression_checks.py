"""Expressions of a policy that do not compile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pratique.compiler.kyverno.selection_checks import Problem, Route


def expression_problems(
    form: Literal["compile", "compile_blocks", "template", "path"], data: Any, route: Route
) -> Iterator[Problem]:
    """Compile what holds expressions, and yield what is wrong with the first bad one."""
    if form == "template" and "{{" not in data:
        return
    from pratique.compiler.expressions.conditions import Conditions
    from pratique.compiler.expressions.errors import ExpressionError
    from pratique.compiler.expressions.expression import compile_expression
    from pratique.compiler.expressions.variables import Template

    try:
        if form == "template":
            Template.compile(data)
        elif form == "path":
            compile_expression(data)
        else:
            getattr(Conditions, form)(data)
    except ExpressionError as error:
        yield Problem(error.message, (*route, *error.path), error.code)
