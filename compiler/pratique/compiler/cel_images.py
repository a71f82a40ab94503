"""Parts of policies in CEL about images: which images, whose signatures, which statements.

Attestors are those of `ir`, so that both languages ask the same questions; what an expression says about one
is filled in when the policy is evaluated.

INVARIANT: as in `ir`, nodes are immutable and hashable, and equality ignores where they were written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pratique.compiler.bodies import NamedExpression
from pratique.compiler.ir import NOWHERE, At, Attestor


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTest:
    """Images as they are written that a glob matches, or for which an expression over `ref` is true.

    Attributes:
        expression: takes the place of the glob.
    """

    glob: str = ""
    expression: NamedExpression | None = None
    at: At = field(default=NOWHERE, compare=False)


class Hole(StrEnum):
    """What of an attestor an expression says."""

    KEY = "key"
    CERTIFICATE = "certificate"
    CHAIN = "chain"
    SUBJECT = "subject"
    TRUSTED_ROOT = "trusted root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """An expression whose value is part of an attestor.

    Attributes:
        number: of the identity that it is about.
    """

    hole: Hole
    expression: NamedExpression
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAttestor:
    """Whose signatures count, under the name that expressions use.

    Attributes:
        layers: attestors over signatures in the format of the kind, any one of which does.
        bundles: attestors that take their place where an image has Sigstore bundles.
        fillings: what expressions say about them.
        secrets: further Secrets with credentials for the registry of the signatures.
        impossible: why no signature can ever count, in Kyverno's words; else empty.
        unbundled: why no bundle can; where there are bundles, nothing else counts.
    """

    name: str
    layers: tuple[Attestor, ...] = ()
    bundles: tuple[Attestor, ...] = ()
    fillings: tuple[Filling, ...] = ()
    secrets: tuple[str, ...] = ()
    impossible: str = ""
    unbundled: str = ""
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedStatement:
    """A signed statement, under the name that expressions use.

    Attributes:
        type: predicate type, or artifact type of a referrer.
        is_referrer: it is a document of its own beside the image.
    """

    name: str
    type: str
    is_referrer: bool = False
