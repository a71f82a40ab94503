"""Patterns become tests on names as they are written, and the tests are proved."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.compiler.cel.environments import reference_environment
from pratique.compiler.cel.program import Run, World
from pratique.compiler.cel_policies.image_globs import compile_glob
from pratique.compiler.converting.references import ReferenceTest, reference_tests
from pratique.compiler.converting.written import compare
from pratique.compiler.languages.search import Proof
from pratique.grammar.image_reference import parse_image
from pratique.grammar.wildcard import matches

DIGEST = f"sha256:{'a' * 64}"


def region(include: list[str], skip: list[str] | None = None) -> ir.ImageRegion:
    sides = (tuple(ir.ImagePattern(text=text) for text in side) for side in (include, skip or []))
    return ir.ImageRegion(include=next(sides), skip=next(sides))


def written(include: list[str], skip: list[str] | None = None) -> list[str]:
    found = reference_tests(region(include, skip))
    assert isinstance(compare(region(include, skip), [each.node for each in found]), Proof)
    return [each.text for each in found]


@pytest.mark.parametrize(
    ("patterns", "globs"),
    [
        (["*"], ["*"]),
        (["ghcr.io/acme/*"], ["ghcr.io/acme/*"]),
        (["ghcr.io/acme/app*"], ["ghcr.io/acme/app*"]),
        (["localhost:5000/*"], ["localhost:5000/*"]),
        (
            ["quay.io/a/b:*", "quay.io/a/b@*"],
            ["quay.io/a/b", "quay.io/a/b:*", "quay.io/a/b@*"],
        ),
        (["quay.io/a/b:1.2"], ["quay.io/a/b:1.2"]),
        (["quay.io/a/b:latest"], ["quay.io/a/b", "quay.io/a/b:latest"]),
        (["quay.io/a/b@*"], ["quay.io/a/b@*", "quay.io/a/b:*@*"]),
        ([f"quay.io/a/b@{DIGEST}"], [f"quay.io/a/b@{DIGEST}", f"quay.io/a/b:*@{DIGEST}"]),
        (["docker.io/acme/*"], ["docker.io/acme/*", "acme/*"]),
    ],
)
def test_globs_where_they_say_the_same(patterns: list[str], globs: list[str]) -> None:
    assert written(patterns) == globs
    assert not any(each.is_expression for each in reference_tests(region(patterns)))


@pytest.mark.parametrize(
    ("include", "skip", "expression"),
    [
        (["quay.io/a/b:*"], [], r"ref.matches(r'^(quay\.io/a/b:[^/:@]*|quay\.io/a/b)$')"),
        (
            ["ghcr.io/acme/*"],
            ["ghcr.io/acme/sandbox*"],
            r"ref.matches(r'^ghcr\.io/acme/') && !ref.matches(r'^ghcr\.io/acme/sandbox')",
        ),
        (["registry.k8s.io/"], [], "false"),
    ],
)
def test_expressions_elsewhere(include: list[str], skip: list[str], expression: str) -> None:
    assert written(include, skip) == [expression]


PIECES = st.sampled_from(
    [
        "*",
        "?",
        "a",
        "b",
        "/",
        ":",
        "@",
        "1",
        "docker.io/",
        "a.io/",
        "a.io:5/",
        "latest",
        ":*",
        "@sha256:",
        "/b",
    ]
)
PATTERNS = st.lists(PIECES, min_size=1, max_size=5).map("".join)
NAMES = st.sampled_from(
    [
        f"{host}{path}{tag}{digest}"
        for host in ("", "docker.io/", "a.io/", "a.io:5/", "localhost/")
        for path in ("a", "b", "a/b", "ab/1")
        for tag in ("", ":latest", ":1", ":b")
        for digest in ("", f"@{DIGEST}")
    ]
)


def holds(test: ReferenceTest, name: str) -> bool:
    """Evaluate a test as policies do."""
    if not test.is_expression:
        return compile_glob(test.text).search(name) is not None
    return reference_environment().compile(test.text).evaluate({"ref": name}, Run(World())) is True


@settings(max_examples=60, phases=[Phase.generate])
@given(
    st.lists(PATTERNS, min_size=1, max_size=2), st.lists(PATTERNS, max_size=1), st.lists(NAMES, min_size=8)
)
def test_what_is_proved_is_so(include: list[str], skip: list[str], names: list[str]) -> None:
    given_region = region(include, skip)
    found = reference_tests(given_region)
    proof = compare(given_region, [each.node for each in found])
    if not isinstance(proof, Proof):
        return  # hosts that are addresses, in the strangest patterns: the witness is told
    for name in names:
        seen = parse_image(name).match_string
        wanted = any(matches(p, seen) for p in include) and not any(matches(p, seen) for p in skip)
        assert any(holds(test, name) for test in found) is wanted, (name, [each.text for each in found])
