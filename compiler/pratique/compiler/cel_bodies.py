"""Policies in CEL: bodies of rules beside those of `bodies.py`, and part of the IR as they are.

Kyverno's dialect and Kubernetes' own share the nodes; which libraries and variables expressions have, and
what failures are called, is a matter of the `dialect`.

INVARIANT: as in `ir`, nodes are immutable and hashable, and equality ignores where they were written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from pratique.compiler.bodies import CelExpression, CelParameters, NamedExpression
from pratique.compiler.cel_images import ImageTest, NamedAttestor, NamedStatement
from pratique.compiler.ir import NOWHERE, At, LabelSelector, RegistryCredentials


class Dialect(StrEnum):
    """Whose language a policy is written in."""

    KYVERNO = "kyverno"
    KUBERNETES = "kubernetes"


# --- which requests a policy is about ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRule:
    """API resources and operations; `*` stands for any, `pods/*` for the subresources of Pods.

    Attributes:
        names: of objects; none for all.
        scope: `*`, `Cluster` or `Namespaced`.
    """

    groups: tuple[str, ...]
    versions: tuple[str, ...]
    resources: tuple[str, ...]
    operations: tuple[str, ...]
    names: tuple[str, ...] = ()
    scope: str = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Requests that some rule names (any request, if there is no rule) and no excluding one.

    Label selectors are exact: they know no wildcards.
    """

    rules: tuple[ResourceRule, ...] = ()
    excluded: tuple[ResourceRule, ...] = ()
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What all policies in CEL have.

    Attributes:
        namespace: that of a namespaced policy, to which its questions are confined; else empty.
        constraints: which requests it is about; None for none at all.
        conditions: without which it does not apply.
        variables: seen as `variables.NAME`.
        has_parameters: expressions see an object as `params`.
        bindings: where it counts; for policies of Kubernetes only.
        raw: it is about any JSON, and not about requests.
    """

    dialect: Dialect
    namespace: str = ""
    constraints: Constraints | None = None
    conditions: tuple[NamedExpression, ...] = ()
    variables: tuple[NamedExpression, ...] = ()
    audit_annotations: tuple[NamedExpression, ...] = ()
    has_parameters: bool = False
    bindings: tuple[Binding, ...] | None = None
    raw: bool = False
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Where a policy of Kubernetes counts, with which parameters, and what a failure does.

    Attributes:
        actions: Deny, Warn, Audit.
    """

    name: str
    constraints: Constraints | None = None
    parameters: CelParameters | None = None
    actions: tuple[str, ...] = ()
    at: At = field(default=NOWHERE, compare=False)


# --- what policies do ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CelValidation:
    """Expressions, all of which must be true."""

    scope: Scope
    validations: tuple[CelExpression, ...]


class PatchKind(StrEnum):
    """How an expression says what to change."""

    APPLY = "ApplyConfiguration"
    JSON = "JSONPatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class CelPatch:
    """An expression that says what to change."""

    kind: PatchKind
    expression: str
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CelTargets:
    """Existing objects that are changed instead of the one at hand.

    Attributes:
        constraints: which ones; None for those of the policy.
        expression: returns them, instead; or None.
        conditions: without which a target is left alone.
        enabled: they are changed at all.
    """

    constraints: Constraints | None = None
    expression: NamedExpression | None = None
    conditions: tuple[NamedExpression, ...] = ()
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CelMutation:
    """Changes, one after the other.

    Attributes:
        targets: None where the object at hand is changed.
        atomic: lists and maps that are written as a whole may be replaced.
    """

    scope: Scope
    patches: tuple[CelPatch, ...]
    targets: CelTargets | None = None
    atomic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CelTemplate:
    """Objects as YAML text, with expressions in `((…))` where `interpolated`."""

    text: str
    interpolated: bool = False
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CelGeneration:
    """Expressions that generate objects, and templates of objects.

    Attributes:
        synchronize: what was made follows its source and the policy.
        orphan: what was made stays when the policy goes.
    """

    scope: Scope
    makes: tuple[NamedExpression | CelTemplate, ...]
    synchronize: bool = False
    orphan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CelDeletion:
    """Objects that are deleted from time to time: those that fit the constraints and conditions.

    Attributes:
        schedule: in cron's notation.
        propagation: Foreground, Background, Orphan, or empty for the way of the kind.
    """

    scope: Scope
    schedule: str
    propagation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CelImageValidation:
    """Expressions about images and their signatures, all of which must be true.

    Attributes:
        references: images that the policy is about; none for all.
        extractors: lists of images beside those of Pods and their controllers, by name.
        pin_digest: digests are written into what is admitted.
        demand_digest: an image without a digest fails.
        demand_proof: an image fails that no policy verified.
        credentials: how registries are asked; None for the way of the whole run.
    """

    scope: Scope
    validations: tuple[CelExpression, ...]
    references: tuple[ImageTest, ...] = ()
    extractors: tuple[NamedExpression, ...] = ()
    attestors: tuple[NamedAttestor, ...] = ()
    statements: tuple[NamedStatement, ...] = ()
    pin_digest: bool = True
    demand_digest: bool = True
    demand_proof: bool = True
    credentials: RegistryCredentials | None = None


CelBody: TypeAlias = CelValidation | CelImageValidation | CelMutation | CelGeneration | CelDeletion
CEL_BODIES = (CelValidation, CelImageValidation, CelMutation, CelGeneration, CelDeletion)
"""The members of `CelBody`, for `isinstance`."""


# --- exemptions ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CelExemption:
    """Requests that policies leave alone, or images and values that their expressions are told to allow.

    Attributes:
        namespace: where it stands.
        policies: kinds and names of the policies.
        conditions: expressions without which it does not count.
        images: seen as `exceptions.allowedImages`.
        values: seen as `exceptions.allowedValues`.
        passes: what is left alone counts as passed, and not as skipped.
        priority: of several, the greatest says what is left alone counts as.
        expires: instant (RFC 3339) from which it does not count; empty for never.
    """

    name: str
    namespace: str
    policies: tuple[tuple[str, str], ...]
    conditions: tuple[NamedExpression, ...] = ()
    images: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    passes: bool = False
    priority: int = 0
    expires: str = ""
    at: At = field(default=NOWHERE, compare=False)

    @property
    def key(self) -> str:
        """Return `namespace/name`: the id in reports."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def is_full(self) -> bool:
        """Say whether whole policies are lifted."""
        return not (self.images or self.values)
