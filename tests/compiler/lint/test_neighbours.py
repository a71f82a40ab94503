from __future__ import annotations

from random import Random

import pytest

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import are_disjoint
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint import neighbours
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.neighbours import Neighbours
from tests.support_policies import read
from tests.support_rule_sets import entry, pods, policy, rule, together

PATTERNS = [
    "*",
    "ghcr.io/*",
    "ghcr.io/acme/*",
    "*/acme/*",
    "ghcr.io/*/app:*",
    "*/app@*",
    "ghcr.io/acme/app:v?",
    "registry.k8s.io/",
    "quay.io/acme/app",
    "*.example.com/*",
    "*a*b*c*d*e*",
]


def near(*rules: dict[str, object]) -> Neighbours:
    facts = Facts(read(together(*(policy(f"p{n}", each) for n, each in enumerate(rules)))).policies)
    return Neighbours(facts, facts.sites)


def test_patterns_that_meet_are_those_that_the_search_finds() -> None:
    met = near(*(rule("r", entry(text)) for text in PATTERNS[:-1]))
    for one in PATTERNS[:-1]:
        for other in PATTERNS[:-1]:
            answer = are_disjoint(Glob.parse(one), Glob.parse(other), images())
            image = met.of(one).get(other)
            assert (image is not None) is isinstance(answer, Witness), (one, other)
            if image:
                assert Glob.parse(one).matches(image)
                assert Glob.parse(other).matches(image)
                assert images().contains(image)


def test_many_patterns_are_found_by_their_examples_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MAX_PAIRS", 2)
    met = near(*(rule("r", entry(text)) for text in PATTERNS))
    assert met.of("ghcr.io/*").keys() >= {"*", "ghcr.io/*", "ghcr.io/acme/*"}
    assert "*/app@*" not in met.of("ghcr.io/acme/*")


def test_patterns_with_many_wildcards_are_found_by_their_examples_alone() -> None:
    assert "ghcr.io/acme/*" not in near(
        rule("r", entry("ghcr.io/acme/*")), rule("r", entry("*a*b*c*d*e*"))
    ).of("*a*b*c*d*e*")


def test_entries_of_other_namespaces_are_not_compared() -> None:
    crossing = [
        rule("r", entry(text), match=pods(namespaces=[name]))
        for text, name in (("*/x*", "a"), ("ghcr.io/y/*", "b"))
    ]
    assert "*/x*" not in near(*crossing).of("ghcr.io/y/*")
    assert "*/x*" in near(crossing[0], rule("r", entry("ghcr.io/y/*"))).of("ghcr.io/y/*")


def test_the_order_of_policies_does_not_matter() -> None:
    shuffled = PATTERNS[:-1]
    Random(1).shuffle(shuffled)
    one, other = (near(*(rule("r", entry(text)) for text in texts)) for texts in (PATTERNS[:-1], shuffled))
    assert {text: set(one.of(text)) for text in PATTERNS} == {text: set(other.of(text)) for text in PATTERNS}
