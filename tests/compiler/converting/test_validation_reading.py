"""Validations read back."""

from __future__ import annotations

import pytest

from pratique.compiler import ir
from pratique.compiler.bodies import CelExpression
from pratique.compiler.cel_bodies import CelImageValidation, Dialect, Scope
from pratique.compiler.cel_images import NamedAttestor, NamedStatement
from pratique.compiler.converting import conditions, formulas
from pratique.compiler.converting.formulas import ALL_IMAGES
from pratique.compiler.converting.validation_reading import read

SIGNED = "verifyImageSignatures(image, [attestors.a]) > 0"
PAYLOAD = "extractPayload(image, attestations.s).predicate"


def body(*tests: str) -> CelImageValidation:
    attestors = tuple(
        NamedAttestor(name=name, layers=(ir.Attestor(signer=ir.KeySigner(key=name)),)) for name in "ab"
    )
    return CelImageValidation(
        scope=Scope(dialect=Dialect.KYVERNO),
        validations=tuple(CelExpression(expression=test) for test in tests),
        attestors=attestors,
        statements=(NamedStatement(name="s", type="t"),),
    )


def of_all(test: str) -> str:
    return f"({ALL_IMAGES}).all(image, {test})"


def test_what_validations_say() -> None:
    nested = f"({SIGNED} ? 1 : 0) + (verifyImageSignatures(image, [attestors.b]) > 0 ? 1 : 0) >= 2"
    found = read(
        body(
            "true",
            of_all(SIGNED),
            f"images.containers.all(image, {SIGNED})",
            of_all(nested),
            of_all(f"{PAYLOAD}.x == 'y'"),
            of_all(f"{PAYLOAD}.z == 'w'"),
            of_all(f"!({PAYLOAD}.x == 'n')"),
        ),
        ir.SignatureFormat.COSIGN,
    )
    assert [each.expression for each in found.flat] == [
        of_all(SIGNED),
        f"images.containers.all(image, {SIGNED})",
    ]
    assert [(each.statement, each.formula.count) for each in found.sets] == [("", 2)]
    assert conditions.written(found.stated["s"], {"": "p"}) == "p.x == 'y' && p.z == 'w'"
    assert found.denials == 1


@pytest.mark.parametrize(
    "test",
    [
        "size(images.containers) > 0",
        f"images.containers.all(image, {PAYLOAD}.x == 'y')",
        of_all("size(image) > 0"),
        of_all(f"{PAYLOAD}.x == 'y' || {SIGNED}"),
        "images.containers.exists(image, true)",
    ],
)
def test_what_is_not_read(test: str) -> None:
    with pytest.raises((conditions.UnreadableError, formulas.UnreadableError)):
        read(body(test), ir.SignatureFormat.COSIGN)
