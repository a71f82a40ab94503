"""Equal questions are one node; cheap ones come first."""

from dataclasses import replace
from typing import Any

from pratique.compiler import ir
from pratique.compiler.bodies import Deny, NamedExpression, Pattern, Validation
from pratique.compiler.context_entries import ConfigMapSource, ContextEntry
from pratique.compiler.graph import DecisionGraph, Listing, Op, attestor_node, build
from tests.support_cel_policies import policy as in_cel
from tests.support_cel_policies import text


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


def entry(**more: Any) -> ir.ImageRequirement:
    leaf = ir.Threshold(count=1, of=(ir.Leaf(attestor=identity("a@x")),))
    images = ir.ImageRegion(include=(ir.ImagePattern(text="ghcr.io/*"),))
    return ir.ImageRequirement(**{"images": images, "signatures": (leaf,), **more})


def graph_of(*entries: ir.ImageRequirement, **more: Any) -> DecisionGraph:
    return build(policies(replace(rule("r"), requirements=entries, **more)))


def test_everything_that_is_asked_is_a_node() -> None:
    pattern = ir.ImagePattern(text="ghcr.io/skip*")
    statement = ir.Attestation(
        type="t", by=(ir.Threshold(count=1, of=(ir.Leaf(attestor=identity("b@x")),)),), conditions=({},)
    )
    graph = graph_of(
        entry(
            images=ir.ImageRegion(include=(pattern,), skip=(pattern,)),
            signatures=rule("r", identity("a@x"), identity("c@x")).requirements[0].signatures,
            attestations=(statement,),
            denial=ir.Denial(message="no", conditions=[]),
            credentials=ir.RegistryCredentials(secrets=("pull",)),
        ),
        body=Validation(check=Deny(conditions=None)),
        request_conditions=(NamedExpression(name="n", expression="true"),),
        preconditions={"all": []},
        context=(ContextEntry(name="c", source=ConfigMapSource(name="c")),),
    )
    assert {node.op for node in graph.nodes} == set(Op)
    assert count(graph, Op.PATTERN) == 1  # of both lists
    for node in graph.nodes:
        assert all(source < node.number and graph.nodes[source].op <= node.op for source in node.inputs)


def test_conditions_belong_to_the_attestors_of_their_statement() -> None:
    by = (ir.Threshold(count=1, of=(ir.Leaf(attestor=identity("b@x")),)),)
    graph = graph_of(entry(attestations=(ir.Attestation(type="t", by=by, conditions=({"all": []},)),)))
    (conditions,) = (node for node in graph.nodes if node.op is Op.CONDITIONS)
    assert [graph.nodes[n].payload for n in conditions.inputs] == [identity("b@x")]


def test_ways_to_registries_share_the_digest_and_no_listing() -> None:
    other = ir.RegistryCredentials(secrets=("pull",))
    for apart in (entry(credentials=other), entry(use_cache=False)):
        graph = graph_of(entry(), apart)
        assert count(graph, Op.RESOLVE) == 1
        assert count(graph, Op.LIST) == count(graph, Op.VERIFY) == count(graph, Op.ATTESTOR) == 2
    assert count(graph_of(entry(credentials=other), entry(credentials=other)), Op.LIST) == 1


def test_a_set_of_one_is_its_attestor() -> None:
    assert count(build(policies(rule("r", identity("a@x")))), Op.THRESHOLD) == 0
    impossible = ir.Threshold(count=2, of=(ir.Leaf(attestor=identity("a@x")),))
    assert count(graph_of(entry(signatures=(impossible,))), Op.THRESHOLD) == 1


def test_bodies_are_told_apart_as_the_engine_does() -> None:
    checks = [Validation(check=Pattern(data={"a": value})) for value in (1, True, 1)]
    rules = [replace(rule(f"r{n}"), requirements=(), body=check) for n, check in enumerate(checks)]
    graph = build(policies(*rules))
    assert count(graph, Op.BODY) == 2
    assert count(graph, Op.RULE) == 3


def test_pinning_needs_the_digest() -> None:
    assert count(graph_of(entry(signatures=(), pin_digest=True)), Op.RESOLVE) == 1
    assert count(graph_of(entry(signatures=(), pin_digest=False)), Op.RESOLVE) == 0


def test_rules_of_one_name_are_two_roots() -> None:
    graph = build(policies(rule("r", identity("a@x"))))
    twice = build(
        ir.PolicySet(policies=(ir.Policy(kind="ClusterPolicy", name="p", rules=(rule("r"), rule("r"))),))
    )
    assert len(set(graph.roots)) == 1
    assert len(set(twice.roots)) == 2


def test_networkx_view() -> None:
    graph = build(policies(rule("r", identity("a@x"))))
    drawn = graph.to_networkx()
    assert drawn.number_of_nodes() == len(graph.nodes)
    assert drawn.number_of_edges() == sum(len(n.inputs) for n in graph.nodes)


def about_images(expression: str) -> ir.PolicySet:
    spec = (
        "attestors:\n"
        "- {name: a, cosign: {key: {kms: 'awskms:///a'}}}\n"
        "- {name: b, notary: {certs: {value: c}}}\n"
        "attestations: [{name: built, intoto: {type: slsaprovenance1}}]\n"
        f"validations: [{{expression: 'images.containers.all(i, {expression} > 0)'}}]\n"
    )
    return ir.PolicySet(policies=(in_cel(text("ImageValidatingPolicy", spec)),))


def test_attestors_that_expressions_may_ask_for_are_shared_with_other_policies() -> None:
    asking = about_images("verifyImageSignatures(i, [attestors.a])")
    attestor = ir.Attestor(signer=ir.KeySigner(key="awskms:///a"))
    graph = build(ir.PolicySet(policies=(*asking.policies, *policies(rule("r", attestor)).policies)))
    assert count(graph, Op.ATTESTOR) == 3  # of cosign, of bundles, of Notary Project
    assert graph.users()[attestor_node(graph, attestor, ())] == frozenset(graph.roots)
    assert count(graph, Op.ATTESTOR) == 3


def test_statements_that_expressions_may_ask_for() -> None:
    graph = build(about_images("verifyAttestationSignatures(i, attestations.built, [attestors.a])"))
    assert count(graph, Op.ATTESTOR) == 2  # Notary Project knows no statements of this sort
    assert count(build(about_images("1")), Op.ATTESTOR) == 0
