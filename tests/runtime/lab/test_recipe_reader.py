"""Mistakes in recipes are found at their place."""

from textwrap import dedent

import pytest

from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.grammar.source import Source
from pratique.runtime.lab.recipe_reader import read_recipe

SIGNERS = """\
signers:
  dev: {issuer: i, subject: dev@acme.example}
  team: {key: ecdsa-p256}
  strong: {key: ecdsa-p384, hash: sha384}
  quick: {key: ed25519}
"""


def mistakes(text: str) -> tuple[PolicyError, ...]:
    with pytest.raises(PolicyErrors) as caught:
        read_recipe(Source("lab.yaml", text))
    return caught.value.errors


def signed(line: str, field: str = "signatures") -> str:
    return f"{SIGNERS}images:\n  - image: lab.test/app:v1\n    {field}:\n      - {line}\n"


def pointed_at(error: PolicyError) -> str:
    """Return the text under the carets."""
    assert error.location
    start, end = error.location.span
    return error.location.source.line(start.line)[start.column - 1 : end.column - 1]


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ("sigstore: {sead: x}", "unknown-field", "sead", "did you mean seed?"),
        ("sigstore: {seed: 7}", "bad-value", "7", "valid string"),
        (
            "images: [{image: lab.test/app:v1, signd: x}]",
            "unknown-field",
            "signd",
            "known are image, platforms",
        ),
        ("signers: {a: {subject: [{emial: x}]}}", "unknown-field", "emial", "did you mean email?"),
        ("images: [{image: nginx}]", "bad-value", "nginx", "registry/path:tag"),
        ("images: [{image: [lab.test/app:v1, nginx]}]", "bad-value", "nginx", "registry/path:tag"),
        ("signers: {a: {key: rsa}}", "bad-value", "rsa", "known are ecdsa-p256"),
        ("signers: {a: {isuer: x}}", "unknown-field", "isuer", "did you mean issuer?"),
        ("signers: {a b: {key: ed25519}}", "bad-value", "a b", "a signer's name"),
        ("signers: {a: {issuer: i, subject: ü@b}}", "bad-value", "ü@b", "as email"),
    ],
)
def test_values(text: str, code: str, place: str, words: str) -> None:
    (error, *_) = mistakes(text)
    assert (error.code, pointed_at(error)) == (code, place)
    assert words in error.render()


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        ("{by: dev, format: bundel}", "bundel", "did you mean bundle?"),
        ("{by: dev, fault: tampered-sett}", "tampered-sett", "did you mean tampered-set?"),
        ("{by: dev, fault: [no-sct, x]}", "x", "known are wrong-digest"),
        ("{by: dev, copies: 0}", "0", "greater than or equal to 1"),
        ("{by: dev, copies: 2, format: bundle}", "2", "copies is for the format cosign"),
        (
            "{by: dev, repository: lab.test/x, format: bundle}",
            "lab.test/x",
            "repository is for the format cosign",
        ),
        ("{by: dev, repository: 'lab.test/x:v1'}", "'lab.test/x:v1'", "without a tag"),
        ("{by: dev, covers: all}", "all", "needs an image with platforms"),
        ("{by: dev, annotations: {a: b}, format: bundle-message}", "{a: b}", "signs no annotations"),
        ("{by: dev, reference: a/b, format: bundle}", "a/b", "cosign's own formats"),
        ("{by: dev, entry: dsse}", "dsse", "the entry of this is hashedrekord or rekord"),
        ("{by: dev, entry: hashedrekord, format: bundle}", "hashedrekord", "the entry of this is dsse"),
        ("{by: dev, entry: intoto, format: bundle}", "intoto", "the entry of this is dsse"),
        ("{by: dev, entry: rekord, log: false}", "rekord", "no entry where log is false"),
        ("{by: strong}", "strong", "Rekor takes no hashedrekord entry of such a key"),
        ("{by: quick, entry: rekord}", "quick", "set log: false, or format: bundle"),
        ("{by: dev, at: 1999-01-01T00:00:00Z}", "1999-01-01T00:00:00Z", "from 2021-04-01 to 2033-03-29"),
        ("{by: dev, at: 2060-01-01T00:00:00Z}", "2060-01-01T00:00:00Z", "from 2021-04-01 to 2033-03-29"),
    ],
)
def test_signatures(line: str, place: str, words: str) -> None:
    (error,) = mistakes(signed(line))
    assert (error.code, pointed_at(error)) == ("bad-value", place)
    assert words in error.render()


@pytest.mark.parametrize("form", ["cosign-referrer", "bundle-message"])
def test_formats_of_attestations(form: str) -> None:
    (error,) = mistakes(signed(f"{{by: dev, type: t, format: {form}}}", "attestations"))
    assert pointed_at(error) == form


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{by: dev, fault: [expired, expired]}", "given twice"),
        ("{by: dev, fault: bad-checkpoint}", "for the format bundle or bundle-message"),
        ("{by: dev, fault: no-chain, format: bundle}", "for the format cosign or cosign-referrer"),
        ("{by: dev, fault: no-subject}", "for attestations and the format bundle"),
        ("{by: team, fault: no-sct}", "needs a certificate, and the signer has a key"),
        ("{by: dev, fault: tampered-set, log: false}", "needs a log entry, and log is false"),
        ("{by: dev, fault: [tampered-set, no-tlog]}", "no-tlog leaves nothing of the log entry"),
        ("{by: dev, fault: [no-sct, foreign-sct]}", "no-sct leaves nothing of the certificate timestamp"),
    ],
)
def test_impossible_faults(line: str, words: str) -> None:
    error = mistakes(signed(line))[0]
    assert error.code == "impossible-fault"
    assert words in error.message


def test_place_of_an_impossible_fault_is_its_own_in_the_list() -> None:
    (error,) = mistakes(signed("{by: dev, fault: [no-sct, foreign-sct]}"))
    assert pointed_at(error) == "foreign-sct"


def test_unknown_signer() -> None:
    (error,) = mistakes(signed("teem"))
    assert (error.code, pointed_at(error), error.help) == ("unknown-signer", "teem", "did you mean team?")
    (error,) = mistakes("images: [{image: lab.test/app:v1, signatures: [dev]}]")
    assert error.help == ""


def test_image_twice() -> None:
    text = dedent(
        """\
        images:
          - image: lab.test/app:v1
          - image: [lab.test/web:v1, lab.test/app:v1]
        """
    )
    (error,) = mistakes(text)
    assert error.code == "duplicate-image"
    assert str(error.location) == "lab.yaml:3:30"
    ((label, first),) = error.related
    assert (label, str(first)) == ("here first", "lab.yaml:2:12")


def test_missing_field_points_at_what_lacks_it() -> None:
    (error,) = mistakes(signed("{format: bundle}"))
    assert (error.code, pointed_at(error)) == ("missing-field", "{format: bundle}")
    assert error.message == "the field by is missing"


def test_all_mistakes_are_told_in_the_order_of_the_text() -> None:
    text = signed("{by: nobody, fault: bad-checkpoint, covers: all}") + "      - {by: team, fault: no-sct}\n"
    found = mistakes(text)
    assert [pointed_at(error) for error in found] == ["nobody", "bad-checkpoint", "all", "no-sct"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds 0 documents"),
        ("a: 1\n---\nb: 2\n", "holds 2 documents"),
    ],
)
def test_one_document(text: str, words: str) -> None:
    (error,) = mistakes(text)
    assert error.code == "not-a-recipe"
    assert words in error.message


@pytest.mark.parametrize("text", ["[]", "text", "7"])
def test_document_is_a_mapping(text: str) -> None:
    (error,) = mistakes(text)
    assert error.code == "bad-value"


def test_yaml_mistakes_are_those_of_the_reader() -> None:
    (error,) = mistakes("a: 1\na: 2\n")
    assert error.code == "duplicate-key"
