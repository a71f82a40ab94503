from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.compiler.texts import MAX_CHARACTERS, SearchSyntaxError, accepts, compile_search, passes

HOLDS = [
    (ir.Exactly(text="a*c"), "a*c"),
    (ir.Glob(text="a*c"), "abbc"),
    (ir.Glob(text="a?c"), "a/c"),
    (ir.Glob(text="*"), ""),
    (ir.Search(text="b"), "abc"),
    (ir.Search(text=""), "anything"),
    (ir.Search(text=r"^dev@acme\.example$"), "dev@acme.example"),
    (ir.Search(text=r"dev@acme\.example"), "dev@acme.example.evil.test"),  # unanchored, as Kyverno searches
    (ir.Search(text=r"(?i)ACME"), "acme"),
    (ir.Search(text=r"^\p{Lu}"), "Ärger"),
]
FAILS = [
    (ir.Exactly(text="a*c"), "abc"),
    (ir.Exactly(text=""), "a"),
    (ir.Glob(text="a*c"), "abcd"),
    (ir.Glob(text="a?c"), "ac"),
    (ir.Glob(text="A"), "a"),
    (ir.Search(text="^b"), "abc"),
    (ir.Search(text="B"), "abc"),
    (ir.Search(text="a.c"), "a\nc"),
    (ir.Search(text="^b$"), "a\nb\nc"),
]


@pytest.mark.parametrize(
    ("test", "text", "expected"), [(*p, True) for p in HOLDS] + [(*p, False) for p in FAILS]
)
def test_one_test(test: ir.Exactly | ir.Glob | ir.Search, text: str, expected: bool) -> None:
    assert passes(test, text) is expected
    for every in (True, False):
        assert accepts(ir.TextTests(tests=(test,), every=every), text) is expected


A, B = ir.Glob(text="a*"), ir.Search(text="z$")


@pytest.mark.parametrize(
    ("text", "every", "some"),
    [("az", True, True), ("ab", False, True), ("bz", False, True), ("bb", False, False)],
)
def test_joined_tests(text: str, every: bool, some: bool) -> None:
    assert accepts(ir.TextTests(tests=(A, B), every=True), text) is every
    assert accepts(ir.TextTests(tests=(A, B), every=False), text) is some


@pytest.mark.parametrize("every", [True, False])
def test_no_tests_accept_every_text(every: bool) -> None:
    assert accepts(ir.TextTests(every=every), "anything")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("([", "missing closing ]: `[`"),
        ("[abc", "missing closing ]: `[abc`"),
        ("(a", "missing closing ): `(a`"),
        ("a)b", "unexpected ): `a)b`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        ("a(?=b)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ("\ud800", "invalid UTF-8"),
        ("a" * (MAX_CHARACTERS + 1), "expression too large"),
    ],
)
def test_what_does_not_compile_is_said_as_go_says_it(expression: str, text: str) -> None:
    for _ in range(2):
        with pytest.raises(SearchSyntaxError, match=f"^error parsing regexp: {re.escape(text)}$"):
            compile_search(expression)
    with pytest.raises(SearchSyntaxError):
        accepts(ir.TextTests(tests=(ir.Search(text=expression),)), "text")


def test_an_expression_may_not_grow_without_bound() -> None:
    with pytest.raises(SearchSyntaxError, match="expression too large"):
        compile_search(r"\pL{1000}" * 100)


def test_equal_expressions_share_one() -> None:
    assert compile_search("abc+") is compile_search("abc+")


def test_the_time_is_linear() -> None:
    # A backtracking engine would never come to an end here.
    assert not passes(ir.Search(text="^(a+)+$"), "a" * 50_000 + "!")
    assert not passes(ir.Search(text="(x+x+)+y"), "x" * 50_000)


def test_a_lone_surrogate_is_no_text() -> None:
    assert not passes(ir.Search(text="."), "\ud800")


@given(st.text(max_size=20), st.text(max_size=40))
def test_quoted_expressions_find_the_very_text(needle: str, hay: str) -> None:
    quoted = "".join(f"\\x{{{ord(c):x}}}" for c in needle)
    assert passes(ir.Search(text=quoted), hay + needle + hay)
    assert passes(ir.Search(text=quoted), hay) == (needle in hay)


def test_nothing_is_written_by_the_engine() -> None:
    code = (
        "from pratique.compiler.texts import compile_search\n"
        "try: compile_search('([')\n"
        "except ValueError: print('ok')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("ok\n", "")


def test_the_engine_is_loaded_when_it_is_needed() -> None:
    code = "import sys, pratique.compiler.texts; print('re2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
