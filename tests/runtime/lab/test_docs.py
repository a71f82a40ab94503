"""What `docs/lab.md` and `policies/control-plane` say is so."""

from __future__ import annotations

import re
from pathlib import Path

from pratique.runtime.lab.authority import EXTENSIONS
from pratique.runtime.lab.faults import CATALOGUE, NOTARY, SIGSTORE, FaultInfo, Format, Part
from pratique.runtime.lab.keys import HashName, KeyType
from pratique.runtime.lab.recipe import AttestationSpec, ImageSpec, SignatureSpec, SignerSpec
from pratique.runtime.lab.signing import EntryKind
from tests.support_lab import memory_lab

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "lab.md").read_text()


def where(info: FaultInfo) -> str:
    """Return the words of the table for the places of a fault."""
    bundles = {form for form in Format if form.is_bundle}
    if info.statement:
        words = "statements"
    elif info.formats == frozenset(Format):
        words = "all"
    elif info.formats == SIGSTORE:
        words = "Sigstore's"
    elif info.formats == NOTARY:
        words = "notary's"
    elif info.formats <= bundles:
        words = "bundles"
    elif not info.formats & bundles:
        words = "cosign's"
    else:
        words = ", ".join(form for form in Format if form in info.formats)
    return f"{words}, keyless" if info.keyless else words


def test_table_of_faults_is_the_catalogue() -> None:
    expected = [
        f"| `{fault}` | {part} | {where(info)} | {info.summary} |"
        for part in Part
        for fault, info in CATALOGUE.items()
        if info.part is part
    ]
    heading = "| fault | spoils | where | what is wrong |\n| --- | --- | --- | --- |\n"
    table = TEXT.partition(heading)[2].partition("\n\n")[0]
    assert table.splitlines() == expected


def test_recipes_in_the_page_build() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert blocks
    for block in blocks:
        assert memory_lab(block).inventory.images


def test_every_field_and_value_is_described() -> None:
    words = set(re.findall(r"`([A-Za-z0-9-]+)`", TEXT))
    for model in (SignerSpec, ImageSpec, SignatureSpec, AttestationSpec):
        assert set(model.model_fields) <= words, model
    for values in (Format, EntryKind, KeyType, HashName):
        assert set(values) <= words, values
    assert {"githubWorkflowRepository", "buildSignerURI", "runnerEnvironment"} <= set(EXTENSIONS)


def test_every_file_of_a_lab_is_described() -> None:
    lab = memory_lab(
        "{signers: {team: {key: ecdsa-p256}},"
        " images: [{image: lab.test/app:v1, signatures: [{by: team, format: notary}]}]}"
    )
    described = TEXT.replace("NAME", "team")
    assert all(f"`{path}`" in described for path in lab.lab.trust)
