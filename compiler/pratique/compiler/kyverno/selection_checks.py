"""What Kyverno refuses in `match` and `exclude` of a rule.

References: Kyverno 1.19 `MatchResources.Validate`, `ResourceDescription.Validate`, `UserInfo.Validate`,
`Rule.ValidateMatchExcludeConflict`, and `pkg/validation/policy` (`validateResources`, `validateKinds`,
`hasUserMatchExclude`), whose texts are repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from pratique.grammar import wildcard
from pratique.grammar.documents.kyverno import (
    LabelSelector,
    MatchResources,
    ResourceDescription,
    Rule,
    UserInfo,
)
from pratique.grammar.kinds import KindError, parse_kind

Route: TypeAlias = tuple[str | int, ...]


class Problem(NamedTuple):
    """A reason to refuse a policy: a text, where it belongs, its code, and what to write instead."""

    text: str
    route: Route
    code: str = "invalid-policy"
    help: str = ""


_NO_KIND = (
    "at least one element must be specified in a kind block, the kind attribute is mandatory when working"
    " with the resources element"
)
_ONLY_METADATA = (
    "policy can only deal with the metadata field of the resource if the rule does not match any kind"
)
_BACKGROUND = (
    "only select variables are allowed in background mode. Set spec.background=false to disable background"
    " mode for this policy rule: invalid variable used at path: "
)
_EMPTY = "Rule is matching an empty set"


def selection_problems(rule: Rule, number: int, *, namespaced: bool, background: bool) -> Iterator[Problem]:
    """Yield what is wrong with the selection of a rule.

    Args:
        rule: the rule as written.
        number: its place in the policy.
        namespaced: the policy is a `Policy`.
        background: the policy takes part in background scans, where nobody has sent a request.
    """
    blocks = [("match", rule.match), *([("exclude", rule.exclude)] if rule.exclude else [])]
    for name, block in blocks:
        yield from _block(name, block, rule, namespaced=namespaced, background=background)
        if background:
            yield from _senders(name, block, number)
    yield from _without_kinds(rule)
    if rule.exclude and _cancel(rule.match, rule.exclude):
        yield Problem(_EMPTY, ("exclude",), "empty-selection", "exclude less, or remove the rule")


def exception_problems(
    match: MatchResources, *, background: bool, name: str = "match", namespaced: bool = False
) -> Iterator[Problem]:
    """Yield what is wrong with a selection outside of rules, such as that of an exception.

    Args:
        match: the block as written.
        background: it names no senders.
        name: what the block is called.
        namespaced: it stands in a policy of a namespace.
    """
    if match.any and match.all:
        yield Problem("Can't specify any and all together", (name,))
    for user, described, place in _parts(name, match):
        told = (("roles", user.roles), ("clusterRoles", user.cluster_roles), ("subjects", user.subjects))
        for field in [field for field, value in told if value and background]:
            help = "write `background: false`, or name no senders"
            yield Problem("Usage of user info is forbidden", (*place, field), help=help)
        yield from _user(user, place)
        yield from _described(described, (*place, "resources"), namespaced=namespaced)
        for number, kind in enumerate(described.kinds):
            yield from _kind(kind, (*place, "resources", "kinds", number))


def _parts(name: str, block: MatchResources) -> Iterator[tuple[UserInfo, ResourceDescription, Route]]:
    yield block, block.resources or ResourceDescription(), (name,)
    for form, filters in (("any", block.any), ("all", block.all)):
        for number, part in enumerate(filters):
            yield part, part.resources or ResourceDescription(), (name, form, number)


def _block(
    name: str, block: MatchResources, rule: Rule, *, namespaced: bool, background: bool
) -> Iterator[Problem]:
    if block.any and block.all:
        yield Problem("Can't specify any and all together", (name,))
    if (block.any or block.all) and block.resources not in (None, ResourceDescription()):
        yield Problem(f"can't specify any/all together with {name} resources", (name, "resources"))
    if "{{" in block.model_dump_json():
        yield Problem(
            f'rule "{rule.name}" should not have variables in {name} section',
            (name,),
            "variable-in-static-field",
            "write the values themselves; what depends on the resource belongs into `preconditions`",
        )
    for user, described, place in _parts(name, block):
        yield from _user(user, place)
        yield from _described(described, (*place, "resources"), namespaced=namespaced)
        yield from _kinds(described.kinds, (*place, "resources", "kinds"), rule, background=background)


def _user(user: UserInfo, place: Route) -> Iterator[Problem]:
    for number, subject in enumerate(user.subjects):
        at = (*place, "subjects", number)
        if not subject.name:
            yield Problem("Required value", (*at, "name"))
        if subject.kind == "ServiceAccount" and not subject.namespace:
            yield Problem("Required value: namespace is required when Kind is ServiceAccount", at)
    for number, role in enumerate(user.roles):
        if role.count(":") != 1:
            yield Problem("Role is expected to be in namespace:name format", (*place, "roles", number))


def _senders(name: str, block: MatchResources, number: int) -> Iterator[Problem]:
    for user, _, place in _parts(name, block):
        path = "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in place)
        told = (("roles", user.roles), ("clusterRoles", user.cluster_roles), ("subjects", user.subjects))
        for field in [field for field, value in told if value][:1]:
            yield Problem(f"{_BACKGROUND}spec/rules[{number}]{path}/{field}", (*place, field))


def _described(described: ResourceDescription, place: Route, *, namespaced: bool) -> Iterator[Problem]:
    if described.name and described.names:
        yield Problem("Both name and names can not be specified together", (*place, "names"))
    if namespaced and described.namespaces:
        yield Problem(
            "Filtering namespaces not allowed in namespaced policies",
            (*place, "namespaces"),
            "namespaces-in-policy",
            "remove it: the policy is about its own namespace; or make it a ClusterPolicy",
        )
    if described.selector:
        yield from _selector(described.selector, (*place, "selector"))


def _selector(selector: LabelSelector, place: Route) -> Iterator[Problem]:
    if any(c in text for pair in selector.match_labels.items() for text in pair for c in "*?"):
        return  # Kyverno does not look at selectors with wildcards
    if not selector.match_labels and not selector.match_expressions:
        yield Problem("The requirements are not specified in selector", place)
    for number, requirement in enumerate(selector.match_expressions):
        at = (*place, "matchExpressions", number)
        match requirement.operator:
            case "In" | "NotIn":
                if not requirement.values:
                    yield Problem("for 'in', 'notin' operators, values set can't be empty", at)
            case "Exists" | "DoesNotExist":
                if requirement.values:
                    yield Problem("values set must be empty for exists and does not exist", at)
            case _:
                yield Problem(
                    f'"{requirement.operator}" is not a valid label selector operator', (*at, "operator")
                )


def _kinds(kinds: tuple[str, ...], place: Route, rule: Rule, *, background: bool) -> Iterator[Problem]:
    for number, kind in enumerate(kinds):
        yield from _kind(kind, (*place, number))
    if "*" not in kinds:
        return
    code, help = "wildcard-kind", "name the kinds"
    if background:
        text = (
            "wildcard policy not allowed in background mode. Set spec.background=false to disable background"
            " mode for this policy rule"
        )
        yield Problem(text, place, code, help)
    elif len(kinds) > 1:
        yield Problem("wildcard policy can not deal with more than one kind", place, code, help)
    elif rule.verify_images or rule.generate or (rule.validation and rule.validation.foreach):
        yield Problem("wildcard policy does not support rule type", place, code, help)
    elif not _only_metadata(rule):
        yield Problem(_ONLY_METADATA, place)


def _kind(kind: str, place: Route) -> Iterator[Problem]:
    try:
        parse_kind(kind)
    except KindError as error:
        yield Problem(str(error), place)


def _only_metadata(rule: Rule) -> bool:
    """Say whether patterns and overlays of a rule are about `metadata` alone."""
    shapes = []
    if rule.validation:
        patterns = rule.validation.any_pattern
        shapes = [rule.validation.pattern, *(patterns if isinstance(patterns, list) else ())]
    if rule.mutate:
        shapes.append(rule.mutate.patch_strategic_merge)
    return all(key == "metadata" for shape in shapes if isinstance(shape, dict) for key in shape)


def _without_kinds(rule: Rule) -> Iterator[Problem]:
    """Every filter names kinds; of `any`, `all` and the direct form the first that is there counts."""
    for described, place in _counting(rule.match):
        if not described or described == ResourceDescription():
            yield Problem("match resources not specified", place)
        elif not described.kinds:
            yield Problem(_NO_KIND if _only_metadata(rule) else _ONLY_METADATA, (*place, "resources"))


def _counting(match: MatchResources) -> Iterator[tuple[ResourceDescription | None, Route]]:
    if not match.any and not match.all:
        yield match.resources, ("match",)
        return
    form, filters = ("any", match.any) if match.any else ("all", match.all)
    for number, part in enumerate(filters):
        yield part.resources, ("match", form, number)


def _cancel(match: MatchResources, exclude: MatchResources) -> bool:
    """Say whether `exclude` takes away all that `match` selects, as far as Kyverno looks."""
    if exclude.all or match.all:
        return False
    if match.any and exclude.any:
        return any(one == other for one in match.any for other in exclude.any)
    if exclude == MatchResources():
        return False
    wanted, taken = match.resources or ResourceDescription(), exclude.resources or ResourceDescription()
    if taken.names:
        return any(wildcard.matches(t, w) for w in wanted.names for t in taken.names) and _covers(
            exclude, match, wanted, taken
        )
    return (
        _covers(exclude, match, wanted, taken)
        and _within(wanted.namespaces, taken.namespaces)
        and _within(wanted.kinds, taken.kinds)
        and _selects(wanted.selector, taken.selector)
        and _selects(wanted.namespace_selector, taken.namespace_selector)
        and wanted.annotations == taken.annotations
    )


def _covers(
    exclude: UserInfo, match: UserInfo, wanted: ResourceDescription, taken: ResourceDescription
) -> bool:
    return (
        _within(match.roles, exclude.roles)
        and _within(match.cluster_roles, exclude.cluster_roles)
        and _within(match.subjects, exclude.subjects)
        and (not taken.name or wildcard.matches(taken.name, wanted.name))
    )


def _within(wanted: tuple[object, ...], taken: tuple[object, ...]) -> bool:
    """Say whether a part of `exclude` leaves nothing of the same part of `match`; none excludes all."""
    return not taken or (bool(wanted) and all(one in taken for one in wanted))


def _selects(wanted: LabelSelector | None, taken: LabelSelector | None) -> bool:
    if wanted is None or taken is None:
        return wanted is taken
    labels = not taken.match_labels or (
        bool(wanted.match_labels)
        and all(taken.match_labels.get(k, "") == v for k, v in wanted.match_labels.items())
    )
    return _within(wanted.match_expressions, taken.match_expressions) and labels
