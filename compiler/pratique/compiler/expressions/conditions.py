"""Conditions: comparisons of keys with values, joined by `any` and `all`, compiled into closures.

Two ways of evaluation, as in Kyverno. Preconditions and deny conditions put values in one comparison after
the other and stop when the result is known. Conditions of attestations are a list of blocks that must all
hold, and all their variables are put in first.

References: Kyverno 1.19 `pkg/engine/variables/evaluate.go`, `pkg/engine/internal/utils.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.expressions.context import Reader
from pratique.compiler.expressions.errors import ExpressionError, Path
from pratique.compiler.expressions.expression import Expression
from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.limits import DEFAULT_LIMITS, Limits
from pratique.compiler.expressions.values.numbers import INT_MAX, INT_MIN, Integer, as_double
from pratique.compiler.expressions.variables import Template
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.expressions.operators import Operator

Verdict = tuple[bool, str]
"""Whether conditions hold, and the messages of those that decided it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison, with the values that were put in.

    Attributes:
        place: its keys and indices under the conditions, such as `(0, "all", 1)`.
    """

    place: Path
    key: Any
    operator: str
    value: Any


_FIELDS: Final = frozenset({"key", "operator", "value", "message"})
_BLOCK_FIELDS: Final = frozenset({"any", "all"})
_INCOMPLETE: Final = "entered value of `key`, `value` or `operator` is missing or misspelled"


@dataclass(frozen=True, slots=True)
class _Condition:
    """One comparison."""

    key: Template
    operator: Operator
    value: Template
    message: str

    def evaluate(self, context: Reader) -> Verdict:
        try:
            key = self.key.render(context)
        except EvaluationError as error:
            raise _substitution_failed("key", error) from error
        try:
            value = self.value.render(context)
        except EvaluationError as error:
            raise _substitution_failed("value", error) from error
        return self.operator(key, value, Run(context.environment)), self.message


def _substitution_failed(part: str, error: EvaluationError) -> EvaluationError:
    return EvaluationError(error.code, f"failed to substitute variables in condition {part}: {error.message}")


@dataclass(frozen=True, slots=True)
class _Block:
    """`any` (None where it is absent) and `all`."""

    any: tuple[_Condition, ...] | None
    all: tuple[_Condition, ...]

    def evaluate(self, context: Reader) -> Verdict:
        true_messages: list[str] = []
        false_messages: list[str] = []
        holds = self.any is None
        for condition in self.any or ():
            holds, message = condition.evaluate(context)
            (true_messages if holds else false_messages).append(message)
            if holds:
                break
        for condition in self.all:
            is_true, message = condition.evaluate(context)
            (true_messages if is_true else false_messages).append(message)
            if not is_true:
                holds = False
                break
        return holds, _join(true_messages if holds else false_messages, "; ")


@dataclass(frozen=True, slots=True)
class _Bare:
    """The old form: a list of comparisons that must all hold."""

    conditions: tuple[_Condition, ...]

    def evaluate(self, context: Reader) -> Verdict:
        messages = []
        for condition in self.conditions:
            holds, message = condition.evaluate(context)
            if not holds:
                return False, message
            messages.append(message)
        return True, _join(messages, ";")


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks that must all hold, as one template; operators by their place."""

    template: Template

    def evaluate(self, context: Reader) -> Verdict:
        return self.explain(context)[0]

    def explain(self, context: Reader) -> tuple[Verdict, tuple[Comparison, ...]]:
        try:
            blocks = self.template.render(context)
        except EvaluationError as error:
            raise EvaluationError(
                error.code, f"failed to substitute variables in attestation conditions: {error.message}"
            ) from error
        messages = []
        for index, block in enumerate(blocks):
            # DEVIATION: Kyverno looks through the values once more, and so evaluates expressions that an
            # attestation holds. Test: test_variables_inside_a_predicate_are_not_evaluated.
            any_conditions = [_substituted(condition) for condition in block.get("any") or ()]
            all_conditions = [_substituted(condition) for condition in block.get("all") or ()]
            holds, message = _Block(tuple(any_conditions) or None, tuple(all_conditions)).evaluate(context)
            if not holds:
                return (False, message), tuple(_unmet(index, block, context))
            messages.append(message)
        return (True, _join(messages, ";")), ()


def _unmet(index: int, block: Mapping[str, Any], context: Reader) -> Iterator[Comparison]:
    """Yield what decided that a block does not hold: all of `any`, or the first of `all` that is false."""
    for name in ("any", "all"):
        made = [(_substituted(data), data) for data in block.get(name) or ()]
        false = [
            Comparison((index, name, at), data.get("key"), data["operator"], data.get("value"))
            for at, (condition, data) in enumerate(made)
            if not condition.evaluate(context)[0]
        ]
        if name == "all":
            yield from false[:1]
        elif len(false) == len(made):
            yield from false


def _substituted(condition: Mapping[str, Any]) -> _Condition:
    message = condition.get("message")
    if message is not None and not isinstance(message, str):
        raise EvaluationError("invalid-message", "the message of a condition is not a text")
    return _Condition(
        _Constant(as_policy_value(condition.get("key"))),
        _operator(condition["operator"]),
        _Constant(as_policy_value(condition.get("value"))),
        message or "",
    )


class _Constant(Template):
    """A template whose variables are put in already."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def render(self, context: Reader, *, missing_as_empty: bool = False) -> Any:
        return self._value


class Conditions:
    """Conditions, ready for many contexts; immutable."""

    __slots__ = ("_form", "_templates")

    def __init__(self, form: _Block | _Bare | _Blocks, templates: tuple[Template, ...]) -> None:
        """Use `Conditions.compile` or `Conditions.compile_blocks`."""
        self._form = form
        self._templates = templates

    @classmethod
    def compile(cls, data: Any, path: Path = (), *, limits: Limits = DEFAULT_LIMITS) -> Conditions:
        """Return preconditions or deny conditions: a block with `any` and `all`, or a bare list (old form).

        Args:
            data: JSON data; null is a block without conditions, which holds.
            path: where they stand in the file, for `ExpressionError.path`.
            limits: bounds on their expressions.

        Raises:
            ExpressionError: `unknown-operator`, `invalid-condition`, or a mistake in an expression.
        """
        compiler = _Compiler(path, limits)
        form: _Block | _Bare
        if isinstance(data, list):
            form = _Bare(compiler.conditions(data, ()))
        else:
            form = compiler.block({} if data is None else data)
        return cls(form, tuple(compiler.templates))

    @classmethod
    def compile_blocks(cls, data: Any, path: Path = (), *, limits: Limits = DEFAULT_LIMITS) -> Conditions:
        """Return the conditions of an attestation: a list of blocks, all of which must hold.

        `any: []` counts as absent here, as Kyverno drops it on the way; messages may hold variables.

        Raises:
            ExpressionError: as `compile`.
        """
        if not isinstance(data, list):
            raise ExpressionError("invalid-condition", "the conditions must be a list of blocks", path=path)
        for index, block in enumerate(data):
            for place, condition in _conditions_of(block, (*path, index)):
                _check(condition, place, is_complete=False)
        template = Template.compile(data, path, limits=limits)
        return cls(_Blocks(template), (template,))

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Return the expressions that stand in keys and values (and messages, for attestations)."""
        return tuple(expression for template in self._templates for expression in template.expressions)

    def mentions(self, name: str) -> bool:
        """Say whether some expression mentions a context entry and would load it."""
        return any(template.mentions(name) for template in self._templates)

    def evaluate(self, context: Reader) -> Verdict:
        """Return whether the conditions hold, and the joined messages of those that decided it.

        Raises:
            EvaluationError: a variable has no value, or an evaluation exceeds its limits.
        """
        return self._form.evaluate(context)

    def explain(self, context: Reader) -> tuple[Verdict, tuple[Comparison, ...]]:
        """Return the verdict, and the comparisons that decided it where conditions of an attestation fail.

        Raises:
            EvaluationError: as `evaluate`.
        """
        if isinstance(self._form, _Blocks):
            return self._form.explain(context)
        return self._form.evaluate(context), ()


class _Compiler:
    def __init__(self, path: Path, limits: Limits) -> None:
        self.templates: list[Template] = []
        self._path = path
        self._limits = limits

    def block(self, data: Any) -> _Block:
        _check_block(data, self._path)
        any_conditions = data.get("any")
        return _Block(
            None if any_conditions is None else self.conditions(any_conditions, ("any",)),
            self.conditions(data.get("all") or [], ("all",)),
        )

    def conditions(self, data: list[Any], place: Path) -> tuple[_Condition, ...]:
        return tuple(
            self._condition(condition, (*self._path, *place, index)) for index, condition in enumerate(data)
        )

    def _condition(self, data: Any, path: Path) -> _Condition:
        _check(data, path, is_complete=True)
        message = data.get("message")
        if message is not None and not isinstance(message, str):
            raise ExpressionError("invalid-condition", "the message must be a text", path=(*path, "message"))
        key = self._template(data["key"], (*path, "key"))
        value = self._template(data["value"], (*path, "value"))
        return _Condition(key, _operator(data["operator"]), value, message or "")

    def _template(self, data: Any, path: Path) -> Template:
        try:
            value = as_policy_value(data)
        except EvaluationError as error:
            raise ExpressionError(error.code, error.message, path=path) from error
        template = Template.compile(value, path, limits=self._limits)
        self.templates.append(template)
        return template


def _operator(name: str) -> Operator:
    # Loaded with the first condition: the operators know quantities, durations and versions.
    from pratique.compiler.expressions.operators import OPERATORS

    return OPERATORS[name]


def _conditions_of(block: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    _check_block(block, path)
    for name in ("any", "all"):
        for index, condition in enumerate(block.get(name) or ()):
            yield (*path, name, index), condition


def _check_block(block: Any, path: Path) -> None:
    if not isinstance(block, dict):
        raise ExpressionError("invalid-condition", "conditions must be a map with `any` or `all`", path=path)
    for name, conditions in block.items():
        if name not in _BLOCK_FIELDS:
            raise ExpressionError(
                "invalid-condition",
                f"unknown field `{name}`; a block has `any` and `all`",
                path=(*path, name),
            )
        if conditions is not None and not isinstance(conditions, list):
            raise ExpressionError("invalid-condition", f"`{name}` must be a list", path=(*path, name))


def _check(condition: Any, path: Path, *, is_complete: bool) -> None:
    if not isinstance(condition, dict):
        raise ExpressionError("invalid-condition", "a condition must be a map", path=path)
    unknown = next((name for name in condition if name not in _FIELDS), None)
    if unknown is not None:
        raise ExpressionError(
            "invalid-condition",
            f"unknown field `{unknown}`; a condition has key, operator, value and message",
            path=(*path, unknown),
        )
    operator = condition.get("operator")
    if not operator or (is_complete and (condition.get("key") is None or condition.get("value") is None)):
        raise ExpressionError("invalid-condition", _INCOMPLETE, path=path)
    from pratique.compiler.expressions.operators import OPERATORS

    if not isinstance(operator, str) or operator not in OPERATORS:
        names = " ".join(f'"{name}"' for name in sorted(OPERATORS))
        raise ExpressionError(
            "unknown-operator",
            f"entered value of `operator` is invalid. valid values: [{names}]",
            path=(*path, "operator"),
        )


def as_policy_value(value: Any) -> Any:
    """Return a key or value with numbers as Kyverno has them after reading a policy.

    A number by itself is a double; inside lists and maps whole numbers are integers.
    """
    if isinstance(value, list | dict):
        return _with_integers(value, DEFAULT_LIMITS.max_data_depth)
    return _as_number(value, as_double)


def _with_integers(value: Any, depth: int) -> Any:
    if depth <= 0:
        raise EvaluationError("data-too-deep", "the data is nested too deep")
    match value:
        case list():
            return [_with_integers(item, depth - 1) for item in value]
        case dict():
            return {key: _with_integers(item, depth - 1) for key, item in value.items()}
        case _:
            return _as_number(value, _integer)


def _as_number(value: Any, convert: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return convert(value)


def _integer(number: float) -> Any:
    if isinstance(number, int) or number.is_integer():
        whole = int(number)
        return Integer(whole) if INT_MIN <= whole <= INT_MAX else as_double(number)
    return number


def _join(messages: list[str], separator: str) -> str:
    return separator.join(message for message in messages if message)
