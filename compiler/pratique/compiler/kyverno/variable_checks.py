"""What Kyverno refuses about the variables of a rule when a policy is created.

References: Kyverno 1.19 `pkg/validation/policy` (`ValidateVariables`, `buildContext`,
`containsUserVariables`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.generation import ForEachGeneration
from pratique.grammar.documents.kyverno import Rule
from pratique.grammar.documents.mutation import ForEachMutation
from pratique.grammar.documents.validation import ForEachValidation

Problem = tuple[str, str, tuple[str | int, ...]]
"""A code, a text, and where in the rule it belongs."""

_UNKNOWN: Final = "policy contains invalid variables: variable substitution failed for rule "
_REFERENCES: Final = {"image", "image_references"}
_USER: Final = (
    "only select variables are allowed in background mode. Set spec.background=false to disable background"
    " mode for this policy rule: "
)


def variable_problems(rule: Rule, *, background: bool) -> Iterator[Problem]:
    """Yield the variables that a rule may not use, in the order of its fields.

    Unknown ones, but for conditions of attestations, which read the fields of a predicate; and, if the
    policy takes part in background scans, everywhere those about the sender of a request.

    Raises:
        ExpressionError: an expression does not compile.
    """
    # Elsewhere variables are refused altogether.
    apart: dict[str, Any] = {"match": True, "exclude": True, "verify_images": {"__all__": _REFERENCES}}
    data = rule.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=apart)
    if "{{" not in str(data):
        return
    from pratique.compiler.expressions.analysis import check_variables, variables_of
    from pratique.compiler.expressions.errors import pointer

    for variable in variables_of(data):
        if variable.text.startswith("element") and "foreach" not in variable.path[:-1]:
            place = pointer(variable.path)
            text = f"variable '{variable.text}' present outside of foreach at path {place}"
            yield "unknown-variable", text, variable.path
    conditions = _without_conditions(data)
    existing = bool(rule.mutate and rule.mutate.targets)
    declared = (*_declared(rule), *(("*target.*",) if existing else ()))
    found = [
        *check_variables(data, declared=declared, background=background),
        *(
            error
            for path, blocks in conditions
            for error in check_variables(blocks, path, declared=("*",), background=background)
        ),
    ]
    for error in found:
        is_unknown = error.code == "unknown-variable"
        before = f"{_UNKNOWN}{rule.name}: " if is_unknown else _USER
        yield error.code, before + error.message, error.path


def _without_conditions(rule: dict[str, Any]) -> list[tuple[tuple[str | int, ...], Any]]:
    """Take the conditions of attestations out of a rule, and return them with their places."""
    return [
        (("verifyImages", number, "attestations", index, "conditions"), attestation.pop("conditions"))
        for number, entry in enumerate(rule.get("verifyImages") or ())
        for index, attestation in enumerate(entry.get("attestations") or ())
        if attestation.get("conditions")
    ]


def _declared(rule: Rule) -> tuple[str, ...]:
    """Return wildcards of the names that context entries and, for `validate` of images, attestations add."""
    names = [pattern for entries in _contexts(rule) for entry in entries for pattern in _patterns(entry)]
    if any(entry.validation for entry in rule.verify_images):
        names += [f"{a.name}*" for entry in rule.verify_images for a in entry.attestations or ()]
    return tuple(names)


def _contexts(rule: Rule) -> Iterator[Sequence[ContextEntry]]:
    """Yield the entries that Kyverno counts as declared: not those of loops inside loops."""
    yield rule.context
    holders = (rule.validation, rule.mutate, rule.generate)
    for holder in holders:
        loops: Sequence[ForEachValidation | ForEachMutation | ForEachGeneration]
        loops = holder.foreach if holder else ()
        yield from (loop.context for loop in loops)
    if rule.mutate:
        yield from (target.context for target in rule.mutate.targets)


def _patterns(entry: ContextEntry) -> tuple[str, ...]:
    if entry.config_map is None:
        return (f"{entry.name}*",)
    return tuple(f"{entry.name}.{part}" for part in ("data", "metadata", "data.*", "metadata.*"))
