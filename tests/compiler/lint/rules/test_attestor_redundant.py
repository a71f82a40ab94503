from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.compiler.lint.base import Basis, Finding, Severity
from tests.support_attestors import GOOD, OTHER_PEM, PEM, holder, signer, some_of, verify
from tests.support_lint import findings

CODE = "PRQ019"
ACME, DEV, OPS = "*@acme.example", "dev@acme.example", "ops@acme.example"


def found(*entries: dict[str, Any], count: int | None = 1) -> list[Finding]:
    return findings(verify(attestors=[some_of(*entries, count=count)]), CODE)


def regexp(text: str) -> dict[str, Any]:
    return {"keyless": {**{k: v for k, v in GOOD.items() if k != "subject"}, "subjectRegExp": text}}


def message(each: Finding) -> str:
    return each.problem.message


def test_a_narrower_entry() -> None:
    (one,) = found(signer(DEV), signer(ACME))
    assert message(one) == (
        "this entry adds nothing: another entry of the set accepts all its signers, and one is enough"
    )
    (example,) = one.problem.examples
    assert example.text == f"{DEV} ({GOOD['issuer']})"
    assert example.signers
    assert [label for label, _ in one.problem.related] == ["accepts them as well"]


def test_several_entries_together() -> None:
    halves = regexp("^[a-m].*@acme[.]example$"), regexp("^[^a-m].*@acme[.]example$")
    (one,) = found(*halves, regexp("^.+@acme[.]example$"))
    assert "2 other entries of the set together accept all its signers" in message(one)
    assert found(halves[0], regexp("^.+@acme[.]example$"), count=1)[0].problem.message.startswith(
        "this entry adds"
    )


@pytest.mark.parametrize(
    "entries",
    [
        (signer(DEV), signer(OPS)),
        (signer("dev@*"), signer(ACME)),
        (signer(DEV), {"keyless": {**GOOD, "subject": ACME, "issuer": "https://accounts.google.com"}}),
        (signer(DEV), signer(ACME, annotations={"reviewed": "yes"})),
        (signer(DEV), {"keyless": {**GOOD, "subject": ACME, "roots": "other"}}),
        (signer(DEV), signer(ACME, repository="registry.example/signatures")),
        (holder(PEM), holder(OTHER_PEM)),
    ],
)
def test_entries_that_all_count(entries: tuple[dict[str, Any], ...]) -> None:
    assert found(*entries) == []


def test_the_same_signer_again() -> None:
    (one,) = found(signer(DEV), signer(DEV))
    assert message(one) == "this signer is named twice in the set, and one is enough"
    assert one.problem.help == "remove it"
    (one,) = found(holder(PEM), holder(PEM.replace("\n", "\r\n")))
    assert message(one).startswith("this signer is named twice")


def rsa_key() -> tuple[str, str]:
    """Return one key as SubjectPublicKeyInfo and by itself."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    forms = (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1)
    one, other = (key.public_bytes(Encoding.PEM, form).decode() for form in forms)
    return one, other


def test_one_key_in_two_forms() -> None:
    one, other = rsa_key()
    (again,) = found(holder(one), holder(other))
    assert message(again) == "this signer is named twice in the set, and one is enough"
    (unreachable,) = found(holder(one), holder(other), count=2)
    assert unreachable.severity is Severity.ERROR
    assert message(unreachable).endswith("it counts once, and 2 signers are demanded: no image passes")
    (once,) = found(holder(one), holder(other), holder(PEM), count=2)
    assert once.severity is Severity.WARNING
    assert message(once) == "this key stands in the set twice: it counts once"


def test_a_count_that_equal_texts_make_unreachable_is_another_rule_s() -> None:
    assert found(holder(PEM), holder(PEM), count=2) == []


def test_damaged_keys_are_not_compared() -> None:
    damaged = PEM.replace(b64encode(b64decode("MFkw")).decode(), "AAAA")
    assert found(holder(damaged), holder(PEM), count=2) == []


def test_one_signature_for_two() -> None:
    (one,) = found(signer("dev@*"), signer(ACME), count=2)
    assert one.problem.basis is Basis.WITNESS
    assert message(one) == (
        "2 attestors are demanded, and one signature meets two of them: both entries accept"
        f" {DEV} ({GOOD['issuer']})"
    )
    assert found(signer(DEV), signer(OPS), count=2) == []
    assert len(found(signer(DEV), signer(OPS), signer(ACME), count=None)) == 1
    # Each looks for its signatures in a place of its own.
    assert found(signer(DEV), signer(ACME, repository="registry.example/signatures"), count=2) == []


def test_attestors_of_statements() -> None:
    stated = {"type": "https://acme.example/v1", "attestors": [some_of(signer(DEV), signer(ACME), count=1)]}
    assert len(findings(verify(attestations=[stated]), CODE)) == 1
    twice = {**stated, "attestors": [some_of(holder(PEM), holder(PEM), count=2)]}
    (one,) = findings(verify(attestations=[twice]), CODE)
    assert message(one) == "this key stands in the set twice: `count: 2` is met by one signature"


def test_sets_that_are_met_anyhow() -> None:
    sets = [some_of(signer(DEV)), some_of(signer(ACME), signer("*@other.example"), count=1)]
    (one,) = findings(verify(attestors=sets), CODE)
    assert message(one).startswith("this set of attestors adds nothing")
    assert findings(verify(attestors=[some_of(signer(DEV)), some_of(signer(OPS))]), CODE) == []
    assert len(findings(verify(attestors=[some_of(signer(DEV))] * 3), CODE)) == 2


def test_large_sets_are_left_alone() -> None:
    assert found(*(signer(f"a{n}@acme.example") for n in range(30)), signer(ACME)) == []
