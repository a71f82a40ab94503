"""TrustRoots that authorities refer to: what signatures are anchored in, and what is refused."""

from __future__ import annotations

import base64

import pytest

from pratique.compiler import ir
from tests.support_sigstore import key, keyless, lowered, trust_root, written


def pem(name: str) -> str:
    return f"-----BEGIN {name}-----\nx\n-----END {name}-----\n"


CA, LOG, CT, TSA = (pem(name) for name in ("CA", "LOG", "CT", "TSA"))
WHOLE = trust_root(authorities=[CA], logs=[LOG], transparency=[CT], timestamps=[TSA])


def trusted(authority: str, *roots: str) -> ir.Trust:
    found = lowered(written(authority), *(roots or (WHOLE,)))
    assert not found.errors, [str(error) for error in found.errors]
    (threshold,) = found.policies.policies[0].rules[0].requirements[0].signatures
    (leaf,) = threshold.of
    assert isinstance(leaf, ir.Leaf)
    return leaf.attestor.trust


def refused(authority: str, *roots: str) -> list[tuple[str, str]]:
    found = lowered(written(authority), *roots)
    return [(error.code, error.message) for error in found.errors]


OWN = ", trustRootRef: r"


def test_identities_of_an_own_authority() -> None:
    """Unless a log is named, too, none is asked for."""
    assert trusted(keyless("a", more=OWN)) == ir.Trust(
        roots=CA, log=ir.LogPolicy(required=False), sct=ir.SctPolicy(public_keys=CT)
    )
    both = keyless("a", more=OWN, around=", ctlog: {url: u, trustRootRef: r}")
    assert trusted(both).log == ir.LogPolicy(required=True, url="https://log.example", public_keys=LOG)
    public = keyless("a", more=OWN, around=", ctlog: {url: u}")
    assert trusted(public).log == ir.LogPolicy(required=True, url="u")


def test_an_own_log_beside_the_usual_authorities() -> None:
    found = trusted(keyless("a", around=", ctlog: {trustRootRef: r}"))
    assert (found.roots, found.log.required, found.log.public_keys) == (None, True, LOG)
    assert trusted(key(around=", ctlog: {trustRootRef: r}")).log.public_keys == LOG


def test_timestamps_take_the_place_of_logs() -> None:
    stamped = ", rfc3161timestamp: {trustRootRef: r}"
    for authority in (key(around=stamped), keyless("a", around=f"{stamped}, ctlog: {{url: u}}")):
        found = trusted(authority)
        assert (found.timestamp_chain, found.log.required) == (TSA, False)


def test_what_is_not_there_is_never_taken_from_elsewhere() -> None:
    alone = trust_root(authorities=[CA])
    assert refused(keyless("a", more=OWN), alone)[0][1].endswith("TrustRoot r has no ctLogs")
    ignoring = keyless("a", more=f"{OWN}, insecureIgnoreSCT: true")
    assert trusted(ignoring, alone).sct == ir.SctPolicy(required=False)
    for authority, field in (
        (key(around=", ctlog: {trustRootRef: r}"), "tLogs"),
        (key(around=", rfc3161timestamp: {trustRootRef: r}"), "timestampAuthorities"),
        (keyless("a", more=f"{OWN}, insecureIgnoreSCT: true"), "certificateAuthorities"),
    ):
        other = trust_root(transparency=[CT])
        ((code, text),) = refused(authority, other)
        assert (code, text.rpartition(": ")[2]) == ("wrong-value", f"TrustRoot r has no {field}")


@pytest.mark.parametrize(
    ("authority", "roots", "code", "text"),
    [
        (keyless("a", more=OWN), (), "missing-value", "there is no TrustRoot r"),
        (
            keyless("a", more=OWN),
            (trust_root(more="  remote: {root: x, mirror: y}\n"),),
            "unsupported-field",
            "TrustRoot r has its keys from TUF",
        ),
        (
            keyless("a", more=OWN, around=", signatureFormat: bundle"),
            (WHOLE,),
            "unsupported-field",
            "bundles can be verified by the usual trust root alone",
        ),
        (key(around=", rfc3161timestamp: {}"), (), "missing-value", "missing field: trustRootRef"),
        (
            key(around=", rfc3161timestamp: {trustRootRef: r}"),
            (trust_root(timestamps=[TSA, TSA]),),
            "unsupported-field",
            "several timestamp authorities",
        ),
    ],
)
def test_references_that_are_refused(authority: str, roots: tuple[str, ...], code: str, text: str) -> None:
    ((found, message),) = refused(authority, *roots)
    assert found == code
    assert text in message


def test_malformed_trust_roots_are_told_once_with_their_place() -> None:
    bad = WHOLE.replace(base64.b64encode(LOG.encode()).decode(), "AAAA")
    found = lowered(written(key()), bad)
    assert [(error.code, error.message) for error in found.errors] == [
        ("wrong-value", "TrustRoot r: no PEM in base64")
    ]
    assert found.policies.policies
    ((code, text),) = refused(key(), WHOLE, WHOLE)
    assert (code, text) == ("duplicate-policy", "TrustRoot r is declared twice")
