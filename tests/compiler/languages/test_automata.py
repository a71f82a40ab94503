from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.languages.automata import DEAD, PLAUSIBLE, Automaton
from pratique.compiler.languages.expressions import (
    NOTHING,
    both,
    characters,
    complement,
    concat,
    containing,
    literal,
    one_of,
    repeat,
)

LIMITED = Automaton(both(repeat(one_of("abc"), 1, 4), complement(containing(literal("ab")))))


def test_contains_agrees_with_the_definition() -> None:
    for length in range(6):
        for letters in product("abc", repeat=length):
            word = "".join(letters)
            assert LIMITED.contains(word) == (1 <= length <= 4 and "ab" not in word)


def test_leaps_are_runs() -> None:
    for text in ("cab", "ab", "", "cab"):
        assert LIMITED.leap(text, 0) == LIMITED.run(text)


def test_dead_is_dead() -> None:
    assert LIMITED.run("zz") == DEAD
    assert LIMITED.step(DEAD, "a") == DEAD
    assert not LIMITED.accepts(DEAD)
    assert LIMITED.completion(DEAD) is None
    assert LIMITED.expression(DEAD) is NOTHING


@given(st.text(alphabet="abc", max_size=5), st.sampled_from(["", "a", "ab", "bc", "c"]))
def test_arcs_stand_for_every_character(prefix: str, told_apart: str) -> None:
    state = LIMITED.run(prefix)
    if state == DEAD:
        return
    arcs = LIMITED.arcs(state, characters(told_apart))
    targets = {LIMITED.step(state, letter) for letter in "abc"} - {DEAD}
    assert {target for _, target in arcs} == targets
    assert all(LIMITED.step(state, character) == target for character, target in arcs)
    assert {c for c in told_apart if LIMITED.step(state, c) != DEAD} <= {character for character, _ in arcs}


def test_completion_is_shortest_and_accepted() -> None:
    automaton = Automaton(concat(repeat(one_of("xy"), 3, 5), literal("end")))
    assert automaton.completion(0) == "xxxend"
    assert automaton.completion(automaton.run("xyxyx")) == "end"


def test_states_without_any_continuation_are_seen() -> None:
    contradiction = Automaton(concat(one_of("a"), both(repeat(one_of("bc"), 2), repeat(one_of("cd"), 0, 1))))
    state = contradiction.run("a")
    assert contradiction.completion(state) is None


def test_results_do_not_depend_on_earlier_questions() -> None:
    expression = both(repeat(one_of("abc"), 1, 4), complement(containing(literal("ab"))))
    first, second = Automaton(expression), Automaton(expression)
    for word in ("cab", "bbbb", "acac"):
        second.contains(word)
    for word in ("", "a", "ab", "acac", "bbbb", "bbbbb"):
        assert first.contains(word) == second.contains(word)
    assert first.completion(0) == second.completion(0)


def test_plausible_order_names_each_character_once() -> None:
    assert len(set(PLAUSIBLE)) == len(PLAUSIBLE)
