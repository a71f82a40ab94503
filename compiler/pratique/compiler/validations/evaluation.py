"""Checks of a validation, compiled: patterns, denials, loops.

References: Kyverno 1.19 `pkg/engine/handlers/validation/validate_resource.go`, whose texts are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from pratique.compiler import bodies, ir
from pratique.compiler.context_loading import ContextEntries, entry_error, place_of
from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.context import Context
from pratique.compiler.expressions.expression import Expression, compile_expression
from pratique.compiler.expressions.variables import Template
from pratique.compiler.patterns import Mismatch, PatternMatcher
from pratique.compiler.patterns.failures import go_type
from pratique.compiler.validations.messages import Message
from pratique.compiler.validations.model import Outcome, Place, Scene, Status
from pratique.grammar.errors import EvaluationError

Simple: TypeAlias = bodies.Pattern | bodies.AnyPattern | bodies.Deny | bodies.ForEach
"""The checks that are evaluated here; the others have a place of their own."""

Check: TypeAlias = Callable[[Place], Outcome | None]

_UNKNOWN: Final = "unknown-key"


class CompiledValidation:
    """A validation ready for many resources; immutable."""

    __slots__ = ("_check",)

    def __init__(self, rule: str, body: bodies.Validation, check: Simple, namespace: str | None) -> None:
        """Compile the check of a rule.

        Args:
            rule: name of the rule, which messages tell.
            body: the validation.
            check: its check.
            namespace: that of a namespaced policy, to which contexts of loops are confined.

        Raises:
            ExpressionError: a mistake that the checks at load time would have found.
        """
        self._check = _Compiler(Message(rule, body.message), namespace).check(check)

    def evaluate(self, scene: Scene) -> Outcome | None:
        """Return what the rule says of a resource; None for nothing."""
        return self._check(Place(scene=scene))


class _Compiler:
    """Compiles the checks of one rule, whose message all of them share."""

    def __init__(self, message: Message, namespace: str | None) -> None:
        self._message = message
        self._namespace = namespace

    def check(self, check: Simple) -> Check:
        match check:
            case bodies.Deny():
                return self._deny(check)
            case bodies.Pattern():
                return self._pattern(check)
            case bodies.AnyPattern():
                return self._any_pattern(check)
            case bodies.ForEach():
                return self._for_each(check)

    # --- deny ------------------------------------------------------------------------------------------

    def _deny(self, check: bodies.Deny) -> Check:
        conditions, message = Conditions.compile(check.conditions), self._message

        def evaluate(place: Place) -> Outcome:
            context = place.context
            try:
                denies, told = conditions.evaluate(context)
            except EvaluationError as error:
                return _error("failed to check deny conditions", error, check.at)
            if denies:
                return Outcome(Status.FAIL, message.denied(told, context))
            return Outcome(Status.PASS, message.passed())

        return evaluate

    # --- patterns --------------------------------------------------------------------------------------

    def _pattern(self, check: bodies.Pattern) -> Check:
        matchers, message = _Matchers(check.data), self._message

        def evaluate(place: Place) -> Outcome | None:
            try:
                (matcher,) = matchers.of(place)
            except EvaluationError as error:
                return _error("variable substitution failed", error, check.at)
            about = _about(place)
            if about is None:
                return None
            found = matcher.mismatch(about)
            if found is None:
                return Outcome(Status.PASS, message.passed())
            if found.skip:
                return Outcome(Status.SKIP, found.text)
            context = place.context if message.has_variables else None
            text = message.failed(found.path, "" if found.path and context is None else found.text, context)
            return Outcome(Status.FAIL if found.path else Status.ERROR, text)

        return evaluate

    def _any_pattern(self, check: bodies.AnyPattern) -> Check:
        matchers, message = _Matchers(check.data, several=True), self._message

        def evaluate(place: Place) -> Outcome | None:
            try:
                candidates = matchers.of(place)
            except EvaluationError as error:
                return _error("variable substitution failed", error, check.at)
            about = _about(place)
            if about is None:
                return None
            misses: list[Mismatch] = []
            for index, matcher in enumerate(candidates):
                found = matcher.mismatch(about)
                if found is None:
                    return Outcome(Status.PASS, message.passed(f"anyPattern[{index}] "))
                misses.append(found)
            return _none_fits(misses, message, place)

        return evaluate

    # --- foreach ---------------------------------------------------------------------------------------

    def _for_each(self, check: bodies.ForEach) -> Check:
        loops = [self._loop(loop) for loop in check.loops]

        def evaluate(place: Place) -> Outcome | None:
            applied = 0
            broken: Outcome | None = None
            for loop in loops:
                try:
                    elements = _elements(loop.list, place.context)
                except EvaluationError as error:
                    if error.code != _UNKNOWN:
                        broken = _error("failed to evaluate list", error, loop.at)
                    continue
                outcome, count = loop.run(elements, place)
                if outcome is not None:
                    return outcome
                applied += count
            if applied:
                return Outcome(Status.PASS, "rule passed")
            return broken

        return evaluate

    def _loop(self, loop: bodies.Loop) -> _Loop:
        return _Loop(
            list_=compile_expression(loop.list),
            check=self.check(loop.check),
            scoped=loop.scoped,
            entries=ContextEntries.compile(loop.context, namespace=self._namespace),
            preconditions=None if loop.preconditions is None else Conditions.compile(loop.preconditions),
            at=loop.at,
        )


class _Matchers:
    """The matchers of one pattern or of several; made anew for each resource where they hold variables."""

    __slots__ = ("_fixed", "_several", "_template")

    def __init__(self, data: Any, *, several: bool = False) -> None:
        self._template = Template.compile(data)
        self._several = several
        self._fixed: tuple[PatternMatcher, ...] | None = None
        if self._template.is_constant:
            self._fixed = self._made(self._template.render(_NOTHING))

    def of(self, place: Place) -> tuple[PatternMatcher, ...]:
        if self._fixed is not None:
            return self._fixed
        return self._made(self._template.render(place.context))

    def _made(self, data: Any) -> tuple[PatternMatcher, ...]:
        if not self._several:
            return (PatternMatcher(data),)
        if not isinstance(data, list):
            text = f"failed to deserialize anyPattern, expected type array, not {go_type(data)}"
            raise EvaluationError("wrong-type", text)
        return tuple(PatternMatcher(_with_doubles(pattern)) for pattern in data)


_NOTHING: Final = Context()


def _with_doubles(value: Any) -> Any:
    """Return a pattern as Kyverno reads those of `anyPattern`: whole numbers become doubles."""
    match value:
        case bool():
            return value
        case int():
            return float(value)
        case dict():
            return {key: _with_doubles(item) for key, item in value.items()}
        case list():
            return [_with_doubles(item) for item in value]
        case _:
            return value


def _about(place: Place) -> Mapping[str, Any] | None:
    """Return what patterns are about; None where there is nothing, as on DELETE."""
    return place.element if place.element is not None else place.scene.resource


def _none_fits(misses: list[Mismatch], message: Message, place: Place) -> Outcome:
    rule = message.rule
    skips = [f"rule {rule}[{i}] skipped: {miss.text}" for i, miss in enumerate(misses) if miss.skip]
    fails = [
        f"rule {rule}[{i}] failed at path {miss.path}"
        if miss.path
        else f"rule {rule}[{i}] failed: {miss.text}"
        for i, miss in enumerate(misses)
        if not miss.skip
    ]
    if not fails:
        return Outcome(Status.SKIP, " ".join(skips))
    context = place.context if message.has_variables else None
    return Outcome(Status.FAIL, message.none_fits(" ".join(fails), context))


# --- loops ---------------------------------------------------------------------------------------------


def _elements(list_: Expression, context: Context) -> list[Any]:
    found = context.query(list_)
    return found if isinstance(found, list) else [found]


class _Loop:
    """One loop; its elements are checked in order, and the first that neither passes nor skips ends it."""

    __slots__ = ("_check", "_entries", "_preconditions", "_scoped", "at", "list")

    def __init__(
        self,
        *,
        list_: Expression,
        check: Check,
        scoped: bool | None,
        entries: ContextEntries,
        preconditions: Conditions | None,
        at: ir.At,
    ) -> None:
        self.list = list_
        self.at = at
        self._check = check
        self._scoped = scoped
        self._entries = entries
        self._preconditions = preconditions

    def run(self, elements: list[Any], place: Place) -> tuple[Outcome | None, int]:
        """Return what ended the loop (None for nothing), and the number of elements that passed."""
        passed = 0
        for index, element in enumerate(elements):
            if element is None:
                continue
            is_map = isinstance(element, dict)
            if self._scoped and not is_map:
                return _cannot_scope(element, self.at), passed
            try:
                place.budget.spend()
            except EvaluationError as error:
                return _error("failed to process foreach", error, self.at), passed
            scoped = is_map if self._scoped is None else self._scoped
            context = place.context.with_element(element, index, place.nesting)
            context = place.scene.attach(self._entries, context)
            inner = replace(
                place,
                values=context,
                element=element if scoped else place.element,
                nesting=place.nesting + 1,
            )
            outcome = self._element(inner)
            if outcome is None or outcome.status is Status.SKIP:
                continue
            if outcome.status is not Status.PASS:
                return outcome._replace(message=f"validation failure: {outcome.message}"), passed
            passed += 1
        return None, passed

    def _element(self, place: Place) -> Outcome | None:
        """Check one element; a precondition that cannot be evaluated leaves it out.

        DEVIATION: not where a context entry has no value for another reason than a missing key: an outage
        leaves nothing out (`tests/compiler/validations/test_loops.py::test_an_outage_leaves_nothing_out`).
        """
        if self._preconditions is not None:
            try:
                holds, _ = self._preconditions.evaluate(place.context)
            except EvaluationError as error:
                if entry_error(error) and error.code != _UNKNOWN:
                    return _error("failed to evaluate preconditions", error, self.at)
                return None
            if not holds:
                return None
        return self._check(place)


def _cannot_scope(element: Any, at: ir.At) -> Outcome:
    text = (
        "failed to process foreach: cannot use elementScope=true foreach rules for elements that are not"
        f" maps, expected type=map got type={go_type(element)}"
    )
    return Outcome(Status.ERROR, text, "wrong-type", at.location)


def _error(text: str, error: EvaluationError, at: ir.At) -> Outcome:
    """Return the outcome of what cannot be evaluated: at the context entry to blame, if there is one."""
    return Outcome(Status.ERROR, f"{text}: {error.message}", error.code, place_of(error) or at.location)
