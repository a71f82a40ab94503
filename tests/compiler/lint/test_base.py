from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.lint.base import Basis, Confidence, Severity, catalogue, lint
from tests.support_languages import IMAGE_PATTERNS
from tests.support_lint import findings, patterns, policy_text
from tests.support_policies import read

LOST = "registry.k8s.io/"


def test_findings_are_sorted_by_place_and_the_same_every_time() -> None:
    text = patterns("ghcr.io/acme/*", LOST, "ghcr.io/*", "nginx:1", skip=("quay.io/*",))
    first = findings(text)
    places = [(f.location.span.start, f.code) for f in first if f.location]
    assert places == sorted(places)
    assert [(f.code, f.location) for f in findings(text)] == [(f.code, f.location) for f in first]


def test_only_chosen_rules_are_asked() -> None:
    text = patterns(LOST, "ghcr.io/acme/*", "ghcr.io/*")
    assert {f.code for f in findings(text)} == {"PRQ001", "PRQ008"}
    assert {f.code for f in findings(text, "PRQ008")} == {"PRQ008"}
    assert lint(read(policy_text(text)).policies, ()) == ()


def test_generated_rules_do_not_double_findings() -> None:
    lowered = read(policy_text(patterns(LOST)))
    [policy] = lowered.policies.policies
    assert len(policy.rules) == 3
    assert [f.code for f in lint(lowered.policies)] == ["PRQ001"]


def test_the_general_rule_yields_to_the_telling_one() -> None:
    text = patterns("nginx:1.25", "ghcr.io/{a,b}/*")
    assert [f.code for f in findings(text)] == ["PRQ002", "PRQ009"]
    assert [f.code for f in findings(text, "PRQ001")] == ["PRQ001", "PRQ001"]


def test_patterns_without_a_place_are_linted_too() -> None:
    requirement = ir.ImageRequirement(images=ir.ImageRegion(include=(ir.ImagePattern(text=LOST),)))
    region = ir.ResourceRegion(namespace=None, match=ir.Selection(filters=()))
    rule = ir.Rule(name="r", resources=region, requirements=(requirement,))
    policies = ir.PolicySet(policies=(ir.Policy(kind="ClusterPolicy", name="p", rules=(rule,)),))
    [found] = lint(policies)
    assert (found.code, found.location) == ("PRQ001", None)


def test_no_policies_no_findings() -> None:
    assert lint(ir.PolicySet(policies=())) == ()


def test_words_of_findings() -> None:
    [found] = findings(patterns(LOST))
    assert (found.name, found.severity, found.basis) == (
        "image-pattern-matches-nothing",
        Severity.ERROR,
        Basis.PROVED,
    )
    assert found.problem.confidence is Confidence.HIGH
    assert found.problem.severity is found.severity


def test_catalogue_is_cached_and_complete() -> None:
    assert catalogue() is catalogue()
    assert all(rule.summary and rule.manual for rule in catalogue())


@settings(max_examples=60, deadline=None)
@given(st.lists(IMAGE_PATTERNS, min_size=1, max_size=5), st.lists(IMAGE_PATTERNS, max_size=3))
def test_examples_of_any_patterns_are_images_and_nothing_crashes(include: list[str], skip: list[str]) -> None:
    def region(texts: list[str]) -> tuple[ir.ImagePattern, ...]:
        return tuple(ir.ImagePattern(text=text) for text in texts)

    requirement = ir.ImageRequirement(images=ir.ImageRegion(include=region(include), skip=region(skip)))
    resources = ir.ResourceRegion(namespace=None, match=ir.Selection(filters=()))
    rule = ir.Rule(name="r", resources=resources, requirements=(requirement,), action=ir.Action.ENFORCE)
    found = lint(ir.PolicySet(policies=(ir.Policy(kind="ClusterPolicy", name="p", rules=(rule,)),)))
    for finding in found:
        for example in finding.problem.examples:
            assert images().exact.contains(example.text), finding
    dead = {finding.problem.message.split("`")[1] for finding in found if finding.code == "PRQ001"}
    for text in include:
        if text in dead:
            assert not any(Glob.parse(text).matches(image) for image in images().examples)
