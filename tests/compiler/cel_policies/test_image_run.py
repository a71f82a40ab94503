"""What functions about images ask and count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.bodies import NamedExpression
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.program import Run, World
from pratique.compiler.cel.questions import ImageDataQuestion, SignedQuestion
from pratique.compiler.cel_images import Filling, Hole, NamedAttestor, NamedStatement
from pratique.compiler.cel_policies.image_run import AttestorValue, ImageRun, VerifiedImages, filled
from pratique.grammar.errors import EvaluationError

IMAGE = "ghcr.io/a/b:1"
STATEMENTS = {
    "review": NamedStatement(name="review", type="t"),
    "document": NamedStatement(name="document", type="t", is_referrer=True),
    "nameless": NamedStatement(name="nameless", type=""),
}


def named(name: str, *, notary: bool = False, **more: Any) -> AttestorValue:
    signer: ir.Signer = ir.TrustStoreSigner(certificate=name) if notary else ir.KeySigner(key=name)
    format = ir.SignatureFormat.NOTARY if notary else ir.SignatureFormat.COSIGN
    layers = (ir.Attestor(signer=signer, format=format),)
    bundles = () if notary else (replace(layers[0], format=ir.SignatureFormat.SIGSTORE_BUNDLE),)
    return AttestorValue(NamedAttestor(name=name, layers=layers, bundles=bundles, **more))


GOOD, BAD, NOBODY = named("good"), named("bad"), AttestorValue(NamedAttestor(name="n", impossible="no URL"))
NOTARY = named("good", notary=True)


class Asked:
    """Answers questions: who is called `good` has signed everything; remembers what was asked."""

    def __init__(self) -> None:
        self.questions: list[Any] = []
        self.verified = VerifiedImages()

    def __call__(self, question: Any) -> Any:
        self.questions.append(question)
        match question:
            case ImageDataQuestion(reference=image) if image == IMAGE:
                return {"image": IMAGE}
            case ImageDataQuestion():
                raise EvaluationError("image-not-found", "no such image")
            case SignedQuestion(layers=(ir.Attestor(signer=ir.KeySigner(key="good")),)):
                return [{"predicate": 1}, {"predicate": 2}] if question.type else []
            case SignedQuestion(layers=(ir.Attestor(signer=ir.TrustStoreSigner(certificate="good")),)):
                return [{"level": 3}]
            case _:
                return None

    @property
    def run(self) -> Run:
        return Run(World(ask=self))

    def functions(self, statements: Mapping[str, NamedStatement] = STATEMENTS) -> ImageRun:
        credentials = ir.RegistryCredentials(secrets=("own",))
        return ImageRun(lambda image: "elsewhere" not in image, statements, credentials, self.verified)


def test_signatures_are_counted() -> None:
    asked = Asked()
    assert asked.functions().signatures(asked.run, IMAGE, [GOOD, BAD, NOBODY, NOTARY]) == 2
    assert asked.verified.problem(IMAGE) == ""


def test_other_images_are_not_asked_for() -> None:
    asked = Asked()
    assert asked.functions().signatures(asked.run, "elsewhere/a:1", [GOOD]) == 0
    assert asked.functions().statements(asked.run, "elsewhere/a:1", "review", [GOOD]) == 0
    assert not asked.questions
    assert "no policy performed" in asked.verified.problem("elsewhere/a:1")


def test_images_that_are_not_there() -> None:
    asked = Asked()
    with pytest.raises(CelError, match="failed to get imagedata: no such image"):
        asked.functions().signatures(asked.run, "ghcr.io/a/b:2", [GOOD])


def test_statements_are_counted() -> None:
    asked = Asked()
    functions = asked.functions()
    assert functions.statements(asked.run, IMAGE, "review", [GOOD, BAD]) == 1
    assert functions.payload(asked.run, IMAGE, "review") == {"predicate": 2}
    assert functions.statements(asked.run, IMAGE, "document", [GOOD, NOTARY]) == 1
    assert functions.payload(asked.run, IMAGE, "document") == {"level": 3}


@pytest.mark.parametrize(
    ("name", "attestor", "problem"),
    [
        ("other", GOOD, "attestation not found in policy: other"),
        ("review", NOTARY, r"notary verifier only supports oci 1\.1 referrers as attestations"),
        ("review", "dev", r"type conversion error from 'string' to 'v1beta1\.Attestor'"),
    ],
)
def test_what_cannot_be_asked(name: str, attestor: Any, problem: str) -> None:
    asked = Asked()
    with pytest.raises(CelError, match=problem):
        asked.functions().statements(asked.run, IMAGE, name, [attestor])


def test_a_statement_of_no_type_is_not_asked_for() -> None:
    """It would be the question whether the image itself is signed."""
    asked = Asked()
    assert asked.functions().statements(asked.run, IMAGE, "nameless", [GOOD]) == 0
    assert "failed signature or attestation" in asked.verified.problem(IMAGE)


@pytest.mark.parametrize("name", ["review", "document"])
def test_payloads_are_verified_first(name: str) -> None:
    asked = Asked()
    with pytest.raises(CelError, match="cannot be fetch before verifying"):
        asked.functions().payload(asked.run, IMAGE, name)
    assert asked.functions().statements(asked.run, IMAGE, name, [BAD]) == 0
    with pytest.raises(CelError, match="cannot be fetch before verifying"):
        asked.functions().payload(asked.run, IMAGE, name)


def test_questions() -> None:
    """Bundles that never count are not asked for, and secrets of signatures come along."""
    asked = Asked()
    some = named("a", unbundled="several", secrets=("theirs",))
    asked.functions().signatures(asked.run, IMAGE, [some])
    data, signed = asked.questions
    assert data == ImageDataQuestion(
        reference=IMAGE, credentials=ir.RegistryCredentials(secrets=("own",)), of_registry=True
    )
    assert signed == SignedQuestion(
        reference=IMAGE,
        layers=some.attestor.layers,
        credentials=ir.RegistryCredentials(secrets=("own", "theirs")),
    )


def test_what_was_proved_stays_proved() -> None:
    verified = VerifiedImages()
    verified.record("a", verified=True)
    verified.record("a", verified=False)
    assert verified.problem("a") == ""


# --- what expressions say of attestors ------------------------------------------------------------------


def filling(hole: Hole, number: int = 0) -> Filling:
    return Filling(hole=hole, expression=NamedExpression(name="", expression="e"), number=number)


@pytest.mark.parametrize(
    ("signer", "hole", "text", "made"),
    [
        (ir.KeySigner(key=""), Hole.KEY, "-----BEGIN x", ir.KeySigner(key="-----BEGIN x")),
        (ir.CertificateSigner(), Hole.CERTIFICATE, "c", ir.CertificateSigner(certificate="c")),
        (ir.CertificateSigner(), Hole.CHAIN, "c", ir.CertificateSigner(chain="c")),
        (ir.TrustStoreSigner(), Hole.CERTIFICATE, "c", ir.TrustStoreSigner(certificate="c")),
        (
            ir.IdentitySigner(),
            Hole.SUBJECT,
            "s",
            ir.IdentitySigner(subject=ir.TextTests(tests=(ir.Exactly(text="s"),))),
        ),
    ],
)
def test_fillings(signer: ir.Signer, hole: Hole, text: str, made: ir.Signer) -> None:
    attestor = NamedAttestor(
        name="a", layers=(ir.Attestor(signer=signer),), bundles=(), fillings=(filling(hole),)
    )
    assert [each.signer for each in filled(attestor, [text]).layers] == [made]


def test_a_filling_of_one_identity() -> None:
    layers = (ir.Attestor(signer=ir.IdentitySigner()), ir.Attestor(signer=ir.IdentitySigner()))
    attestor = NamedAttestor(name="a", layers=layers, fillings=(filling(Hole.SUBJECT, 1),))
    first, second = filled(attestor, ["s"]).layers
    assert first == layers[0]
    assert second != layers[1]


def test_a_key_that_is_none_accepts_nobody() -> None:
    layers = (ir.Attestor(signer=ir.KeySigner(key="")),)
    attestor = NamedAttestor(name="a", layers=layers, bundles=layers, fillings=(filling(Hole.KEY),))
    assert filled(attestor, ["k8s://keys/team"]).layers == ()
    assert filled(attestor, ["k8s://keys/team"]).bundles == ()


def test_a_trust_root() -> None:
    layers = (ir.Attestor(signer=ir.IdentitySigner()),)
    attestor = NamedAttestor(name="a", layers=layers, fillings=(filling(Hole.TRUSTED_ROOT),))
    assert filled(attestor, ["{}"]).layers[0].trust == ir.Trust(trusted_root="{}")
