from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.wildcard import (
    Wildcard,
    compile_wildcard,
    contains_wildcard,
    is_literal,
    literal_prefix,
    literal_suffix,
    matches,
)
from tests.support_grammar import seconds

patterns = st.text("ab/*?", max_size=9)
texts = st.text("ab/", max_size=9)


def slow_matches(pattern: str, text: str) -> bool:
    """The definition, read off word by word."""

    @cache
    def match(p: int, t: int) -> bool:
        if p == len(pattern):
            return t == len(text)
        if pattern[p] == "*":
            return match(p + 1, t) or (t < len(text) and match(p, t + 1))
        return t < len(text) and pattern[p] in ("?", text[t]) and match(p + 1, t + 1)

    return match(0, 0)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "a/b:c@d\n", True),
        ("?", "", False),
        ("?", "/", True),
        ("?", "é", True),
        ("?", "\n", True),
        ("a?c", "abbc", False),
        ("a*c", "abbc", True),
        ("nginx*", "evil.test/nginx", False),
        ("nginx*", "docker.io/nginx:latest", False),
        ("*nginx*", "docker.io/nginx:latest", True),
        ("ghcr.io/*:*", "ghcr.io/a@sha256:00", True),
        ("ghcr.io/*:v?", "ghcr.io/a:v1", True),
        ("A*", "a", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("{a,b}", "a", False),
        (r"\*", "*", False),
        (r"\*", "\\x", True),
        ("a**b", "ab", True),
        ("*?*", "", False),
        ("ab*ba", "aba", False),
        ("ab*ba", "abba", True),
        ("*a?b*a?b", "axbayb", True),
        ("a ", "a", False),
    ],
)
def test_b26_written_semantics(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected
    assert slow_matches(pattern, text) is expected


@given(patterns, texts)
def test_c28_agrees_with_the_definition(pattern: str, text: str) -> None:
    assert matches(pattern, text) is slow_matches(pattern, text)


@given(patterns, st.lists(texts, min_size=9, max_size=9))
def test_a_pattern_matches_what_it_is_filled_with(pattern: str, fillings: list[str]) -> None:
    pieces = (
        fillings[i] if c == "*" else (fillings[i] or "b")[0] if c == "?" else c for i, c in enumerate(pattern)
    )
    assert matches(pattern, "".join(pieces))


@given(patterns, texts)
def test_prefix_and_suffix_are_necessary(pattern: str, text: str) -> None:
    if matches(pattern, text):
        assert text.startswith(literal_prefix(pattern))
        assert text.endswith(literal_suffix(pattern))
    assert is_literal(pattern) is not contains_wildcard(pattern)
    if is_literal(pattern):
        assert literal_prefix(pattern) == literal_suffix(pattern) == pattern


def test_parts() -> None:
    assert (literal_prefix("a/b*c?d"), literal_suffix("a/b*c?d")) == ("a/b", "d")
    assert (literal_prefix("*"), literal_suffix("?")) == ("", "")


def test_compiled_patterns_are_shared() -> None:
    assert compile_wildcard("a*") is compile_wildcard("a*")
    assert repr(Wildcard("a*")) == "Wildcard('a*')"
    assert (Wildcard("a*").prefix, Wildcard("*a").suffix, Wildcard("a").is_literal) == ("a", "a", True)


@pytest.mark.parametrize(
    "pattern", ["*a" * 200 + "b", "*" * 1000 + "b", "*" + "a?" * 100 + "b*", "*a*b" * 50]
)
def test_x3_no_pattern_explodes(pattern: str) -> None:
    time, found = seconds(lambda: matches(pattern, "a" * 65_536))
    assert not found
    assert time < 0.1
