"""Envelopes of which the reference library's verdict is known: recorded, and asked again where it is at hand.

`python -m tests.support_notary_cases` writes the record anew; it needs Go and the modules of the peer.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from pratique.grammar.errors import VerificationError
from pratique.runtime.lab.certificates import pem
from pratique.runtime.lab.keys import b64
from pratique.runtime.lab.notary import (
    NotaryFault,
    NotarySigner,
    cose_envelope,
    cose_header,
    jws_envelope,
    jws_header,
    signed_attributes,
)
from pratique.runtime.lab.oci import compact
from pratique.runtime.signatures.notary.cbor import Tag
from pratique.runtime.signatures.notary.model import EnvelopeFormat, SigningScheme
from pratique.runtime.signatures.notary.trust_store import TrustStore
from pratique.runtime.signatures.notary.verification import check_target, verify_envelope
from tests.support_notary import (
    CA_USAGE,
    CODE_SIGNING,
    COSE,
    FORMS,
    JWS,
    KINDS,
    LEAF_EXTENSIONS,
    LEAF_USAGE,
    QUICK_KINDS,
    SEED,
    TARGET,
    Extension,
    OddSigner,
    SelfSigned,
    build_peer,
    constraints,
    plain,
    purposes,
    running_peer,
    stamper,
    usage,
)

RECORD = Path(__file__).parent / "data" / "notary" / "notation.json"
SCHEME, TIME, AUTHENTIC, EXPIRY, PLUGIN = (
    f"io.cncf.notary.{name}"
    for name in ("signingScheme", "signingTime", "authenticSigningTime", "expiry", "verificationPlugin")
)


class Agreement(Enum):
    """How the verdict stands to the reference library's."""

    TEXT = auto()
    """Both accept, or both refuse in the same words."""
    VERDICT = auto()
    """Both refuse, each in its own words."""
    STRICTER = auto()
    """The library accepts what is refused here: a deviation that docs/notary.md lists."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """An envelope, and what the two sides make of it."""

    name: str
    envelope: bytes
    form: EnvelopeFormat
    trust: Mapping[str, str]
    agreement: Agreement = Agreement.TEXT

    def verdict(self, now: datetime) -> str:
        """Return the refusal; empty if the signature holds for `TARGET`."""
        stores = {kind: TrustStore.from_pem(text) for kind, text in self.trust.items()}
        try:
            verified = verify_envelope(
                self.envelope,
                self.form,
                trust_store=stores["ca"],
                now=now,
                tsa_store=stores.get("tsa"),
                signing_authorities=stores.get("signingAuthority"),
            )
            check_target(verified, TARGET)
        except VerificationError as error:
            return error.message
        return ""

    def agrees(self, ours: str, theirs: str) -> bool:
        match self.agreement:
            case Agreement.TEXT:
                return ours == theirs
            case Agreement.VERDICT:
                return bool(ours) and bool(theirs)
            case Agreement.STRICTER:
                return bool(ours) and not theirs


def cases(at: datetime) -> Iterator[Case]:
    """Give every case, with signatures made at `at`; equal times give equal bytes."""
    yield from _plain(at)
    yield from _faults(at)
    yield from _leaves(at)
    yield from _authorities(at)
    yield from _arrangements(at)
    yield from _jws_headers(at)
    yield from _cose_headers(at)
    yield from _payloads(at)
    yield from _unprotected(at)


def _plain(at: datetime) -> Iterator[Case]:
    for kind in QUICK_KINDS:
        signer = NotarySigner(SEED, at, kind=kind)
        for form in FORMS:
            yield from _variants(signer, form)


def _variants(signer: NotarySigner, form: EnvelopeFormat) -> Iterator[Case]:
    at, tsa, ca = signer.at, stamper(at=signer.at), {"ca": signer.trust}
    stamped, authorities = {**ca, "tsa": pem(tsa.root)}, {**ca, "signingAuthority": signer.trust}
    authority = SigningScheme.SIGNING_AUTHORITY
    variants: dict[str, tuple[Mapping[str, str], dict[str, Any]]] = {
        "plain": (ca, {}),
        "expiry": (ca, {"expiry": at + timedelta(days=30), "annotations": {"build": "7"}}),
        "stamped": (stamped, {"stamper": tsa}),
        "not stamped": (stamped, {}),
        "stamp not asked for": (ca, {"stamper": tsa}),
        "signing authority": (authorities, {"scheme": authority}),
        "signing authority without store": (ca, {"scheme": authority}),
    }
    for name, (trust, options) in variants.items():
        yield Case(
            name=f"{signer.kind}/{form}/{name}",
            envelope=signer.sign(TARGET, form=form, **options),
            form=form,
            trust=trust,
        )


_FAULT_AGREEMENT = {
    (NotaryFault.WRONG_ALGORITHM, JWS): Agreement.VERDICT,
    (NotaryFault.NO_INTERMEDIATE, JWS): Agreement.VERDICT,
    (NotaryFault.NO_INTERMEDIATE, COSE): Agreement.VERDICT,
    (NotaryFault.NOT_CRITICAL, COSE): Agreement.VERDICT,
    (NotaryFault.UNKNOWN_CRITICAL, JWS): Agreement.STRICTER,
    (NotaryFault.UNKNOWN_CRITICAL, COSE): Agreement.STRICTER,
}


def _faults(at: datetime) -> Iterator[Case]:
    for fault in NotaryFault:
        signer = NotarySigner(SEED, at, faults={fault})
        for form in FORMS:
            yield Case(
                name=f"fault/{fault}/{form}",
                envelope=signer.sign(TARGET, form=form),
                form=form,
                trust={"ca": signer.trust},
                agreement=_FAULT_AGREEMENT.get((fault, form), Agreement.TEXT),
            )


def _odd(name: str, signer: NotarySigner, agreement: Agreement = Agreement.TEXT, trust: str = "") -> Case:
    return Case(
        name=name,
        envelope=signer.sign(TARGET),
        form=JWS,
        trust={"ca": trust or signer.trust},
        agreement=agreement,
    )


UNKNOWN_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.99.1")
_BASIC = (usage(*LEAF_USAGE),)


def _leaves(at: datetime) -> Iterator[Case]:
    oids = ExtendedKeyUsageOID
    leaves: dict[str, tuple[Extension, ...]] = {
        "no purposes": _BASIC,
        "unknown purpose": (*_BASIC, purposes(UNKNOWN_OID)),
        "critical purposes": (*_BASIC, purposes(CODE_SIGNING, critical=True)),
        "for clients": (*_BASIC, purposes(CODE_SIGNING, oids.CLIENT_AUTH)),
        "for servers": (*_BASIC, purposes(oids.SERVER_AUTH)),
        "for mail": (*_BASIC, purposes(CODE_SIGNING, oids.EMAIL_PROTECTION)),
        "for timestamps": (*_BASIC, purposes(oids.TIME_STAMPING)),
        "for responders": (*_BASIC, purposes(CODE_SIGNING, oids.OCSP_SIGNING)),
        "constraints": (*LEAF_EXTENSIONS, constraints(False)),
        "authority": (*LEAF_EXTENSIONS, constraints(True)),
        "no usage": (purposes(CODE_SIGNING),),
        "usage not critical": (usage(*LEAF_USAGE, critical=False),),
        "no digital signature": (usage("content_commitment"),),
        "content commitment": (usage(*LEAF_USAGE, "content_commitment"),),
        "encipherment": (usage(*LEAF_USAGE, "key_encipherment", "data_encipherment"),),
        "agreement": (usage(*LEAF_USAGE, "key_agreement", "encipher_only"),),
        "signs certificates": (usage(*LEAF_USAGE, "key_cert_sign", "crl_sign"),),
        "unknown critical extension": (
            *LEAF_EXTENSIONS,
            (x509.UnrecognizedExtension(UNKNOWN_OID, b"\x05\x00"), True),
        ),
        "issuing certificate only": (
            *LEAF_EXTENSIONS,
            _access(AuthorityInformationAccessOID.CA_ISSUERS),
        ),
        "revocation list": (*LEAF_EXTENSIONS, _revocation_list()),
    }
    for name, extensions in leaves.items():
        yield _odd(f"leaf/{name}", OddSigner(at, leaf=extensions))
    stricter = {
        "any purpose": (*_BASIC, purposes(oids.ANY_EXTENDED_KEY_USAGE)),
        "any purpose besides": (*_BASIC, purposes(CODE_SIGNING, oids.ANY_EXTENDED_KEY_USAGE)),
    }
    for name, extensions in stricter.items():
        yield _odd(f"leaf/{name}", OddSigner(at, leaf=extensions), Agreement.STRICTER)
    yield _odd("leaf/small curve", OddSigner(at, curve=ec.SECP224R1()), Agreement.VERDICT)
    yield _odd("leaf/sha224", OddSigner(at, hash_algorithm=hashes.SHA224()), Agreement.VERDICT)
    yield _odd("leaf/sha512", OddSigner(at, hash_algorithm=hashes.SHA512()))
    hour, year = timedelta(hours=1), timedelta(days=365)
    for level in ("leaf", "intermediate", "root"):
        yield _odd(f"life/{level} expired", OddSigner(at, life={level: (year, -hour)}))
        yield _odd(f"life/{level} in the future", OddSigner(at, life={level: (-hour, year)}))


def _access(method: x509.ObjectIdentifier) -> Extension:
    place = x509.UniformResourceIdentifier("http://pki.lab.invalid/x")
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, place)]), False


def _revocation_list() -> Extension:
    # Refused by the kernel at once, so that the library need not wait for an answer.
    place = x509.UniformResourceIdentifier("http://127.0.0.1:1/list.crl")
    return x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)]), False


def _authorities(at: datetime) -> Iterator[Case]:
    good, verdict = Agreement.TEXT, Agreement.VERDICT
    intermediates: dict[str, tuple[tuple[Extension, ...], Agreement]] = {
        "constraints not critical": ((usage(*CA_USAGE), constraints(True, critical=False)), good),
        "path length zero": ((usage(*CA_USAGE), constraints(True, 0)), good),
        "no constraints": ((usage(*CA_USAGE),), verdict),
        "no authority": ((usage(*CA_USAGE), constraints(False)), verdict),
        "no usage": ((constraints(True),), good),
        "usage not critical": ((usage(*CA_USAGE, critical=False), constraints(True)), good),
        "signs lists only": ((usage("crl_sign"), constraints(True)), verdict),
    }
    for name, (extensions, agreement) in intermediates.items():
        yield _odd(f"intermediate/{name}", OddSigner(at, intermediate=extensions), agreement)
    yield _odd("root/path too long", OddSigner(at, root=(usage(*CA_USAGE), constraints(True, 0))))


def _arrangements(at: datetime) -> Iterator[Case]:
    text, verdict = Agreement.TEXT, Agreement.VERDICT
    arrangements: dict[str, tuple[Callable[[OddSigner], list[x509.Certificate]], Agreement]] = {
        "no root": (lambda s: [s.leaf, s.intermediate], verdict),
        "leaf alone": (lambda s: [s.leaf], verdict),
        "root twice": (lambda s: [s.leaf, s.intermediate, s.root, s.root], text),
        "stranger at the end": (
            lambda s: [s.leaf, s.intermediate, s.root, NotarySigner(SEED, at).root],
            text,
        ),
        "turned": (lambda s: [s.leaf, s.root, s.intermediate], verdict),
        "root first": (lambda s: [s.root, s.intermediate, s.leaf], verdict),
        "leaf twice": (lambda s: [s.leaf, s.leaf, s.intermediate, s.root], verdict),
    }
    for name, (arrange, agreement) in arrangements.items():
        yield _odd(f"chain/{name}", OddSigner(at, arrange=arrange), agreement)
    whole = OddSigner(at)
    yield _odd("trust/leaf", whole, trust=pem(whole.leaf))
    yield _odd("trust/intermediate", whole, trust=pem(whole.intermediate))
    yield _odd("trust/stranger and root", whole, trust=NotarySigner(SEED, at).trust + whole.trust)
    yield _odd("trust/stranger", whole, trust=NotarySigner(SEED, at).trust)
    yield _odd("self-signed/leaf", SelfSigned(at))
    yield _odd("self-signed/authority", SelfSigned(at, extensions=(usage(*LEAF_USAGE), constraints(True))))
    yield _odd("self-signed/not trusted", SelfSigned(at), trust=whole.trust)


_PAYLOAD = {"targetArtifact": plain(TARGET)}


def jws_of(
    signer: NotarySigner, change: Callable[[dict[str, Any]], object], at: datetime, **more: Any
) -> bytes:
    """Return a JWS whose protected header was changed before it was signed."""
    header = jws_header(signer, signed_attributes(SigningScheme.X509, at, None))
    change(header)
    return jws_envelope(signer, header, compact(more.get("payload", _PAYLOAD)))


def cose_of(signer: NotarySigner, change: Callable[[dict[Any, Any]], object], at: datetime) -> bytes:
    """Return a COSE envelope whose protected header was changed before it was signed."""
    header = cose_header(signer, signed_attributes(SigningScheme.X509, at, None))
    change(header)
    return cose_envelope(signer, header, compact(_PAYLOAD))


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _jws_headers(at: datetime) -> Iterator[Case]:
    text, verdict, stricter = Agreement.TEXT, Agreement.VERDICT, Agreement.STRICTER
    later, earlier = _text(at + timedelta(days=1)), _text(at - timedelta(days=1))
    version = f"{PLUGIN}MinVersion"
    changes: dict[str, tuple[Callable[[dict[str, Any]], object], Agreement]] = {
        "no crit": (lambda h: h.pop("crit"), text),
        "empty crit": (lambda h: h.update(crit=[]), text),
        "crit is text": (lambda h: h.update(crit=SCHEME), verdict),
        "crit has numbers": (lambda h: h.update(crit=[SCHEME, 1]), verdict),
        "crit twice": (lambda h: h.update(crit=[SCHEME, SCHEME]), verdict),
        "crit names what is absent": (lambda h: h.update(crit=[SCHEME, "absent"]), text),
        "crit names alg": (lambda h: h.update(crit=[SCHEME, "alg"]), verdict),
        "crit names the signing time": (lambda h: h.update(crit=[SCHEME, TIME]), verdict),
        "crit without scheme": (lambda h: h.update({EXPIRY: later, "crit": [EXPIRY]}), text),
        "expiry not critical": (lambda h: h.update({EXPIRY: later}), text),
        "expiry": (lambda h: h.update({EXPIRY: later, "crit": [SCHEME, EXPIRY]}), text),
        "expiry before signing": (lambda h: h.update({EXPIRY: earlier, "crit": [SCHEME, EXPIRY]}), text),
        "expiry at signing": (lambda h: h.update({EXPIRY: _text(at), "crit": [SCHEME, EXPIRY]}), text),
        "expiry no time": (lambda h: h.update({EXPIRY: "soon", "crit": [SCHEME, EXPIRY]}), verdict),
        "no scheme": (lambda h: h.pop(SCHEME), verdict),
        "unknown scheme": (lambda h: h.update({SCHEME: "notary.x510"}), verdict),
        "no signing time": (lambda h: h.pop(TIME), verdict),
        "both times": (lambda h: h.update({AUTHENTIC: h[TIME]}), text),
        "signing time with offset": (lambda h: h.update({TIME: h[TIME].replace("Z", "+00:00")}), text),
        "signing time with fraction": (lambda h: h.update({TIME: h[TIME].replace("Z", ".123456789Z")}), text),
        "signing time without zone": (lambda h: h.update({TIME: h[TIME].rstrip("Z")}), verdict),
        "signing time as number": (lambda h: h.update({TIME: 1700000000}), verdict),
        "other content type": (lambda h: h.update(cty="application/json"), text),
        "no content type": (lambda h: h.pop("cty"), verdict),
        "alg none": (lambda h: h.update(alg="none"), verdict),
        "alg HS256": (lambda h: h.update(alg="HS256"), verdict),
        "alg RS256": (lambda h: h.update(alg="RS256"), verdict),
        "no alg": (lambda h: h.pop("alg"), verdict),
        "further attribute": (lambda h: h.update({"example.note": {"a": [1, None]}}), text),
        "plugin not critical": (lambda h: h.update({PLUGIN: "x"}), text),
        "plugin is empty": (lambda h: h.update({PLUGIN: " ", "crit": [SCHEME, PLUGIN]}), text),
        "plugin is a number": (lambda h: h.update({PLUGIN: 1, "crit": [SCHEME, PLUGIN]}), text),
        "plugin version alone": (lambda h: h.update({version: "1.0.0", "crit": [SCHEME, version]}), stricter),
    }
    signer = NotarySigner(SEED, at)
    for name, (change, agreement) in changes.items():
        yield Case(
            name=f"jws/{name}",
            envelope=jws_of(signer, change, at),
            form=JWS,
            trust={"ca": signer.trust},
            agreement=agreement,
        )


def _cose_headers(at: datetime) -> Iterator[Case]:
    text, verdict, stricter = Agreement.TEXT, Agreement.VERDICT, Agreement.STRICTER
    now = int(at.timestamp())
    later = Tag(1, now + 86_400)
    changes: dict[str, tuple[Callable[[dict[Any, Any]], object], Agreement]] = {
        "no crit": (lambda h: h.pop(2), verdict),
        "empty crit": (lambda h: h.update({2: []}), verdict),
        "crit is text": (lambda h: h.update({2: SCHEME}), verdict),
        "crit names what is absent": (lambda h: h.update({2: [SCHEME, "absent"]}), verdict),
        "crit names alg": (lambda h: h.update({2: [SCHEME, 1]}), text),
        "crit names the signing time": (lambda h: h.update({2: [SCHEME, TIME]}), stricter),
        "expiry not critical": (lambda h: h.update({EXPIRY: later}), text),
        "expiry": (lambda h: h.update({EXPIRY: later, 2: [SCHEME, EXPIRY]}), text),
        "expiry before signing": (lambda h: h.update({EXPIRY: Tag(1, now - 9), 2: [SCHEME, EXPIRY]}), text),
        "expiry with fraction": (
            lambda h: h.update({EXPIRY: Tag(1, now + 9.5e6), 2: [SCHEME, EXPIRY]}),
            text,
        ),
        "no scheme": (lambda h: h.pop(SCHEME), verdict),
        "unknown scheme": (lambda h: h.update({SCHEME: "notary.x510"}), verdict),
        "no signing time": (lambda h: h.pop(TIME), verdict),
        "both times": (lambda h: h.update({AUTHENTIC: Tag(1, now)}), stricter),
        "signing time without tag": (lambda h: h.update({TIME: now}), verdict),
        "signing time as text": (lambda h: h.update({TIME: Tag(0, _text(at))}), verdict),
        "signing time is infinite": (lambda h: h.update({TIME: Tag(1, float("inf"))}), verdict),
        "other content type": (lambda h: h.update({3: "application/json"}), text),
        "content type by number": (lambda h: h.update({3: 50}), verdict),
        "no content type": (lambda h: h.pop(3), verdict),
        "no alg": (lambda h: h.pop(1), verdict),
        "alg as text": (lambda h: h.update({1: "ES256"}), verdict),
        "alg HS256": (lambda h: h.update({1: 5}), verdict),
        "alg ES384": (lambda h: h.update({1: -35}), text),
        "further attribute": (lambda h: h.update({"example.note": {"a": [1, None]}}), text),
        "further numbered attribute": (lambda h: h.update({-70001: b"x"}), text),
        "plugin not critical": (lambda h: h.update({PLUGIN: "x"}), text),
    }
    signer = NotarySigner(SEED, at)
    for name, (change, agreement) in changes.items():
        yield Case(
            name=f"cose/{name}",
            envelope=cose_of(signer, change, at),
            form=COSE,
            trust={"ca": signer.trust},
            agreement=agreement,
        )


def _payloads(at: datetime) -> Iterator[Case]:
    text, verdict = Agreement.TEXT, Agreement.VERDICT
    good = plain(TARGET)
    payloads: dict[str, tuple[Any, Agreement]] = {
        "further members": ({"targetArtifact": {**good, "artifactType": "x/y"}, "note": 1}, text),
        "annotations": ({"targetArtifact": {**good, "annotations": {"a": "b"}}}, text),
        "no target": ({}, verdict),
        "target is text": ({"targetArtifact": "x"}, verdict),
        "other size": ({"targetArtifact": {**good, "size": 1}}, text),
        "other media type": ({"targetArtifact": {**good, "mediaType": "x/y"}}, text),
        "no size": ({"targetArtifact": {k: v for k, v in good.items() if k != "size"}}, verdict),
        "size is text": ({"targetArtifact": {**good, "size": "1234"}}, verdict),
        "annotation is a number": ({"targetArtifact": {**good, "annotations": {"a": 1}}}, verdict),
        "digest in capitals": ({"targetArtifact": {**good, "digest": good["digest"].upper()}}, verdict),
        "a list": ([good], verdict),
    }
    signer = NotarySigner(SEED, at)
    for name, (payload, agreement) in payloads.items():
        envelope = jws_of(signer, lambda _: None, at, payload=payload)
        yield Case(
            name=f"payload/{name}",
            envelope=envelope,
            form=JWS,
            trust={"ca": signer.trust},
            agreement=agreement,
        )


def _unprotected(at: datetime) -> Iterator[Case]:
    """Give envelopes whose unsigned parts were changed after signing."""
    text, verdict, stricter = Agreement.TEXT, Agreement.VERDICT, Agreement.STRICTER
    signer = NotarySigner(SEED, at)
    whole = json.loads(signer.sign(TARGET))
    chain = whole["header"]["x5c"]
    changes: dict[str, tuple[dict[str, Any], Agreement]] = {
        "no agent": ({"header": {"x5c": chain}}, text),
        "further header": ({"header": {"x5c": chain, "kid": "7"}}, text),
        "no chain": ({"header": {}}, verdict),
        "empty chain": ({"header": {"x5c": []}}, verdict),
        "chain is text": ({"header": {"x5c": chain[0]}}, verdict),
        "chain of garbage": ({"header": {"x5c": [b64(b"garbage")]}}, verdict),
        "no signature": ({"signature": ""}, verdict),
        "signature too long": ({"signature": whole["signature"] + "AAAA"}, text),
        "signature of zeros": ({"signature": "A" * 86}, text),
        "line end in the signature": ({"signature": whole["signature"] + "\n"}, stricter),
        "padding in the signature": ({"signature": whole["signature"] + "=="}, verdict),
        "further member": ({"signatures": []}, stricter),
        "alg unprotected": ({"header": {"x5c": chain, "alg": "none"}}, stricter),
    }
    for name, (change, agreement) in changes.items():
        yield Case(
            name=f"unprotected/{name}",
            envelope=compact({**whole, **change}),
            form=JWS,
            trust={"ca": signer.trust},
            agreement=agreement,
        )


# --- the record --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A signature by the reference library."""

    name: str
    form: EnvelopeFormat
    envelope: bytes
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the reference library did at one time: what it signed, and its verdicts on `cases(at)`."""

    library: str
    at: datetime
    signed: tuple[Signed, ...]
    verdicts: Mapping[str, tuple[str, str]]
    """Name of the case -> SHA-256 of its envelope, and the refusal."""


def read_record() -> Record:
    data = json.loads(RECORD.read_text())
    return Record(
        library=data["library"],
        at=datetime.fromisoformat(data["at"]),
        signed=tuple(
            Signed(
                name=item["name"],
                form=EnvelopeFormat(item["mediaType"]),
                envelope=base64.b64decode(item["envelope"]),
                options=item["options"],
            )
            for item in data["signed"]
        ),
        verdicts={item["name"]: (item["sha256"], item["refusal"]) for item in data["verdicts"]},
    )


def private_pem(signer: NotarySigner) -> str:
    return signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _main() -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    signed, verdicts = [], []
    with tempfile.TemporaryDirectory() as folder, running_peer(build_peer(Path(folder))) as peer:
        for kind in KINDS:
            signer = NotarySigner(SEED, at, kind=kind)
            for form in FORMS:
                options: dict[str, Any] = {"scheme": "notary.x509", "signingTime": at.isoformat()}
                if kind in QUICK_KINDS:
                    options["expiry"] = (at + timedelta(days=3)).isoformat()
                envelope = peer.sign(form, private_pem(signer), pem(*signer.chain), **options)
                signed.append(
                    {
                        "name": f"{kind}/{form}",
                        "mediaType": form,
                        "options": options,
                        "envelope": base64.b64encode(envelope).decode(),
                    }
                )
        for case in cases(at):
            refusal = peer.verify(case.envelope, case.form, case.trust)
            digest = hashlib.sha256(case.envelope).hexdigest()
            verdicts.append({"name": case.name, "sha256": digest, "refusal": refusal})
    record = {
        "library": "notation-go 1.3.2, notation-core-go 1.3.0",
        "at": at.isoformat(),
        "signed": signed,
        "verdicts": verdicts,
    }
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    _main()
