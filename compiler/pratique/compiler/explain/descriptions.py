"""What each kind of question asks, in one line: a function for each `Op`, which trees and drawings share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from pratique.compiler import body_phrases, ir, phrases, question_phrases, resource_phrases
from pratique.compiler.bodies import NamedExpression
from pratique.compiler.context_entries import ContextEntry
from pratique.compiler.graph import (
    DecisionGraph,
    Done,
    Listing,
    Node,
    Op,
    RuleName,
    Settings,
    Statement,
    Verification,
    Way,
    Written,
)
from pratique.compiler.phrases import quote

PayloadT = TypeVar("PayloadT")

DEMANDS: Final = frozenset({Op.ATTESTOR, Op.THRESHOLD, Op.ATTESTATION, Op.DENIAL})
"""Inputs of an entry that its images must meet."""


def describe(graph: DecisionGraph, node: Node) -> str:
    """Return what a question asks. Texts of policies are quoted, on one line, and cut where they are long."""
    return DESCRIPTIONS[node.op](graph, node)


def _filter(_: DecisionGraph, node: Node) -> str:
    return resource_phrases.resource_filter(_payload(node, ir.ResourceFilter))


def _resources(_: DecisionGraph, node: Node) -> str:
    region = _payload(node, ir.ResourceRegion)
    if says_all(region):
        return resource_phrases.resources(region)
    text = _filters(region.match)
    if region.namespace is not None:
        text += f", in namespace {quote(region.namespace)}"
    return f"{text}, except {_filters(region.exclude)}" if region.exclude else text


def says_all(region: ir.ResourceRegion) -> bool:
    """Say whether the line of a region says all that its filters say; else each is a question by itself."""
    return len(region.match.filters) <= 1 and (region.exclude is None or len(region.exclude.filters) <= 1)


def _filters(selection: ir.Selection) -> str:
    if len(selection.filters) <= 1:
        return resource_phrases.selection(selection)
    return f"what {'all' if selection.every else 'any'} of {len(selection.filters)} filters select"


def _pattern(_: DecisionGraph, node: Node) -> str:
    return quote(_payload(node, ir.ImagePattern).text)


def _images(graph: DecisionGraph, node: Node) -> str:
    return f"images that match {_globs(graph, node)}" if node.inputs else "no image"


def _skip(graph: DecisionGraph, node: Node) -> str:
    return f"but none that match {_globs(graph, node)}"


def _globs(graph: DecisionGraph, node: Node) -> str:
    """Return the globs of a list: the only one, or how many there are, since each is a question by itself."""
    patterns = dict.fromkeys(_pattern(graph, graph.nodes[number]) for number in node.inputs)
    return next(iter(patterns)) if len(patterns) == 1 else f"any of {len(patterns)} globs"


def _context(_: DecisionGraph, node: Node) -> str:
    return question_phrases.context_entry(_payload(node, ContextEntry))


def _preconditions(_: DecisionGraph, node: Node) -> str:
    return f"only where {question_phrases.conditions(_written(node))}"


def _body(_: DecisionGraph, node: Node) -> str:
    return body_phrases.body(_payload(node, Done).body)


def _access(_: DecisionGraph, node: Node) -> str:
    return question_phrases.way(_payload(node, Way))


def _resolve(_: DecisionGraph, node: Node) -> str:
    return "the digest that the image's tag names"


def _request(_: DecisionGraph, node: Node) -> str:
    condition = _payload(node, NamedExpression)
    return f"requests that meet {quote(condition.name)}: {quote(condition.expression)}"


def _list(_: DecisionGraph, node: Node) -> str:
    return question_phrases.listing(_payload(node, Listing))


def _verify(_: DecisionGraph, node: Node) -> str:
    return question_phrases.verification(_payload(node, Verification))


def _attestor(graph: DecisionGraph, node: Node) -> str:
    attestor = _payload(node, ir.Attestor)
    below = (graph.nodes[number].payload for number in graph.below([node.number]))
    states = any(isinstance(payload, Listing) and payload.attestations for payload in below)
    text = f"{'stated' if states else 'signed'} by {phrases.signer(attestor.signer)}"
    if attestor.annotations:
        text += f", with the annotations {resource_phrases.pairs(attestor.annotations)}"
    return text


def _conditions(_: DecisionGraph, node: Node) -> str:
    return f"whose content meets {question_phrases.conditions(_written(node))}"


def _threshold(_: DecisionGraph, node: Node) -> str:
    count, of = _payload(node, int), len(node.inputs)
    text = phrases.threshold(count, of)
    return f"{text} {of}" if count in (1, of) else text


def _attestation(_: DecisionGraph, node: Node) -> str:
    statement = _payload(node, Statement)
    named = f", called {quote(statement.name)}" if statement.name else ""
    return f"a signed statement of type {quote(statement.type)}{named}"


def _denial(_: DecisionGraph, node: Node) -> str:
    said = _payload(node, Written).message
    text = f"refused where {question_phrases.conditions(_written(node))}"
    return f"{text}, with the message {quote(said)}" if said else text


def _requirement(graph: DecisionGraph, node: Node) -> str:
    settings = _payload(node, Settings)
    demands = sum(graph.nodes[number].op in DEMANDS for number in node.inputs)
    needs = [] if not demands else ["what follows" if demands == 1 else "all that follows"]
    if settings.demand_digest and not settings.pin_digest:
        needs.append("a digest in its name")
    if settings.demand_proof and not demands:
        needs.append("proof by another entry of the rule")
    text = f"each image needs {' and '.join(needs) or 'nothing'}"
    return f"{text}; the digest is written into the resource" if settings.pin_digest else text


def _rule(_: DecisionGraph, node: Node) -> str:
    name = _payload(node, RuleName)
    return f"rule {quote(name.rule)} of {quote(name.policy)}" if name.rule else f"policy {quote(name.policy)}"


DESCRIPTIONS: Final[Mapping[Op, Callable[[DecisionGraph, Node], str]]] = {
    Op.FILTER: _filter,
    Op.RESOURCES: _resources,
    Op.REQUEST: _request,
    Op.PATTERN: _pattern,
    Op.IMAGES: _images,
    Op.CONTEXT: _context,
    Op.PRECONDITIONS: _preconditions,
    Op.BODY: _body,
    Op.SKIP: _skip,
    Op.ACCESS: _access,
    Op.RESOLVE: _resolve,
    Op.LIST: _list,
    Op.VERIFY: _verify,
    Op.ATTESTOR: _attestor,
    Op.CONDITIONS: _conditions,
    Op.THRESHOLD: _threshold,
    Op.ATTESTATION: _attestation,
    Op.DENIAL: _denial,
    Op.REQUIREMENT: _requirement,
    Op.RULE: _rule,
}
"""A new kind of question needs a line here, one in `stages`, and, if it costs anything, one in `cost`."""


def _written(node: Node) -> object:
    return json.loads(_payload(node, Written).conditions)


def _payload(node: Node, kind: type[PayloadT]) -> PayloadT:
    assert isinstance(node.payload, kind)  # noqa: S101 (what `graph` puts there)
    return node.payload
