"""Attestors as they are written, what cannot be said of them, and what Kyverno overlooks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support_converting import codes, converted, draft
from tests.support_policies import KEYLESS

PEM = "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n"
LOG = {"url": "https://rekor.sigstore.dev"}


def entry(*attestors: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"attestors": [{"entries": list(attestors)}], **more}


def written(*attestors: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = draft(entry(*attestors, **more)).data["spec"]["attestors"]
    return found


def keyless(**parts: Any) -> dict[str, Any]:
    return {"keyless": {**KEYLESS, **parts}}


def test_identities() -> None:
    identity = {"issuer": "https://accounts.google.com", "subject": "dev@acme.example"}
    assert written(keyless()) == [
        {"name": "keyless", "cosign": {"keyless": {"identities": [identity]}, "ctlog": LOG}}
    ]


def test_identities_with_wildcards_are_expressions_of_the_whole_text() -> None:
    (made,) = written(keyless(subject="*@acme.example"))
    (identity,) = made["cosign"]["keyless"]["identities"]
    assert identity == {
        "issuer": "https://accounts.google.com",
        "subjectRegExp": r"(?s)^.*@acme\.example$",
    }


def test_whoever_is_not_named_is_anybody() -> None:
    (made,) = written({"keyless": {"issuer": "https://accounts.google.com", "rekor": LOG}})
    assert made["cosign"]["keyless"]["identities"][0]["subjectRegExp"] == ".*"


def test_keys_each_of_its_own() -> None:
    pems = PEM.format("YQ==") + PEM.format("Yg==")
    made = written(
        {"keys": {"publicKeys": pems, "signatureAlgorithm": "sha384", "rekor": {"ignoreTlog": True}}}
    )
    assert [each["name"] for each in made] == ["key1", "key2"]
    assert made[1]["cosign"] == {
        "key": {"data": PEM.format("Yg=="), "hashAlgorithm": "sha384"},
        "ctlog": {"insecureIgnoreTlog": True},
    }


@pytest.mark.parametrize(
    ("keys", "reference"),
    [
        ({"kms": "awskms:///alias/release"}, "awskms:///alias/release"),
        ({"secret": {"name": "cosign", "namespace": "kyverno"}}, "k8s://kyverno/cosign"),
        ({"publicKeys": "k8s://kyverno/cosign"}, "k8s://kyverno/cosign"),
    ],
)
def test_keys_by_reference(keys: dict[str, Any], reference: str) -> None:
    (made,) = written({"keys": {**keys, "rekor": LOG}})
    assert made["cosign"]["key"] == {"kms": reference}


def test_logs_keep_their_keys_and_get_an_address() -> None:
    logs = {"rekor": {"pubkey": "R"}, "ctlog": {"ignoreSCT": True, "tsaCertChain": "T"}}
    (made,) = written({"keys": {"kms": "awskms:///k", **logs}})
    assert made["cosign"]["ctlog"] == {
        "url": "https://rekor.sigstore.dev",
        "rekorPubKey": "R",
        "tsaCertChain": "T",
        "insecureIgnoreSCT": True,
    }


def test_repositories_and_notary() -> None:
    (made,) = written(keyless(), repository="ghcr.io/acme/signatures")
    assert made["cosign"]["source"] == {"repository": "ghcr.io/acme/signatures"}
    (made,) = written({"certificates": {"cert": "A\n", "certChain": "B\n"}}, type="Notary")
    assert made == {"name": "notary", "notary": {"certs": {"value": "A\nB\n"}}}


def test_statements_have_names() -> None:
    kinds = [
        "https://slsa.dev/provenance/v1",
        "https://slsa.dev/provenance/v0.2",
        "https://acme.example/review",
    ]
    attestations = [{"type": kind, "attestors": [{"entries": [keyless()]}]} for kind in kinds]
    attestations[2]["name"] = "review"
    made = draft({"attestors": [], "attestations": attestations}).data["spec"]["attestations"]
    assert [(each["name"], each["intoto"]["type"]) for each in made] == [
        ("provenance1", kinds[0]),
        ("provenance2", kinds[1]),
        ("review", kinds[2]),
    ]


@pytest.mark.parametrize(
    ("attestor", "more", "code", "is_final"),
    [
        (keyless(issuer="*google*", issuerRegExp="^https"), {}, "two-tests", True),
        (keyless(subject="{{ request.object.metadata.name }}"), {}, "variables", True),
        (keyless(), {"cosignOCI11": True}, "oci11-referrers", False),
        (
            {"certificates": {"cert": "A"}, "annotations": {"a": "b"}},
            {"type": "Notary"},
            "notary-annotations",
            False,
        ),
    ],
)
def test_what_cannot_be_said(
    attestor: dict[str, Any], more: dict[str, Any], code: str, is_final: bool
) -> None:
    made = converted(entry(attestor, **more))
    found = [each for each in made.differences if each.code == code]
    assert found
    assert found[0].witness
    assert found[0].location is not None
    assert found[0].is_final is is_final is made.is_final


@pytest.mark.parametrize(
    ("attestor", "code"),
    [
        (keyless(additionalExtensions={"githubWorkflowRepository": "a/b"}), "certificate-extensions"),
        (keyless(roots="R"), "own-authorities"),
        ({**keyless(), "annotations": {"env": "prod"}}, "signed-annotations"),
    ],
)
def test_what_kyverno_overlooks(attestor: dict[str, Any], code: str) -> None:
    made = converted(entry(attestor))
    assert codes(made, engine="kyverno") == [code]
    place = made.differences[0].location
    assert place is not None
    line = place.source.line(place.span.start.line)
    named = line[place.span.start.column - 1 : place.span.end.column - 1]
    assert code == "signed-annotations" or named in ("additionalExtensions", "roots")
    assert codes(made) == []
