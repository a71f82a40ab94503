from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.ir import ImagePattern, ImageRegion
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.sets import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    TextSet,
    combine,
    contains,
    difference,
    quotient,
    region,
    symmetric_difference,
)
from tests.support_languages import SMALL_WORDS, small_globs, text_sets

SHORT = ["".join(letters) for length in range(3) for letters in product("ab/", repeat=length)]


@given(text_sets(small_globs()), st.sampled_from(SMALL_WORDS))
def test_combination_decides_membership(texts: TextSet, word: str) -> None:
    combination = combine(texts)
    states = tuple(glob.run(word) for glob in combination.globs)
    assert combination.accepts(states) == contains(texts, word)


@given(text_sets(small_globs()), st.sampled_from(SMALL_WORDS), st.integers(0, 8))
def test_what_is_settled_holds_for_every_continuation(texts: TextSet, word: str, cut: int) -> None:
    combination = combine(texts)
    beginning = word[:cut]
    settled = combination.settled(tuple(glob.run(beginning) for glob in combination.globs))
    if settled is not None:
        assert {contains(texts, beginning + more) for more in (*SHORT, word[cut:])} == {settled}


def test_constants() -> None:
    assert contains(EVERYTHING, "x")
    assert not contains(NOTHING, "x")
    assert combine(EVERYTHING).settled(()) is True
    assert combine(NOTHING).settled(()) is False


def test_equal_globs_are_stepped_once() -> None:
    texts = AnyOf((AllOf((Glob.parse("a*"), Glob.parse("*b"))), Glob.parse("a**")))
    assert [glob.text for glob in combine(texts).globs] == ["a*", "*b"]


@given(small_globs(), small_globs(), st.sampled_from(SMALL_WORDS))
def test_differences(first: Glob, second: Glob, word: str) -> None:
    in_first, in_second = first.matches(word), second.matches(word)
    assert contains(difference(first, second), word) == (in_first and not in_second)
    assert contains(symmetric_difference(first, second), word) == (in_first != in_second)


@given(text_sets(small_globs()), st.text(alphabet="ab./:@", max_size=3), st.sampled_from(SMALL_WORDS))
def test_quotients_of_combinations(texts: TextSet, tail: str, word: str) -> None:
    assert contains(quotient(texts, tail), word) == contains(texts, word + tail)


def test_region_is_include_without_skip() -> None:
    def patterns(*texts: str) -> tuple[ImagePattern, ...]:
        return tuple(ImagePattern(text=text) for text in texts)

    images = region(ImageRegion(include=patterns("a*", "b*"), skip=patterns("*x", "*y")))
    assert [word for word in ("a1", "b1", "c1", "ax", "by") if contains(images, word)] == ["a1", "b1"]
    assert not contains(region(ImageRegion(include=())), "a1")
