"""Rules that mutate: the resource at hand, rule by rule, and existing objects.

References: Kyverno 1.19 `pkg/engine/mutation.go`, `pkg/engine/handlers/mutation`, whose texts are kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from pratique.compiler import bodies
from pratique.compiler.context_loading import ContextEntries
from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.context import Context
from pratique.compiler.expressions.variables import Template
from pratique.compiler.mutations import Mutated
from pratique.compiler.selection import label_selector_matches
from pratique.grammar import wildcard
from pratique.grammar.errors import EvaluationError
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable
from pratique.runtime.decision import Check, Reason, Stage, Status
from pratique.runtime.prepared import Prepared, error_of
from pratique.runtime.resource import Resource

Data: TypeAlias = Mapping[str, Any]

NO_CLUSTER: Final = (
    "failed to instantiate handler: existing objects can be changed only where they are given as targets"
)


class Mutations:
    """The mutation of one resource: all rules that mutate, each seeing what those before it left."""

    def __init__(
        self,
        again: Callable[[Resource], Sequence[Applicable]],
        prepare: Callable[[Applicable], Awaitable[Prepared]],
        answers: Answers,
        targets: Sequence[Data] | None,
    ) -> None:
        """Take the rules, what prepares one, and the existing objects that rules may change.

        Args:
            again: returns the rules that apply to a changed resource.
            prepare: returns a rule with its context.
            answers: settles evaluations that ask the world for something.
            targets: None where none can be looked up.
        """
        self._again = again
        self._prepare = prepare
        self._answers = answers
        self._targets = targets

    async def run(
        self, resource: Resource, rules: Sequence[Applicable]
    ) -> tuple[Resource, Sequence[Applicable], list[tuple[Applicable, list[Check]]]]:
        """Return what is left in the end, the rules that apply to it, and what the rules that mutate say."""
        told: list[tuple[Applicable, list[Check]]] = []
        number, ended = -1, ""
        while item := _next(rules, number, ended):
            number = item.planned.number
            checks = await self._checks(item)
            told.append((item, checks))
            if item.planned.policy.stop_at_first and any(each.status is Status.PASS for each in checks):
                ended = item.planned.policy.key
            for check in checks:
                if check.patched is not None:
                    resource = resource.changed(check.patched)
                    rules = self._again(resource)
        return resource, rules, [(item, checks) for item, checks in told if checks]

    async def _checks(self, item: Applicable) -> list[Check]:
        body = item.planned.rule.body
        assert isinstance(body, bodies.Mutation)  # noqa: S101 (selected by the caller)
        if item.resource.target.operation == "DELETE":
            return []
        prepared = await self._prepare(item)
        if prepared.told:
            return [prepared.told]
        if not body.targets:
            return [await self._answers.settle(lambda: _mutated(prepared))]
        if self._targets is None:
            return [Check(stage=Stage.MUTATE, status=Status.ERROR, message=NO_CLUSTER)]
        return await self._existing(prepared, body, self._targets)

    async def _existing(
        self, prepared: Prepared, body: bodies.Mutation, objects: Sequence[Data]
    ) -> list[Check]:
        """Change every object that some target of the rule names."""
        checks: list[Check] = []
        namespace = prepared.item.planned.rule.resources.namespace
        found: list[tuple[bodies.MutationTarget, Data]] = []
        for number, target in enumerate(body.targets):
            try:
                named = await self._answers.settle(partial(_named, target, prepared.context))
            except EvaluationError as error:
                text = f": failed to substitute variables in target[{number}]: {error.message}"
                checks.append(error_of(error, text, Stage.MUTATE, target.at.location))
                continue
            found += [(target, each) for each in objects if _is_target(named, target, each, namespace)]
        for target, each in found:
            checks.append(await self._answers.settle(partial(_changed, prepared, target, each)))
        return checks


def _next(rules: Sequence[Applicable], number: int, ended: str) -> Applicable | None:
    """Return the next rule that mutates, of a policy that goes on."""
    for item in rules:
        mutates = isinstance(item.planned.rule.body, bodies.Mutation)
        if mutates and item.planned.number > number and item.planned.policy.key != ended:
            return item
    return None


def _mutated(prepared: Prepared) -> Check:
    mutation = prepared.expressions.mutation
    assert mutation is not None  # noqa: S101 (the rule mutates)
    found = mutation.evaluate(prepared.item.resource.data, prepared.context, prepared.attach)
    return Check(
        stage=Stage.MUTATE,
        status=Status(found.status),
        message=found.message,
        reason=_reason(found),
        patched=found.resource if _passed(found) else None,
    )


def _reason(found: Mutated) -> Reason | None:
    if not found.code:
        return None
    return Reason(code=found.code, text=found.message, met=False, location=found.location)


def _passed(found: Mutated) -> bool:
    return found.status.value == Status.PASS.value


# --- existing objects ----------------------------------------------------------------------------------


def _named(target: bodies.MutationTarget, context: Context) -> dict[str, str]:
    """Return the texts that say which objects are meant, with the values of their variables."""
    written = {
        "apiVersion": target.api_version,
        "kind": target.kind,
        "namespace": target.namespace,
        "name": target.name,
    }
    found = Template.compile(written).render(context)
    return {key: value if isinstance(value, str) else str(value) for key, value in found.items()}


def _is_target(
    named: Mapping[str, str], target: bodies.MutationTarget, data: Data, confined: str | None
) -> bool:
    metadata = data.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    namespace = confined if confined is not None else named["namespace"]
    facts = (
        (named["apiVersion"] or "*", data.get("apiVersion")),
        (named["kind"].partition("/")[0], data.get("kind")),
        (named["name"] or "*", own.get("name")),
        (namespace or "*", own.get("namespace") or ""),
    )
    if not all(wildcard.matches(pattern, str(value or "")) for pattern, value in facts):
        return False
    labels = own.get("labels")
    pairs = labels if isinstance(labels, dict) else {}
    return target.selector is None or label_selector_matches(target.selector, pairs)


def _changed(prepared: Prepared, target: bodies.MutationTarget, data: Data) -> Check:
    """Return what the rule does to one existing object, which its expressions see as `target`."""
    mutation = prepared.expressions.mutation
    assert mutation is not None  # noqa: S101 (the rule mutates)
    entries = ContextEntries.compile(target.context, namespace=prepared.item.planned.rule.resources.namespace)
    context = prepared.attach(entries, prepared.context.overlay({"target": data}))
    try:
        refusal = _precondition(target, context)
    except EvaluationError as error:
        text = f"failed to evaluate preconditions: {error.message}"
        return error_of(error, text, Stage.MUTATE, target.at.location)
    if refusal is not None:
        return Check(stage=Stage.MUTATE, status=Status.SKIP, message=refusal)
    found = mutation.evaluate(data, context, prepared.attach)
    return Check(
        stage=Stage.MUTATE,
        status=Status(found.status),
        message=found.message,
        reason=_reason(found),
        target=found.resource if _passed(found) else None,
    )


def _precondition(target: bodies.MutationTarget, context: Context) -> str | None:
    if target.preconditions is None:
        return None
    holds, message = Conditions.compile(target.preconditions).evaluate(context)
    return None if holds else "; ".join(each for each in ("preconditions not met", message) if each)
