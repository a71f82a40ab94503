"""A `Policy` or `ClusterPolicy` document to the IR, generated rules included."""

from __future__ import annotations

from collections.abc import Callable

from pratique.compiler import ir
from pratique.compiler.bodies import NamedExpression
from pratique.compiler.kyverno import autogen
from pratique.compiler.kyverno.bodies import lower_body
from pratique.compiler.kyverno.context import lower_entries
from pratique.compiler.kyverno.obligations import EntryLowering, template
from pratique.compiler.kyverno.regions import label_selector, region
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.documents.kyverno import Rule, Spec, ValidationFailureActionOverride
from pratique.grammar.source import Location


def lower_policy(document: PolicyDocument) -> ir.Policy:
    """Return the IR of a document that `checks.check` had nothing against."""
    model = document.model
    namespace = (model.metadata.namespace or "default") if model.kind == "Policy" else None
    conditions = request_conditions(document)
    lowered = [
        _rule(document, rule, number, namespace, conditions) for number, rule in enumerate(model.spec.rules)
    ]
    annotations = model.metadata.annotations or {}
    families = autogen.families(model.spec.rules, annotations.get(autogen.ANNOTATION))
    declared = [r for r in lowered if not (families and r.name.startswith("autogen-"))]
    generated = [made for r in declared for family in families if (made := autogen.generate(r, family))]
    return ir.Policy(
        kind=model.kind,
        name=model.metadata.name,
        namespace=namespace,
        rules=(*declared, *generated),
        fail_open=_failure_policy(model.spec) == "Ignore",
        stop_at_first=model.spec.apply_rules == "One",
        background=model.spec.background,
        admission=model.spec.admission,
        webhook_seconds=_webhook_seconds(model.spec),
        emit_warning=model.spec.emit_warning,
        annotations=tuple(sorted(annotations.items())),
        at=ir.At(location=document.location("metadata", "name")),
    )


def request_conditions(document: PolicyDocument) -> tuple[NamedExpression, ...]:
    """Return the conditions on requests that all rules of a policy have."""
    webhook = document.model.spec.webhook_configuration
    place = ("spec", "webhookConfiguration", "matchConditions")
    return tuple(
        NamedExpression(
            name=condition.name,
            expression=condition.expression,
            at=ir.At(location=document.location(*place, number, "expression")),
        )
        for number, condition in enumerate(webhook.match_conditions if webhook else ())
    )


def _rule(
    document: PolicyDocument,
    rule: Rule,
    number: int,
    namespace: str | None,
    conditions: tuple[NamedExpression, ...],
) -> ir.Rule:
    route = ("spec", "rules", number)
    entries = rule.verify_images or ()

    def place(*parts: str | int) -> Location:
        return document.location(*route, *parts)

    def entry_place(index: int) -> Callable[..., Location]:
        return lambda *parts: document.location(*route, "verifyImages", index, *parts)

    return ir.Rule(
        name=rule.name,
        resources=region(rule.match, rule.exclude, namespace, place),
        requirements=tuple(EntryLowering(e, entry_place(i)).requirement() for i, e in enumerate(entries)),
        body=lower_body(rule, place),
        action=_action(document.model.spec, rule),
        overrides=_overrides(document.model.spec, rule),
        request_conditions=conditions,
        context=lower_entries(rule.context, place) if rule.context else (),
        preconditions=rule.preconditions,
        template=template(entries),
        extractors=tuple(
            sorted((kind, tuple(found)) for kind, found in (rule.image_extractors or {}).items())
        ),
        report_properties=tuple(sorted((rule.report_properties or {}).items())),
        at=ir.At(location=place("name")),
    )


def _failure_policy(spec: Spec) -> str:
    configured = spec.webhook_configuration.failure_policy if spec.webhook_configuration else None
    return configured or spec.failure_policy or "Fail"


def _webhook_seconds(spec: Spec) -> int | None:
    configured = spec.webhook_configuration.timeout_seconds if spec.webhook_configuration else None
    return configured if configured is not None else spec.webhook_timeout_seconds


def spec_action(spec: Spec) -> ir.Action:
    """Return the action of rules that name none; everything that is not Enforce audits."""
    return _named(spec.validation_failure_action)


def _named(action: str | None) -> ir.Action:
    return ir.Action.ENFORCE if action in ("Enforce", "enforce") else ir.Action.AUDIT


def _action(spec: Spec, rule: Rule) -> ir.Action:
    """Return the action of a rule: Enforce if any image entry says so, else the first that is named."""
    named = _named_actions(rule)
    if "Enforce" in named:
        return ir.Action.ENFORCE
    return ir.Action(named[0]) if named else spec_action(spec)


def _named_actions(rule: Rule) -> list[str]:
    parts = [rule.validation] if rule.validation else rule.verify_images
    return [part.failure_action for part in parts if part.failure_action]


def _overrides(spec: Spec, rule: Rule) -> tuple[ir.ActionOverride, ...]:
    """Return the overrides of a rule; those of the policy count where the rule names no action itself."""
    own = rule.validation.failure_action_overrides if rule.validation else ()
    others = () if _named_actions(rule) else spec.validation_failure_action_overrides
    return tuple(map(_override, (*own, *others)))


def _override(written: ValidationFailureActionOverride) -> ir.ActionOverride:
    return ir.ActionOverride(
        action=_named(written.action),
        namespaces=written.namespaces,
        namespace_selector=label_selector(written.namespace_selector),
    )
