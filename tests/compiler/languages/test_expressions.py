import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.languages.expressions import (
    ALL_CHARACTERS,
    EMPTY,
    EVERYTHING,
    NOTHING,
    Expression,
    both,
    characters,
    chars,
    classes,
    complement,
    concat,
    containing,
    derivative,
    either,
    literal,
    members,
    nullable,
    one_of,
    optional,
    repeat,
)

WORDS = ["".join(letters) for length in range(5) for letters in product("abc", repeat=length)]


def accepts(expression: Expression, text: str) -> bool:
    for character in text:
        expression = derivative(expression, ord(character))
    return nullable(expression)


Pair = tuple[Expression, str]
"""An expression and the same language in Python's notation."""

LEAVES: st.SearchStrategy[Pair] = st.sampled_from(
    [(literal("a"), "a"), (literal("ab"), "ab"), (one_of("ab"), "[ab]"), (EMPTY, ""), (one_of("c"), "c")]
)


def _grow(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.one_of(
        st.builds(lambda a, b: (concat(a[0], b[0]), f"(?:{a[1]})(?:{b[1]})"), inner, inner),
        st.builds(lambda a, b: (either(a[0], b[0]), f"(?:{a[1]}|{b[1]})"), inner, inner),
        st.builds(lambda a: (optional(a[0]), f"(?:{a[1]})?"), inner),
        st.builds(
            lambda a, low, more: (repeat(a[0], low, low + more), f"(?:{a[1]}){{{low},{low + more}}}"),
            inner,
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        st.builds(lambda a: (repeat(a[0]), f"(?:{a[1]})*"), inner),
        st.builds(lambda a, b: (both(a[0], b[0]), f"(?={a[1]}$)(?:{b[1]})$"), LEAVES, LEAVES),
    )


@given(st.recursive(LEAVES, _grow, max_leaves=5))
def test_derivatives_agree_with_python(pair: Pair) -> None:
    expression, notation = pair
    if "$" in notation:  # an intersection inside a longer expression has no such simple notation
        return
    compiled = re.compile(notation)
    for word in WORDS:
        assert accepts(expression, word) == bool(compiled.fullmatch(word)), word


@given(st.recursive(LEAVES, _grow, max_leaves=4), st.recursive(LEAVES, _grow, max_leaves=4))
def test_boolean_operations_are_pointwise(first: Pair, second: Pair) -> None:
    a, b = first[0], second[0]
    for word in WORDS:
        in_a, in_b = accepts(a, word), accepts(b, word)
        assert accepts(both(a, b), word) == (in_a and in_b)
        assert accepts(either(a, b), word) == (in_a or in_b)
        assert accepts(complement(a), word) == (not in_a)
        assert accepts(containing(a), word) == any(
            accepts(a, word[i:j]) for i in range(len(word) + 1) for j in range(i, len(word) + 1)
        )


@given(st.recursive(LEAVES, _grow, max_leaves=5))
def test_classes_partition_the_alphabet_and_agree(pair: Pair) -> None:
    found = classes(pair[0])
    assert sum(found) == ALL_CHARACTERS  # disjoint and complete
    for mask in found:
        assert len({derivative(pair[0], ord(character)) for character in members(mask)}) == 1


def test_equal_expressions_are_one_object() -> None:
    assert either(literal("ab"), literal("c")) is either(one_of("c"), concat(one_of("a"), one_of("b")))
    assert complement(complement(literal("a"))) is literal("a")
    assert either(one_of("a"), one_of("b")) is one_of("ab")


@pytest.mark.parametrize(
    ("made", "simple"),
    [
        (concat(NOTHING, literal("a")), NOTHING),
        (concat(EMPTY, literal("a")), literal("a")),
        (both(EMPTY, literal("a")), NOTHING),
        (both(EMPTY, repeat(literal("a"))), EMPTY),
        (both(EVERYTHING, literal("a")), literal("a")),
        (both(), EVERYTHING),
        (either(), NOTHING),
        (either(EVERYTHING, literal("a")), EVERYTHING),
        (complement(NOTHING), EVERYTHING),
        (complement(EVERYTHING), NOTHING),
        (repeat(NOTHING), EMPTY),
        (repeat(NOTHING, 1), NOTHING),
        (repeat(literal("a"), 1, 1), literal("a")),
        (repeat(literal("a"), 0, 0), EMPTY),
    ],
)
def test_constructors_simplify(made: Expression, simple: Expression) -> None:
    assert made is simple


def test_sets_of_characters() -> None:
    assert members(characters("cab")) == "abc"
    assert characters("é") == 0
    assert chars(0) is NOTHING
