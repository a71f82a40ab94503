"""New policies that look wherever classic ones do: into image volumes, ephemeral containers, and so on.

Autogen knows neither `pods/ephemeralcontainers` nor ReplicationControllers, and the usual lists of images
hold no volumes. So kinds are named one by one, and a list of images of the policy's own takes the place of
the usual ones. The longer text is the price; `Caveat` lists what is not said without it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.api_kinds import plural
from pratique.compiler.cel_bodies import CelImageValidation, ResourceRule
from pratique.compiler.converting import conditions, constraints
from pratique.compiler.converting.conditions import UnreadableError, compiled
from pratique.compiler.converting.formulas import ALL_IMAGES
from pratique.compiler.converting.model import Caveat, Conversion, Draft, declared
from pratique.compiler.converting.writing import Lines

NAME: Final = "used"
OWN_LIST: Final = f"images.{NAME}"
_USED: Final = """\
[object.kind == "Pod" ? object.spec
: object.kind == "CronJob" ? object.spec.jobTemplate.spec.template.spec : object.spec.template.spec]
.map(spec, spec.?containers.orValue([]).map(c, c.image)
+ spec.?initContainers.orValue([]).map(c, c.image)
+ spec.?ephemeralContainers.orValue([]).map(c, c.image)
+ spec.?volumes.orValue([]).filter(v, has(v.image) && has(v.image.reference)).map(v, v.image.reference))[0]"""
_PODS: Final = "pods"
_EPHEMERAL: Final = "pods/ephemeralcontainers"
_CONTROLLER: Final = "replicationcontrollers"
_CLOSED: Final = (Caveat.CONTROLLERS, Caveat.EPHEMERAL, Caveat.VOLUMES)


def everywhere(conversion: Conversion) -> Conversion:
    """Return a conversion whose documents look wherever the classic policy does, where they can.

    A document with conditions on paths into Pods stays as it is: autogen alone rewrites them.
    """
    drafts = [_everywhere(draft, conversion.policy) for draft in conversion.drafts]
    caveats = conversion.caveats
    if all(draft.is_everywhere for draft in drafts):
        caveats = tuple(each for each in caveats if each not in _CLOSED)
    return replace(conversion, drafts=tuple(drafts), caveats=caveats)


def _everywhere(draft: Draft, policy: ir.Policy) -> Draft:
    spec: dict[str, Any] = draft.data["spec"]
    rules = spec["matchConstraints"]["resourceRules"]
    has_paths = "" in draft.conditions or any(rule.request_conditions for rule in policy.rules)
    if has_paths or not rules:
        return draft
    operations = rules[0]["operations"]
    named = {(each["apiGroups"][0], name) for each in rules for name in each["resources"]}
    if named == {("", _PODS)}:
        named |= _controllers(spec.get("autogen"), policy)
    if ("", _PODS) in named:
        named.add(("", _EPHEMERAL))
    groups = dict.fromkeys(group for group, _ in sorted(named))
    written = [
        {
            "apiGroups": [group],
            "apiVersions": ["v1"],
            "operations": operations,
            "resources": sorted(name for own, name in named if own == group),
        }
        for group in groups
    ]
    changed: dict[str, Any] = {}
    for name, value in spec.items():
        if name == "matchConstraints":
            changed[name] = {**value, "resourceRules": written}
        elif name == "validations":
            changed[name] = [_validation(each) for each in value]
        elif name != "autogen":
            changed[name] = value
        if name == "matchImageReferences":
            changed["images"] = [{"name": NAME, "expression": Lines(_USED)}]
    return replace(draft, data={**draft.data, "spec": changed}, is_everywhere=True)


def _controllers(autogen: Any, policy: ir.Policy) -> set[tuple[str, str]]:
    """Return the resources for which autogen would make forms, and the one that it forgets."""
    wanted = autogen["podControllers"]["controllers"] if autogen else None
    found = {
        (group, plural(kind))
        for group, _, kind in constraints.KINDS
        if kind != "Pod" and (wanted is None or plural(kind) in wanted)
    }
    return found | ({("", _CONTROLLER)} if covers_controllers(policy) else set())


def covers_controllers(policy: ir.Policy) -> bool:
    """Say whether autogen made rules for ReplicationControllers of a classic policy."""
    return any(
        selector.kind == "ReplicationController"
        for rule in policy.rules
        if rule.generated_from
        for each in rule.resources.match.filters
        for selector in each.kinds
    )


def _validation(written: dict[str, Any]) -> dict[str, Any]:
    text = (
        written["expression"].replace(f"({ALL_IMAGES})", OWN_LIST).replace(f"{OWN_LIST}\n.", f"{OWN_LIST}.")
    )
    return {**written, "expression": Lines(text)}


# --- back ----------------------------------------------------------------------------------------------


def plain(body: CelImageValidation, policy: ir.Policy) -> CelImageValidation:
    """Return what a body says of the places that an ImageValidatingPolicy looks at by itself.

    Args:
        body: of a document that was made here.
        policy: the classic policy.

    Raises:
        UnreadableError: it does not look at the other places, or at other ones.
    """
    own = body.extractors
    of = body.scope.constraints
    if len(own) != 1 or own[0].name != NAME or of is None:
        raise UnreadableError
    if not conditions.same(compiled(own[0].expression), compiled(_USED)):
        raise UnreadableError
    named = {(rule.groups, name) for rule in of.rules for name in rule.resources}
    about_pods = (("",), _PODS) in named
    is_simple = all(
        selector.kind == "Pod"
        for rule in declared(policy)
        for f in rule.resources.match.filters
        for selector in f.kinds
    )
    if ((("",), _EPHEMERAL) in named) is not about_pods:
        raise UnreadableError
    if ((("",), _CONTROLLER) in named) is not (about_pods and is_simple and covers_controllers(policy)):
        raise UnreadableError
    rules = tuple(filter(None, map(_without, of.rules)))
    validations = tuple(
        replace(each, expression=each.expression.replace(OWN_LIST, f"({ALL_IMAGES})"))
        for each in body.validations
    )
    scope = replace(body.scope, constraints=replace(of, rules=rules))
    return replace(body, extractors=(), scope=scope, validations=validations)


def _without(rule: ResourceRule) -> ResourceRule | None:
    resources = tuple(name for name in rule.resources if name not in (_EPHEMERAL, _CONTROLLER))
    return replace(rule, resources=resources) if resources else None
