"""Tests on issuers and subjects become one test that accepts the same texts."""

from __future__ import annotations

import pytest

from pratique.compiler import ir
from pratique.compiler.converting.identities import NoSingleTestError, TextTest, single
from pratique.compiler.texts import accepts

GLOB, SEARCH = ir.Glob, ir.Search
CANDIDATES = ("", "a", "dev@acme.example", "xdev@acme.example", "dev@acme.example\n", "dev@a+b.c", "A", "dev")


def made(*given: ir.Exactly | ir.Glob | ir.Search, every: bool = True) -> ir.TextTests:
    return ir.TextTests(tests=given, every=every)


@pytest.mark.parametrize(
    ("given", "text", "is_expression"),
    [
        (made(), ".*", True),
        (made(GLOB(text="dev@acme.example")), "dev@acme.example", False),
        (made(GLOB(text="*@acme.example")), r"(?s)^.*@acme\.example$", True),
        (made(GLOB(text="dev@a+?.c")), r"(?s)^dev@a\+.\.c$", True),
        (made(SEARCH(text="^dev@")), "^dev@", True),
        (made(GLOB(text="a"), SEARCH(text="@acme"), every=False), "(?:^a$)|(?:@acme)", True),
        (made(GLOB(text="dev@acme.example"), SEARCH(text="@acme")), "dev@acme.example", False),
        (
            made(GLOB(text="*@acme.example"), SEARCH(text=r"^dev@acme\.example$")),
            r"^dev@acme\.example$",
            True,
        ),
    ],
)
def test_one_test(given: ir.TextTests, text: str, is_expression: bool) -> None:
    assert single(given) == TextTest(text, is_expression)
    kind = SEARCH if is_expression else ir.Exactly
    for candidate in CANDIDATES:
        assert accepts(made(kind(text=text)), candidate) is accepts(given, candidate), candidate


def test_two_tests_of_which_neither_implies_the_other() -> None:
    with pytest.raises(NoSingleTestError) as raised:
        single(made(GLOB(text="*@acme.example"), SEARCH(text="^dev")))
    both = made(GLOB(text="*@acme.example"), SEARCH(text="^dev"))
    assert not accepts(both, raised.value.witness)
    assert any(accepts(made(test), raised.value.witness) for test in both.tests)
