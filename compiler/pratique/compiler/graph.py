"""The decision graph: every question a policy set asks, each once, ordered by what it costs to answer.

Nodes are hash-consed: two equal questions are one node, whoever asks. 500 rules that demand the same identity
therefore share one node, and the runtime, which memoises by the value of a question, answers it once per
image. Inputs are added before the nodes that use them, so node numbers are a topological order and the graph
cannot have a cycle.

The graph is plain arrays; networkx is imported only for drawing and graph algorithms (`to_networkx`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from pratique.compiler import ir

if TYPE_CHECKING:
    import networkx


class Op(IntEnum):
    """What a node asks. The number is the order in which kinds of questions are asked: cheap first.

    Everything before `RESOLVE` needs the resource alone; `RESOLVE` and `LIST` ask the registry; `VERIFY`
    costs cryptography; the rest compares what is known by then.
    """

    FILTER = 0
    RESOURCES = 1
    PATTERN = 2
    IMAGES = 3
    RESOLVE = 4
    LIST = 5
    VERIFY = 6
    ATTESTOR = 7
    THRESHOLD = 8
    ATTESTATION = 9
    REQUIREMENT = 10
    RULE = 11


@dataclass(frozen=True, slots=True)
class Node:
    """One question: `payload` is what is asked (an IR value), `inputs` are the answers it needs."""

    number: int
    op: Op
    payload: Hashable
    inputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Resolve:
    """Payload of `Op.RESOLVE`: the digest that the image's reference means now. One per image."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Payload of `Op.LIST`: the stored signatures of the digest.

    `repository` is empty for the image's own; `referrers` asks for OCI 1.1 referrers before the tag. `type`
    is that of the attestations where a format lists them by type; empty where one listing has all types.
    """

    format: ir.SignatureFormat
    repository: str = ""
    referrers: bool = False
    attestations: bool = False
    type: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """Payload of `Op.VERIFY`: the cryptography of every listed signature, by one method and trust."""

    method: ir.Method
    trust: ir.Trust


class DecisionGraph:
    """An append-only set of nodes. `roots` are the nodes of rules, in rule order."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.roots: list[int] = []
        self._numbers: dict[tuple[Op, Hashable, tuple[int, ...]], int] = {}

    def add(self, op: Op, payload: Hashable = None, inputs: Iterable[int] = ()) -> int:
        """Return the number of the node that asks this, adding it if nobody asked before."""
        key = (op, payload, tuple(inputs))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.nodes)
            self.nodes.append(Node(number, op, payload, key[2]))
        return number

    def users(self) -> list[frozenset[int]]:
        """Return, for every node, the numbers of the roots that need it."""
        found: list[set[int]] = [set() for _ in self.nodes]
        for root in self.roots:
            found[root].add(root)
        for node in reversed(self.nodes):
            for source in node.inputs:
                found[source] |= found[node.number]
        return [frozenset(users) for users in found]

    def to_networkx(self) -> networkx.DiGraph[int]:
        """Return the graph for drawing and analysis: edges run from an input to its user."""
        import networkx

        graph: networkx.DiGraph[int] = networkx.DiGraph()
        for node in self.nodes:
            graph.add_node(node.number, op=node.op.name.lower(), payload=node.payload)
            graph.add_edges_from((source, node.number) for source in node.inputs)
        return graph


def build(policies: ir.PolicySet) -> DecisionGraph:
    """Return the decision graph of a policy set; the order of its nodes follows the policies."""
    graph = DecisionGraph()
    for policy in policies.policies:
        for rule in policy.rules:
            graph.roots.append(_rule(graph, policy, rule))
    return graph


def _rule(graph: DecisionGraph, policy: ir.Policy, rule: ir.Rule) -> int:
    resources = _resources(graph, rule.resources)
    requirements = [_requirement(graph, r) for r in rule.requirements]
    return graph.add(Op.RULE, (policy.key, rule.name), [resources, *requirements])


def _resources(graph: DecisionGraph, region: ir.ResourceRegion) -> int:
    filters = [graph.add(Op.FILTER, f) for f in region.match.filters]
    if region.exclude:
        filters += [graph.add(Op.FILTER, f) for f in region.exclude.filters]
    return graph.add(Op.RESOURCES, region, filters)


def _requirement(graph: DecisionGraph, requirement: ir.ImageRequirement) -> int:
    images = requirement.images
    patterns = [graph.add(Op.PATTERN, p) for p in (*images.include, *images.skip)]
    inputs = [graph.add(Op.IMAGES, images, patterns)]
    inputs += [_formula(graph, sets) for sets in requirement.signatures]
    for number, attestation in enumerate(requirement.attestations):
        sets = [_formula(graph, s, attestations=True, type=attestation.type) for s in attestation.by]
        label = (attestation.type, attestation.name, number)
        inputs.append(graph.add(Op.ATTESTATION, label, sets))
    settings = (requirement.pin_digest, requirement.demand_digest, requirement.demand_proof)
    return graph.add(Op.REQUIREMENT, settings, inputs)


def _formula(graph: DecisionGraph, formula: ir.Formula, *, attestations: bool = False, type: str = "") -> int:
    match formula:
        case ir.Leaf(attestor=attestor):
            return attestor_node(graph, attestor, attestations=attestations, type=type)
        case ir.Threshold(count=count, of=of):
            parts = [_formula(graph, f, attestations=attestations, type=type) for f in of]
            return graph.add(Op.THRESHOLD, count, parts)


def attestor_node(
    graph: DecisionGraph, attestor: ir.Attestor, *, attestations: bool = False, type: str = ""
) -> int:
    """Return the node of one attestor: resolve -> list -> verify -> attestor."""
    listing, verification = questions(attestor, attestations=attestations, type=type)
    resolve = graph.add(Op.RESOLVE, Resolve())
    listed = graph.add(Op.LIST, listing, [resolve])
    verified = graph.add(Op.VERIFY, verification, [listed])
    return graph.add(Op.ATTESTOR, attestor, [verified])


def questions(
    attestor: ir.Attestor, *, attestations: bool = False, type: str = ""
) -> tuple[Listing, Verification]:
    """Return what an attestor asks of a digest: where signatures are, and how each is verified.

    Equal questions are equal values, so attestors that come from rendered variables share answers with those
    of the plan without ever becoming nodes: the graph does not grow while it is used.
    """
    by_type = attestor.format is ir.SignatureFormat.NOTARY
    listing = Listing(
        attestor.format, attestor.repository, attestor.referrers, attestations, type if by_type else ""
    )
    return listing, Verification(attestor.method, attestor.trust)
