from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pratique.runtime.decision import Reason, RootLine
from pratique.runtime.outputs.verification import render_json, render_text
from tests.conftest import Golden
from tests.support_reports import DIGEST, IMAGE, SIGNER, WRONG


@dataclass(frozen=True)
class Line:
    met: bool
    signer: str = ""
    issuer: str = ""
    signed_at: int | None = None
    log_index: int | None = None
    text: str = ""
    root: str = ""


ROOT = RootLine(
    name="public",
    version="ab" * 32,
    source="cache",
    place="https://tuf.test",
    checked_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    expires=datetime(2026, 1, 9, 3, 4, 5, tzinfo=UTC),
    newest=None,
    text="public from cache https://tuf.test, checked 3 days ago",
)


@dataclass(frozen=True)
class Facts:
    met: bool
    signatures: tuple[Line, ...]
    image: str = IMAGE
    digest: str = DIGEST
    reason: Reason = field(default=Reason(code="no-signature", text="no signatures found", met=False))
    roots: tuple[RootLine, ...] = ()


GOOD = Line(
    met=True, signer=SIGNER, issuer="https://accounts.google.com", signed_at=1680185531, log_index=16718461
)
BAD = Line(
    met=False, signer=WRONG, signed_at=0, text=f"subject mismatch: expected {SIGNER}, received {WRONG}"
)
FORGED = Line(met=False, text="invalid signature when validating ASN.1 encoded signature")
REASON = Reason(code="signed", text="1 signature(s) meet keyless", met=True)


def test_golden(golden: Golden) -> None:
    vouched = replace(GOOD, root="public")
    facts = Facts(met=True, signatures=(vouched, BAD, FORGED), reason=REASON, roots=(ROOT,))
    text = render_text(facts) + "\n" + render_text(facts, detailed=True) + "\n" + render_json(facts)
    unsigned = Facts(met=False, signatures=(), digest="")
    golden("outputs/verification.txt", text + "\n" + render_text(unsigned) + "\n" + render_json(unsigned))


def test_who_signed_when_is_on_one_line() -> None:
    text = render_text(Facts(met=True, signatures=(GOOD,), reason=REASON))
    assert (
        f"✓ signed by {SIGNER}, vouched for by https://accounts.google.com, on 2023-03-30T14:12:11Z,"
        " log entry 16718461" in text
    )
    assert text.splitlines()[0] == f"✓ {IMAGE}: verified"


def test_an_unsigned_image_says_so() -> None:
    text = render_text(Facts(met=False, signatures=()))
    assert text.splitlines() == [f"✗ {IMAGE}: not verified", f"  digest {DIGEST}", "  no signatures found"]


def test_json_has_nulls_for_what_is_not_known() -> None:
    data = json.loads(render_json(Facts(met=False, signatures=(FORGED,), digest="")))
    assert (data["apiVersion"], data["kind"], data["verified"], data["digest"]) == (
        "pratique.dev/v1",
        "VerifyReport",
        False,
        None,
    )
    assert data["signatures"][0] | {"text": ""} == {
        "verified": False,
        "signer": None,
        "issuer": None,
        "signedAt": None,
        "logIndex": None,
        "text": "",
        "root": None,
    }
    assert data["trustedRoots"] == []


def test_what_a_signature_says_cannot_drive_the_terminal() -> None:
    nasty = "\x1b[2Jroot\n✓ verified\u202e"
    line = Line(met=False, signer=nasty, issuer=nasty, text=nasty, root=nasty)
    reason = Reason(code=nasty, text=nasty, met=False)
    text = render_text(
        Facts(
            met=False,
            signatures=(line,),
            image=nasty,
            digest=nasty,
            reason=reason,
            roots=(replace(ROOT, text=nasty),),
        ),
        detailed=True,
    )
    assert all(part.isprintable() for part in text.split("\n"))
    assert not [part for part in text.split("\n") if part.startswith("✓")]
