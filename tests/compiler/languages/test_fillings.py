"""Quick witnesses and quick proofs say the same as the search."""

from dataclasses import replace
from random import Random

import pytest

from pratique.compiler.languages.expressions import ALL_CHARACTERS, characters
from pratique.compiler.languages.fillings import candidates, fillings
from pratique.compiler.languages.globs import Glob, Run, parts
from pratique.compiler.languages.references import Universe, digested, images, repositories, tagged
from pratique.compiler.languages.search import Witness, find, is_plainly_empty
from pratique.compiler.languages.sets import AnyOf, NotIn, difference
from tests.oracles.references import pattern

UNIVERSES = (images(), tagged(), digested(), repositories())


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("ghcr.io/team-*/*/kube-*:v1.2?", "ghcr.io/team-app/app/kube-app:v1.21"),
        ("*.azurecr.io/app", ""),
        ("quay.io/app:*", "quay.io/app:1.4.2"),
    ],
)
def test_runs_are_filled_with_plausible_pieces(text: str, best: str) -> None:
    assert next(fillings(Glob.parse(text), tagged()), "") == best


def test_a_prefix_starts_the_texts_of_globs_whose_first_run_spans_it() -> None:
    elsewhere = "attacker.example/"
    found = fillings(Glob.parse("*.azurecr.io/app:*"), tagged(), elsewhere)
    assert next(found).startswith(elsewhere)
    for text in ("ghcr.io/*", "*"):
        other = Glob.parse(text)
        starts = {each.startswith(elsewhere) for each in fillings(other, tagged(), elsewhere)}
        assert starts == {text == "*"}
    within = Glob("", (Run(ALL_CHARACTERS & ~characters("/")), *parts("/app:*")))
    assert next(fillings(within, tagged(), elsewhere)) == "registry.example.com/app:1.4.2"


def test_texts_of_each_option_are_tried() -> None:
    options = AnyOf((Glob.parse("ghcr.io/a@*"), Glob.parse("ghcr.io/b:*")))
    assert "ghcr.io/b:1.4.2" in candidates(options, tagged())
    assert not list(candidates(NotIn(options), tagged()))


@pytest.mark.parametrize("universe", UNIVERSES, ids=lambda each: each.name)
def test_fillings_belong_to_the_glob_and_the_relaxed_universe(universe: Universe) -> None:
    random = Random(universe.name)
    for _ in range(150):
        glob = Glob.parse(pattern(random))
        for text in fillings(glob, universe):
            assert glob.matches(text)
            assert universe.relaxed.contains(text)


@pytest.mark.parametrize("universe", UNIVERSES, ids=lambda each: each.name)
def test_what_is_plainly_empty_has_no_witness(universe: Universe) -> None:
    random = Random(universe.name)
    plain = replace(universe, shapes=())
    count = 0
    for _ in range(300):
        texts = difference(Glob.parse(pattern(random)), Glob.parse(pattern(random)))
        if is_plainly_empty(texts, universe):
            count += 1
            assert not isinstance(find(texts, plain), Witness), texts
    assert count > 20


@pytest.mark.parametrize("universe", UNIVERSES, ids=lambda each: each.name)
def test_examples_have_a_shape_of_their_universe(universe: Universe) -> None:
    for text in universe.examples:
        assert any(shape.matches(text) for shape in universe.shapes)
