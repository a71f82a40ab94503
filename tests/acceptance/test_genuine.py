"""Genuine production signatures, through the command line, from an OCI layout: the digest is all there is."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support_genuine import records, write_layout

PRATIQUE = str(Path(sys.executable).with_name("pratique"))
GOOGLE = "https://accounts.google.com"

VERIFIED, REJECTED = records("verified", "more"), records("rejected")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("genuine")
    good = [(record["repository"], record) for record in VERIFIED]
    # One shares its digest with a good one: a registry of its own.
    bad = [(f"rejected.example/{record['layer']['digest'][7:17]}", record) for record in REJECTED]
    write_layout(folder, good + bad)
    return folder


def verify(image: str, layout: Path, *signer: str) -> tuple[int, dict[str, Any]]:
    run = subprocess.run(
        [PRATIQUE, "verify", image, *signer, "--registry-layout", layout, "--offline", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode in (0, 1), run.stderr
    return run.returncode, json.loads(run.stdout)


def signer(record: dict[str, Any], folder: Path) -> list[str]:
    if record["kind"] == "key":
        path = folder / "key.pem"
        path.write_text(record["public_key"])
        return ["--key", str(path)]
    expected = record["expected"]
    return ["--identity", expected["subject"], "--issuer", expected["issuer"] or GOOGLE]


@pytest.mark.parametrize("record", VERIFIED, ids=lambda r: r["image"])
def test_verifies_with_the_identity_it_names_and_no_other(
    record: dict[str, Any], layout: Path, tmp_path: Path
) -> None:
    image = f"{record['repository']}@{record['digest']}"
    code, facts = verify(image, layout, *signer(record, tmp_path))
    assert (code, facts["verified"]) == (0, True), facts
    index = record["expected"]["logIndex"]
    assert index in [s["logIndex"] for s in facts["signatures"] if s["verified"]]
    code, facts = verify(image, layout, "--identity", "stranger@example.com", "--issuer", GOOGLE)
    assert (code, facts["verified"]) == (1, False)


CODES = {"01": {"sct-missing"}, "02": {"chain-untrusted", "sct-missing"}, "03": {"bundle-malformed"}}


@pytest.mark.parametrize("record", REJECTED, ids=lambda r: r["image"])
def test_rejected_for_its_own_reason(record: dict[str, Any], layout: Path, tmp_path: Path) -> None:
    image = f"rejected.example/{record['layer']['digest'][7:17]}@{record['digest']}"
    code, facts = verify(image, layout, *signer(record, tmp_path))
    assert (code, facts["verified"]) == (1, False)
    (found,) = facts["reason"]["children"]
    assert found["code"] in set().union(*CODES.values())
    assert found["code"] in CODES[f"0{REJECTED.index(record) + 1}"]
