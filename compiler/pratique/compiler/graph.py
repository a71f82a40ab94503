"""The decision graph: every question a policy set asks, each once, in the order in which they are asked.

Nodes are hash-consed: two equal questions are one node, whoever asks. 500 rules that demand the same identity
therefore share one node, and the runtime, which memoises by the value of a question, answers it once per
image. Inputs are added before the nodes that use them, so node numbers are a topological order and the graph
cannot have a cycle.

The graph is plain arrays; networkx is imported only for drawing and graph algorithms (`to_networkx`).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from pratique.compiler import ir
from pratique.compiler.bodies import Body
from pratique.compiler.cel_bodies import CelBody, CelImageValidation
from pratique.compiler.digest import canonical

if TYPE_CHECKING:
    import networkx


class Op(IntEnum):
    """What a node asks. The number is the order in which kinds of questions are asked: cheap first.

    Everything before `RESOLVE` needs the resource alone, but for context entries that ask a cluster, a
    service or a registry; `RESOLVE` and `LIST` ask the registry; `VERIFY` costs cryptography; the rest
    compares what is known by then. Skip lists come after preconditions, as in Kyverno, whose messages tell
    which was first.
    """

    FILTER = 0
    RESOURCES = 1
    REQUEST = 2
    PATTERN = 3
    IMAGES = 4
    CONTEXT = 5
    PRECONDITIONS = 6
    BODY = 7
    SKIP = 8
    ACCESS = 9
    RESOLVE = 10
    LIST = 11
    VERIFY = 12
    ATTESTOR = 13
    CONDITIONS = 14
    THRESHOLD = 15
    ATTESTATION = 16
    DENIAL = 17
    REQUIREMENT = 18
    RULE = 19


@dataclass(frozen=True, slots=True)
class Node:
    """One question: `payload` is what is asked (an IR value), `inputs` are the answers it needs."""

    number: int
    op: Op
    payload: Hashable
    inputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """Payload of `Op.PRECONDITIONS`, `Op.CONDITIONS` and `Op.DENIAL`: conditions as canonical JSON.

    `message` is what a denial says.
    """

    conditions: str
    message: str = ""

    @classmethod
    def of(cls, conditions: Any, message: str = "") -> Written:
        """Return the payload of conditions as the IR holds them."""
        return cls(json.dumps(conditions, sort_keys=True, separators=(",", ":"), default=str), message)


@dataclass(frozen=True, slots=True)
class Done:
    """Payload of `Op.BODY`: what a rule demands or does besides verifying images; `text` says all of it."""

    text: str
    body: Body | CelBody = field(compare=False)

    @classmethod
    def of(cls, body: Body | CelBody) -> Done:
        """Return the payload of a body; what Python takes for equal (`1`, `True`) is not."""
        return cls(json.dumps(canonical(body), sort_keys=True, separators=(",", ":")), body)


@dataclass(frozen=True, slots=True)
class Statement:
    """Payload of `Op.ATTESTATION`: a signed statement that is demanded, as number `number` of its entry."""

    type: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Payload of `Op.REQUIREMENT`: what an entry demands and does besides its signatures and statements."""

    pin_digest: bool
    demand_digest: bool
    demand_proof: bool


@dataclass(frozen=True, slots=True)
class RuleName:
    """Payload of `Op.RULE`."""

    policy_kind: str
    policy: str
    rule: str
    number: int
    """Its place in the order of evaluation, over all policies."""


@dataclass(frozen=True, slots=True)
class Way:
    """Payload of `Op.ACCESS`: how registries are asked, where it is not the way of the whole run.

    Ways share the digest of an image, but no listing and no verification (rule R3).
    """

    credentials: ir.RegistryCredentials | None
    use_cache: bool


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

    def below(self, numbers: Iterable[int]) -> set[int]:
        """Return the numbers of these nodes and of all that they need."""
        found: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += self.nodes[number].inputs
        return found

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
    inputs = [_resources(graph, rule.resources)]
    inputs += [graph.add(Op.REQUEST, condition) for condition in rule.request_conditions]
    entries = [graph.add(Op.CONTEXT, entry) for entry in rule.context]
    if rule.preconditions is None:
        inputs += entries
    else:
        inputs.append(graph.add(Op.PRECONDITIONS, Written.of(rule.preconditions), entries))
    if rule.body is not None:
        inputs.append(graph.add(Op.BODY, Done.of(rule.body)))
        inputs += _asked_by(graph, rule.body)
    inputs += [_requirement(graph, r) for r in rule.requirements]
    return graph.add(Op.RULE, RuleName(policy.kind, policy.key, rule.name, len(graph.roots)), inputs)


def _asked_by(graph: DecisionGraph, body: Body | CelBody) -> list[int]:
    """Return the nodes of attestors that the expressions of a body may ask for, of each image."""
    if not isinstance(body, CelImageValidation):
        return []
    written = [each.expression for each in body.validations]
    text = "\n".join([*written, *(each.expression for each in body.scope.variables)])
    way = _way(graph, body.credentials)
    attestors = [a for named in body.attestors for a in (*named.layers, *named.bundles)]
    found = []
    if "verifyImageSignatures" in text:
        found += [attestor_node(graph, each, way) for each in attestors]
    if "verifyAttestationSignatures" in text:
        found += [
            attestor_node(graph, each, way, attestations=True, type=statement.type)
            for statement in body.statements
            for each in attestors
            if statement.is_referrer is (each.format is ir.SignatureFormat.NOTARY)
        ]
    return found


def _resources(graph: DecisionGraph, region: ir.ResourceRegion) -> int:
    filters = [graph.add(Op.FILTER, f) for f in region.match.filters]
    if region.exclude:
        filters += [graph.add(Op.FILTER, f) for f in region.exclude.filters]
    return graph.add(Op.RESOURCES, region, filters)


def _requirement(graph: DecisionGraph, requirement: ir.ImageRequirement) -> int:
    inputs = [_images(graph, Op.IMAGES, requirement.images.include)]
    if requirement.images.skip:
        inputs.append(_images(graph, Op.SKIP, requirement.images.skip))
    if requirement.pin_digest:
        inputs.append(graph.add(Op.RESOLVE, Resolve()))
    way = _access(graph, requirement)
    inputs += [_formula(graph, sets, way) for sets in requirement.signatures]
    statements = [_attestation(graph, a, number, way) for number, a in enumerate(requirement.attestations)]
    inputs += statements
    if requirement.denial:
        denied = Written.of(requirement.denial.conditions, requirement.denial.message)
        inputs.append(graph.add(Op.DENIAL, denied, statements))
    settings = Settings(requirement.pin_digest, requirement.demand_digest, requirement.demand_proof)
    return graph.add(Op.REQUIREMENT, settings, inputs)


def _images(graph: DecisionGraph, op: Op, patterns: tuple[ir.ImagePattern, ...]) -> int:
    return graph.add(op, patterns, [graph.add(Op.PATTERN, pattern) for pattern in patterns])


def _access(graph: DecisionGraph, requirement: ir.ImageRequirement) -> tuple[int, ...]:
    """Return the node of the entry's own way to registries; none where it has none."""
    return _way(graph, requirement.credentials, use_cache=requirement.use_cache)


def _way(
    graph: DecisionGraph, credentials: ir.RegistryCredentials | None, *, use_cache: bool = True
) -> tuple[int, ...]:
    if credentials is None and use_cache:
        return ()
    return (graph.add(Op.ACCESS, Way(credentials, use_cache)),)


def _attestation(graph: DecisionGraph, attestation: ir.Attestation, number: int, way: tuple[int, ...]) -> int:
    kind = attestation.type
    sets = [_formula(graph, each, way, attestations=True, type=kind) for each in attestation.by]
    if attestation.conditions:
        # Evaluated on every statement that some attestor vouches for, before attestors are counted.
        vouching = [n for n in sorted(graph.below(sets)) if graph.nodes[n].op is Op.ATTESTOR]
        sets.append(graph.add(Op.CONDITIONS, Written.of(list(attestation.conditions)), vouching))
    return graph.add(Op.ATTESTATION, Statement(kind, attestation.name, number), sets)


def _formula(
    graph: DecisionGraph,
    formula: ir.Formula,
    way: tuple[int, ...],
    *,
    attestations: bool = False,
    type: str = "",
) -> int:
    match formula:
        case ir.Leaf(attestor=attestor):
            return attestor_node(graph, attestor, way, attestations=attestations, type=type)
        case ir.Threshold(count=1, of=(only,)):
            return _formula(graph, only, way, attestations=attestations, type=type)
        case ir.Threshold(count=count, of=of):
            parts = [_formula(graph, f, way, attestations=attestations, type=type) for f in of]
            return graph.add(Op.THRESHOLD, count, parts)


def attestor_node(
    graph: DecisionGraph,
    attestor: ir.Attestor,
    way: tuple[int, ...] = (),
    *,
    attestations: bool = False,
    type: str = "",
) -> int:
    """Return the node of one attestor: resolve -> list -> verify -> attestor.

    Args:
        graph: where it is added.
        attestor: what is asked.
        way: number of the node of its way to registries, if it has one of its own.
        attestations: ask for statements instead of signatures.
        type: of the statements.
    """
    listing, verification = questions(attestor, attestations=attestations, type=type)
    resolve = graph.add(Op.RESOLVE, Resolve())
    listed = graph.add(Op.LIST, listing, [resolve, *way])
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
