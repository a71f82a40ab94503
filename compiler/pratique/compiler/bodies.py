"""What a rule demands or does besides verifying images: part of the IR (see `ir.Rule.body`).

A body is a validation, a mutation or a generation. Validations hold one of the checks below, whatever
language asked for it. Data that may hold variables is kept as JSON, compiled forms are kept beside the plan
(`rule_expressions.RuleExpressions`).

INVARIANT: as in `ir`, nodes are immutable and hashable, and equality ignores where they were written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pratique.compiler.context_entries import ContextEntry
from pratique.compiler.ir import NOWHERE, At, LabelSelector, Threshold

# --- checks of a validation ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What a resource must look like: JSON with anchors, operators and wildcards."""

    data: Any = field(hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyPattern:
    """Patterns (a JSON list) of which one must fit."""

    data: Any = field(hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """Conditions (JSON) under which a resource is refused; None refuses every one."""

    conditions: Any = field(hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A check of every element of a list.

    Attributes:
        list: JMESPath of the list, over the context.
        scoped: patterns are about the element (True) or the resource (False); None for "the element, where it
            is a map".
        context: named values, looked up anew for each element.
        preconditions: condition tree (JSON) without which an element is passed over, or None.
    """

    list: str
    check: Pattern | AnyPattern | Deny | ForEach
    scoped: bool | None = None
    context: tuple[ContextEntry, ...] = ()
    preconditions: Any = field(default=None, hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach:
    """Loops, one after the other."""

    loops: tuple[Loop, ...]
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSecurityExclusion:
    """A control of the Pod Security Standards that is not asked for.

    Attributes:
        control: its name.
        images: globs of the images whose containers are left out; none means the whole Pod.
        restricted_field: the one field that is left out, empty for all of the control.
        values: globs of the values that the field may have.
    """

    control: str
    images: tuple[str, ...] = ()
    restricted_field: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSecurity:
    """A level of the Pod Security Standards, `version` being `latest` or `v1.NN`."""

    level: str
    version: str = "latest"
    exclusions: tuple[PodSecurityExclusion, ...] = ()
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedExpression:
    """A CEL expression with a name."""

    name: str
    expression: str
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CelExpression:
    """A CEL expression that must be true, and what is said where it is false."""

    expression: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CelParameters:
    """Objects that expressions see as `params`: their kind, and which of that kind.

    Attributes:
        not_found: `Allow` or `Deny` where there are none.
    """

    api_version: str
    kind: str
    name: str = ""
    namespace: str = ""
    selector: LabelSelector | None = None
    not_found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cel:
    """Expressions in CEL, all of which must be true.

    Attributes:
        preconditions: expressions without which the rule does not apply.
        variables: seen as `variables.NAME`, in order.
        audit_annotations: key -> expression of the value.
    """

    expressions: tuple[CelExpression, ...]
    preconditions: tuple[NamedExpression, ...] = ()
    variables: tuple[NamedExpression, ...] = ()
    parameters: CelParameters | None = None
    audit_annotations: tuple[NamedExpression, ...] = ()
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestObject:
    """Objects by pattern: `*` at the end, several with commas, `-` for nothing; empty for any."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredFields:
    """Fields (paths with dots, and `*`) of some objects, or of all, that may differ from what was signed."""

    objects: tuple[ManifestObject, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedManifest:
    """The object is as somebody signed it; the proof stands in its annotations.

    Attributes:
        signatures: sets of attestors, each of which must be met.
        domain: of the annotations.
        ignored: fields that may differ, beside those that clusters change.
    """

    signatures: tuple[Threshold, ...]
    domain: str = "cosign.sigstore.dev"
    ignored: tuple[IgnoredFields, ...] = ()
    at: At = field(default=NOWHERE, compare=False)


Check: TypeAlias = Pattern | AnyPattern | Deny | ForEach | PodSecurity | Cel | SignedManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """A demand on resources.

    Attributes:
        message: what is said where the check fails; may hold variables.
        allow_existing: an update may violate what the resource violated before.
    """

    check: Check
    message: str = ""
    allow_existing: bool = True
    at: At = field(default=NOWHERE, compare=False)


# --- mutations -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategicMerge:
    """An overlay (JSON with anchors) that is merged into the resource."""

    overlay: Any = field(hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPatch:
    """Operations of RFC 6902 as YAML or JSON text, which may hold variables."""

    operations: str
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationLoop:
    """A change for every element of a list; fields as in `Loop`.

    Attributes:
        order: `Ascending`, `Descending`, or empty for the way of the change.
    """

    list: str
    change: StrategicMerge | JsonPatch | MutationLoops
    order: str = ""
    context: tuple[ContextEntry, ...] = ()
    preconditions: Any = field(default=None, hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationLoops:
    """Loops, one after the other."""

    loops: tuple[MutationLoop, ...]
    at: At = field(default=NOWHERE, compare=False)


Change: TypeAlias = StrategicMerge | JsonPatch | MutationLoops


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationTarget:
    """Existing resources that are changed; texts may hold variables, `name` and `namespace` wildcards."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    selector: LabelSelector | None = None
    context: tuple[ContextEntry, ...] = ()
    preconditions: Any = field(default=None, hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A change of the resource at hand, or of the existing `targets` where there are some."""

    change: Change
    targets: tuple[MutationTarget, ...] = ()
    at: At = field(default=NOWHERE, compare=False)


# --- generations ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectData:
    """The content of an object (JSON)."""

    data: Any = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An object that is copied, of the kind that is made."""

    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Objects that are copied: all of `kinds` (such as `apps/v1/Deployment`) that `selector` selects."""

    namespace: str = ""
    kinds: tuple[str, ...] = ()
    selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """An object that is made; texts may hold variables. The identity is empty for `Copies`."""

    source: ObjectData | Copy | Copies
    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationLoop:
    """The same made for every element of a list; fields as in `Loop`."""

    list: str
    make: Make
    context: tuple[ContextEntry, ...] = ()
    preconditions: Any = field(default=None, hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What is made of a resource.

    Attributes:
        synchronize: what was made follows its source and the policy.
        orphan: what was made stays when the policy goes.
    """

    makes: tuple[Make | GenerationLoop, ...]
    synchronize: bool = False
    orphan: bool = False
    at: At = field(default=NOWHERE, compare=False)


# --- cleanups ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """Objects of the rule's region are deleted on a schedule.

    Attributes:
        schedule: in the form of cron.
        conditions: condition tree (JSON) without which an object stays, or None.
        propagation: `Foreground`, `Background`, `Orphan`, or empty for the usual.
    """

    schedule: str
    conditions: Any = field(default=None, hash=False)
    propagation: str = ""
    at: At = field(default=NOWHERE, compare=False)


Body: TypeAlias = Validation | Mutation | Generation | Cleanup
