from __future__ import annotations

import re

import pytest

from pratique.compiler import ir
from pratique.runtime.signatures.identity import EXTENSION_NAMES, claims_missing, mismatch
from pratique.runtime.signatures.model import Identity
from tests.support_signatures import FULCIO

GOOGLE = "https://accounts.google.com"
DEV = Identity(
    subjects=("dev@acme.example", "https://acme.example/bot"),
    issuer=GOOGLE,
    extensions=(
        (FULCIO + "1", GOOGLE),
        (FULCIO + "2", "push"),
        (FULCIO + "5", "acme/app"),
        (FULCIO + "6", "refs/tags/v1.2.3"),
        (FULCIO + "8", GOOGLE),
    ),
)
NOBODY = Identity(subjects=(), issuer=GOOGLE)
NO_ISSUER = Identity(subjects=("dev@acme.example",), issuer="")

NO_TESTS = ir.TextTests()


def glob(text: str) -> ir.TextTests:
    return ir.TextTests(tests=(ir.Glob(text=text),))


def search(text: str) -> ir.TextTests:
    return ir.TextTests(tests=(ir.Search(text=text),))


def both(plain: str, expression: str, *, every: bool) -> ir.TextTests:
    return ir.TextTests(tests=(ir.Glob(text=plain), ir.Search(text=expression)), every=every)


def signer(
    subject: ir.TextTests = NO_TESTS, issuer: ir.TextTests = NO_TESTS, **extensions: str
) -> ir.IdentitySigner:
    return ir.IdentitySigner(subject=subject, issuer=issuer, extensions=tuple(sorted(extensions.items())))


def refusal(wanted: ir.IdentitySigner, identity: Identity = DEV) -> tuple[str, str] | None:
    error = mismatch(wanted, identity)
    return None if error is None else (error.code, error.message)


@pytest.mark.parametrize(
    "wanted",
    [
        signer(),
        signer(glob("dev@acme.example")),
        signer(glob("https://acme.example/bot")),  # any of the names
        signer(glob("*@acme.example")),
        signer(glob("d?v@acme.example")),
        signer(ir.TextTests(tests=(ir.Exactly(text="dev@acme.example"),))),
        signer(search(r"^dev@acme\.example$")),
        signer(search("acme")),
        signer(both("nobody", "^dev@", every=False)),
        signer(both("dev@*", "nobody", every=False)),
        signer(both("dev@*", "acme", every=True)),
        signer(glob("dev@acme.example"), glob(GOOGLE)),
        signer(issuer=glob("https://*.google.com")),
        signer(issuer=search("google")),
        signer(issuer=both(GOOGLE, "google", every=True)),
        signer(oidcIssuer=GOOGLE, githubWorkflowTrigger="push", githubWorkflowRepository="acme/*"),
        signer(githubWorkflowSha=""),  # absent reads as empty
        signer(githubWorkflowSha="*"),
    ],
)
def test_identities_that_are_wanted(wanted: ir.IdentitySigner) -> None:
    assert refusal(wanted) is None


NAMES = "dev@acme.example, https://acme.example/bot"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (
            signer(glob("ops@acme.example")),
            f"subject mismatch: expected ops@acme.example, received {NAMES}",
        ),
        (
            signer(glob("DEV@acme.example")),
            f"subject mismatch: expected DEV@acme.example, received {NAMES}",
        ),
        (
            signer(glob("dev@acme.example?")),
            f"subject mismatch: expected dev@acme.example?, received {NAMES}",
        ),
        (
            signer(search(r"^[0-9]+@acme\.example$")),
            rf"subject mismatch: expected ^[0-9]+@acme\.example$, received {NAMES}",
        ),
        (
            signer(both("ops", "^[0-9]", every=False)),
            f"subject mismatch: expected ops, received {NAMES}",
        ),
        (
            signer(both("dev@*", "bot$", every=True)),  # no one name meets both
            f"subject mismatch: expected dev@*, received {NAMES}",
        ),
        (
            signer(glob("nobody"), glob("nowhere"), githubWorkflowRef="x"),
            f"subject mismatch: expected nobody, received {NAMES}",
        ),
        (
            signer(glob("dev@*"), glob("https://issuer.test"), githubWorkflowRef="x"),
            f"issuer mismatch: expected https://issuer.test, received {GOOGLE}",
        ),
        (
            signer(issuer=glob(GOOGLE + ".evil.test")),
            f"issuer mismatch: expected {GOOGLE}.evil.test, received {GOOGLE}",
        ),
        (
            signer(issuer=search("^https://token")),
            f"issuer mismatch: expected ^https://token, received {GOOGLE}",
        ),
        (
            signer(issuer=both("https://*", "token", every=True)),
            f"issuer mismatch: expected token, received {GOOGLE}",
        ),
        (
            signer(issuer=both("nowhere", "google", every=True)),
            f"issuer mismatch: expected nowhere, received {GOOGLE}",
        ),
        (
            signer(githubWorkflowRef="refs/heads/main"),
            "extension mismatch: expected refs/heads/main for key githubWorkflowRef,"
            " received refs/tags/v1.2.3",
        ),
        (
            signer(githubWorkflowName="release"),
            "extension mismatch: expected release for key githubWorkflowName, received ",
        ),
    ],
)
def test_the_first_mismatch_is_said_as_kyverno_says_it(wanted: ir.IdentitySigner, text: str) -> None:
    assert refusal(wanted) == ("identity-mismatch", text)


def test_k10_expressions_alone_are_enforced() -> None:
    # K10: an attestor with nothing but expressions once let everybody pass.
    for wanted in (
        signer(search("^nobody$")),
        signer(issuer=search("^nowhere$")),
        signer(search("^nobody$"), search("google")),
        signer(search("dev"), search("^nowhere$")),
    ):
        assert refusal(wanted) is not None


def test_a_certificate_without_subject_meets_no_subject_test() -> None:
    for tests in (glob("dev@acme.example"), glob("*"), search(""), both("*", "", every=False)):
        code, text = refusal(signer(tests), NOBODY) or ("", "")
        assert (code, text) == (
            "identity-mismatch",
            f"subject mismatch: expected {tests.wanted}, received ",
        )
    assert refusal(signer(issuer=glob(GOOGLE)), NOBODY) is None


def test_a_certificate_without_issuer() -> None:
    text = f"issuer mismatch: expected {GOOGLE}, received "
    assert refusal(signer(issuer=glob(GOOGLE)), NO_ISSUER) == ("identity-mismatch", text)
    assert refusal(signer(issuer=glob("*")), NO_ISSUER) is None  # Kyverno's own verdict


@pytest.mark.parametrize("field", ["subject", "issuer"])
def test_an_expression_that_does_not_compile(field: str) -> None:
    wanted = ir.IdentitySigner(**{field: search("([")})  # type: ignore[arg-type]
    text = f"invalid regexp for {field}: ([ : error parsing regexp: missing closing ]: `[`"
    assert refusal(wanted) == ("bad-regexp", text)
    assert refusal(wanted, NOBODY) == ("bad-regexp", text)
    either = ir.IdentitySigner(**{field: both("*", "([", every=False)})  # type: ignore[arg-type]
    assert refusal(either) == ("bad-regexp", text)


@pytest.mark.parametrize("number", range(1, 7))
def test_extensions_go_by_name_or_number(number: int) -> None:
    name, oid = EXTENSION_NAMES[number - 1], f"{FULCIO}{number}"
    holder = Identity(subjects=("x",), issuer="i", extensions=((oid, "wanted value"),))
    for key in (name, oid):
        assert refusal(ir.IdentitySigner(extensions=((key, "wanted*"),)), holder) is None
        got = refusal(ir.IdentitySigner(extensions=((key, "other"),)), holder)
        text = f"extension mismatch: expected other for key {key}, received wanted value"
        assert got == ("identity-mismatch", text)


@pytest.mark.parametrize("key", ["runnerEnvironment", FULCIO + "8", FULCIO + "11", "", "OIDCIssuer"])
def test_other_extensions_are_refused_not_ignored(key: str) -> None:
    wanted = ir.IdentitySigner(extensions=((key, "*"),))
    assert refusal(wanted) == ("unknown-extension", f"invalid certificate extension {key}")


CLAIMS = (("env", "prod"), ("team", "core"), ("empty", ""))


@pytest.mark.parametrize(
    ("wanted", "claims", "missing"),
    [
        ((), None, ()),
        ((), CLAIMS, ()),
        ((("env", "prod"),), CLAIMS, ()),
        ((("env", "prod"), ("team", "core")), CLAIMS, ()),
        ((("empty", ""),), CLAIMS, ()),
        ((("env", "dev"),), CLAIMS, ("env",)),
        ((("env", "*"),), CLAIMS, ("env",)),  # a star is a star
        ((("ENV", "prod"),), CLAIMS, ("ENV",)),
        ((("absent", ""),), CLAIMS, ("absent",)),
        ((("env", "prod"), ("a", "1"), ("b", "2")), CLAIMS, ("a", "b")),
        ((("env", "prod"),), None, ("env",)),
        ((("env", "prod"),), (), ("env",)),
    ],
)
def test_signed_claims(
    wanted: tuple[tuple[str, str], ...],
    claims: tuple[tuple[str, str], ...] | None,
    missing: tuple[str, ...],
) -> None:
    assert claims_missing(wanted, claims) == missing


def test_messages_hold_no_pattern_of_the_wrong_field() -> None:
    error = mismatch(signer(glob("a"), glob("b")), DEV)
    assert error is not None
    assert not re.search(r"expected b", error.message)
