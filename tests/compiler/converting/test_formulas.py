"""Sets of attestors as expressions."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.cel.environments import image_environment
from pratique.compiler.cel.syntax import Comprehension
from pratique.compiler.converting.formulas import UnreadableError, read
from pratique.compiler.converting.proof import Status
from tests.support_converting import converted, draft, proved

PEM = "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n"


def key(name: str) -> dict[str, Any]:
    return {"keys": {"publicKeys": PEM.format(name * 4), "rekor": {"url": "https://r.example"}}}


A, B, C = key("a"), key("b"), key("c")


def inner(*entries: dict[str, Any], **more: int) -> dict[str, Any]:
    return {"attestor": {"entries": list(entries), **more}}


def expressions(sets: list[dict[str, Any]]) -> list[str]:
    made = draft({"attestors": sets}).data["spec"]["validations"]
    head = "(images.containers + images.initContainers + images.ephemeralContainers)\n.all(image, "
    assert all(each["expression"].startswith(head) for each in made)
    return [each["expression"][len(head) : -1].replace("\n", " ") for each in made]


@pytest.mark.parametrize(
    ("sets", "wanted"),
    [
        ([{"entries": [A]}], ["verifyImageSignatures(image, [attestors.key]) > 0"]),
        (
            [{"entries": [A, B], "count": 1}],
            ["verifyImageSignatures(image, [attestors.key1, attestors.key2]) > 0"],
        ),
        ([{"entries": [A, B]}], ["verifyImageSignatures(image, [attestors.key1, attestors.key2]) >= 2"]),
        (
            [{"entries": [A]}, {"entries": [B]}],
            [
                "verifyImageSignatures(image, [attestors.key1]) > 0",
                "verifyImageSignatures(image, [attestors.key2]) > 0",
            ],
        ),
        (
            [{"entries": [inner(A, B, count=1), C]}],
            [
                "verifyImageSignatures(image, [attestors.key1, attestors.key2]) > 0",
                "verifyImageSignatures(image, [attestors.key3]) > 0",
            ],
        ),
    ],
)
def test_sets(sets: list[dict[str, Any]], wanted: list[str]) -> None:
    assert expressions(sets) == wanted
    assert proved(converted({"attestors": sets})).status is Status.EQUIVALENT


@pytest.mark.parametrize(
    ("sets", "wanted"),
    [
        (
            [{"entries": [inner(A, B), C], "count": 1}],
            "(verifyImageSignatures(image, [attestors.key1, attestors.key2]) >= 2"
            " || verifyImageSignatures(image, [attestors.key3]) > 0)",
        ),
        (
            [{"entries": [inner(A, B, count=1), C, key("d")], "count": 2}],
            "(verifyImageSignatures(image, [attestors.key1, attestors.key2]) > 0 ? 1 : 0)"
            " + (verifyImageSignatures(image, [attestors.key3]) > 0 ? 1 : 0)"
            " + (verifyImageSignatures(image, [attestors.key4]) > 0 ? 1 : 0) >= 2",
        ),
    ],
)
def test_sets_within_sets_that_are_counted(sets: list[dict[str, Any]], wanted: str) -> None:
    assert expressions(sets) == [wanted]
    made = converted({"attestors": sets})
    assert proved(made).status is Status.EQUIVALENT
    assert proved(made, ("attestors.key3", "attestors.key1")).status is Status.DIFFERENT


@pytest.mark.parametrize(
    ("sets", "wanted"),
    [
        ([{"entries": [A, A], "count": 2}], "verifyImageSignatures(image, [attestors.key]) >= 2"),
        (
            [{"entries": [A, A, B], "count": 2}],
            "verifyImageSignatures(image, [attestors.key1, attestors.key2]) >= 2",
        ),
        (
            [{"entries": [inner(A, B), inner(A, B)], "count": 2}],
            "(verifyImageSignatures(image, [attestors.key1, attestors.key2]) >= 2 ? 1 : 0) >= 2",
        ),
    ],
)
def test_equal_entries_count_once(sets: list[dict[str, Any]], wanted: str) -> None:
    """Expressions count what they are given, so that nothing is given twice."""
    assert expressions(sets) == [wanted]
    assert proved(converted({"attestors": sets})).status is Status.EQUIVALENT


@pytest.mark.parametrize(
    "text",
    [
        "verifyImageSignatures(image, [attestors.a]) == 1",
        "verifyImageSignatures(image, [attestors.a]) > 0 || size(image) > 3",
        "verifyImageSignatures(image, [attestors.b]) > 0",
        "verifyImageSignatures('x', [attestors.a]) > 0",
        "verifyImageSignatures(image, [attestors.a]) > 0"
        " && verifyAttestationSignatures(image, attestations.s, [attestors.a]) > 0",
    ],
)
def test_what_is_not_read(text: str) -> None:
    root = image_environment("").compile(f"images.containers.all(image, {text})").root
    assert isinstance(root, Comprehension)
    assert root.condition is not None
    leaf = ir.Leaf(attestor=ir.Attestor(signer=ir.KeySigner(key="k")))
    with pytest.raises(UnreadableError):
        read(root.condition, {"a": leaf})
