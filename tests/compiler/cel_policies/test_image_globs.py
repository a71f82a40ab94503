"""Globs over images as they are written."""

from __future__ import annotations

import pytest

from pratique.compiler.cel_policies.image_globs import GlobSyntaxError, compile_glob, literal_prefix


@pytest.mark.parametrize(
    ("glob", "text", "matches"),
    [
        ("nginx", "nginx", True),
        ("nginx", "docker.io/nginx:latest", False),
        ("ghcr.io/*", "ghcr.io/a/b:1", True),
        ("ghcr.io/**", "ghcr.io/a/b:1", True),
        ("*", "", True),
        ("*:1.?", "a/b:1.2", True),
        ("*:1.?", "a/b:1.23", False),
        ("g[hc]cr", "gccr", True),
        ("g[!hc]cr", "gccr", False),
        ("g[a-d]cr", "gccr", True),
        ("g[!a-d]cr", "gccr", False),
        ("[abc-e]", "-", True),
        ("[abc-e]", "d", False),
        ("{ghcr.io,quay.io}/*", "quay.io/a", True),
        ("{ghcr.io,quay.io}/*", "docker.io/a", False),
        ("{a{b,c},d}", "ac", True),
        ("{a,b*}x", "bcdx", True),
        ("a,b", "a,b", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("a.b", "axb", False),
        ("a(b)+|c$^", "a(b)+|c$^", True),
        ("{a,b", "b", True),
        ("a}b", "a}b", True),
        ("a\n*", "a\nb", True),
        ("ü?", "üö", True),
    ],
)
def test_globs(glob: str, text: str, matches: bool) -> None:
    assert (compile_glob(glob).search(text) is not None) is matches


@pytest.mark.parametrize(
    ("glob", "problem"),
    [
        ("[", "unexpected end of input"),
        ("[abc", "unexpected end of input"),
        ("[]", "could not parse range"),
        ("[z-a]", "hi character 'a' should be greater than lo 'z'"),
        ("[a-z0-9]", "expected close range character"),
        ("?" * 5000, "the pattern is too large"),
    ],
)
def test_what_is_no_glob(glob: str, problem: str) -> None:
    with pytest.raises(GlobSyntaxError, match=problem):
        compile_glob(glob)


@pytest.mark.parametrize(
    ("glob", "prefix"),
    [
        ("ghcr.io/acme/*", "ghcr.io/acme/"),
        ("ghcr.io/**", "ghcr.io/"),
        ("*", ""),
        ("ghcr.io/acme", None),
        ("ghcr.io/*/x*", None),
        (r"a\*", None),
        ("{a,b}*", None),
    ],
)
def test_prefixes(glob: str, prefix: str | None) -> None:
    assert literal_prefix(glob) == prefix
