import pytest
from hypothesis import given

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import are_disjoint, are_equivalent, covers, includes, is_empty
from pratique.compiler.languages.search import Answer, Proof, Witness
from pratique.compiler.languages.sets import TextSet, contains
from tests.support_languages import SMALL, SMALL_WORDS, small_globs, text_sets


def members(texts: TextSet) -> set[str]:
    return {word for word in SMALL_WORDS if contains(texts, word)}


def check(answer: Answer, against: set[str]) -> None:
    """The claim holds if and only if nothing speaks against it; a witness is one of those that do."""
    if isinstance(answer, Witness):
        assert answer.text in against
    else:
        assert isinstance(answer, Proof)
        assert not against


@given(text_sets(small_globs()), text_sets(small_globs()))
def test_claims_about_two_sets(first: TextSet, second: TextSet) -> None:
    one, other = members(first), members(second)
    check(is_empty(first, SMALL), one)
    check(are_disjoint(first, second, SMALL), one & other)
    check(includes(first, second, SMALL), other - one)
    check(are_equivalent(first, second, SMALL), one ^ other)


@given(small_globs(), small_globs(), small_globs())
def test_cover(first: Glob, second: Glob, whole: Glob) -> None:
    check(covers((first, second), whole, SMALL), members(whole) - members(first) - members(second))


@pytest.mark.parametrize(
    ("options", "whole"),
    [
        (("docker.io/*",), "docker.io/nginx:*"),
        (("ghcr.io/a:*", "ghcr.io/a@*"), "ghcr.io/a:v?"),
        (("ghcr.io/acme/*:*", "ghcr.io/acme/*@*"), "ghcr.io/acme/*"),
        (("ghcr.io/acme/*@sha256:*", "ghcr.io/acme/*@sha512:*"), "ghcr.io/acme/*@*"),
        (("*:*",), "*"),
        (("*/*",), "*"),
        (("*?",), "?*"),
    ],
)
def test_covers_that_only_hold_for_references(options: tuple[str, ...], whole: str) -> None:
    globs = tuple(Glob.parse(text) for text in options)
    assert isinstance(covers(globs, Glob.parse(whole), images()), Proof)


def test_counterexample_to_inclusion() -> None:
    answer = includes(Glob.parse("ghcr.io/acme/*"), Glob.parse("ghcr.io/acme*"), images())
    assert answer == Witness("ghcr.io/acme:1.4.2")
