"""Tests on issuers and subjects: texts that are compared exactly, and expressions.

A classic rule joins several tests, with wildcards in plain texts. In an ImageValidatingPolicy a plain text
has no wildcards, and of a text and an expression beside each other the expression alone counts.

References: Kyverno 1.19 `pkg/image/verifiers/ivpol/cosign/opts.go`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis import identities
from pratique.compiler.languages.expressions import both
from pratique.compiler.languages.regexes import UnsupportedError
from pratique.compiler.languages.search import Proof, Witness
from pratique.grammar.wildcard import contains_wildcard

ANYTHING: Final = ".*"
_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")


@dataclass(frozen=True, slots=True)
class TextTest:
    """One test: a text, or an expression that is found somewhere in it."""

    text: str
    is_expression: bool = False


class NoSingleTestError(Exception):
    """Tests that no single one stands for.

    Attributes:
        witness: a text that one of them accepts and another does not; empty where none was found.
    """

    def __init__(self, witness: str) -> None:
        super().__init__(witness)
        self.witness = witness


def single(tests: ir.TextTests) -> TextTest:
    """Return the one test that accepts the same texts.

    Raises:
        NoSingleTestError: there is none.
    """
    match tests.tests:
        case ():
            return TextTest(ANYTHING, is_expression=True)
        case (test,):
            return _plain(test)
        case several if not tests.every:
            return TextTest("|".join(f"(?:{_expression(test)})" for test in several), is_expression=True)
        case several:
            return _narrowest(several)


def quoted(text: str) -> str:
    """Return the expression that is found where a text stands."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", text)


def expression_of(glob: str) -> str:
    """Return the expression that accepts the whole texts that a glob matches."""
    parts = (".*" if c == "*" else "." if c == "?" else quoted(c) for c in glob)
    return f"^{''.join(parts)}$"


def _plain(test: ir.Exactly | ir.Glob | ir.Search) -> TextTest:
    if isinstance(test, ir.Search) or (isinstance(test, ir.Glob) and contains_wildcard(test.text)):
        return TextTest(_expression(test), is_expression=True)
    return TextTest(test.text)


def _expression(test: ir.Exactly | ir.Glob | ir.Search) -> str:
    match test:
        case ir.Search(text=text):
            return text
        case ir.Exactly(text=text):
            return f"^{quoted(text)}$"
        case ir.Glob(text=text):
            # Both `*` and `?` stand for line ends, too.
            return f"(?s){expression_of(text)}" if contains_wildcard(text) else expression_of(text)


def _narrowest(tests: tuple[ir.Exactly | ir.Glob | ir.Search, ...]) -> TextTest:
    """Return the test among several that implies all others."""
    witness = ""
    for test in tests:
        answers = [_outside(test, other) for other in tests if other is not test]
        if all(isinstance(answer, Proof) for answer in answers):
            return _plain(test)
        witness = next((a.text for a in answers if isinstance(a, Witness)), witness)
    raise NoSingleTestError(witness)


def _outside(test: ir.Exactly | ir.Glob | ir.Search, other: ir.Exactly | ir.Glob | ir.Search) -> object:
    """Return a text that passes one test and not the other, or a proof that there is none."""
    try:
        inside, wider = (identities.language(ir.TextTests(tests=(each,))) for each in (test, other))
    except UnsupportedError:
        return None
    suggestions = identities.plausible((ir.TextTests(tests=(test,)),))
    return identities.example(both(inside, identities.outside(wider)), suggestions)
