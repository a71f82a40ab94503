"""What conversion comes to: documents, what could not be said, and what is not the same for any policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from pratique.compiler import ir
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.source import Location

if TYPE_CHECKING:
    from pratique.compiler.converting.conditions import Tree

Route: TypeAlias = tuple[str | int, ...]

DENIAL = "validate"
"""Under which conditions to refuse are among those of a draft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that the classic policy says and the converted one does not.

    Attributes:
        code: stable identifier in kebab case.
        message: one sentence.
        witness: an image, resource or signer on which the two differ.
        location: the part of the classic policy.
        is_final: nothing can be written that comes near; else the policy can be converted without the part.
        of_kyverno: the language can say it, but Kyverno 1.19 does not look at it.
    """

    code: str
    message: str
    witness: str
    location: Location | None = None
    is_final: bool = False
    of_kyverno: bool = False


class Caveat(StrEnum):
    """What differs between the languages whatever the policy, each with its own example.

    A proof holds for everything else.
    """

    BUNDLES = "bundles"
    STATEMENTS = "statements"
    CONTROLLERS = "replication-controllers"
    EPHEMERAL = "ephemeral-containers"
    VOLUMES = "image-volumes"
    HOSTS = "hosts-in-capitals"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What differs whatever the policy, and an example."""

    text: str
    witness: str


CAVEATS: dict[Caveat, Explanation] = {
    Caveat.BUNDLES: Explanation(
        "where an image has Sigstore bundles, an ImageValidatingPolicy looks at these alone, else at cosign's"
        " signatures alone; a classic rule looks at the one format that it names",
        "an image that the right signer signed in the other format",
    ),
    Caveat.STATEMENTS: Explanation(
        "a classic rule demands that all statements of a type are signed and hold, an ImageValidatingPolicy"
        " that one is, and it reads the last",
        "an image with two statements of the type, one of them by a stranger",
    ),
    Caveat.CONTROLLERS: Explanation(
        "autogen of ImageValidatingPolicies leaves ReplicationControllers out; their Pods are judged",
        "a ReplicationController with an unsigned image",
    ),
    Caveat.EPHEMERAL: Explanation(
        "a classic rule about Pods is about their subresource ephemeralcontainers, too",
        "an unsigned image that `kubectl debug` adds to a running Pod",
    ),
    Caveat.VOLUMES: Explanation(
        "images that a Pod mounts as volumes are judged by classic rules alone",
        "a Pod with `volumes: [{name: v, image: {reference: …}}]` and an unsigned image there",
    ),
    Caveat.HOSTS: Explanation(
        "classic rules of pratique compare the host of an image in lower case, ImageValidatingPolicies"
        " (and both in Kyverno) as it is written",
        "a Pod with the image `GHCR.io/acme/app`",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a new document that an old place stands behind: comments beside the one go to the other.

    Attributes:
        path: in the new document.
        lines: first and last line of the old place.
    """

    path: Route
    lines: tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Draft:
    """A document that is being made.

    Attributes:
        data: the document, keys in the order in which they are written.
        rules: numbers of the classic rules that it stands for, as they are written.
        images: of the classic entries.
        format: of the classic attestors.
        conditions: what conditions on statements demand, and preconditions under the empty name: by the name
            of the statement, as they were translated.
        parts: where its pieces come from.
        is_everywhere: it looks wherever the classic policy does; see `everywhere`.
    """

    data: dict[str, Any]
    rules: tuple[int, ...]
    images: ir.ImageRegion
    format: ir.SignatureFormat
    conditions: dict[str, Tree] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    is_everywhere: bool = False

    @property
    def name(self) -> str:
        """Return the name of the new policy."""
        return str(self.data["metadata"]["name"])

    @property
    def key(self) -> str:
        """Return `namespace/name`, or `name`."""
        namespace = self.data["metadata"].get("namespace")
        return f"{namespace}/{self.name}" if namespace else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A classic policy and what became of it.

    Attributes:
        drafts: the new documents; none where it cannot be converted.
        differences: what they do not say.
        caveats: what differs besides, whatever the policy.
    """

    document: PolicyDocument
    policy: ir.Policy
    drafts: tuple[Draft, ...]
    differences: tuple[Difference, ...]
    caveats: tuple[Caveat, ...]

    @property
    def is_final(self) -> bool:
        """Say whether the policy cannot be converted whatever is allowed."""
        return not self.drafts or any(each.is_final for each in self.differences)


def declared(policy: ir.Policy) -> list[ir.Rule]:
    """Return the rules of a policy that autogen did not make."""
    return [rule for rule in policy.rules if not rule.generated_from]
