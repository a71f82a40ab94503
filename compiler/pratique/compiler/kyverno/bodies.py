"""`validate`, `mutate` and `generate` of a rule to the IR.

References: Kyverno 1.19 `api/kyverno/v1`; which of several checks counts: `pkg/engine/validation.go`,
`validate_resource.go`.
"""

from __future__ import annotations

from typing import Any

from pratique.compiler import bodies, ir
from pratique.compiler.kyverno.context import lower_entries
from pratique.compiler.kyverno.obligations import manifest_signatures
from pratique.compiler.kyverno.regions import Place, label_selector
from pratique.grammar.documents.conditions import Conditions
from pratique.grammar.documents.generation import ForEachGeneration, GeneratePattern, Generation
from pratique.grammar.documents.kyverno import MatchCondition, Rule
from pratique.grammar.documents.mutation import ForEachMutation, Mutation, MutationTarget
from pratique.grammar.documents.validation import Cel, ForEachValidation, Manifests, PodSecurity, Validation
from pratique.grammar.source import Location


def lower_body(rule: Rule, place: Place) -> bodies.Body | None:
    """Return the body of a rule that `checks` had nothing against; None for image rules.

    Args:
        rule: as written.
        place: that of parts of the rule.
    """
    if rule.validation:
        return _validation(rule.validation, rule.cel_preconditions, place)
    if rule.mutate:
        return _mutation(rule.mutate, _below(place, "mutate"))
    if rule.generate:
        return _generation(rule.generate, _below(place, "generate"))
    return None


def _below(place: Place, *route: str | int) -> Place:
    def inner(*parts: str | int) -> Location:
        return place(*route, *parts)

    return inner


def _at(place: Place, *route: str | int) -> ir.At:
    return ir.At(location=place(*route))


def _at_of(place: Place | None, *route: str | int) -> ir.At:
    return _at(place, *route) if place else ir.NOWHERE


# --- validate ------------------------------------------------------------------------------------------


def _validation(written: Validation, preconditions: tuple[MatchCondition, ...], rule: Place) -> bodies.Body:
    place = _below(rule, "validate")
    check: bodies.Check
    if written.manifests:
        check = _manifests(written.manifests, _below(place, "manifests"))
    elif written.pod_security:
        check = _pod_security(written.pod_security, _below(place, "podSecurity"))
    elif written.cel:
        check = lower_cel(written.cel, preconditions, rule)
    else:
        check = _check(written, place)
    return bodies.Validation(
        check=check,
        message=written.message,
        allow_existing=written.allow_existing_violations,
        at=_at(place),
    )


def _check(
    written: Validation | ForEachValidation, place: Place
) -> bodies.Pattern | bodies.AnyPattern | bodies.Deny | bodies.ForEach:
    if written.deny:
        return bodies.Deny(conditions=written.deny.conditions, at=_at(place, "deny"))
    if written.pattern is not None:
        return bodies.Pattern(data=written.pattern, at=_at(place, "pattern"))
    if written.any_pattern is not None:
        return bodies.AnyPattern(data=written.any_pattern, at=_at(place, "anyPattern"))
    loops = tuple(
        _loop(loop, _below(place, "foreach", number)) for number, loop in enumerate(written.foreach)
    )
    return bodies.ForEach(loops=loops, at=_at(place, "foreach"))


def _loop(written: ForEachValidation, place: Place) -> bodies.Loop:
    return bodies.Loop(
        list=written.list,
        check=_check(written, place),
        scoped=written.element_scope,
        context=lower_entries(written.context, place),
        preconditions=conditions_data(written.preconditions),
        at=_at(place),
    )


def conditions_data(written: Conditions | None) -> Any:
    """Return conditions as the JSON that `expressions.conditions` compiles; None for none."""
    return None if written is None else written.model_dump(mode="json", exclude_unset=True)


def _pod_security(written: PodSecurity, place: Place) -> bodies.PodSecurity:
    return bodies.PodSecurity(
        level=written.level or "",
        version=written.version or "latest",
        exclusions=tuple(
            bodies.PodSecurityExclusion(
                control=each.control_name,
                images=each.images,
                restricted_field=each.restricted_field,
                values=each.values,
            )
            for each in written.exclude
        ),
        at=_at(place),
    )


def _manifests(written: Manifests, place: Place) -> bodies.SignedManifest:
    return bodies.SignedManifest(
        signatures=manifest_signatures(written, place),
        domain=written.annotation_domain or "cosign.sigstore.dev",
        ignored=tuple(
            bodies.IgnoredFields(
                objects=tuple(bodies.ManifestObject(**each.model_dump()) for each in ignored.objects),
                fields=ignored.fields,
            )
            for ignored in written.ignore_fields
        ),
        at=_at(place),
    )


def lower_cel(
    written: Cel, preconditions: tuple[MatchCondition, ...], rule: Place | None = None
) -> bodies.Cel:
    """Return the IR of `validate.cel`; the place of the rule may be left out, its parts then have none."""
    place = _below(rule, "validate", "cel") if rule else None
    kind, reference = written.param_kind, written.param_ref
    parameters = None
    if kind and reference:
        parameters = bodies.CelParameters(
            api_version=kind.api_version,
            kind=kind.kind,
            name=reference.name,
            namespace=reference.namespace,
            selector=label_selector(reference.selector),
            not_found=reference.parameter_not_found_action or "",
        )
    return bodies.Cel(
        expressions=tuple(
            bodies.CelExpression(
                expression=each.expression,
                message=each.message,
                message_expression=each.message_expression,
                reason=each.reason,
                at=_at_of(place, "expressions", number, "expression"),
            )
            for number, each in enumerate(written.expressions)
        ),
        preconditions=tuple(
            bodies.NamedExpression(
                name=each.name,
                expression=each.expression,
                at=_at_of(rule, "celPreconditions", number, "expression"),
            )
            for number, each in enumerate(preconditions)
        ),
        variables=tuple(
            bodies.NamedExpression(
                name=each.name,
                expression=each.expression,
                at=_at_of(place, "variables", number, "expression"),
            )
            for number, each in enumerate(written.variables)
        ),
        parameters=parameters,
        audit_annotations=tuple(
            bodies.NamedExpression(
                name=each.key,
                expression=each.value_expression,
                at=_at_of(place, "auditAnnotations", number, "valueExpression"),
            )
            for number, each in enumerate(written.audit_annotations)
        ),
        at=_at_of(place),
    )


# --- mutate --------------------------------------------------------------------------------------------


def _mutation(written: Mutation, place: Place) -> bodies.Mutation:
    return bodies.Mutation(
        change=_change(written, place),
        targets=tuple(
            _target(target, _below(place, "targets", number)) for number, target in enumerate(written.targets)
        ),
        at=_at(place),
    )


def _change(written: Mutation | ForEachMutation, place: Place) -> bodies.Change:
    if written.foreach:
        loops = tuple(
            _mutation_loop(loop, _below(place, "foreach", number))
            for number, loop in enumerate(written.foreach)
        )
        return bodies.MutationLoops(loops=loops, at=_at(place, "foreach"))
    if written.patch_strategic_merge is not None:
        place_of_overlay = _at(place, "patchStrategicMerge")
        return bodies.StrategicMerge(overlay=written.patch_strategic_merge, at=place_of_overlay)
    return bodies.JsonPatch(operations=written.patches_json6902, at=_at(place, "patchesJson6902"))


def _mutation_loop(written: ForEachMutation, place: Place) -> bodies.MutationLoop:
    return bodies.MutationLoop(
        list=written.list,
        change=_change(written, place),
        order=written.order or "",
        context=lower_entries(written.context, place),
        preconditions=conditions_data(written.preconditions),
        at=_at(place),
    )


def _target(written: MutationTarget, place: Place) -> bodies.MutationTarget:
    return bodies.MutationTarget(
        api_version=written.api_version,
        kind=written.kind,
        namespace=written.namespace,
        name=written.name,
        selector=label_selector(written.selector),
        context=lower_entries(written.context, place),
        preconditions=written.preconditions,
        at=_at(place),
    )


# --- generate ------------------------------------------------------------------------------------------


def _generation(written: Generation, place: Place) -> bodies.Generation:
    makes: tuple[bodies.Make | bodies.GenerationLoop, ...]
    if written.foreach:
        makes = tuple(
            _generation_loop(loop, _below(place, "foreach", number))
            for number, loop in enumerate(written.foreach)
        )
    else:
        makes = (_make(written, place),)
    return bodies.Generation(
        makes=makes,
        synchronize=written.synchronize,
        orphan=written.orphan_downstream_on_policy_delete,
        at=_at(place),
    )


def _generation_loop(written: ForEachGeneration, place: Place) -> bodies.GenerationLoop:
    return bodies.GenerationLoop(
        list=written.list,
        make=_make(written, place),
        context=lower_entries(written.context, place),
        preconditions=conditions_data(written.preconditions),
        at=_at(place),
    )


def _make(written: GeneratePattern, place: Place) -> bodies.Make:
    source: bodies.ObjectData | bodies.Copy | bodies.Copies
    if written.clone_list:
        found = written.clone_list
        source = bodies.Copies(
            namespace=found.namespace, kinds=found.kinds, selector=label_selector(found.selector)
        )
    elif written.clone:
        source = bodies.Copy(namespace=written.clone.namespace, name=written.clone.name)
    else:
        source = bodies.ObjectData(data=written.data)
    return bodies.Make(
        source=source,
        api_version=written.api_version,
        kind=written.kind,
        namespace=written.namespace,
        name=written.name,
        at=_at(place),
    )
