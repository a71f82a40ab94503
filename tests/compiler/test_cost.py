"""Single questions: which cost anything, how much more at worst, and where it ends."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from pratique.compiler import cost, ir
from pratique.compiler.bodies import Deny, ForEach, Loop, Validation
from pratique.compiler.context_entries import ApiSource, ContextEntry, ImageSource, VariableSource
from pratique.compiler.cost import FREE, LIMIT, TYPICAL, WORST, Cost, estimate, of_node
from pratique.compiler.evidence_limits import MAX_NOTARY_SIGNATURES, MAX_SIGNATURES, MAX_TOTAL_BYTES
from pratique.compiler.graph import DecisionGraph, Done, Op, attestor_node

KEYLESS = ir.Attestor(signer=ir.IdentitySigner())
KEY = ir.Attestor(signer=ir.KeySigner(key="pem"))
NOTARY = ir.Attestor(signer=ir.TrustStoreSigner(certificate="pem"), format=ir.SignatureFormat.NOTARY)
BUNDLE = replace(KEYLESS, format=ir.SignatureFormat.SIGSTORE_BUNDLE)


def costs(attestor: ir.Attestor, assuming: cost.Assumptions, *, attestations: bool = False) -> dict[Op, Cost]:
    """Return what each question of an attestor costs."""
    graph = DecisionGraph()
    attestor_node(graph, attestor, attestations=attestations)
    return {node.op: of_node(graph, node.number, assuming) for node in graph.nodes}


def context(source: VariableSource | ApiSource | ImageSource) -> Cost:
    graph = DecisionGraph()
    return of_node(graph, graph.add(Op.CONTEXT, ContextEntry(name="x", source=source)), TYPICAL)


def test_costs_add_up() -> None:
    one = Cost(requests=1, calls=2, bytes=3, signatures=4, cpu_ms=5, wait_ms=6)
    assert one + FREE == one
    assert one.times(2) == one + one
    assert one.time_ms == 11
    assert FREE.is_free
    assert not any((FREE + Cost(**{f.name: 1})).is_free for f in fields(Cost))


def test_one_signature_by_tag_is_three_requests() -> None:
    found = costs(KEYLESS, TYPICAL)
    assert found[Op.RESOLVE].requests == 1
    assert found[Op.LIST].requests == 2  # the manifest under the tag, one payload
    assert found[Op.VERIFY] == Cost(signatures=1, cpu_ms=cost.KEYLESS_MS)
    assert found[Op.ATTESTOR].is_free


def test_a_digest_needs_no_resolution() -> None:
    assert costs(KEYLESS, replace(TYPICAL, tagged=False))[Op.RESOLVE].is_free


def test_each_platform_is_listed_and_verified() -> None:
    found = costs(KEYLESS, replace(TYPICAL, manifests=6))
    assert found[Op.RESOLVE].requests == 2
    assert found[Op.LIST].requests == 12
    assert found[Op.VERIFY].signatures == 6


@pytest.mark.parametrize(
    ("attestor", "attestations", "requests"),
    [
        (KEYLESS, False, 1 + 1),
        (replace(KEYLESS, referrers=True), False, 1 + 1 + 1),
        (KEYLESS, True, 1 + 2),
        (BUNDLE, False, 1 + 2 * 3),
        (NOTARY, False, 1 + 1 + 2),
        (NOTARY, True, 1 + 1 + 1 + 2 + 1),
    ],
)
def test_requests_of_a_listing(attestor: ir.Attestor, attestations: bool, requests: int) -> None:
    listed = costs(attestor, TYPICAL, attestations=attestations)[Op.LIST]
    assert listed.requests == requests
    assert listed.wait_ms == requests * TYPICAL.request_ms


def test_a_registry_without_the_api_is_asked_twice() -> None:
    lacking = replace(TYPICAL, referrers_api=False)
    for attestor, further in ((BUNDLE, 1), (NOTARY, 1), (KEYLESS, 0)):
        there, missing = (costs(attestor, a)[Op.LIST].requests for a in (TYPICAL, lacking))
        assert missing - there == further


def test_keys_cost_less_cpu_and_references_a_call() -> None:
    pem = costs(KEY, TYPICAL)[Op.VERIFY]
    assert pem.cpu_ms < costs(KEYLESS, TYPICAL)[Op.VERIFY].cpu_ms < costs(BUNDLE, TYPICAL)[Op.VERIFY].cpu_ms
    named = costs(replace(KEY, signer=ir.KeySigner(key="awskms:///alias/release")), TYPICAL)[Op.VERIFY]
    assert (pem.calls, named.calls) == (0, 1)


def test_notary_signatures_are_fetched_at_once() -> None:
    several = costs(NOTARY, replace(TYPICAL, signatures=5))[Op.LIST]
    one = costs(NOTARY, TYPICAL)[Op.LIST]
    assert several.requests == one.requests + 8
    assert several.wait_ms == one.wait_ms


@pytest.mark.parametrize("attestor", [KEYLESS, KEY, NOTARY, BUNDLE])
@pytest.mark.parametrize("attestations", [False, True])
def test_worse_is_never_cheaper(attestor: ir.Attestor, attestations: bool) -> None:
    for op in (Op.RESOLVE, Op.LIST, Op.VERIFY):
        typical, worst, limit = (
            costs(attestor, a, attestations=attestations)[op] for a in (TYPICAL, WORST, LIMIT)
        )
        for f in fields(Cost):
            assert getattr(typical, f.name) <= getattr(worst, f.name) <= getattr(limit, f.name)


def test_limits_are_those_of_the_runtime() -> None:
    assert costs(KEYLESS, LIMIT)[Op.VERIFY].signatures == MAX_SIGNATURES
    assert costs(NOTARY, LIMIT)[Op.VERIFY].signatures == MAX_NOTARY_SIGNATURES
    assert costs(KEYLESS, LIMIT, attestations=True)[Op.LIST].bytes == MAX_TOTAL_BYTES


def test_context_entries_ask_others() -> None:
    assert context(VariableSource(value=1)).is_free
    assert (context(ApiSource(url_path="/api")).calls, context(ApiSource(url_path="/api")).requests) == (1, 0)
    assert context(ImageSource(reference="{{ image }}")).requests == 4


def test_loops_of_a_body_load_their_context() -> None:
    entry = ContextEntry(name="x", source=ApiSource(url_path="/api"))
    check = Deny(conditions=None)
    loop = Loop(list="a", check=ForEach(loops=(Loop(list="b", check=check, context=(entry,)),)))
    for body, calls in ((ForEach(loops=(loop, replace(loop, context=(entry,)))), 3), (check, 0)):
        graph = DecisionGraph()
        number = graph.add(Op.BODY, Done.of(Validation(check=body)))
        assert of_node(graph, number, TYPICAL).calls == calls


def test_estimate_asks_under_all_three() -> None:
    found = estimate(lambda assuming: Cost(signatures=assuming.signatures))
    counted = (found.typical.signatures, found.worst.signatures, found.limit.signatures)
    assert counted == (TYPICAL.signatures, WORST.signatures, LIMIT.signatures)
    assert (found + found).worst.signatures == 2 * WORST.signatures
