from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures import chains
from pratique.runtime.signatures.chains import (
    MAX_PATH,
    MAX_SIGNATURE_CHECKS,
    Authorities,
    Authority,
    Path,
    authorities_of,
    build_path,
    check_validity,
)
from pratique.runtime.signatures.validity import ALWAYS, Window
from tests.support_signatures import (
    CODE_SIGNING,
    T0,
    Ca,
    Instance,
    Leaf,
    der,
    der_oid,
    make_ca,
    new_key,
    sign,
)

ACME = Instance()
YEAR = timedelta(days=365)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
UNKNOWN = "certificate signed by unknown authority"


def leaf_by(by: Ca, **changes: Any) -> x509.Certificate:
    return ACME.leaf(by=by, sct=False, **changes).certificate


def path_of(
    leaf: x509.Certificate, root: Ca, *intermediates: Ca, at: datetime = T0, window: Window = ALWAYS
) -> Path:
    authority = Authority(anchor=root.certificate, window=window)
    return build_path(leaf, Authorities((authority,)), tuple(i.certificate for i in intermediates), at=at)


def refusal(*arguments: Any, **options: Any) -> tuple[str, str]:
    with pytest.raises(VerificationError) as caught:
        path_of(*arguments, **options)
    message = caught.value.message
    assert message.startswith("cert verification failed: x509: ")
    assert message.endswith(
        ". Check your TUF root (see cosign initialize) or set a custom root with env var SIGSTORE_ROOT_FILE"
    )
    text = message.removeprefix("cert verification failed: x509: ").partition(". Check your TUF root")[0]
    return caught.value.code, text


# --- paths that hold -------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_a_path_goes_through_any_number_of_intermediates(depth: int) -> None:
    root = make_ca("root")
    line = [root]
    for number in range(depth):
        line.append(make_ca(f"intermediate {number}", line[-1]))
    leaf = leaf_by(line[-1])
    expected = tuple(ca.certificate for ca in reversed(line))
    assert path_of(leaf, root, *line[1:]).issuers == expected
    assert path_of(leaf, root, *reversed(line[1:])).issuers == expected
    assert path_of(leaf, root, *line, make_ca("stranger")).issuers == expected


def test_any_trusted_certificate_ends_a_path() -> None:
    path = path_of(leaf_by(ACME.intermediate), ACME.intermediate)
    assert path.issuers == (ACME.intermediate.certificate,)


def test_known_intermediates_need_not_come_along() -> None:
    authority = Authority(anchor=ACME.root.certificate, intermediates=(ACME.intermediate.certificate,))
    path = build_path(leaf_by(ACME.intermediate), Authorities((authority,)), at=T0)
    assert path.issuers == ACME.intermediate.chain


def test_two_authorities_of_one_name_are_told_apart() -> None:
    ours, theirs = make_ca("same name"), make_ca("same name")
    both = authorities_of((theirs.certificate, ours.certificate))
    assert build_path(leaf_by(ours), both, at=T0).issuers == (ours.certificate,)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["P-384", "P-521", "RSA", "Ed25519"],
)
def test_authorities_may_have_keys_of_any_accepted_kind(key: Any) -> None:
    root = make_ca("root", key=key)
    intermediate = make_ca("intermediate", root, key=key)
    assert path_of(leaf_by(intermediate), root, intermediate).issuers == intermediate.chain
    stranger = make_ca("root")
    assert refusal(leaf_by(intermediate), stranger, intermediate)[0] == "chain-untrusted"


@pytest.mark.parametrize("purposes", [[CODE_SIGNING], [SERVER, CODE_SIGNING], [ANY], []])
def test_purposes_that_permit_code_signing(purposes: list[ObjectIdentifier]) -> None:
    root = make_ca("root", purposes=purposes)
    intermediate = make_ca("intermediate", root, purposes=purposes)
    assert path_of(leaf_by(intermediate, purposes=purposes), root, intermediate).issuers


# --- paths that do not hold ------------------------------------------------------------------------------


def test_a_stranger_is_unknown() -> None:
    assert refusal(leaf_by(make_ca("stranger")), ACME.root) == ("chain-untrusted", UNKNOWN)


def test_a_missing_intermediate_leaves_the_leaf_unknown() -> None:
    assert refusal(leaf_by(ACME.intermediate), ACME.root) == ("chain-untrusted", UNKNOWN)


def test_no_authorities_at_all() -> None:
    with pytest.raises(VerificationError, match=UNKNOWN):
        build_path(leaf_by(ACME.root), Authorities(()), at=T0)


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("new", "cause"),
    [
        (new_key, "x509: ECDSA verification failure"),
        (rsa_key, "crypto/rsa: verification error"),
        (ed25519.Ed25519PrivateKey.generate, "x509: Ed25519 verification failure"),
    ],
)
def test_an_authority_of_the_same_name_is_named_in_the_message(new: Any, cause: str) -> None:
    impostor, root = make_ca("root", key=new()), make_ca("root", key=new())
    hint = f' (possibly because of "{cause}" while trying to verify candidate authority certificate "root")'
    assert refusal(leaf_by(impostor), root) == ("chain-untrusted", UNKNOWN + hint)


def test_an_intermediate_of_somebody_else_does_not_help() -> None:
    stranger = Instance()  # the same names everywhere, other keys
    code, text = refusal(leaf_by(stranger.intermediate), ACME.root, stranger.intermediate)
    assert (code, text.startswith(UNKNOWN)) == ("chain-untrusted", True)
    assert '"acme root"' in text


def test_what_comes_along_is_never_trusted_itself() -> None:
    stranger = Instance("stranger")
    code, _ = refusal(leaf_by(stranger.intermediate), ACME.root, stranger.intermediate, stranger.root)
    assert code == "chain-untrusted"


NOT_ISSUER = "parent certificate cannot sign this kind of certificate"


@pytest.mark.parametrize("changes", [{"ca": False, "signs": False}, {"ca": False}, {"signs": False}])
def test_only_an_authority_may_issue(changes: dict[str, Any]) -> None:
    root = make_ca("root")
    middle = make_ca("middle", root, **changes)
    code, text = refusal(leaf_by(middle), root, middle)
    assert code == "chain-untrusted"
    assert NOT_ISSUER in text
    assert NOT_ISSUER in refusal(leaf_by(middle), middle)[1]


def test_a_leaf_may_not_issue() -> None:
    leaf = ACME.leaf(sct=False)
    below = leaf_by(Ca(certificate=leaf.certificate, key=leaf.key), names=None)
    with pytest.raises(VerificationError) as caught:
        build_path(below, authorities_of((ACME.root.certificate,)), (leaf.certificate,), at=T0)
    assert caught.value.code == "chain-untrusted"


def test_key_usage_may_be_absent() -> None:
    root = make_ca("root", signs=None)
    assert path_of(leaf_by(root), root).issuers


@pytest.mark.parametrize(("length", "depth"), [(0, 1), (1, 2)])
def test_path_length(length: int, depth: int) -> None:
    root = make_ca("root", path_length=length)
    line = [root]
    for number in range(depth):
        line.append(make_ca(f"i{number}", line[-1]))
    assert path_of(leaf_by(line[-2]), root, *line[1:-1]).issuers
    code, text = refusal(leaf_by(line[-1]), root, *line[1:])
    assert (code, text) == ("chain-untrusted", "too many intermediates for path length constraint")


@pytest.mark.parametrize("where", ["root", "intermediate", "leaf"])
def test_every_certificate_must_permit_code_signing(where: str) -> None:
    root = make_ca("root", purposes=[SERVER] if where == "root" else [])
    intermediate = make_ca("intermediate", root, purposes=[SERVER] if where == "intermediate" else [])
    leaf = leaf_by(intermediate, purposes=[SERVER if where == "leaf" else CODE_SIGNING])
    assert refusal(leaf, root, intermediate) == (
        "certificate-usage",
        "certificate specifies an incompatible key usage",
    )


@pytest.mark.parametrize("where", ["root", "intermediate", "leaf"])
@pytest.mark.parametrize(("shift", "side"), [(-YEAR, "before"), (YEAR, "after")])
def test_every_certificate_must_be_valid_at_the_time(where: str, shift: timedelta, side: str) -> None:
    def period(of: str) -> dict[str, datetime]:
        width = timedelta(days=1) if of == where else 3 * YEAR
        return {"start": T0 - width, "end": T0 + width}

    root = make_ca("root", **period("root"))  # type: ignore[arg-type]
    intermediate = make_ca("intermediate", root, **period("intermediate"))  # type: ignore[arg-type]
    leaf = leaf_by(intermediate, at=period("leaf")["start"], life=2 * (T0 - period("leaf")["start"]))
    assert path_of(leaf, root, intermediate).issuers
    code, text = refusal(leaf, root, intermediate, at=T0 + shift)
    assert code == "certificate-expired"
    assert text.startswith("certificate has expired or is not yet valid: current time ")
    assert f" is {side} " in text


def test_the_time_of_an_authority_may_be_narrower_than_its_certificates() -> None:
    window = Window(T0 - timedelta(days=1), T0 + timedelta(days=1))
    leaf = leaf_by(ACME.root, life=YEAR)
    path = path_of(leaf, ACME.root, window=window)
    assert path.window == window
    assert refusal(leaf, ACME.root, at=T0 + timedelta(days=2), window=window)[0] == "certificate-expired"


@pytest.mark.parametrize("where", ["root", "intermediate", "leaf"])
def test_a_critical_extension_that_nobody_understands(where: str) -> None:
    odd = [(x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]
    root = make_ca("root", extra=odd if where == "root" else ())
    intermediate = make_ca("intermediate", root, extra=odd if where == "intermediate" else ())
    leaf = leaf_by(intermediate, extra=odd if where == "leaf" else ())
    assert refusal(leaf, root, intermediate) == ("chain-untrusted", "unhandled critical extension")


def test_a_precertificate_is_no_certificate() -> None:
    leaf = leaf_by(ACME.root, extra=[(x509.PrecertPoison(), True)])
    assert refusal(leaf, ACME.root) == ("chain-untrusted", "unhandled critical extension")


def test_weak_keys_are_refused() -> None:
    weak = make_ca("root", key=rsa.generate_private_key(65537, 1024))
    assert refusal(leaf_by(weak), weak)[0] == "chain-untrusted"


def test_signatures_over_sha_1_are_refused() -> None:
    key = rsa_key()
    root = make_ca("root", key=key)
    leaf = sha_1_signed(leaf_by(root), key)
    assert isinstance(leaf.signature_hash_algorithm, hashes.SHA1)
    assert path_of(leaf_by(root), root).issuers
    assert refusal(leaf, root)[0] == "chain-untrusted"


def sha_1_signed(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> x509.Certificate:
    sha256_rsa, sha1_rsa = der_oid("1.2.840.113549.1.1.11"), der_oid("1.2.840.113549.1.1.5")
    body = certificate.tbs_certificate_bytes.replace(sha256_rsa, sha1_rsa)
    algorithm = der(0x30, sha1_rsa, b"\x05\x00")
    signature = der(0x03, b"\x00", sign(key, body, hashes.SHA1()))
    return x509.load_der_x509_certificate(der(0x30, body, algorithm, signature))


def test_loops_and_crowds_end() -> None:
    a, b = new_key(), new_key()
    ab = make_ca("a", make_ca("b", key=b), key=a)
    ba = make_ca("b", make_ca("a", key=a), key=b)
    assert refusal(leaf_by(ab), ACME.root, ab, ba)[0] == "chain-untrusted"
    crowd = [make_ca("crowd") for _ in range(MAX_SIGNATURE_CHECKS + 1)]
    code, text = refusal(leaf_by(make_ca("crowd")), ACME.root, *crowd)
    assert (code, text) == (
        "chain-untrusted",
        "signature check attempts limit reached while verifying chain",
    )


def test_a_tangle_does_not_hide_the_way_out() -> None:
    keys = {text: new_key() for text in "abcd"}
    tangle = [
        make_ca(text, make_ca(other, key=keys[other]), key=keys[text])
        for text in keys
        for other in keys
        if other != text
    ]
    root = make_ca("root")
    way_out = make_ca("d", root, key=keys["d"])
    path = path_of(leaf_by(tangle[0]), root, *tangle, way_out)
    assert path.issuers[-2:] == (way_out.certificate, root.certificate)


def test_long_paths_end() -> None:
    line = [make_ca("root")]
    for number in range(MAX_PATH + 1):
        line.append(make_ca(f"i{number}", line[-1]))
    assert refusal(leaf_by(line[-1]), line[0], *line[1:])[0] == "chain-untrusted"


# --- name constraints ------------------------------------------------------------------------------------


def permitted(*names: str) -> list[tuple[x509.ExtensionType, bool]]:
    return [(x509.NameConstraints([x509.DNSName(n) for n in names], None), True)]


@pytest.mark.parametrize("where", ["root", "intermediate"])
@pytest.mark.parametrize(("subject", "holds"), [("build.acme.test", True), ("build.evil.test", False)])
def test_name_constraints(where: str, subject: str, holds: bool) -> None:
    root = make_ca("root", extra=permitted("acme.test") if where == "root" else ())
    limited = permitted("acme.test") if where == "intermediate" else ()
    intermediate = make_ca("intermediate", root, extra=limited)
    leaf = leaf_by(intermediate, names=[x509.DNSName(subject)])
    if holds:
        assert path_of(leaf, root, intermediate).issuers
    else:
        assert refusal(leaf, root, intermediate) == ("chain-untrusted", "a name constraint is not met")


# --- what is remembered ----------------------------------------------------------------------------------


def test_an_authority_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[x509.Certificate] = []
    authority = Instance("counted")

    def counted(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        calls.append(certificate)
        return original(certificate, issuer)

    original = chains._is_signed_by
    cached = chains._is_authority_signed_by
    monkeypatch.setattr(chains, "_is_signed_by", counted)
    before = cached.cache_info()
    for _ in range(5):
        path_of(leaf_by(authority.intermediate), authority.root, authority.intermediate)
    after = cached.cache_info()
    assert len(calls) == 5  # one a leaf
    assert after.misses - before.misses == 1
    assert after.hits - before.hits == 4


def test_a_remembered_link_still_expires() -> None:
    leaf = leaf_by(ACME.intermediate, life=20 * YEAR)
    assert path_of(leaf, ACME.root, ACME.intermediate).issuers
    assert refusal(leaf, ACME.root, ACME.intermediate, at=T0 + 15 * YEAR)[0] == "certificate-expired"


# --- the time of signing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (T0, ""),
        (T0 + timedelta(minutes=10), ""),
        (
            T0 - timedelta(seconds=1),
            "certificate was issued after observed time: 2024-03-01T12:00:00Z is after 2024-03-01T11:59:59Z",
        ),
        (
            T0 + timedelta(minutes=10, seconds=1),
            "certificate expired before observed time: 2024-03-01T12:10:00Z is before 2024-03-01T12:10:01Z",
        ),
    ],
)
def test_the_leaf_at_the_time_of_signing(at: datetime, text: str) -> None:
    leaf = ACME.leaf(sct=False)
    path = path_of(leaf.certificate, ACME.root, ACME.intermediate)
    for given_path in (path, None):
        if not text:
            check_validity(leaf.certificate, given_path, at)
            continue
        with pytest.raises(VerificationError) as caught:
            check_validity(leaf.certificate, given_path, at)
        assert (caught.value.code, caught.value.message) == ("certificate-expired", text)


@pytest.mark.parametrize("cause", ["certificate", "window"])
def test_the_issuers_at_the_time_of_signing(cause: str) -> None:
    end = T0 + timedelta(days=10)
    root = make_ca("root", end=end if cause == "certificate" else T0 + YEAR)
    window = Window(T0 - timedelta(days=1), end if cause == "window" else None)
    leaf = leaf_by(root, life=YEAR)
    path = path_of(leaf, root, window=window)
    check_validity(leaf, path, end)
    with pytest.raises(VerificationError) as caught:
        check_validity(leaf, path, end + timedelta(seconds=1))
    assert caught.value.message == (
        "issuing CA certificate expired before observed time: 2024-03-11T12:00:00Z is before"
        " 2024-03-11T12:00:01Z"
    )
    old = leaf_by(make_ca("root", start=T0), at=T0 - YEAR, life=2 * YEAR)
    with pytest.raises(VerificationError, match="issuing CA certificate was issued after observed time"):
        check_validity(old, Path((make_ca("later", start=T0).certificate,), ALWAYS), T0 - timedelta(days=1))


# --- beside the library's own verifier -------------------------------------------------------------------

KEYS = [new_key() for _ in range(4)]


@st.composite
def lines(draw: st.DrawFn) -> tuple[list[Ca], Leaf, datetime]:
    """Root, up to two intermediates and a leaf, any of them with something wrong."""
    line: list[Ca] = []
    for number in range(draw(st.integers(1, 3))):
        line.append(
            make_ca(
                f"ca {number}",
                line[-1] if line else None,
                key=KEYS[number],
                ca=draw(st.sampled_from([True, True, True, False])),
                path_length=draw(st.sampled_from([None, None, 0, 1])),
                signs=draw(st.sampled_from([True, True, True, False])),
                start=T0 - draw(st.sampled_from([YEAR, 2 * YEAR])),
                end=T0 + draw(st.sampled_from([YEAR, 2 * YEAR])),
            )
        )
    signer = line[-1]
    if draw(st.sampled_from([False, False, False, True])):
        signer = Ca(certificate=signer.certificate, key=KEYS[3])
    leaf = ACME.leaf(by=signer, sct=False, life=2 * YEAR, at=T0 - YEAR)
    return (
        line,
        leaf,
        T0 + draw(st.sampled_from([timedelta(0), timedelta(0), timedelta(days=500), -YEAR * 1.5])),
    )


@settings(max_examples=150, deadline=None)
@given(lines())
def test_never_more_lenient_than_the_library(made: tuple[list[Ca], Leaf, datetime]) -> None:
    line, leaf, at = made
    anything = verification.ExtensionPolicy.permit_all()
    library = (
        verification.PolicyBuilder()
        .store(verification.Store([line[0].certificate]))
        .time(at)
        .extension_policies(ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=anything)
        .build_client_verifier()
    )
    above = [ca.certificate for ca in line[1:]]
    try:
        library.verify(leaf.certificate, above)
        expected = True
    except verification.VerificationError:
        expected = False
    try:
        path_of(leaf.certificate, line[0], *line[1:], at=at)
        got = True
    except VerificationError:
        got = False
    assert got == expected
