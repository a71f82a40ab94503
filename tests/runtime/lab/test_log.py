import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore._internal.rekor.checkpoint import SignedCheckpoint

from pratique.runtime.lab.entries import EntryBody, hashedrekord
from pratique.runtime.lab.keys import PrivateKey, derive_ec_key, key_id
from pratique.runtime.lab.log import SHARD_START, STRANGERS, Rekor
from pratique.runtime.lab.merkle import leaf_hash, node_hash

AT = datetime(2023, 4, 1, 12, 0, 5, tzinfo=UTC)
ECDSA = ec.ECDSA(hashes.SHA256())


def a_log(seed: str = "seed") -> Rekor:
    return Rekor(seed, "rekor", "rekor.lab.test")


def a_body(number: int = 0) -> EntryBody:
    return hashedrekord(f"{number:064x}", b"signature", "PEM")


def public(key: PrivateKey) -> ec.EllipticCurvePublicKey:
    found = key.public_key()
    assert isinstance(found, ec.EllipticCurvePublicKey)
    return found


def test_promise_covers_body_time_and_place() -> None:
    log = a_log()
    entry = log.append(a_body(), AT)
    facts = {
        "body": base64.b64encode(entry.body.content).decode(),
        "integratedTime": 1680350405,
        "logID": log.log_id.hex(),
        "logIndex": entry.index,
    }
    signed = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
    public(log.key).verify(entry.promise, signed, ECDSA)
    with pytest.raises(InvalidSignature):
        public(log.key).verify(entry.promise, signed.replace(b"1680350405", b"1680350406"), ECDSA)


def test_log_index_counts_earlier_shards_and_proofs_do_not() -> None:
    log = a_log()
    first, second = log.append(a_body(1), AT), log.append(a_body(2), AT)
    assert (first.index, second.index) == (SHARD_START + STRANGERS, SHARD_START + STRANGERS + 1)
    assert (first.proof.index, first.proof.size) == (STRANGERS, STRANGERS + 1)
    assert (second.proof.index, second.proof.size) == (STRANGERS + 1, STRANGERS + 2)


def test_every_proof_has_hashes_and_leads_to_its_root() -> None:
    log = a_log()
    for number in range(40):
        entry = log.append(a_body(number), AT)
        # The new entry is the last leaf: all its siblings stand to the left.
        node = leaf_hash(entry.body.content)
        for sibling in entry.proof.hashes:
            node = node_hash(sibling, node)
        assert entry.proof.hashes
        assert node == entry.proof.root


def test_checkpoint_is_a_signed_note_over_size_and_root() -> None:
    log = a_log()
    proof = log.append(a_body(), AT).proof
    note, _, signatures = proof.checkpoint.partition("\n\n")
    origin, size, root = note.split("\n")
    assert origin.startswith("rekor.lab.test - ")
    assert (int(size), base64.b64decode(root)) == (proof.size, proof.root)
    dash, name, signature = signatures.rstrip("\n").split(" ")
    raw = base64.b64decode(signature)
    assert (dash, name, raw[:4]) == ("\u2014", "rekor.lab.test", log.log_id[:4])
    public(log.key).verify(raw[4:], f"{note}\n".encode(), ECDSA)


def test_sigstore_reads_the_checkpoint() -> None:
    proof = a_log().append(a_body(), AT).proof
    read = SignedCheckpoint.from_text(proof.checkpoint)
    assert (read.checkpoint.log_size, read.checkpoint.log_hash) == (proof.size, proof.root.hex())
    assert len(read.signed_note.signatures) == 1


def test_checkpoint_of_another_key_keeps_the_name_and_key_hint() -> None:
    log, other = a_log(), derive_ec_key("other", "key")
    proof = log.append(a_body(), AT).proof
    forged = log.checkpoint(proof.size, proof.root, other)
    raw = base64.b64decode(forged.rstrip("\n").rpartition(" ")[2])
    assert raw[:4] == log.log_id[:4]
    public(other).verify(raw[4:], forged.partition("\n\n")[0].encode() + b"\n", ECDSA)


def test_identity_is_the_hash_of_the_key() -> None:
    log = a_log()
    assert log.log_id == key_id(log.key.public_key())
    assert a_log("other").log_id != log.log_id


def test_same_entries_give_the_same_log() -> None:
    assert [a_log().append(a_body(n), AT) for n in (1,)] == [a_log().append(a_body(n), AT) for n in (1,)]
    one, two = a_log(), a_log()
    assert [one.append(a_body(n), AT) for n in range(5)] == [two.append(a_body(n), AT) for n in range(5)]
