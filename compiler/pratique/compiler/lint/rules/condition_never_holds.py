"""Conditions that can never hold.

## What it does

Reports `preconditions` and `deny.conditions`, also those of loops, that are false whatever the resource is: a
comparison without variables that is false, an empty `any`, or two comparisons under `all` that want one key
to be equal to two texts.

## Why

With preconditions that never hold a rule is always skipped; with conditions that never hold `deny` refuses
nothing. Nothing says so: the rule passes. Mostly braces are missing around a variable, or `all` was written
for `any`.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: environments
spec:
  rules:
  - name: known
    match:
      any:
      - resources:
          kinds: [Pod]
    validate:
      message: The environment is not known.
      deny:
        conditions:
          all:
          - key: request.object.metadata.labels.env
            operator: Equals
            value: test
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: environments
spec:
  rules:
  - name: known
    match:
      any:
      - resources:
          kinds: [Pod]
    validate:
      message: The environment is not known.
      deny:
        conditions:
          all:
          - key: "{{ request.object.metadata.labels.env || '' }}"
            operator: Equals
            value: test
```

## Limits

What a variable can hold is not looked at, but for one key that is to be equal to two plain texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from pratique.compiler.lint.base import Basis, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.grammar import wildcard
from pratique.grammar.documents.kyverno import Rule
from pratique.grammar.documents.validation import ForEachValidation, Validation

Route: TypeAlias = tuple[str | int, ...]

_SKIPPED = "the rule is always skipped"
_PASSED_OVER = "every element is passed over"
_ALLOWED = "nothing is ever denied"


class _Block(NamedTuple):
    """Conditions of a rule, where they stand, and what follows if they never hold."""

    conditions: Any
    route: Route
    consequence: str


@rule("PRQ053", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the conditions that can never hold."""
    for document in facts.documents:
        for number, written in enumerate(document.model.spec.rules):
            for block in _blocks(written):
                found = _never(block.conditions)
                if found is not None:
                    below, why, label = found
                    yield Problem(
                        message=f"{why}, so that {block.consequence}",
                        location=document.location("spec", "rules", number, *block.route, *below),
                        label=label,
                        basis=Basis.PROVED,
                        help="write `{{ }}` around variables, and `any` where one comparison is enough",
                    )


def _blocks(written: Rule) -> Iterator[_Block]:
    if written.preconditions is not None:
        yield _Block(written.preconditions, ("preconditions",), _SKIPPED)
    if written.validation:
        yield from _of_checks(written.validation, ("validate",))


def _of_checks(written: Validation | ForEachValidation, route: Route) -> Iterator[_Block]:
    if written.deny and written.deny.conditions is not None:
        yield _Block(written.deny.conditions, (*route, "deny", "conditions"), _ALLOWED)
    for number, loop in enumerate(written.foreach):
        below = (*route, "foreach", number)
        if loop.preconditions is not None:
            conditions = loop.preconditions.model_dump(mode="json", exclude_unset=True)
            yield _Block(conditions, (*below, "preconditions"), _PASSED_OVER)
        yield from _of_checks(loop, below)


def _never(conditions: Any) -> tuple[Route, str, str] | None:
    """Return where and why conditions can never hold; None where they may."""
    if isinstance(conditions, list):
        return _every(conditions, ())
    if not isinstance(conditions, dict):
        return None
    some = conditions.get("any")
    if isinstance(some, list):
        if not some:
            return ("any",), "an empty `any` never holds", "never holds"
        if all(_is_false(each) for each in some):
            return ("any",), "no comparison under `any` ever holds", "never holds"
    return _every(conditions.get("all") or [], ("all",))


def _every(conditions: Sequence[Any], route: Route) -> tuple[Route, str, str] | None:
    wanted: dict[str, str] = {}
    for number, each in enumerate(conditions):
        place = (*route, number)
        if _is_false(each):
            return place, "the comparison has no variable and is false", "is never true"
        if (pair := _plain_equality(each)) is not None:
            key, value = pair
            other = wanted.setdefault(key, value)
            if other != value:
                return place, _both(key, other, value), "contradicts another"
    return None


def _both(key: str, one: str, other: str) -> str:
    return f"`{key}` would have to be `{one}` and `{other}` at once"


def _is_false(condition: Any) -> bool:
    """Say whether a comparison without variables is false."""
    if not isinstance(condition, dict) or _has_variables([condition.get("key"), condition.get("value")]):
        return False
    from pratique.compiler.expressions.conditions import Conditions
    from pratique.compiler.expressions.context import Context
    from pratique.compiler.expressions.errors import ExpressionError
    from pratique.grammar.errors import EvaluationError

    try:
        return not Conditions.compile([condition]).evaluate(Context())[0]
    except (ExpressionError, EvaluationError):
        return False


def _has_variables(part: Any) -> bool:
    match part:
        case str():
            return "{{" in part or "$(" in part
        case dict():
            return any(map(_has_variables, [*part, *part.values()]))
        case list():
            return any(map(_has_variables, part))
        case _:
            return False


def _plain_equality(condition: Any) -> tuple[str, str] | None:
    """Return key and value of a comparison that only this very text as the value of the key meets."""
    if not isinstance(condition, dict):
        return None
    key, value = condition.get("key"), condition.get("value")
    if str(condition.get("operator", "")).lower() not in ("equals", "equal"):
        return None
    if not isinstance(key, str) or not _has_variables(key) or not isinstance(value, str):
        return None
    if "random(" in key or "time_" in key:
        return None  # it has another value each time
    if _has_variables(value) or not wildcard.is_literal(value):
        return None
    from pratique.compiler.expressions.values.durations import parse_duration
    from pratique.compiler.expressions.values.quantities import parse_quantity

    if parse_duration(value) is not None or parse_quantity(value) is not None:
        return None  # equal to other texts, too
    return key, value
