"""What log entries about envelopes and bundles record, and the comparison with what is being verified.

`transparency.py` has the two kinds of cosign's plain signatures; here are all others, and `hashedrekord` as
bundles hold it. A kind that is not known in its place is refused, never skipped (C1, C8, C19).

References: Rekor `pkg/types/{dsse,intoto,hashedrekord}`; Rekor v2 (rekor-tiles) `rekor/v2/entry.proto`;
cosign `pkg/cosign/verify.go` (`VerifyBundle`), whose texts are followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.encodings import EncodingError, from_base64, from_json
from pratique.runtime.signatures.transparency import only_block

MAX_BODY_BYTES: Final = 1 << 20
V2_ALGORITHMS: Final = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
"""Names of hash algorithms in Sigstore's protobuf messages."""


class Hashed(Enum):
    """What a recorded digest is of."""

    CONTENT = "content"
    """The very bytes that are signed: an artifact, or the encoding of an envelope."""
    PAYLOAD = "payload"
    """The payload of an envelope."""
    ENVELOPE = "envelope"
    """The envelope's JSON as it was uploaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What an entry says.

    Attributes:
        signature: None for `intoto` 0.0.1, which has none; the digest of its envelope covers it.
        verifier: certificate or public key.
        digests: algorithm and value of each digest.
    """

    signature: bytes | None
    verifier: pem.Block
    digests: Mapping[Hashed, tuple[str, bytes]]


Kind = tuple[str, str]
"""Kind and version of an entry."""

HASHEDREKORD: Final = ("hashedrekord", "0.0.1")
HASHEDREKORD_V2: Final = ("hashedrekord", "0.0.2")
DSSE: Final = ("dsse", "0.0.1")
DSSE_V2: Final = ("dsse", "0.0.2")
INTOTO: Final = ("intoto", "0.0.1")
INTOTO_2: Final = ("intoto", "0.0.2")

MESSAGE_KINDS: Final = frozenset({HASHEDREKORD, HASHEDREKORD_V2})
"""Kinds that a bundle with a message signature may have."""
ENVELOPE_KINDS: Final = frozenset({DSSE, DSSE_V2, INTOTO_2, HASHEDREKORD_V2})
"""Kinds that a bundle with an envelope may have."""
LAYER_KINDS: Final = frozenset({DSSE, INTOTO, INTOTO_2})
"""Kinds that cosign's attestation layers may have."""


def read_recorded(body: bytes, accepted: frozenset[Kind]) -> tuple[Kind, Recorded]:
    """Return kind and content of an entry.

    Raises:
        VerificationError: `bundle-malformed`, `entry-kind-unsupported` where the kind is not `accepted`.
    """
    try:
        data = from_json(body, max_bytes=MAX_BODY_BYTES)
        kind = (_member(data, "kind", str), _member(data, "apiVersion", str))
        if kind not in accepted:
            name = f"{kind[0][:40]} {kind[1][:40]}"
            text = f"failed to extract signature from bundle: unsupported type {name}"
            raise VerificationError("entry-kind-unsupported", text)
        return kind, _READERS[kind](_member(data, "spec", dict))
    except EncodingError as error:
        text = f"failed to extract signature from bundle: {error}"
        raise VerificationError("bundle-malformed", text) from error


def match_recorded(
    recorded: Recorded,
    *,
    signatures: tuple[bytes, ...],
    verifier: pem.Block,
    digests: Mapping[Hashed, Mapping[str, bytes]],
) -> None:
    """Return if an entry is about these signatures, by this key or certificate, of this content.

    Args:
        recorded: what the entry says.
        signatures: those of the envelope or message; the recorded one must be among them.
        verifier: the certificate or public key they are verified with.
        digests: known digests by algorithm. What is not known here (a bundle's envelope as it was uploaded)
            is left out, and its digest not compared.

    Raises:
        VerificationError: `log-entry-mismatch`.
    """
    if recorded.signature is not None and recorded.signature not in signatures:
        raise _mismatch("signature in bundle does not match signature being verified")
    if recorded.verifier != verifier:
        expected = pem.armour(verifier.label, verifier.der)
        got = pem.armour(recorded.verifier.label, recorded.verifier.der)
        raise _mismatch(f"comparing public key PEMs, expected {expected}, got {got}")
    known = {hashed: value for hashed, value in recorded.digests.items() if hashed in digests}
    if not known:
        raise _mismatch("the log entry has no digest of what is signed")
    for hashed, (algorithm, value) in known.items():
        wanted = digests[hashed].get(algorithm)
        if wanted is None:
            raise _mismatch(f'unexpected algorithm: "{algorithm[:40]}"')
        if value != wanted:
            text = f'matching bundle to payload: bundle="{value.hex()[:128]}", payload="{wanted.hex()}"'
            raise _mismatch(text)


def _mismatch(text: str) -> VerificationError:
    return VerificationError("log-entry-mismatch", text)


# --- readers ---------------------------------------------------------------------------------------------


def _hashedrekord(spec: dict[str, Any]) -> Recorded:
    signature = _member(spec, "signature", dict)
    return Recorded(
        signature=from_base64(_member(signature, "content", str)),
        verifier=_pem(_member(_member(signature, "publicKey", dict), "content", str)),
        digests={Hashed.CONTENT: _hash(_member(spec, "data", dict), "hash")},
    )


def _dsse(spec: dict[str, Any]) -> Recorded:
    signature = _only(spec, "signatures")
    return Recorded(
        signature=from_base64(_member(signature, "signature", str)),
        verifier=_pem(_member(signature, "verifier", str)),
        digests={Hashed.PAYLOAD: _hash(spec, "payloadHash"), Hashed.ENVELOPE: _hash(spec, "envelopeHash")},
    )


def _intoto(spec: dict[str, Any]) -> Recorded:
    return Recorded(
        signature=None,
        verifier=_pem(_member(spec, "publicKey", str)),
        digests=_intoto_digests(_member(spec, "content", dict)),
    )


def _intoto_2(spec: dict[str, Any]) -> Recorded:
    content = _member(spec, "content", dict)
    signature = _only(_member(content, "envelope", dict), "signatures")
    # The log keeps the text of the signature, base64 already, in base64 once more.
    text = from_base64(_member(signature, "sig", str)).decode("ascii", errors="replace")
    return Recorded(
        signature=from_base64(text),
        verifier=_pem(_member(signature, "publicKey", str)),
        digests=_intoto_digests(content),
    )


def _intoto_digests(content: dict[str, Any]) -> dict[Hashed, tuple[str, bytes]]:
    return {Hashed.PAYLOAD: _hash(content, "payloadHash"), Hashed.ENVELOPE: _hash(content, "hash")}


def _hashedrekord_v2(spec: dict[str, Any]) -> Recorded:
    record = _member(spec, "hashedRekordV002", dict)
    return _signature_v2(
        _member(record, "signature", dict), {Hashed.CONTENT: _hash_v2(_member(record, "data", dict))}
    )


def _dsse_v2(spec: dict[str, Any]) -> Recorded:
    record = _member(spec, "dsseV002", dict)
    return _signature_v2(
        _only(record, "signatures"), {Hashed.PAYLOAD: _hash_v2(_member(record, "payloadHash", dict))}
    )


def _signature_v2(signature: dict[str, Any], digests: dict[Hashed, tuple[str, bytes]]) -> Recorded:
    verifier = _member(signature, "verifier", dict)
    found = [(label, verifier[name]) for name, label in _V2_VERIFIERS.items() if verifier.get(name)]
    if len(found) != 1:
        raise EncodingError("not exactly one verifier")
    label, holder = found[0]
    return Recorded(
        signature=from_base64(_member(signature, "content", str)),
        verifier=pem.Block(label, from_base64(_member(holder, "rawBytes", str))),
        digests=digests,
    )


_V2_VERIFIERS: Final = {"x509Certificate": "CERTIFICATE", "publicKey": "PUBLIC KEY"}

_READERS: Final[dict[Kind, Callable[[dict[str, Any]], Recorded]]] = {
    HASHEDREKORD: _hashedrekord,
    HASHEDREKORD_V2: _hashedrekord_v2,
    DSSE: _dsse,
    DSSE_V2: _dsse_v2,
    INTOTO: _intoto,
    INTOTO_2: _intoto_2,
}


def _hash(parent: dict[str, Any], name: str) -> tuple[str, bytes]:
    found = _member(parent, name, dict)
    algorithm, value = _member(found, "algorithm", str), _member(found, "value", str)
    try:
        raw = bytes.fromhex(value)
    except ValueError as error:
        raise EncodingError(f"{name} is not hexadecimal") from error
    return algorithm, raw


def _hash_v2(found: dict[str, Any]) -> tuple[str, bytes]:
    algorithm = _member(found, "algorithm", str)
    return V2_ALGORITHMS.get(algorithm, algorithm), from_base64(_member(found, "digest", str))


def _pem(text: str) -> pem.Block:
    return only_block(from_base64(text).decode("ascii", errors="replace"))


def _only(parent: dict[str, Any], name: str) -> dict[str, Any]:
    found = _member(parent, name, list)
    if len(found) != 1 or not isinstance(found[0], dict):
        raise EncodingError("multiple signatures on DSSE envelopes are not currently supported")
    return found[0]


def _member(data: Any, name: str, kind: type[Any]) -> Any:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, kind):
        raise EncodingError(f"no {name}")
    return value
