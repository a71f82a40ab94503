from __future__ import annotations

import pytest

from pratique.compiler.explain.pruning import Kept, examples, of_examples, of_inventory
from pratique.compiler.graph import DecisionGraph, Op, build
from pratique.grammar.wildcard import matches
from tests.support_policies import cluster_policy, read

PATTERNS = ("ghcr.io/acme/*", "ghcr.io/*", "quay.io/x:1", "registry.k8s.io/")


def graph() -> DecisionGraph:
    lowered = read(cluster_policy({"imageReferences": PATTERNS[:3], "skipImageReferences": PATTERNS[3:]}))
    return build(lowered.policies)


def by_text(graph: DecisionGraph, kept: dict[int, Kept]) -> dict[str, tuple[int, int]]:
    payloads = {number: getattr(graph.nodes[number].payload, "text", "") for number in kept}
    return {payloads[number]: (found.kept, found.of) for number, found in kept.items()}


def test_an_inventory_is_counted_pattern_by_pattern() -> None:
    images = ["ghcr.io/acme/a:1", "ghcr.io/acme/b:1", "ghcr.io/other/c:1", "quay.io/x:1", "docker.io/y:1"]
    found = of_inventory(graph(), images)
    assert by_text(graph(), dict(found)) == {
        "ghcr.io/acme/*": (2, 5),
        "ghcr.io/*": (3, 5),
        "quay.io/x:1": (1, 5),
        "registry.k8s.io/": (0, 5),
    }


def test_examples_are_proofs_and_none_is_made_up() -> None:
    found = examples(graph())
    assert set(found) == {"ghcr.io/acme/*", "ghcr.io/*", "quay.io/x:1"}  # the fourth matches no image
    assert all(matches(pattern, image) for pattern, image in found.items())


def test_a_pattern_is_counted_against_the_examples_of_the_others() -> None:
    given = {"ghcr.io/acme/*": "ghcr.io/acme/a:1", "ghcr.io/*": "ghcr.io/z:1", "quay.io/x:1": "quay.io/x:1"}
    found = of_examples(graph(), given)
    assert by_text(graph(), dict(found)) == {
        "ghcr.io/acme/*": (0, 2),
        "ghcr.io/*": (1, 2),
        "quay.io/x:1": (0, 2),
        "registry.k8s.io/": (0, 3),
    }


def test_one_pattern_alone_has_nothing_to_be_counted_against() -> None:
    alone = build(read(cluster_policy()).policies)
    assert of_examples(alone, examples(alone)) == {}


@pytest.mark.parametrize(("kept", "pruned", "share"), [(Kept(1, 4), 3, 0.75), (Kept(0, 0), 0, 0.0)])
def test_share(kept: Kept, pruned: int, share: float) -> None:
    assert (kept.pruned, kept.share) == (pruned, share)


def test_every_pattern_of_the_graph_is_counted() -> None:
    counted = of_inventory(graph(), ["ghcr.io/a:1"])
    assert set(counted) == {node.number for node in graph().nodes if node.op is Op.PATTERN}
