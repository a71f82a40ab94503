from itertools import combinations, permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.pairs import FEW, inclusions, odd_sample, overlaps
from pratique.compiler.languages.references import images
from pratique.compiler.languages.search import Proof, Witness, find
from pratique.compiler.languages.sets import AllOf, difference
from tests.support_languages import IMAGE_PATTERNS

SETS = st.lists(IMAGE_PATTERNS, max_size=6)


@settings(max_examples=150)
@given(SETS)
def test_overlaps_are_those_of_the_product_search(patterns: list[str]) -> None:
    globs = [Glob.parse(pattern) for pattern in patterns]
    found = {(pair.first, pair.second): pair.answer for pair in overlaps(globs)}
    expected = {
        (first, second)
        for first, second in combinations(range(len(globs)), 2)
        if isinstance(find(AllOf((globs[first], globs[second])), images()), Witness)
    }
    assert set(found) == expected
    for (first, second), answer in found.items():
        assert isinstance(answer, Witness)
        assert images().exact.contains(answer.text)
        assert globs[first].matches(answer.text)
        assert globs[second].matches(answer.text)


@settings(max_examples=150)
@given(SETS)
def test_inclusions_are_those_of_the_product_search(patterns: list[str]) -> None:
    globs = [Glob.parse(pattern) for pattern in patterns]
    found = [(pair.first, pair.second) for pair in inclusions(globs) if isinstance(pair.answer, Proof)]
    empty = [isinstance(find(glob, images()), Proof) for glob in globs]
    expected = {
        (inner, outer)
        for inner, outer in permutations(range(len(globs)), 2)
        if not empty[inner] and isinstance(find(difference(globs[inner], globs[outer]), images()), Proof)
    }
    assert len(found) == len(set(found))
    assert set(found) == expected


@settings(max_examples=50)
@given(SETS)
def test_inclusions_among_many_are_those_among_few(patterns: list[str]) -> None:
    globs = [Glob.parse(pattern) for pattern in patterns]
    others = [Glob.parse(f"elsewhere.example/team{n}/*") for n in range(FEW)]
    few, many = inclusions(globs), inclusions([*globs, *others])
    assert set(few) == {pair for pair in many if max(pair.first, pair.second) < len(globs)}


@given(IMAGE_PATTERNS)
def test_odd_samples_belong_to_their_glob(pattern: str) -> None:
    glob = Glob.parse(pattern)
    sample = odd_sample(glob, images())
    if sample is None:
        assert isinstance(find(glob, images()), Proof)
    else:
        assert images().exact.contains(sample)
        assert glob.matches(sample)


def test_equivalent_globs_yield_both_orders() -> None:
    globs = [Glob.parse(pattern) for pattern in ("ghcr.io/*", "ghcr.io/**", "ghcr.io/*/*", "quay.io/*")]
    found = {(pair.first, pair.second) for pair in inclusions(globs)}
    assert found == {(0, 1), (1, 0), (2, 0), (2, 1)}


def test_inclusion_that_only_holds_for_references() -> None:
    globs = [Glob.parse(pattern) for pattern in ("ghcr.io/a@*", "ghcr.io/a@sha*")]
    assert {(pair.first, pair.second) for pair in inclusions(globs)} == {(0, 1), (1, 0)}
