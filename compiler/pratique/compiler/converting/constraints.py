"""match and exclude as match constraints and conditions.

What Kubernetes' match constraints know goes there (kinds, operations, selectors); the rest becomes conditions
over the request. `read_namespaces` reads those about namespaces back, for the proof.

References: Kubernetes 1.36 `admissionregistration.k8s.io/v1` MatchResources; Kyverno 1.19 `pkg/cel/autogen`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.api_kinds import plural
from pratique.compiler.cel_policies.image_validating import POD_SPECS
from pratique.compiler.converting.identities import expression_of
from pratique.compiler.converting.model import Caveat, Difference
from pratique.compiler.converting.references import literal
from pratique.compiler.selection import Target, kind_matches
from pratique.grammar.source import Location
from pratique.grammar.wildcard import contains_wildcard

NAMESPACE: Final = 'request.?namespace.orValue("")'
NAME: Final = (
    '(object.metadata.?name.orValue("") != "" ? object.metadata.name'
    ' : object.metadata.?generateName.orValue(""))'
)
LABELS: Final = "object.metadata.?labels"
ANNOTATIONS: Final = "object.metadata.?annotations"
_USER: Final = 'request.?userInfo.?username.orValue("")'
_GROUPS: Final = "request.?userInfo.?groups.orValue([])"
_NEVER: Final = "false"
_STARTED: Final = ("CREATE", "UPDATE")
KINDS: Final = tuple(
    (group, version, kind)
    for group, kinds in (
        ("", ("Pod",)),
        ("apps", ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")),
        ("batch", ("CronJob", "Job")),
    )
    for kind in kinds
    for version in ("v1",)
    if (group, version, plural(kind)) in POD_SPECS
)
"""Kinds in which an ImageValidatingPolicy finds images: group, version, kind."""
_POD: Final = ("", "v1", "Pod")
_REPLICATION_CONTROLLER: Final = ("", "v1", "ReplicationController")

Kind = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoping:
    """Which requests a new policy is about.

    Attributes:
        constraints: `matchConstraints`.
        conditions: `matchConditions`, as names and expressions.
        controllers: of `autogen`; None where nothing need be said.
    """

    constraints: dict[str, Any]
    conditions: tuple[tuple[str, str], ...] = ()
    controllers: tuple[str, ...] | None = None


@dataclass(slots=True)
class Scopes:
    """The scopes of a rule, one for each filter that differs in more than kinds, and what they do not say."""

    rule: ir.Rule
    generated: Sequence[ir.Rule]
    differences: list[Difference] = field(default_factory=list)
    caveats: list[Caveat] = field(default_factory=list)

    def scopes(self) -> list[Scoping]:
        """Return them; none where an ImageValidatingPolicy sees no images in what the rule is about."""
        match = self.rule.resources.match
        found = [_All(match.filters)] if match.every else _merged(match.filters)
        return [scoping for each in found if (scoping := self._scope(each))]

    def _scope(self, of: _All) -> Scoping | None:
        kinds = self._kinds(of)
        if not kinds:
            return None
        operations = _common(f.operations for f in of.filters) or _STARTED
        conditions: list[tuple[str, str]] = []
        namespaces: list[ir.LabelSelector] = []
        for each in of.filters:
            conditions += self._matching(each)
            namespaces += [each.namespace_selector] if each.namespace_selector else []
        conditions += self._excluding(kinds, namespaces)
        constraints: dict[str, Any] = {
            "resourceRules": [
                {
                    "apiGroups": [group],
                    "apiVersions": [version],
                    "operations": list(operations),
                    "resources": [plural(kind) for g, _, kind in kinds if g == group],
                }
                for group, version in dict.fromkeys((group, version) for group, version, _ in kinds)
            ]
        }
        if namespaces:
            constraints["namespaceSelector"] = self._selector(namespaces, of)
        return Scoping(
            constraints=constraints,
            conditions=tuple(_numbered(conditions)),
            controllers=self._controllers(kinds),
        )

    # --- kinds -----------------------------------------------------------------------------------------

    def _kinds(self, of: _All) -> tuple[Kind, ...]:
        wanted = [f.kinds for f in of.filters if f.kinds]
        kinds = tuple(kind for kind in KINDS if all(selected(kind, each) for each in wanted))
        explicit = any(s.kind == _REPLICATION_CONTROLLER[2] for each in wanted for s in each)
        if explicit:
            self._differs(
                "replication-controllers",
                "an ImageValidatingPolicy finds no images in a ReplicationController",
                "a ReplicationController with an unsigned image",
                of.location,
            )
        elif any(
            selected(_REPLICATION_CONTROLLER, f.kinds)
            for r in (self.rule, *self.generated)
            for f in r.resources.match.filters
            if f.kinds
        ):
            self.caveats.append(Caveat.CONTROLLERS)
        if _POD in kinds:
            self.caveats += [Caveat.EPHEMERAL, Caveat.VOLUMES]
        elif kinds:
            self.caveats.append(Caveat.VOLUMES)
        return kinds

    def _controllers(self, kinds: tuple[Kind, ...]) -> tuple[str, ...] | None:
        """Return for which controllers forms are made, where these are not all for which they would be."""
        if kinds != (_POD,):
            return None
        made = tuple(
            plural(kind)
            for group, version, kind in KINDS
            if (group, version, kind) != _POD
            and any(
                selected((group, version, kind), f.kinds)
                for rule in self.generated
                for f in rule.resources.match.filters
            )
        )
        return None if len(made) == len(KINDS) - 1 else made

    # --- conditions ------------------------------------------------------------------------------------

    def _matching(self, each: ir.ResourceFilter) -> Iterator[tuple[str, str]]:
        if each.names:
            yield "names", among(NAME, each.names)
        if each.namespaces:
            yield "namespaces", among(NAMESPACE, each.namespaces)
        for pair in each.annotations:
            yield "annotations", self._pair(ANNOTATIONS, pair)
        if each.selector:
            # Of an update, `objectSelector` would look at the object that was there, too.
            yield "labels", " && ".join(self._labels(LABELS, each.selector))
        if each.subjects:
            yield "subjects", _any_of(map(_subject, each.subjects))
            self._differs(
                "requesters",
                "in background scans, where nobody knows who sent a request, a classic rule matches whatever"
                " its `subjects`, and the condition here does not hold",
                "a resource that is scanned in the background",
                each.at.location,
            )
        self._roles(each)

    def _excluding(
        self, kinds: tuple[Kind, ...], namespaces: list[ir.LabelSelector]
    ) -> Iterator[tuple[str, str]]:
        for every in _excluded(self.rule.resources.exclude):
            inverted = _inverted(every, kinds)
            if inverted:
                namespaces.append(inverted)
                continue
            tests = [test for each in every for test in self._tests(each, kinds)]
            if _NEVER not in tests:
                yield "exclude", f"!({' && '.join(tests)})" if tests else _NEVER

    def _tests(self, each: ir.ResourceFilter, kinds: tuple[Kind, ...]) -> Iterator[str]:
        """Yield expressions, all of which are true of what an excluding filter selects."""
        named = [kind for kind in kinds if not each.kinds or selected(kind, each.kinds)]
        self._roles(each)
        if each.is_empty or not named or each.roles or each.cluster_roles:
            yield _NEVER
            return
        if len(named) < len(kinds):
            yield f"request.kind.kind in [{', '.join(_text(kind) for _, _, kind in named)}]"
        if each.operations:
            yield f"request.operation in [{', '.join(map(_text, each.operations))}]"
        if each.names:
            yield among(NAME, each.names)
        if each.namespaces:
            yield among(NAMESPACE, each.namespaces)
        yield from self._labelled(each)
        if each.subjects:
            yield _any_of(map(_subject, each.subjects))

    def _labelled(self, each: ir.ResourceFilter) -> Iterator[str]:
        for pair in each.annotations:
            yield self._pair(ANNOTATIONS, pair)
        if each.selector:
            yield from self._labels(LABELS, each.selector)
        if each.namespace_selector:
            yield from self._labels("namespaceObject.?metadata.?labels", each.namespace_selector)

    def _labels(self, where: str, selector: ir.LabelSelector) -> Iterator[str]:
        for pair in selector.match_labels:
            yield self._pair(where, pair)
        for each in selector.requirements:
            found = f"{where}[?{_text(each.key)}]"
            is_among = f"({found}.hasValue() && {found}.value() in [{', '.join(map(_text, each.values))}])"
            match each.operator:
                case "In":
                    yield is_among
                case "NotIn":
                    yield f"!{is_among}"
                case "Exists":
                    yield f"{found}.hasValue()"
                case _:
                    yield f"!{found}.hasValue()"

    def _pair(self, where: str, pair: tuple[str, str]) -> str:
        key, value = pair
        if contains_wildcard(key):
            tests = f"{among('k', (key,))} && {among(f'{where}.orValue({{}})[k]', (value,))}"
            return f"{where}.orValue({{}}).exists(k, {tests})"
        found = f"{where}[?{_text(key)}]"
        return f"({found}.hasValue() && {among(f'{found}.value()', (value,))})"

    def _selector(self, given: Sequence[ir.LabelSelector], of: _All) -> dict[str, Any]:
        labels: dict[str, str] = {}
        requirements: list[dict[str, Any]] = []
        for selector in given:
            for key, value in selector.match_labels:
                if contains_wildcard(key) or contains_wildcard(value):
                    self._differs(
                        "label-wildcards",
                        "label selectors of an ImageValidatingPolicy know no wildcards",
                        f"a resource with a label that {key}={value} matches",
                        of.location,
                        is_final=True,
                    )
                if labels.setdefault(key, value) != value:
                    requirements.append({"key": key, "operator": "In", "values": [value]})
            for each in selector.requirements:
                written: dict[str, Any] = {"key": each.key, "operator": each.operator}
                requirements.append(written | ({"values": list(each.values)} if each.values else {}))
        parts = (("matchLabels", labels), ("matchExpressions", requirements))
        return {name: part for name, part in parts if part}

    def _roles(self, each: ir.ResourceFilter) -> None:
        roles = (*each.roles, *each.cluster_roles)
        if roles:
            self._differs(
                "roles",
                "an ImageValidatingPolicy does not know the roles of who sends a request",
                f"a request by somebody with the role {roles[0]}",
                each.at.location,
            )

    def _differs(
        self, code: str, message: str, witness: str, location: Location | None, *, is_final: bool = False
    ) -> None:
        self.differences.append(
            Difference(code=code, message=message, witness=witness, location=location, is_final=is_final)
        )


# --- filters -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _All:
    """Filters that all must hold."""

    filters: tuple[ir.ResourceFilter, ...]

    @property
    def location(self) -> Location | None:
        return self.filters[0].at.location if self.filters else None


def _merged(filters: Sequence[ir.ResourceFilter]) -> list[_All]:
    """Return filters of which any may hold; those that differ in their kinds alone are one."""
    found: dict[ir.ResourceFilter, ir.ResourceFilter] = {}
    for each in filters:
        if each.is_empty:
            continue
        key = replace(each, kinds=())
        known = found.get(key)
        if known is None:
            found[key] = each
        elif known.kinds and each.kinds:
            found[key] = replace(known, kinds=tuple(dict.fromkeys((*known.kinds, *each.kinds))))
        else:
            found[key] = replace(known, kinds=())
    return [_All((each,)) for each in found.values()]


def _excluded(exclude: ir.Selection | None) -> list[tuple[ir.ResourceFilter, ...]]:
    """Return filters, all of which select what is left out."""
    if exclude is None:
        return []
    return [exclude.filters] if exclude.every else [(each,) for each in exclude.filters]


def _common(given: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the operations that all filters name which name any."""
    named = [each for each in given if each]
    return tuple(op for op in named[0] if all(op in each for each in named)) if named else ()


def selected(kind: Kind, selectors: Sequence[ir.KindSelector]) -> bool:
    """Say whether some selector selects a kind."""
    target = Target(group=kind[0], version=kind[1], kind=kind[2])
    return any(kind_matches(selector, target) for selector in selectors)


def _inverted(every: Sequence[ir.ResourceFilter], kinds: tuple[Kind, ...]) -> ir.LabelSelector | None:
    """Return the selector of the namespaces that are left, where a filter tests one label of theirs alone."""
    if len(every) != 1:
        return None
    (each,) = every
    selector = each.namespace_selector
    if selector is None or replace(each, namespace_selector=None, kinds=()) != ir.ResourceFilter():
        return None
    if each.kinds and not all(selected(kind, each.kinds) for kind in kinds):
        return None
    requirements = [
        *(ir.LabelRequirement(key=k, operator="In", values=(v,)) for k, v in selector.match_labels),
        *selector.requirements,
    ]
    opposite = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}
    if len(requirements) != 1 or any(contains_wildcard(t) for pair in selector.match_labels for t in pair):
        return None
    (one,) = requirements
    return ir.LabelSelector(requirements=(replace(one, operator=opposite[one.operator]),))


# --- expressions ---------------------------------------------------------------------------------------


def among(value: str, globs: Sequence[str]) -> str:
    """Return the expression that is true where a text is matched by some glob."""
    if any(map(contains_wildcard, globs)):
        texts = [expression_of(glob) for glob in globs]
        text = texts[0] if len(texts) == 1 else "|".join(texts)
        return f"{value}.matches({literal(text)})"
    if len(globs) == 1:
        return f"{value} == {_text(globs[0])}"
    return f"{value} in [{', '.join(map(_text, globs))}]"


def _subject(subject: ir.Subject) -> str:
    match subject.kind:
        case "ServiceAccount":
            return among(_USER, (f"system:serviceaccount:{subject.namespace}:{subject.name}",))
        case "User":
            return among(_USER, (subject.name,))
        case _:
            return f"{_GROUPS}.exists(g, {among('g', (subject.name,))})"


def _any_of(texts: Iterable[str]) -> str:
    found = list(texts)
    return found[0] if len(found) == 1 else f"({' || '.join(found)})"


def _text(text: str) -> str:
    return literal(text).replace("'", '"') if not any(c in text for c in "'\"\\\n") else literal(text)


def _numbered(named: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for name, text in named:
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}-{seen[name]}"), text
