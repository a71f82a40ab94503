from __future__ import annotations

import pytest
import re2  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pratique.compiler.languages.automata import Automaton
from pratique.compiler.languages.expressions import EVERYTHING
from pratique.compiler.languages.regexes import MAX_CHARACTERS, MAX_DEPTH, UnsupportedError, read

ATOMS = st.sampled_from(
    [
        "a", "b", "^", "$", ".", "ab", "[ab]", "[^a]", "[a-c]", r"\.", r"\d", r"\w", "[[:alpha:]]", r"\A",
        r"\z", r"[\d.]", "(?i)a", "(?i:ab)", "[]a]", "[a-]", "{", "a{,2}", "(?P<n>a)", "(?:^a|b)",
        "(?:a$)?", "(?s).",
    ]
)  # fmt: skip


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: f"({a}|{b})", inner, inner),
        st.builds(lambda a, b: f"{a}|{b}", inner, inner),
        st.builds(
            lambda a, count: f"(?:{a}){count}", inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "*?"])
        ),
    )


REGEXES = st.recursive(ATOMS, _grow, max_leaves=6)
TEXTS = st.lists(st.text(alphabet="aAbc1.-\n{", max_size=6), min_size=5, max_size=10)


@settings(max_examples=500)
@given(REGEXES, TEXTS)
@example("(^a|b)c$", ["ac", "bc", "xbc", "xac", "acx"])
@example("a$|^b", ["a", "xa", "b", "bx", "xb", "ax"])
@example("x*^a", ["a", "xa"])
@example("a$x*", ["a", "ax"])
@example("^$", ["", "a"])
@example("", ["", "a"])
def test_languages_agree_with_re2(text: str, words: list[str]) -> None:
    try:
        languages = read(text)
    except UnsupportedError:
        return
    compiled, whole = re2.compile(text), re2.compile(f"^(?:{text})$")
    found, spanned = Automaton(languages.found), Automaton(languages.spanned)
    for word in words:
        assert found.contains(word) == (compiled.search(word) is not None), word
        # An anchor inside holds for the whole text as well where the text is spanned.
        assert spanned.contains(word) == (whole.search(word) is not None), word


@pytest.mark.parametrize(
    "text",
    [
        r"\bword", r"\pL", r"\x41", "é", "(?m)^a$", "a**", "(^a)*", "(a", "a)", "[a", "a{1001}", "a{3,2}",
        "*", "[b-a]", "\\", "(?U)a", "[[:nope:]]", "a" * (MAX_CHARACTERS + 1),
        "(" * (MAX_DEPTH + 1) + ")" * (MAX_DEPTH + 1), "(?P<n",
    ],
)  # fmt: skip
def test_what_is_not_read_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedError):
        read(text)


@pytest.mark.parametrize(
    "text", [r"^https://github\.com/acme/.+$", r"[^@]+@acme\.com", "(?i)ACME", ".*", r"https:\/\/a\-b"]
)
def test_what_policies_write_is_read(text: str) -> None:
    assert not isinstance(read(text).found, str)


def test_a_search_for_anything_finds_everything() -> None:
    assert read("(?s).*").found is EVERYTHING
