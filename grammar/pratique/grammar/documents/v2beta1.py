"""What `kyverno.io/v2beta1` took away from v1: the deprecated forms.

Everything else of the two versions is the same, so one set of models reads both.

References: Kyverno 1.19 `api/kyverno/v2beta1`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.grammar.documents.conditions import DEPRECATED_OPERATORS
from pratique.grammar.errors import PolicyError
from pratique.grammar.nodes import Document, MappingNode, Node, ScalarNode, SequenceNode, show_path

_IMAGE_FIELDS = (
    "image",
    "key",
    "roots",
    "subject",
    "issuer",
    "additionalExtensions",
    "annotations",
    "cosignOCI11",
)
_DIRECT_FIELDS = ("resources", "roles", "clusterRoles", "subjects")

Path = tuple[str | int, ...]


def removed_forms(document: Document, prefix: Path) -> list[PolicyError]:
    """Return an error for each form that v1 has and v2beta1 has not, in the policy at `prefix`."""
    found: list[PolicyError] = []
    for rule in _items(document, (*prefix, "spec", "rules")):
        for block in ("match", "exclude"):
            found += _fields(
                document, prefix, (*rule, block), _DIRECT_FIELDS, "write filters under `any` or `all`"
            )
        for entry in _items(document, (*rule, "verifyImages")):
            found += _fields(document, prefix, entry, _IMAGE_FIELDS, "use `imageReferences` and `attestors`")
        found += _fields(
            document,
            prefix,
            (*rule, "validate"),
            ("allowExistingViolations",),
            "leave it out",
        )
        found += _conditions(document, prefix, (*rule, "preconditions"))
        found += _conditions(document, prefix, (*rule, "validate", "deny", "conditions"))
    return found


def _fields(
    document: Document, prefix: Path, owner: Path, names: tuple[str, ...], help: str
) -> Iterator[PolicyError]:
    node = document.node(owner)
    if isinstance(node, MappingNode):
        for key, _ in node.items:
            if key.value in names:
                yield PolicyError(
                    "unknown-field",
                    f"`{show_path(owner[len(prefix) :])}` has no field `{key.value}` in kyverno.io/v2beta1",
                    document.location((*owner, str(key.value)), key=True),
                    help=f"{help}, or apiVersion kyverno.io/v1",
                )


def _conditions(document: Document, prefix: Path, path: Path) -> Iterator[PolicyError]:
    node = document.node(path)
    if isinstance(node, SequenceNode):
        yield PolicyError(
            "wrong-type",
            f"`{show_path(path[len(prefix) :])}` must be a mapping with `any` or `all` in kyverno.io/v2beta1",
            document.location(path),
        )
    for block in ("any", "all"):
        for condition in _items(document, (*path, block)):
            operator = document.node((*condition, "operator"))
            if isinstance(operator, ScalarNode) and operator.value in DEPRECATED_OPERATORS:
                yield PolicyError(
                    "wrong-value",
                    f"the operator `{operator.value}` is not in kyverno.io/v2beta1",
                    document.location((*condition, "operator")),
                    help=f"use Any{operator.value} or All{operator.value}",
                )


def _items(document: Document, path: Path) -> Iterator[Path]:
    node: Node | None = document.node(path)
    if isinstance(node, SequenceNode):
        yield from ((*path, index) for index in range(len(node.items)))
