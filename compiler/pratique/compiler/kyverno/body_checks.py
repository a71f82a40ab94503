"""What Kyverno refuses about `validate`, `mutate` and `generate` of a rule when a policy is created.

Texts are Kyverno 1.19's own. What a rule asks for and nothing executes yet is refused as well, see
`unsupported`.

References: Kyverno 1.19 `pkg/policy/validate`, `pkg/policy/mutate`, `pkg/policy/generate` (`Validate`),
`pkg/policy/common` (`ValidatePattern`), `pkg/validation/policy`, `Rule.Validate`, `Generation.Validate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pratique.compiler.kyverno.selection_checks import Problem, Route
from pratique.grammar.documents.attestors import Attestor, AttestorSet
from pratique.grammar.documents.generation import GeneratePattern, Generation
from pratique.grammar.documents.kyverno import Rule
from pratique.grammar.documents.mutation import ForEachMutation, Mutation
from pratique.grammar.documents.validation import Cel, ForEachValidation, PodSecurity, Validation

ANCHOR: Final = re.compile(r"([+<=X^])?\((.+)\)")
_BESIDE_CEL: Final = "celPrecondition can only be used with validate.cel"


def unsupported(rule: Rule) -> Iterator[tuple[str, Route]]:
    """Yield what no part of the runtime executes yet: a word for it, and where in the rule it stands.

    Whoever makes a body executable takes it out of here.
    """
    written = rule.validation.manifests if rule.validation else None
    if written is None:
        return
    route: Route = ("validate", "manifests")
    if written.dry_run and written.dry_run.enable:
        yield "comparing a signed manifest by a dry run", (*route, "dryRun", "enable")
    if written.repository:
        yield "looking for a signed manifest in a registry", (*route, "repository")
    for number, found in enumerate(written.attestors):
        for place, entry in _entries(found, (*route, "attestors", number)):
            if entry.repository:
                yield "looking for a signed manifest in a registry", (*place, "repository")
            if entry.keys and "BEGIN PGP" in entry.keys.public_keys:
                yield "a PGP key", (*place, "keys", "publicKeys")


def _entries(attestors: AttestorSet, route: Route) -> Iterator[tuple[Route, Attestor]]:
    for number, entry in enumerate(attestors.entries):
        place = (*route, "entries", number)
        yield place, entry
        if entry.attestor:
            yield from _entries(entry.attestor, (*place, "attestor"))


def body_problems(rule: Rule, number: int, namespace: str | None = None) -> Iterator[Problem]:
    """Yield what is wrong with the bodies of a rule, expressions apart; routes start at the rule.

    Args:
        rule: as written.
        number: its place in the policy, which texts name.
        namespace: that of a namespaced policy, which changes and makes nothing elsewhere (R10).
    """
    if rule.validation and rule.validation != Validation():
        yield from _placed("validate", number, _validation(rule, rule.validation))
    elif rule.cel_preconditions:
        yield Problem(_BESIDE_CEL, ("celPreconditions",))
    if rule.mutate and rule.mutate != Mutation():
        yield from _placed("mutate", number, _mutation(rule.mutate))
    if rule.generate and rule.generate != Generation():
        yield from _generation(rule, rule.generate)
    if namespace is not None:
        yield from _elsewhere(rule, namespace)
    if not _texts_in_metadata(rule):
        text = (
            'labels and annotations supports only string values, "use double quotes around the non string'
            ' values"'
        )
        yield Problem(text, ())


def _placed(verb: str, number: int, found: Iterator[tuple[str, str, Route]]) -> Iterator[Problem]:
    for path, text, route in found:
        yield Problem(f"path: spec.rules[{number}].{verb}.{path}.: {text}", (verb, *route))


# --- validate ------------------------------------------------------------------------------------------


def _validation(rule: Rule, written: Validation) -> Iterator[tuple[str, str, Route]]:
    given = (
        written.pattern is not None,
        written.any_pattern is not None,
        written.deny is not None,
        bool(written.foreach),
        written.pod_security is not None,
        written.cel is not None,
        written.manifests is not None and bool(written.manifests.attestors),
    )
    if sum(given) == 0:
        yield "", "one of pattern, anyPattern, deny, foreach, cel must be specified", ()
    elif sum(given) > 1:
        yield "", "only one of pattern, anyPattern, deny, foreach, cel can be specified", ()
    elif written.assertion is not None:
        yield "", "assert cannot be specified together with another check", ("assert",)
    yield from _patterns(written, (), "")
    yield from _loops(written.foreach, ("foreach",))
    if written.pod_security:
        yield from _pod_security(written.pod_security)
    if written.cel:
        for problem in _cel(rule, written.cel):
            yield "", problem.text, problem.route
    elif rule.cel_preconditions:
        yield "", _BESIDE_CEL, ()


def _patterns(
    written: Validation | ForEachValidation, route: Route, prefix: str
) -> Iterator[tuple[str, str, Route]]:
    if written.pattern is not None:
        for path, text, below in _anchors(written.pattern, "/", ()):
            yield f"{prefix}pattern.{path}", text, (*route, "pattern", *below)
    if written.any_pattern == []:
        # DEVIATION: an empty set never passes; in Kyverno this one does
        # (`tests/compiler/kyverno/test_body_checks.py::test_refused`).
        yield f"{prefix}anyPattern", "there is no pattern", (*route, "anyPattern")
    elif isinstance(written.any_pattern, list):
        for index, pattern in enumerate(written.any_pattern):
            for path, text, below in _anchors(pattern, "/", ()):
                yield f"{prefix}anyPattern[{index}].{path}", text, (*route, "anyPattern", index, *below)
    elif written.any_pattern is not None:
        yield f"{prefix}anyPattern", "failed to deserialize anyPattern, expect array", (*route, "anyPattern")


def _anchors(
    pattern: Any, path: str, route: Route, *, allowed: bool = True
) -> Iterator[tuple[str, str, Route]]:
    """Yield anchors that no pattern may hold; all of them unless some are `allowed`."""
    match pattern:
        case dict():
            for key, value in pattern.items():
                anchor = ANCHOR.fullmatch(key.strip())
                if anchor and (anchor[1] == "+" or not allowed):
                    yield f"{path}/{key}", f"unsupported anchor {key}", (*route, key)
                elif anchor and anchor[1] == "^" and not isinstance(value, list):
                    yield f"{path}/{key}", "existence anchor should have value of type list", (*route, key)
                elif anchor and anchor[1] == "^" and not value:
                    yield f"{path}/{key}", "existence anchor: should have at least one value", (*route, key)
                yield from _anchors(value, f"{path}/{key}", (*route, key), allowed=allowed)
        case list():
            for index, value in enumerate(pattern):
                yield from _anchors(value, f"{path}{index}/", (*route, index), allowed=allowed)
        case _:
            pass


def _loops(loops: tuple[ForEachValidation, ...], route: Route) -> Iterator[tuple[str, str, Route]]:
    """Yield mistakes of loops; unlike Kyverno also of loops inside loops, which would check nothing."""
    for number, loop in enumerate(loops):
        place = (*route, number)
        if not loop.list:
            yield "", "foreach.list is required", place
        given = (loop.pattern is not None, loop.any_pattern is not None, loop.deny is not None)
        count = sum(given) + bool(loop.foreach)
        if count == 0:
            text = "one of pattern, anyPattern, deny, or a nested foreach must be specified"
            yield "", text, place
        elif count > 1:
            text = "only one of pattern, anyPattern, deny, or a nested foreach can be specified"
            yield "", text, place
        yield from _patterns(loop, place, "foreach.")
        yield from _loops(loop.foreach, (*place, "foreach"))


_OF_CONTAINERS: Final = frozenset(
    {"Capabilities", "Privileged Containers", "Host Ports", "/proc Mount Type", "Privilege Escalation"}
)
_OF_PODS: Final = frozenset({"Host Namespaces", "HostPath Volumes", "Sysctls", "Volume Types"})
_RESTRICTED: Final = frozenset(
    {"Volume Types", "Privilege Escalation", "Running as Non-root", "Running as Non-root user"}
)


def _pod_security(written: PodSecurity) -> Iterator[tuple[str, str, Route]]:
    for number, each in enumerate(written.exclude):
        route = ("podSecurity", "exclude", number)
        path = f"podSecurity.exclude[{number}]"
        if each.control_name in _OF_CONTAINERS and not each.images:
            text = "exclude.images must be specified for the container level control"
            yield path, text, (*route, "controlName")
        if each.control_name in _OF_PODS and each.images:
            text = "exclude.images must not be specified for the pod level control"
            yield path, text, (*route, "images")
        if each.restricted_field and not each.values:
            yield path, "values is required", route
        if each.values and not each.restricted_field:
            yield path, "restrictedField is required", route
        if written.level == "baseline" and each.control_name in _RESTRICTED:
            yield path, "Invalid control name defined at the given level", (*route, "controlName")


def _cel(rule: Rule, written: Cel) -> Iterator[Problem]:
    if rule.context:
        yield Problem("context variables are not supported for CEL expressions in validate rules", ())
    for number, each in enumerate(written.expressions):
        if not each.expression:
            yield Problem("cel.expressions.expression is required", ("cel", "expressions", number))
    yield from _parameters(written)
    for number, annotation in enumerate(written.audit_annotations):
        if not annotation.key:
            yield Problem("cel.auditAnnotation.key is required", ("cel", "auditAnnotations", number))
        if not annotation.value_expression:
            yield Problem(
                "cel.auditAnnotation.valueExpression is required", ("cel", "auditAnnotations", number)
            )


def _parameters(written: Cel) -> Iterator[Problem]:
    kind, reference = written.param_kind, written.param_ref
    if kind:
        if not kind.api_version:
            yield Problem("cel.paramKind.apiVersion is required", ("cel", "paramKind"))
        if not kind.kind:
            yield Problem("cel.paramKind.kind is required", ("cel", "paramKind"))
        if not reference:
            yield Problem("cel.paramRef is required", ("cel", "paramKind"))
    if reference:
        if bool(reference.name) == (reference.selector is not None):
            yield Problem(
                "one of cel.paramRef.name or cel.paramRef.selector must be set", ("cel", "paramRef")
            )
        if reference.parameter_not_found_action is None:
            yield Problem("cel.paramRef.parameterNotFoundAction is required", ("cel", "paramRef"))
        if not kind:
            yield Problem("cel.paramKind is required", ("cel", "paramRef"))


# --- mutate --------------------------------------------------------------------------------------------


def _mutation(written: Mutation) -> Iterator[tuple[str, str, Route]]:
    merge, patch = written.patch_strategic_merge is not None, bool(written.patches_json6902)
    if written.foreach:
        if merge or patch:
            text = "only one of `foreach`, `patchStrategicMerge`, or `patchesJson6902` is allowed"
            yield "foreach", text, ("foreach",)
        yield from _mutation_loops(written.foreach, ("foreach",), "")
    elif merge and patch:
        yield "foreach", "only one of `patchStrategicMerge` or `patchesJson6902` is allowed", ()


def _mutation_loops(
    loops: tuple[ForEachMutation, ...], route: Route, tag: str
) -> Iterator[tuple[str, str, Route]]:
    for number, loop in enumerate(loops):
        place, path = (*route, number), f"{tag}foreach[{number}]"
        merge, patch = loop.patch_strategic_merge is not None, bool(loop.patches_json6902)
        if loop.foreach:
            if loop.context or loop.preconditions or merge or patch:
                yield path, "a nested foreach cannot contain other declarations", place
            yield from _mutation_loops(loop.foreach, (*place, "foreach"), path)
        elif merge == patch:
            yield path, "only one of `patchStrategicMerge` or `patchesJson6902` is allowed", place


# --- generate ------------------------------------------------------------------------------------------


def _generation(rule: Rule, written: Generation) -> Iterator[Problem]:
    route: Route = ("generate",)
    forms = (written.data, written.clone, written.clone_list and written.clone_list.kinds, written.foreach)
    if sum(bool(form) for form in forms) > 1:
        text = "only one of generate patterns(data, clone, cloneList and foreach) can be specified"
        yield Problem(text, route)
    elif written.foreach:
        for number, loop in enumerate(written.foreach):
            yield from _made(loop, (*route, "foreach", number))
    else:
        yield from _made(written, route)
        if written.data is not None:
            for _, text, below in _anchors(written.data, "/", (), allowed=False):
                yield Problem(
                    f"anchors not supported on generate resources: {text}", (*route, "data", *below)
                )
    direct = rule.match.resources
    if direct and written.kind and written.kind in direct.kinds:
        yield Problem("generation kind and match resource kind should not be the same", (*route, "kind"))


def _made(written: GeneratePattern, route: Route) -> Iterator[Problem]:
    if written.clone_list and written.clone_list.kinds:
        return
    for name, value in (("kind", written.kind), ("name", written.name), ("apiVersion", written.api_version)):
        if not value:
            yield Problem(f"{name} can not be empty", route)


# --- namespaced policies -------------------------------------------------------------------------------


def _elsewhere(rule: Rule, namespace: str) -> Iterator[Problem]:
    """Yield where a rule of a namespaced policy reaches out of its namespace, in Kyverno's words."""
    for number, target in enumerate(rule.mutate.targets if rule.mutate else ()):
        if target.namespace and target.namespace != namespace:
            text = (
                "This field can be ignored or should have value of the namespace where the policy is being"
                " created"
            )
            yield Problem(text, ("mutate", "targets", number, "namespace"), "foreign-namespace")
    if rule.generate is None:
        return
    for number, loop in enumerate(rule.generate.foreach):
        yield from _made_elsewhere(loop, namespace, ("generate", "foreach", number))
    if not rule.generate.foreach:
        yield from _made_elsewhere(rule.generate, namespace, ("generate",))


def _made_elsewhere(made: GeneratePattern, namespace: str, route: Route) -> Iterator[Problem]:
    told = f"in other namespaces, expected: {namespace}, received: "
    mismatch = "target resource scope mismatched: a namespaced policy cannot"
    if made.namespace != namespace:
        text = f"{mismatch} generate resources {told}{made.namespace}"
        yield Problem(text, (*route, "namespace"), "foreign-namespace")
    elif made.clone and made.clone.name and made.clone.namespace != namespace:
        text = f"{mismatch} clone resources {told}{made.clone.namespace}".replace(" in other", " from other")
        yield Problem(text, (*route, "clone", "namespace"), "foreign-namespace")
    copies = made.clone_list
    if copies and copies.kinds and copies.namespace != namespace:
        text = (
            "a namespaced policy cannot clone resources from other namespace, expected:"
            f" {namespace}, received: {copies.namespace}"
        )
        yield Problem(text, (*route, "cloneList", "namespace"), "foreign-namespace")


# --- all -----------------------------------------------------------------------------------------------


def _texts_in_metadata(rule: Rule) -> bool:
    """Say whether labels and annotations of patterns and overlays are texts, as far as Kyverno looks."""
    return all(map(_is_text_only, _overlays(rule)))


def _overlays(rule: Rule) -> Iterator[Any]:
    if rule.validation:
        if rule.validation.foreach:
            yield from [each.pattern for each in rule.validation.foreach if isinstance(each.pattern, dict)][
                :1
            ]
        elif isinstance(rule.validation.pattern, dict):
            yield rule.validation.pattern
        elif isinstance(rule.validation.any_pattern, list):
            yield from rule.validation.any_pattern
    if rule.mutate:
        if rule.mutate.foreach:
            merges = [each.patch_strategic_merge for each in rule.mutate.foreach]
            yield from [each for each in merges if isinstance(each, dict)][:1]
        else:
            yield rule.mutate.patch_strategic_merge


def _is_text_only(overlay: Any) -> bool:
    if not isinstance(overlay, dict):
        return True
    metadata = overlay.get("metadata")
    if not isinstance(metadata, dict):
        metadata = overlay.get("spec")
        for step in ("template", "metadata"):
            metadata = metadata.get(step) if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict):
        return True
    return all(
        isinstance(value, str)
        for name in ("labels", "annotations")
        if isinstance(pairs := metadata.get(name), dict)
        for value in pairs.values()
    )
