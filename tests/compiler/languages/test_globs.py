import re
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.ir import ImagePattern
from pratique.compiler.languages.expressions import ALL_CHARACTERS, characters
from pratique.compiler.languages.globs import FAILED, MATCHED, Glob, One, Part, Run, parts
from pratique.grammar import wildcard

PATTERNS = st.text(alphabet="ab/*?", max_size=8)
TEXTS = st.text(alphabet="ab/", max_size=9)
WORDS = ["".join(letters) for length in range(6) for letters in product("ab/", repeat=length)]

WITHIN = Run(ALL_CHARACTERS & ~characters("/"))
CLASS = One(characters("ab"))


GENERAL_PARTS = st.lists(
    st.sampled_from([One(characters("a")), CLASS, WITHIN, One(ALL_CHARACTERS)]), max_size=5
)


def _notation(items: list[Part]) -> str:
    names = {One(characters("a")): "a", CLASS: "[ab]", WITHIN: "[^/]*", One(ALL_CHARACTERS): "."}
    return "".join(names[item] for item in items)


@given(PATTERNS, TEXTS)
def test_automaton_agrees_with_the_matcher_of_the_grammar(pattern: str, text: str) -> None:
    glob = Glob.parse(pattern)
    expected = wildcard.matches(pattern, text)
    assert glob.matches(text) == expected
    assert glob.accepts(glob.run(text)) == expected


@given(PATTERNS, TEXTS)
def test_settled_states_are_settled(pattern: str, text: str) -> None:
    glob = Glob.parse(pattern)
    state = glob.run(text)
    if state == MATCHED:
        assert all(wildcard.matches(pattern, text + word) for word in WORDS)
    if state == FAILED:
        assert not any(wildcard.matches(pattern, text + word) for word in WORDS)


@given(PATTERNS, TEXTS)
def test_only_wanted_characters_are_told_apart(pattern: str, text: str) -> None:
    glob = Glob.parse(pattern)
    state = glob.run(text)
    wanted = glob.wanted(state)
    others = {glob.step(state, c) for c in "ab/xyz." if not characters(c) & wanted}
    assert len(others) <= 1


@given(PATTERNS, st.text(alphabet="ab/", max_size=3), TEXTS)
def test_quotient_is_what_matches_with_a_tail_put_behind(pattern: str, tail: str, text: str) -> None:
    globs = Glob.parse(pattern).quotient(tail)
    assert any(glob.matches(text) for glob in globs) == wildcard.matches(pattern, text + tail)


@given(GENERAL_PARTS, st.text(alphabet="ab/", max_size=2), TEXTS)
def test_quotients_with_classes_and_limited_runs(items: list[Part], tail: str, text: str) -> None:
    globs = Glob("", items).quotient(tail)
    assert any(glob.matches(text) for glob in globs) == bool(re.fullmatch(_notation(items), text + tail))


@given(PATTERNS, PATTERNS)
def test_plain_tests_against_all_short_texts(first: str, second: str) -> None:
    one, other = Glob.parse(first), Glob.parse(second)
    of_one = [word for word in WORDS if one.matches(word)]
    of_other = [word for word in WORDS if other.matches(word)]
    if one.plainly_includes(other):
        assert set(of_other) <= set(of_one)
    assert one.plainly_disjoint(other) == other.plainly_disjoint(one)
    if one.plainly_disjoint(other):
        assert not set(of_one) & set(of_other)


@given(st.text(alphabet="ab*?", max_size=4), st.text(alphabet="ab*?", max_size=4))
def test_plain_disjointness_is_exact(first: str, second: str) -> None:
    one, other = Glob.parse(first), Glob.parse(second)
    words = ("".join(letters) for length in range(9) for letters in product("ab", repeat=length))
    common = any(one.matches(word) and other.matches(word) for word in words)
    assert one.plainly_disjoint(other) == (not common)


@given(st.text(alphabet="ab*", max_size=5), st.text(alphabet="ab*", max_size=5))
def test_plain_inclusion_is_exact_for_runs_alone(outer: str, inner: str) -> None:
    one, other = Glob.parse(outer), Glob.parse(inner)
    # A run of the inner glob filled with a foreign letter is the text that no other text is harder than.
    hardest = inner.replace("*", "z")
    assert one.plainly_includes(other) == one.matches(hardest)


@given(GENERAL_PARTS, TEXTS)
def test_classes_and_limited_runs(items: list[Part], text: str) -> None:
    glob = Glob("", items)
    expected = bool(re.fullmatch(_notation(items), text))
    assert glob.matches(text) == expected
    assert glob.accepts(glob.run(text)) == expected


@given(GENERAL_PARTS, GENERAL_PARTS)
def test_plain_tests_stay_sound_with_classes(first: list[Part], second: list[Part]) -> None:
    one, other = Glob("", first), Glob("", second)
    of_one = {word for word in WORDS if one.matches(word)}
    of_other = {word for word in WORDS if other.matches(word)}
    if one.plainly_includes(other):
        assert of_other <= of_one
    if one.plainly_disjoint(other):
        assert not of_one & of_other


def test_runs_without_question_marks_have_one_state_for_each_position() -> None:
    glob = Glob.parse("*ab*aab*aaab*")
    reached = {glob.start}
    frontier = [glob.start]
    while frontier:
        state = frontier.pop()
        for character in "abc":
            after = glob.step(state, character)
            if after not in reached:
                reached.add(after)
                frontier.append(after)
    assert len(reached) <= len(glob.parts) + 2


def test_prefix_suffix_and_literal() -> None:
    glob = Glob.parse("ghcr.io/*/app?:v1")
    assert (glob.prefix, glob.suffix, glob.is_literal) == ("ghcr.io/", ":v1", False)
    assert Glob.parse("a/b:1").is_literal
    assert Glob.parse("a**b").parts == Glob.parse("a*b").parts


def test_literals_outside_ascii_match_no_ascii_text() -> None:
    glob = Glob.of(ImagePattern(text="é*"))
    assert glob.start == 1
    assert glob.run("e") == FAILED
    assert glob.matches("épée")


def test_runs_of_unrelated_classes_are_refused() -> None:
    import pytest

    with pytest.raises(ValueError, match="nested"):
        Glob("", (Run(characters("a")), Run(characters("b"))))
    assert Glob("", (WITHIN, Run())).parts == (Run(),)


def test_parts_of_the_dialect() -> None:
    assert parts("a?*") == (One(characters("a")), One(ALL_CHARACTERS), Run())
