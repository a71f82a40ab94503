"""Names as they are written beside canonical ones: proofs, and names on which both differ."""

from __future__ import annotations

import pytest

from pratique.compiler import ir
from pratique.compiler.bodies import NamedExpression
from pratique.compiler.cel_images import ImageTest
from pratique.compiler.converting.written import compare
from pratique.compiler.languages.search import Proof, Unknown, Witness


def region(*include: str) -> ir.ImageRegion:
    return ir.ImageRegion(include=tuple(ir.ImagePattern(text=text) for text in include))


def glob(text: str) -> ImageTest:
    return ImageTest(glob=text)


def expression(text: str) -> ImageTest:
    return ImageTest(expression=NamedExpression(name="", expression=text))


@pytest.mark.parametrize(
    ("pattern", "test", "witness"),
    [
        ("quay.io/a/b:*", glob("quay.io/a/b:*"), "quay.io/a/b"),
        ("docker.io/nginx:*", glob("docker.io/nginx:*"), "docker.io/nginx"),
        ("quay.io/a/*", glob("quay.io/*"), "quay.io/a:a"),
        ("quay.io/a/b", glob("quay.io/a/b"), "quay.io/a/b"),
        ("*", expression("ref.matches('^a')"), "L/a:a"),
        ("*:v1", expression("!ref.matches('@') && ref.matches(':v1$')"), None),
    ],
)
def test_witnesses_are_names_that_resources_may_write(
    pattern: str, test: ImageTest, witness: str | None
) -> None:
    found = compare(region(pattern), [test])
    if witness is None:
        assert isinstance(found, Proof)
    else:
        assert found == Witness(witness)


def test_the_tag_beside_a_digest_is_not_seen() -> None:
    """`quay.io/a/b:v1@sha256:…` is not `quay.io/a/b:v1` for a classic rule; no glob leaves it out."""
    found = compare(region("quay.io/a/b:v*"), [glob("quay.io/a/b:v*")])
    assert found == Witness(f"quay.io/a/b:v@sha256:{'a' * 64}")


def test_no_tests_are_all_images() -> None:
    assert isinstance(compare(region("*"), []), Proof)
    assert isinstance(compare(region("a.io/*"), []), Witness)


@pytest.mark.parametrize("text", ["ref.startsWith('a')", "ref == 'a'", "ref.matches('\\\\bx')"])
def test_what_cannot_be_read_is_unknown(text: str) -> None:
    assert isinstance(compare(region("*"), [expression(text)]), Unknown)


def test_variables_are_unknown() -> None:
    assert isinstance(compare(region("{{ request.object.x }}/*"), [glob("*")]), Unknown)
