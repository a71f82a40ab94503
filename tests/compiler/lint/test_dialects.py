from __future__ import annotations

import re

import pytest

from pratique.compiler.lint.dialects import as_glob, as_regex, filled, glob_mark, regex_mark
from pratique.grammar import wildcard

REGEXES = {
    r".*@acme\.example": (r".*", "*@acme.example"),
    r"^https://github\.com/acme/.+$": (r"^", "https://github.com/acme/*"),
    r"https://github.com/acme/[^/]+/x": ("[^/]", "https://github.com/acme/*/x"),
    r"release@acme\.example": (r"\.", "release@acme.example"),
    r"(release|build)@acme.example": ("(release|build)", ""),
    r"[a-z]+@acme.example": ("[a-z]", ""),
    r"\w+@acme.example": (r"\w", ""),
    r"/.*x*": (".*", ""),
}
GLOBS = (
    "release@acme.example",
    "*@acme.example",
    "https://github.com/acme/*/.github/workflows/release.*@refs/tags/v1.*",
    "49699333+dependabot[bot]@users.noreply.github.com",
    "https://github.com/acme/.github/*",
    "https://*.acme.example",
    "",
)


@pytest.mark.parametrize("text", REGEXES)
def test_expressions_among_patterns(text: str) -> None:
    mark, glob = REGEXES[text]
    assert (regex_mark(text), as_glob(text)) == (mark, glob)


@pytest.mark.parametrize("text", GLOBS)
def test_patterns_are_no_expressions(text: str) -> None:
    assert regex_mark(text) == ""


@pytest.mark.parametrize(
    ("text", "mark", "better"),
    [
        ("https://github.com/acme/*", "/*", r"^https://github\.com/acme/.*$"),
        (r"^https://github\.com/acme/*$", "/*", r"^https://github\.com/acme/.*$"),
        ("*@acme.example", "*", r"^.*@acme\.example$"),
        ("https://*.acme.example", "/*", r"^https://.*\.acme\.example$"),
        ("https://github.com/acme*", "e*", r"^https://github\.com/acme.*$"),
        ("dev-*@acme.example", "-*", r"^dev-.*@acme\.example$"),
        ("https://github.com/acme/*(x)", "/*", ""),
    ],
)
def test_patterns_among_expressions(text: str, mark: str, better: str) -> None:
    assert (glob_mark(text), as_regex(text)) == (mark, better)


@pytest.mark.parametrize(
    "text",
    [
        r"^https://github\.com/acme/.*$",
        r"^[a-z*]+@acme\.example$",
        r"^\d*@acme\.example$",
        r"^(dev)*@acme\.example$",
        r"^dev\*@acme\.example$",
        r"^devx*y@acme\.example$",
        r"^https://github\.com/acme/*/.*$",
        "",
    ],
)
def test_expressions_are_no_patterns(text: str) -> None:
    assert glob_mark(text) == ""


@pytest.mark.parametrize("glob", ["https://github.com/acme/*", "*@acme.example", "a.b"])
def test_translations_mean_the_same(glob: str) -> None:
    expression = as_regex(glob)
    assert as_glob(expression) == glob
    for text in (*filled(glob), "a.b", "axb", glob + "\n", "https://github.com/acme-evil/x"):
        assert bool(re.fullmatch(expression, text)) == wildcard.matches(glob, text) or "\n" in text
