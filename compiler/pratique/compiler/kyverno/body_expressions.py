"""The expressions in `validate`, `mutate` and `generate` of a rule, and what is wrong with them.

References: Kyverno 1.19 `pkg/validation/policy` (`validateResources`, `validateConditionValues`,
`validateElementInForEach`), whose texts are repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.kyverno.selection_checks import Route
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.generation import GeneratePattern
from pratique.grammar.documents.kyverno import Rule
from pratique.grammar.documents.mutation import ForEachMutation, Mutation
from pratique.grammar.documents.validation import ForEachValidation, Validation

if TYPE_CHECKING:
    from pratique.compiler.expressions.errors import ExpressionError

_OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")
_ALLOWED: Final = "Only the following values are allowed: [CREATE, UPDATE, DELETE, CONNECT]"


def contexts(rule: Rule) -> Iterator[tuple[tuple[ContextEntry, ...], Route]]:
    """Yield the blocks of context entries of a rule, those of its loops and targets included."""
    yield rule.context, ("context",)
    if rule.validation:
        yield from _loop_contexts(rule.validation, ("validate",))
    if rule.mutate:
        yield from _loop_contexts(rule.mutate, ("mutate",))
        for number, target in enumerate(rule.mutate.targets):
            yield target.context, ("mutate", "targets", number, "context")
    if rule.generate:
        for number, loop in enumerate(rule.generate.foreach):
            yield loop.context, ("generate", "foreach", number, "context")


def _loop_contexts(
    holder: Validation | ForEachValidation | Mutation | ForEachMutation, route: Route
) -> Iterator[tuple[tuple[ContextEntry, ...], Route]]:
    loops: tuple[ForEachValidation | ForEachMutation, ...] = holder.foreach
    for number, loop in enumerate(loops):
        place = (*route, "foreach", number)
        yield loop.context, (*place, "context")
        yield from _loop_contexts(loop, place)


def expression_mistakes(rule: Rule) -> Iterator[ExpressionError]:
    """Yield what does not compile in a rule besides image entries and contexts; paths start at the rule."""
    parts = list(_parts(rule))
    if not parts:
        return
    from pratique.compiler.expressions.conditions import Conditions
    from pratique.compiler.expressions.errors import ExpressionError
    from pratique.compiler.expressions.expression import compile_expression
    from pratique.compiler.expressions.variables import Template

    def compile_path(data: Any, path: Route) -> None:
        try:
            compile_expression(data)
        except ExpressionError as error:
            raise error.within(path) from None

    compilers: dict[str, Callable[[Any, Route], object]] = {
        "conditions": Conditions.compile,
        "template": Template.compile,
        "path": compile_path,
    }
    for kind, data, path in parts:
        try:
            compilers[kind](data, path)
        except ExpressionError as error:
            yield error
        else:
            if kind == "conditions":
                yield from _operations(data, path)


def cel_mistakes(rule: Rule) -> Iterator[ExpressionError]:
    """Yield what does not compile in `validate.cel`; paths start at the rule, offsets count in the texts."""
    written = rule.validation.cel if rule.validation else None
    if written is None:
        return
    from pratique.compiler.kyverno.bodies import lower_cel
    from pratique.compiler.validations.cel import compile_cel_rule

    check = lower_cel(written, rule.cel_preconditions)
    _, compiler = compile_cel_rule(rule.name, check, "")
    routes: dict[int, Route] = {}
    for number, condition in enumerate(check.preconditions):
        routes[id(condition)] = ("celPreconditions", number, "expression")
    for number, variable in enumerate(check.variables):
        routes[id(variable)] = ("validate", "cel", "variables", number, "expression")
    for number, annotation in enumerate(check.audit_annotations):
        routes[id(annotation)] = ("validate", "cel", "auditAnnotations", number, "valueExpression")
    for number, expression in enumerate(check.expressions):
        routes[id(expression)] = ("validate", "cel", "expressions", number)
    for node, error in compiler.mistakes:
        if getattr(node, "expression", ""):  # what is not there is told by who asks for it
            yield error.within(routes[id(node)])


def _parts(rule: Rule) -> Iterator[tuple[str, Any, Route]]:
    """Yield what is to be compiled: how, what, and where it stands."""
    if rule.preconditions is not None:
        yield "conditions", rule.preconditions, ("preconditions",)
    if rule.validation:
        yield from _checks(rule.validation, ("validate",))
    if rule.mutate:
        yield from _changes(rule.mutate, ("mutate",))
        for number, target in enumerate(rule.mutate.targets):
            place = ("mutate", "targets", number)
            for name in ("api_version", "kind", "namespace", "name"):
                yield "template", getattr(target, name), (*place, name)
            if target.preconditions is not None:
                yield "conditions", target.preconditions, (*place, "preconditions")
    if rule.generate:
        yield from _makes(rule.generate, ("generate",))
        for number, made in enumerate(rule.generate.foreach):
            place = ("generate", "foreach", number)
            yield from _loop(made.list, made.preconditions, place)
            yield from _makes(made, place)


def _loop(list_: str, preconditions: Any, place: Route) -> Iterator[tuple[str, Any, Route]]:
    if list_:
        yield "path", list_, (*place, "list")
    if preconditions is not None:
        data = preconditions.model_dump(mode="json", exclude_unset=True)
        yield "conditions", data, (*place, "preconditions")


def _checks(holder: Validation | ForEachValidation, route: Route) -> Iterator[tuple[str, Any, Route]]:
    if holder.deny:
        yield "conditions", holder.deny.conditions, (*route, "deny", "conditions")
    if holder.pattern is not None:
        yield "template", holder.pattern, (*route, "pattern")
    if holder.any_pattern is not None:
        yield "template", holder.any_pattern, (*route, "anyPattern")
    for number, loop in enumerate(holder.foreach):
        place = (*route, "foreach", number)
        yield from _loop(loop.list, loop.preconditions, place)
        yield from _checks(loop, place)


def _changes(holder: Mutation | ForEachMutation, route: Route) -> Iterator[tuple[str, Any, Route]]:
    if holder.patch_strategic_merge is not None:
        yield "template", holder.patch_strategic_merge, (*route, "patchStrategicMerge")
    if holder.patches_json6902:
        yield "template", holder.patches_json6902, (*route, "patchesJson6902")
    for number, loop in enumerate(holder.foreach):
        place = (*route, "foreach", number)
        yield from _loop(loop.list, loop.preconditions, place)
        yield from _changes(loop, place)


def _makes(made: GeneratePattern, route: Route) -> Iterator[tuple[str, Any, Route]]:
    for name in ("api_version", "kind", "namespace", "name"):
        yield "template", getattr(made, name), (*route, name)
    if made.data is not None:
        yield "template", made.data, (*route, "data")
    if made.clone:
        yield "template", made.clone.namespace, (*route, "clone", "namespace")
        yield "template", made.clone.name, (*route, "clone", "name")
    if made.clone_list:
        yield "template", made.clone_list.namespace, (*route, "cloneList", "namespace")


def _operations(conditions: Any, path: Route) -> Iterator[ExpressionError]:
    """Yield values that `request.operation` cannot have."""
    from pratique.compiler.expressions.errors import ExpressionError

    if isinstance(conditions, list):
        blocks = [(conditions, path)]
    else:
        blocks = [((conditions or {}).get(name) or [], (*path, name)) for name in ("any", "all")]
    for block, place in blocks:
        for number, condition in enumerate(block):
            key = condition["key"]
            if isinstance(key, str) and key.replace(" ", "") == "{{request.operation}}":
                for text, below in _wrong_operations(condition["value"]):
                    yield ExpressionError("invalid-condition", text, path=(*place, number, "value", *below))


def _wrong_operations(value: Any) -> Iterator[tuple[str, Route]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            if item not in _OPERATIONS:
                yield f"unknown value '{item}' found under the 'value' field. {_ALLOWED}", (index,)
    elif not isinstance(value, str):
        yield "the 'value' field must be a string or a list of strings", ()
    elif not (value.startswith("{{") and value.endswith("}}")) and value not in _OPERATIONS:
        yield f"unknown value '{value}' found under the 'value' field. {_ALLOWED}", ()
