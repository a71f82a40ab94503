import pytest
from hypothesis import given, settings

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.plausible import EXAMPLE_DIGITS
from pratique.compiler.languages.references import images
from pratique.compiler.languages.search import Proof, Unknown, Witness, find, find_relaxed
from pratique.compiler.languages.sets import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    NotIn,
    TextSet,
    contains,
    difference,
)
from tests.support_languages import IMAGE_PATTERNS, SMALL, SMALL_WORDS, small_globs, text_sets


@settings(max_examples=600)
@given(text_sets(small_globs()))
def test_answers_agree_with_trying_every_word(texts: TextSet) -> None:
    members = [word for word in SMALL_WORDS if contains(texts, word)]
    match find(texts, SMALL):
        case Witness(text):
            assert text in members
        case Proof():
            assert members == []
        case Unknown(why):
            pytest.fail(why)


@settings(max_examples=300)
@given(IMAGE_PATTERNS, IMAGE_PATTERNS)
def test_witnesses_are_references_in_the_set(first: str, second: str) -> None:
    both = difference(Glob.parse(first), Glob.parse(second))
    match find(both, images()):
        case Witness(text):
            assert images().exact.contains(text)
            assert contains(both, text)
        case Proof():
            assert not any(contains(both, text) for text in images().examples)
        case Unknown(why):
            pytest.fail(why)


def test_a_run_may_end_a_text_sooner_than_what_stands_behind_it() -> None:
    """`*` may span `s/a:`; to be done with the glob soonest leads to the longer `localhost/a/ab:a`."""
    answer = find(Glob.parse("localhost/*/a*b*"), images())
    assert isinstance(answer, Witness)
    assert len(answer.text) == len("localhost/s/a:b")


def parse(text: str) -> Glob:
    return Glob.parse(text)


@pytest.mark.parametrize(
    "empty",
    [
        parse("registry.k8s.io/"),
        parse("registry.k8s.io/etcd"),
        parse("nginx:1.25"),
        parse("nginx"),
        parse(""),
        parse("ghcr.io/Acme/*"),
        parse("GHCR.io/*"),
        parse("ghcr.io/acme/*@sha256:abc"),
        parse(f"ghcr.io/*@sha256:{EXAMPLE_DIGITS[1:]}"),
        parse(f"ghcr.io/app:v1@sha256:{EXAMPLE_DIGITS}"),
        parse("ghcr.io/app:" + "t" * 129),
        parse("ghcr.io/" + "p" * 256 + "*"),
        parse("h" * 256 + "*"),
        parse("ghcr.io/a{b,c}/*"),
        parse("https://ghcr.io/*"),
        AllOf((parse("ghcr.io/acme/app:*"), parse("ghcr.io/*/web:*"))),
        AllOf((parse("ghcr.io/app:*"), parse("*@*"))),
        difference(EVERYTHING, parse("*:*")),
        difference(parse("ghcr.io/acme/*"), parse("ghcr.io/acme/*:*"), parse("ghcr.io/acme/*@sha*")),
        difference(parse("*@*"), parse("*@sha256:*"), parse("*@sha512:*")),
        difference(parse("[::1?/*"), parse("[::1]/*"), NotIn(NOTHING)),
        NOTHING,
    ],
    ids=str,
)
def test_proofs(empty: TextSet) -> None:
    assert isinstance(find(empty, images()), Proof)


@pytest.mark.parametrize(
    "texts",
    [
        parse("ghcr.io/*:*"),
        AllOf((parse("ghcr.io/*:*"), parse("*@*"))),  # the run spans `app@sha256`
        parse("ghcr.io/app:" + "t" * 128),
        parse("ghcr.io/app:" + "t" * 127 + "*e"),
        parse("ghcr.io/" + "p" * 255 + "*"),
        parse("ghcr.io/" + "p" * 250 + "*" + "q" * 5 + "*"),
        parse("h" * 250 + "*"),
        parse("ghcr.io/" + "?" * 20 + ":1"),
        parse("nginx:*"),  # a host with a port
        parse(f"*@sha512:{EXAMPLE_DIGITS}*"),
        AllOf((parse("*-dev"), parse("*prod*"), parse("*test*"))),
        difference(parse("ghcr.io/acme*"), parse("ghcr.io/acme/*"), parse("ghcr.io/acme:*")),
        AnyOf((parse("registry.k8s.io/"), parse("localhost/*"))),
    ],
    ids=str,
)
def test_witnesses(texts: TextSet) -> None:
    answer = find(texts, images())
    assert isinstance(answer, Witness)
    assert images().exact.contains(answer.text)
    assert contains(texts, answer.text)


def test_relaxed_search_ignores_upper_limits() -> None:
    too_long = parse("ghcr.io/app:" + "t" * 129)
    assert isinstance(find_relaxed(too_long, images()), Witness)
    assert isinstance(find(too_long, images()), Proof)


def test_budget_gives_unknown_rather_than_a_guess() -> None:
    hard = AllOf((parse("*a" + "?" * 18), parse("*b" + "?" * 18 + "a*"), parse("*:c*d")))
    answer = find(hard, images(), max_states=500)
    assert answer == Unknown("no answer within 500 states")


def test_runs_need_few_states() -> None:
    answer = find(parse("*a*b*c*d*e*f*g*h*/"), images())
    assert isinstance(answer, Proof)
    assert answer.states < 1_500


def test_witness_is_the_same_every_time() -> None:
    texts = AllOf((parse("*.example.com/*"), parse("*-dev")))
    assert find(texts, images()) == find(texts, images())
