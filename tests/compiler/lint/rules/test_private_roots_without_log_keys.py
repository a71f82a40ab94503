from __future__ import annotations

import json
import textwrap
from base64 import b64decode
from hashlib import sha256
from importlib import resources
from typing import Any

import pytest

from pratique.compiler.lint.rules.private_roots_without_log_keys import PUBLIC_ROOTS
from tests.support_attestors import PEM, attestor, keyless
from tests.support_lint import findings

CODE = "PRQ029"
PRIVATE = "-----BEGIN CERTIFICATE-----\nMIIBdDCCARmgAwIBAgIBATAK\n-----END CERTIFICATE-----\n"
PUBLIC = {"url": "https://rekor.sigstore.dev"}
OWN = {"url": "https://rekor.acme.example"}
NO_SCT = {"ignoreSCT": True}


def private(**changes: Any) -> str:
    return keyless(roots=PRIVATE, **changes)


def keys(**more: Any) -> str:
    return attestor(keys={"publicKeys": PEM, **more})


@pytest.mark.parametrize(
    ("text", "about"),
    [
        (private(), ["entry", "timestamp"]),
        (private(rekor=None, ctlog=NO_SCT), ["entry"]),
        (private(ctlog=NO_SCT), ["entry"]),
        (private(rekor=OWN | {"pubkey": PEM}), ["timestamp"]),
        (private(rekor=OWN | {"ignoreTlog": True}), ["timestamp"]),
        (keyless(rekor=OWN), ["entry"]),
        (keys(rekor=OWN), ["entry"]),
    ],
)
def test_logs_without_keys(text: str, about: list[str]) -> None:
    messages = [finding.problem.message for finding in findings(text, CODE)]
    assert sorted(message.split()[1] for message in messages) == about


@pytest.mark.parametrize(
    "text",
    [
        keyless(),
        keyless(rekor={"url": "https://log2025-1.rekor.sigstore.dev"}),
        keyless(rekor={"url": "{{ request.object.metadata.name }}"}),
        private(rekor=OWN | {"pubkey": PEM}, ctlog={"pubkey": PEM}),
        private(rekor=OWN | {"pubkey": PEM}, ctlog=NO_SCT),
        private(rekor=OWN | {"ignoreTlog": True}, ctlog=NO_SCT),
        keys(rekor=PUBLIC),
        keys(),
        keys(rekor=OWN | {"ignoreTlog": True}),
    ],
)
def test_logs_that_can_be_checked(text: str) -> None:
    assert findings(text, CODE) == []


def test_the_roots_of_the_public_sigstore_are_known() -> None:
    roots = [
        json.loads((folder / "trusted_root.json").read_text())
        for folder in (resources.files("sigstore") / "_store").iterdir()
        if folder.is_dir() and (folder / "trusted_root.json").is_file()
    ]
    certificates = {
        certificate["rawBytes"]
        for root in roots
        for authority in root["certificateAuthorities"]
        for certificate in authority["certChain"]["certificates"]
    }
    assert {sha256(b64decode(raw)).hexdigest() for raw in certificates} == PUBLIC_ROOTS
    for raw in certificates:
        pem = f"-----BEGIN CERTIFICATE-----\n{textwrap.fill(raw, 64)}\n-----END CERTIFICATE-----\n"
        assert findings(keyless(roots=pem), CODE) == []
