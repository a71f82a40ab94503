import pytest

from pratique.compiler import ir
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import are_disjoint
from pratique.compiler.languages.search import MAX_STATES, Unknown
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.questions import ALLOWANCE, MIN_STATES
from tests.support_attestors import attestor
from tests.support_lint import flagged, policy_text
from tests.support_policies import read

HARD = Glob.parse("*" + "?" * 17 + "a"), Glob.parse("*b" + "?" * 17)


def empty() -> Facts:
    return Facts(ir.PolicySet(policies=()))


def test_the_allowance_of_states_is_spent_by_hard_questions_alone() -> None:
    facts = empty()
    for _ in range(ALLOWANCE // MAX_STATES):
        assert facts.max_states == MAX_STATES
        assert isinstance(facts.ask(are_disjoint, *HARD, images()), Unknown)
    assert facts.max_states == MIN_STATES
    assert facts.is_dead(ir.ImagePattern(text="registry.k8s.io/"))  # easy questions are answered all the same
    assert facts.example("ghcr.io/acme/*") == "ghcr.io/acme/app:1.4.2"


def test_questions_about_a_pattern_are_asked_once() -> None:
    facts = empty()
    pattern = ir.ImagePattern(text="ghcr.io/*")
    assert facts.images_of(pattern) is facts.images_of(ir.ImagePattern(text="ghcr.io/*"))
    assert facts.glob(pattern) is facts.glob(pattern)


def test_many_hostile_patterns_end_in_silence() -> None:
    hostile = tuple(
        f"*{letter}{'?' * count}*{end}" for letter in "ab" for end in "xy" for count in range(15, 25)
    )
    assert flagged("PRQ008", *hostile) == []


def test_leaves_are_found_at_any_depth() -> None:
    keyless = {"keyless": {"subject": "a", "rekor": {"url": "https://rekor.sigstore.dev"}}}
    nested = attestor(attestor={"entries": [keyless, {"attestor": {"entries": [keyless]}}]})
    facts = Facts(read(policy_text(nested)).policies)
    [site] = facts.sites
    assert len(site.leaves) == 2
    assert site.enforces


@pytest.mark.parametrize(
    ("include", "skip", "image"),
    [
        (("ghcr.io/acme/*",), (), "ghcr.io/acme/app:1.4.2"),
        (("ghcr.io/acme/*@*",), (), ""),
        (("ghcr.io/acme/*@*", "quay.io/app:*"), (), "quay.io/app:1.4.2"),
        (("ghcr.io/acme/*",), ("ghcr.io/acme/app*",), "ghcr.io/acme/team:1.4.2"),
        (("ghcr.io/acme/*",), ("*:*",), ""),
    ],
)
def test_images_by_tag(include: tuple[str, ...], skip: tuple[str, ...], image: str) -> None:
    def patterns_of(texts: tuple[str, ...]) -> tuple[ir.ImagePattern, ...]:
        return tuple(ir.ImagePattern(text=text) for text in texts)

    region = ir.ImageRegion(include=patterns_of(include), skip=patterns_of(skip))
    assert empty().image_by_tag(region) == image
