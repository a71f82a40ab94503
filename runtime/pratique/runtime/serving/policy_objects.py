"""Policies that live in a cluster: objects to the documents that files hold, with places one can find.

The text that places refer to is the object as YAML, as `kubectl get -o yaml` shows it, without what the
cluster keeps for itself; messages say the path as well, `spec.rules[0].verifyImages[0]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.lower import lower
from pratique.grammar.documents import CelDocument, PolicyDocument, read_policies
from pratique.grammar.errors import PolicyError
from pratique.grammar.limits import POLICY_LIMITS
from pratique.grammar.nodes import MappingNode, Node, SequenceNode, show_path
from pratique.grammar.source import Location, Position, Source, Span
from pratique.grammar.yaml_tree import read_documents
from pratique.runtime.kubernetes.types import POLICY_TYPES
from pratique.runtime.outputs.json_text import yaml_text
from pratique.runtime.serving.unserved import unserved

_KEPT: Final = ("name", "namespace", "labels", "annotations")
_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPolicy:
    """What an object holds: a policy, or the mistakes for which it cannot be enforced."""

    source: Source
    policy: ir.Policy | None
    errors: tuple[PolicyError, ...] = ()
    document: PolicyDocument | CelDocument | None = field(default=None, repr=False)

    def lines(self) -> Iterator[str]:
        """Yield a line for each mistake, see `lines_of`."""
        yield from lines_of(self.errors)


def lines_of(errors: Iterable[PolicyError]) -> Iterator[str]:
    """Yield a line for each mistake: `spec.rules[0].name (7:5): invalid-policy: what is wrong`."""
    for error in errors:
        text = f"{error.code}: {error.message}" + (f"; {error.help}" if error.help else "")
        yield f"{place(error.location)}{text}"


def key_of(item: Object) -> Key:
    """Return kind, namespace and name of an object."""
    metadata = item.get("metadata") or {}
    return str(item.get("kind", "")), str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def source_of(item: Object) -> Source:
    """Return the text of an object that people wrote, under its name: `Policy/kube-system/p`."""
    metadata = {k: v for k, v in (item.get("metadata") or {}).items() if k in _KEPT}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _APPLIED}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    shown = {"apiVersion": item.get("apiVersion"), "kind": item.get("kind"), "metadata": metadata}
    # Fields that no policy has are kept, so that they are refused.
    shown |= {k: v for k, v in item.items() if k not in (*shown, "status")}
    return Source("/".join(part for part in key_of(item) if part), yaml_text([shown]))


def read_policy(item: Object) -> ReadPolicy:
    """Return the policy of an object; never raises for what is wrong with it."""
    source = source_of(item)
    content = read_policies(source)
    documents: list[PolicyDocument | CelDocument] = [*content.policies, *content.cel_policies]
    if content.errors or len(documents) != 1 or documents[0].model.kind not in POLICY_TYPES:
        text = f"{item.get('apiVersion')} {item.get('kind')} is not read"
        errors = content.errors or (PolicyError("unsupported-kind", text),)
        return ReadPolicy(source=source, policy=None, errors=errors)
    lowered = lower(content.policies, content.cel_policies)
    policies = lowered.policies.policies
    mistakes = (*lowered.errors, *(error for policy in policies for error in unserved(policy)))
    return ReadPolicy(
        source=source,
        policy=policies[0] if policies and not mistakes else None,
        errors=mistakes,
        document=documents[0],
    )


def place(location: Location | None) -> str:
    """Return where something stands in an object, to be followed by what it is: `spec.rules[0] (7:5): `."""
    if location is None:
        return ""
    start = location.span.start
    documents: Iterable[Any] = read_documents(location.source, POLICY_LIMITS).documents
    path = next((show_path(path_at(each.root, location.span)) for each in documents), "")
    return f"{path} ({start.line}:{start.column}): ".lstrip()


def path_at(root: Node, span: Span) -> tuple[str | int, ...]:
    """Return the path of the value with this span; else of the deepest that begins, key first, before it."""
    path: list[str | int] = []
    node = root
    while node.span != span and (step := _step(node, span.start)) is not None:
        part, node = step
        path.append(part)
    return tuple(path)


def _step(node: Node, at: Position) -> tuple[str | int, Node] | None:
    match node:
        case MappingNode():
            before = [pair for pair in node.items if pair[0].span.start <= at]
            return (str(before[-1][0].value), before[-1][1]) if before else None
        case SequenceNode():
            numbers = [number for number, item in enumerate(node.items) if item.span.start <= at]
            return (numbers[-1], node.items[numbers[-1]]) if numbers else None
        case _:
            return None
