"""Equal questions are one node; cheap ones come first."""

from pratique.compiler import ir
from pratique.compiler.graph import DecisionGraph, Listing, Op, attestor_node, build


def identity(subject: str) -> ir.Attestor:
    tests = ir.TextTests(tests=(ir.Glob(text=subject),))
    return ir.Attestor(signer=ir.IdentitySigner(subject=tests))


def rule(name: str, *attestors: ir.Attestor, pattern: str = "ghcr.io/*", path: str = "") -> ir.Rule:
    leaves = tuple(
        ir.Leaf(attestor=a, at=ir.At(path=f"{path}.entries[{i}]")) for i, a in enumerate(attestors)
    )
    requirement = ir.ImageRequirement(
        images=ir.ImageRegion(include=(ir.ImagePattern(text=pattern),)),
        signatures=(ir.Threshold(count=1, of=leaves),),
    )
    match = ir.Selection(filters=(ir.ResourceFilter(kinds=(ir.KindSelector(kind="Pod"),)),))
    return ir.Rule(
        name=name, resources=ir.ResourceRegion(namespace=None, match=match), requirements=(requirement,)
    )


def policies(*rules: ir.Rule) -> ir.PolicySet:
    return ir.PolicySet(
        policies=tuple(ir.Policy(kind="ClusterPolicy", name=f"p{i}", rules=(r,)) for i, r in enumerate(rules))
    )


def count(graph: DecisionGraph, op: Op) -> int:
    return sum(node.op is op for node in graph.nodes)


def test_500_policies_with_one_identity_share_one_check() -> None:
    graph = build(policies(*(rule(f"r{n}", identity("a@x"), path=f".attestors[{n}]") for n in range(500))))
    assert count(graph, Op.ATTESTOR) == count(graph, Op.VERIFY) == count(graph, Op.RESOLVE) == 1
    assert count(graph, Op.RULE) == 500
    attestor = next(n.number for n in graph.nodes if n.op is Op.ATTESTOR)
    assert graph.users()[attestor] == frozenset(graph.roots)


def test_identities_share_verification_but_keys_do_not() -> None:
    keys = [ir.Attestor(signer=ir.KeySigner(key=f"key {n}")) for n in range(3)]
    graph = build(policies(rule("r", identity("a@x"), identity("b@x"), *keys)))
    assert count(graph, Op.ATTESTOR) == 5
    assert count(graph, Op.VERIFY) == 4
    assert count(graph, Op.LIST) == count(graph, Op.RESOLVE) == 1


def test_another_repository_is_another_listing() -> None:
    graph = DecisionGraph()
    here = attestor_node(graph, identity("a@x"))
    there = attestor_node(
        graph, ir.Attestor(signer=identity("a@x").signer, repository="ghcr.io/acme/signatures")
    )
    assert here != there
    payloads = {n.payload for n in graph.nodes if n.op is Op.LIST}
    assert payloads == {
        Listing(ir.SignatureFormat.COSIGN),
        Listing(ir.SignatureFormat.COSIGN, "ghcr.io/acme/signatures"),
    }


def test_order_is_topological_and_by_cost_along_every_edge() -> None:
    graph = build(policies(rule("r", identity("a@x"), ir.Attestor(signer=ir.KeySigner(key="k")))))
    for node in graph.nodes:
        for source in node.inputs:
            assert source < node.number
            assert graph.nodes[source].op <= node.op


def test_places_do_not_make_nodes_different() -> None:
    a = rule("r", identity("a@x"), path=".attestors[0]")
    b = rule("r", identity("a@x"), path=".attestors[7]")
    assert a == b
    assert hash(a.requirements[0].signatures[0]) == hash(b.requirements[0].signatures[0])


def test_networkx_view() -> None:
    graph = build(policies(rule("r", identity("a@x"))))
    drawn = graph.to_networkx()
    assert drawn.number_of_nodes() == len(graph.nodes)
    assert drawn.number_of_edges() == sum(len(n.inputs) for n in graph.nodes)
