"""Forms of a policy about Pods for the controllers that make Pods.

References: Kyverno 1.19 `pkg/cel/autogen`, `pkg/cel/policies/vpol/autogen`, `pkg/cel/policies/mpol/autogen`,
`pkg/cel/policies/ivpol/autogen`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from pratique.compiler.bodies import CelExpression, NamedExpression
from pratique.compiler.cel_bodies import (
    CelImageValidation,
    CelMutation,
    CelValidation,
    Constraints,
    PatchKind,
    ResourceRule,
    Scope,
)
from pratique.compiler.cel_images import Filling

Rewrite: TypeAlias = Callable[[str], str]

_TEMPLATE: Final = "spec.template"
_CRON_TEMPLATE: Final = "spec.jobTemplate.spec.template"
_FORMS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    _TEMPLATE: (
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("batch", "jobs"),
    ),
    _CRON_TEMPLATE: (("batch", "cronjobs"),),
}
"""Where a Pod stands in its controller -> API group and name of the controllers, all of version v1."""
_KEPT: Final = re.compile(r"\.namespace(?![A-Za-z0-9_])")
"""What stays a field of the object itself."""


Derivable: TypeAlias = CelValidation | CelImageValidation | CelMutation


def derived(body: Derivable, controllers: Sequence[str] | None) -> Iterator[Derivable]:
    """Yield the forms of a policy for controllers; none unless it is about Pods and nothing else.

    Args:
        body: the policy.
        controllers: names of the controllers it is extended to; None for all.
    """
    constraints = body.scope.constraints
    if constraints is None or not _is_about_pods(constraints):
        return
    for template, targets in _FORMS.items():
        wanted = [target for target in targets if controllers is None or target[1] in controllers]
        if wanted:
            scope = replace(body.scope, constraints=_constraints(constraints, wanted))
            match body:
                case CelMutation():
                    yield _mutation(body, scope, template)
                case CelImageValidation():
                    yield _image_validation(body, scope, template)
                case CelValidation():
                    yield _validation(body, scope, template)


def _is_about_pods(constraints: Constraints) -> bool:
    selector = constraints.object_selector
    if constraints.excluded or (selector and (selector.match_labels or selector.requirements)):
        return False
    if len(constraints.rules) != 1:
        return False
    rule = constraints.rules[0]
    wanted = ResourceRule(
        groups=("",), versions=("v1",), resources=("pods",), operations=rule.operations, scope=rule.scope
    )
    return rule == wanted


def _constraints(constraints: Constraints, targets: Sequence[tuple[str, str]]) -> Constraints | None:
    """Return the constraints of a form: of those of the policy, operations and namespaces stay."""
    operations = constraints.rules[0].operations
    if not operations:
        return None
    rules = tuple(
        ResourceRule(
            groups=(group,),
            versions=("v1",),
            resources=tuple(name for own, name in targets if own == group),
            operations=operations,
        )
        for group in dict.fromkeys(group for group, _ in targets)
    )
    return Constraints(rules=rules, namespace_selector=constraints.namespace_selector, at=constraints.at)


# --- validations ---------------------------------------------------------------------------------------


def _validation(body: CelValidation, scope: Scope, template: str) -> CelValidation:
    """Return a form in which every text of the policy is rewritten, messages included."""
    rewrite = _rewriting(template)
    return CelValidation(
        scope=_scope(scope, rewrite),
        validations=tuple(_expression(each, rewrite) for each in body.validations),
    )


def _image_validation(body: CelImageValidation, scope: Scope, template: str) -> CelImageValidation:
    rewrite = _rewriting(template)
    attestors = tuple(
        replace(each, fillings=tuple(_filling(filling, rewrite) for filling in each.fillings))
        for each in body.attestors
    )
    return replace(
        body,
        scope=_scope(scope, rewrite),
        validations=tuple(_expression(each, rewrite) for each in body.validations),
        extractors=_named(body.extractors, rewrite),
        attestors=attestors,
    )


def _filling(filling: Filling, rewrite: Rewrite) -> Filling:
    (expression,) = _named([filling.expression], rewrite)
    return replace(filling, expression=expression)


def _rewriting(template: str) -> Rewrite:
    def rewrite(text: str) -> str:
        for owner in ("object", "oldObject"):
            text = _replaced(text, f"{owner}.spec", f"{owner}.{template}.spec")
        for owner in ("object", "oldObject"):
            text = _replaced(text, f"{owner}.metadata", f"{owner}.{template}.metadata")
        return text

    return rewrite


def _scope(scope: Scope, rewrite: Rewrite) -> Scope:
    return replace(
        scope,
        conditions=_named(scope.conditions, rewrite),
        variables=_named(scope.variables, rewrite),
        audit_annotations=_named(scope.audit_annotations, rewrite),
    )


def _replaced(text: str, old: str, new: str) -> str:
    """Return a text in which one path stands for another, save where the namespace of the object is meant."""
    parts = text.split(old)
    found = parts[0]
    for part in parts[1:]:
        found += (old if _KEPT.match(part) else new) + part
    return found


def _named(named: Sequence[NamedExpression], rewrite: Rewrite) -> tuple[NamedExpression, ...]:
    return tuple(replace(each, expression=rewrite(each.expression)) for each in named)


def _expression(written: CelExpression, rewrite: Rewrite) -> CelExpression:
    return replace(
        written,
        expression=rewrite(written.expression),
        message=rewrite(written.message),
        message_expression=rewrite(written.message_expression),
    )


# --- mutations -----------------------------------------------------------------------------------------

_FIELDS: Final = (
    (re.compile(r"\b(object|oldObject|Object)\.spec"), "spec"),
    (re.compile(r"\b(object|oldObject|Object)\.metadata\.labels"), "metadata.labels"),
    (re.compile(r"\b(object|oldObject|Object)\.metadata\.annotations"), "metadata.annotations"),
)


def _mutation(body: CelMutation, scope: Scope, template: str) -> CelMutation:
    """Return a form in which conditions and apply configurations are rewritten, variables are not."""

    def rewrite(text: str) -> str:
        for pattern, path in _FIELDS:
            text = pattern.sub(rf"\g<1>.{template}.{path}", text)
        return _wrapped(text, template)

    return replace(
        body,
        scope=replace(scope, conditions=_named(scope.conditions, rewrite)),
        patches=tuple(
            replace(each, expression=rewrite(each.expression)) if each.kind is PatchKind.APPLY else each
            for each in body.patches
        ),
    )


def _wrapped(text: str, template: str) -> str:
    """Return an expression whose `Object{…}` stands in the template of a controller."""
    head = re.match(r"\s*Object\s*\{", text)
    if head is None:
        return text
    depth = 1
    for place in range(head.end(), len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            break
    else:
        return text
    if place == head.end():
        return text
    path, opening = "Object", "Object{"
    for name in template.split("."):
        path = f"{path}.{name}"
        opening += f"{name}: {path}{{"
    closing = "}" * (template.count(".") + 2)
    return opening + text[head.end() : place] + closing + text[place + 1 :]
