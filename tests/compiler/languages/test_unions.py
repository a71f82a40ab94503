from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.ir import ImagePattern
from pratique.compiler.languages.expressions import characters
from pratique.compiler.languages.globs import Glob, One
from pratique.compiler.languages.sets import AnyOf, NotIn, contains
from pratique.compiler.languages.unions import Union
from tests.support_languages import SMALL_WORDS, small_globs, text_sets


@given(st.lists(text_sets(small_globs()), max_size=5), st.sampled_from(SMALL_WORDS))
def test_holders_hold_the_text(options: list[Glob], word: str) -> None:
    holder = Union(options).widest_holding(word)
    assert (holder is not None) == any(contains(option, word) for option in options)
    assert holder is None or contains(holder, word)


def test_the_widest_glob_comes_first() -> None:
    narrow, wide = Glob.parse("ghcr.io/acme/*"), Glob.parse("ghcr.io/*")
    assert Union([narrow, wide]).widest_holding("ghcr.io/acme/app") is wide
    assert Union([AnyOf((narrow, AnyOf((narrow,))))]).options == (narrow,)


def test_what_no_dialect_can_write_is_asked_too() -> None:
    either = Glob("[ab]", (One(characters("ab")),))
    union = Union([either, NotIn(Glob.parse("c*")), Glob.of(ImagePattern(text="é*"))])
    assert union.widest_holding("b") is either
    assert union.widest_holding("c") is None
