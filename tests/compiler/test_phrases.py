from __future__ import annotations

from dataclasses import replace

import pytest

from pratique.compiler import ir, phrases
from pratique.compiler.phrases import Phrase, quote

ACME = ir.IdentitySigner(
    issuer=ir.TextTests(tests=(ir.Glob(text="https://accounts.google.com"),)),
    subject=ir.TextTests(tests=(ir.Glob(text="release@acme.example"),)),
)
PEM = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----\n"


def leaf(signer: ir.Signer, **more: object) -> ir.Leaf:
    return ir.Leaf(attestor=replace(ir.Attestor(signer=signer), **more))  # type: ignore[arg-type]


def texts(*those: ir.Exactly | ir.Glob | ir.Search, every: bool = True) -> ir.TextTests:
    return ir.TextTests(tests=those, every=every)


@pytest.mark.parametrize(
    ("signer", "words"),
    [
        (ACME, "`release@acme.example`, vouched for by `https://accounts.google.com`"),
        (ir.IdentitySigner(), "any identity, vouched for by any issuer"),
        (
            ir.IdentitySigner(
                subject=texts(ir.Glob(text="a*"), ir.Search(text="b$"), every=False),
                issuer=texts(ir.Search(text="^https://")),
                extensions=(("sourceRepository", "acme/*"),),
            ),
            "an identity like `a*` or in which there is `b$`, vouched for by an issuer in which there is"
            " `^https://` with extension `sourceRepository` like `acme/*`",
        ),
        (
            ir.IdentitySigner(subject=texts(ir.Exactly(text="a*"), ir.Glob(text="*"))),
            "an identity equal to `a*` and like `*`, vouched for by any issuer",
        ),
        (ir.KeySigner(key="k8s://sec/key"), "the key `k8s://sec/key`"),
        (
            ir.KeySigner(key=PEM, hash_algorithm="sha512"),
            "the holder of the key …kwEwYHKoZIzj0CAQ over sha512",
        ),
        (ir.CertificateSigner(chain="C"), "the holder of any certificate under the given chain"),
        (ir.CertificateSigner(certificate="C", chain="D"), "the certificate `C` under the given chain"),
        (ir.TrustStoreSigner(certificate="C"), "a chain that holds one of the given certificates"),
    ],
)
def test_signers(signer: ir.Signer, words: str) -> None:
    assert phrases.signer(signer) == words


@pytest.mark.parametrize(
    ("attestor", "words"),
    [
        (ir.Attestor(signer=ACME, format=ir.SignatureFormat.SIGSTORE_BUNDLE), "stored as a Sigstore bundle"),
        (ir.Attestor(signer=ACME, repository="ghcr.io/acme/signatures"), "kept in `ghcr.io/acme/signatures`"),
        (ir.Attestor(signer=ACME, annotations=(("a", "b"), ("c", "d"))), "with the annotations `a=b`, `c=d`"),
        (ir.Attestor(signer=ACME, trust=ir.Trust(roots=PEM)), "under the given certificate authorities"),
        (
            ir.Attestor(signer=ACME, trust=ir.Trust(log=ir.LogPolicy(required=False))),
            "whether or not a log recorded it",
        ),
        (
            ir.Attestor(signer=ACME, trust=ir.Trust(log=ir.LogPolicy(public_keys=PEM))),
            "recorded by a log with the given key",
        ),
        (
            ir.Attestor(signer=ACME, trust=ir.Trust(sct=ir.SctPolicy(required=False))),
            "whether or not its certificate was logged",
        ),
        (
            ir.Attestor(signer=ACME, trust=ir.Trust(sct=ir.SctPolicy(public_keys=PEM))),
            "its certificate logged by a log with the given key",
        ),
        (
            ir.Attestor(signer=ACME, trust=ir.Trust(timestamp_chain=PEM)),
            "at a time that the given timestamp authority states",
        ),
    ],
)
def test_what_else_is_asked_of_a_signature(attestor: ir.Attestor, words: str) -> None:
    assert phrases.attestor(attestor) == f"a signature by {phrases.signer(ACME)}, {words}"


def test_keys_have_no_certificates_to_log() -> None:
    trust = ir.Trust(sct=ir.SctPolicy(required=False))
    assert "certificate" not in phrases.attestor(ir.Attestor(signer=ir.KeySigner(key="k"), trust=trust))


def test_trust_stores_ask_no_log() -> None:
    attestor = ir.Attestor(
        signer=ir.TrustStoreSigner(certificate="C"),
        format=ir.SignatureFormat.NOTARY,
        trust=ir.Trust(log=ir.LogPolicy(required=False)),
    )
    assert phrases.attestor(attestor).endswith(", in the format of the Notary Project")


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "any of"), (2, "at least 2 of 3"), (3, "all of"), (4, "at least 4 of 3, which nobody can meet")],
)
def test_thresholds(count: int, words: str) -> None:
    parts = tuple(leaf(ir.KeySigner(key=name)) for name in "abc")
    found = phrases.formula(ir.Threshold(count=count, of=parts))
    assert found.text == words
    assert [part.text for part in found.parts] == [f"a signature by the key `{name}`" for name in "abc"]


def test_a_set_of_one_is_its_only_entry() -> None:
    one = leaf(ACME)
    assert phrases.formula(ir.Threshold(count=1, of=(one,))) == phrases.formula(one)
    assert phrases.formula(ir.Threshold(count=1, of=())).text == "at least 1 of 0, which nobody can meet"


def test_an_entry_as_a_whole() -> None:
    requirement = ir.ImageRequirement(
        images=ir.ImageRegion(
            include=(ir.ImagePattern(text="a/*"), ir.ImagePattern(text="b/*")),
            skip=(ir.ImagePattern(text="c"),),
        ),
        signatures=(ir.Threshold(count=1, of=(leaf(ACME),)),),
        attestations=(
            ir.Attestation(type="https://t", by=(ir.Threshold(count=1, of=(leaf(ACME),)),), conditions=({},)),
        ),
        denial=ir.Denial(),
        pin_digest=False,
    )
    assert phrases.images(requirement.images) == "`a/*` or `b/*` without `c`"
    lines = [line for each in phrases.requirement(requirement) for line in each.lines()]
    who = phrases.signer(ACME)
    assert lines == [
        f"- a signature by {who}",
        "- a signed statement of type `https://t` whose content meets a condition block",
        f"  - a signature by {who}",
        "- conditions over these statements under which the image is refused",
        "- a digest in its name",
    ]
    assert phrases.settings(requirement) == ()
    assert phrases.settings(replace(requirement, pin_digest=True)) == (
        "the digest that was verified is written into the resource",
    )


def test_an_entry_without_evidence() -> None:
    bare = ir.ImageRequirement(images=ir.ImageRegion(include=()), pin_digest=False, demand_digest=False)
    assert phrases.requirement(bare) == (Phrase("proof by another entry of the rule"),)
    assert phrases.requirement(replace(bare, demand_proof=False)) == ()
    assert phrases.images(bare.images) == "no image"


def test_texts_of_policies_cannot_break_out() -> None:
    assert quote("a`b") == "`` a`b ``"
    assert quote("a\n\x1b[2J\u202eb") == "`a··[2J·b`"
    assert quote("x" * 300) == f"`{'x' * 199}…`"
    assert len(quote("x" * 200)) == 202
