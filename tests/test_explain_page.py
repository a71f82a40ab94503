"""docs/explain.md shows what the commands print, and the prices that there are.

`pytest --rewrite-golden tests/test_explain_page.py` writes outputs and tables anew; times are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import pytest

from pratique.compiler import cost
from pratique.compiler.cost import TYPICAL, WORST
from pratique.compiler.explain.stages import PURPOSES
from pratique.runtime.cli import main
from pratique.runtime.lab.build import write_lab
from tests.conftest import ROOT
from tests.support_explain import STORY
from tests.support_lab import recipe_of

PAGE = ROOT / "docs/explain.md"
_BLOCK = re.compile(r"(```text\n\$ (pratique (?:[^\n]*\\\n)*[^\n]*)\n)(.*?)(\n```)", re.DOTALL)
_TIME = re.compile(r"\d+(\.\d)? m?s\b")
MAX_LINES = 40

ASSUMED = {
    "tagged": "images are named by tag",
    "first_suffice": "the first attestors of a threshold signed",
    "referrers_api": "the registry knows the referrers API",
    "signatures": "signatures of an image in each place",
    "statements": "attestations of an image",
    "statement_bytes": "bytes of each beside its signature",
    "manifests": "manifests of an image that are judged (`--platform`)",
    "request_ms": "milliseconds for a request",
}
PRICES = {
    "KEYLESS_MS": ("one keyless signature", "`dev.py bench signatures`: 1,468 genuine ones"),
    "STATEMENT_MS": ("one keyless attestation", "50 of the labs of `policies/`"),
    "BUNDLE_MS": ("one keyless Sigstore bundle", "20 of the labs of `policies/`"),
    "KEY_MS": ("one signature by a key", "genuine ones of `tests/data/signatures`"),
    "NOTARY_MS": ("one Notary signature", "61 of `tests/runtime/test_notary.py`"),
    "INDEX_BYTES": ("an index or manifest of an image", "assumed: five platforms"),
    "SIGNATURE_BYTES": ("a signature in cosign's manifest", "1,471 genuine ones, and what is around them"),
    "PAYLOAD_BYTES": ("a signed payload", "the same"),
    "BUNDLE_BYTES": ("a bundle", "those of the labs"),
    "ENVELOPE_BYTES": ("a Notary envelope", "those of the labs, and a countersignature"),
}


def rows(name: str) -> Iterator[str]:
    """Yield the rows of a table of the page."""
    match name:
        case "stages":
            for stage, asks in PURPOSES.items():
                yield f"| {stage} | {asks} |"
        case "assumptions":
            typical, worst = asdict(TYPICAL), asdict(WORST)
            for field, words in ASSUMED.items():
                yield f"| {words} | {shown(typical[field])} | {shown(worst[field])} |"
        case _:
            for constant, (of, source) in PRICES.items():
                unit = "ms" if constant.endswith("_MS") else "bytes"
                yield f"| {getattr(cost, constant):,} {unit} | {of} | {source} |"


def shown(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value:,}"


def output(command: str, lab: Path) -> str:
    """Return what a command prints; of a long text the beginning and the end."""
    words = command.replace("\\\n", " ").replace("lab/", f"{lab}/").split()
    out = StringIO()
    with redirect_stdout(out):
        assert main(words[1:]) == 0
    text = out.getvalue().rstrip()
    if "--image" in words:
        return "...\n\n" + text[text.index("kube-system/Pod/pod:") :]
    lines = text.splitlines()
    return "\n".join([*lines[:MAX_LINES], "...", *lines[-1:]] if len(lines) > MAX_LINES else lines)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    write_lab(recipe_of((STORY / "lab.yaml").read_text()), folder)
    return folder


def page(lab: Path) -> str:
    """Return the page with outputs and tables as they are now."""
    text = PAGE.read_text()
    text = _BLOCK.sub(lambda found: found[1] + output(found[2], lab) + found[4], text)
    heads = {"stages": "step | asks", "assumptions": " | typical | worst", "prices": "price | of | from"}
    for name, head in heads.items():
        table = re.compile(rf"(\|? ?{re.escape(head)} \|\n\|[ |-]+\|\n)(?:(?:\||@@)[^\n]*\n)+")
        found = table.search(text)
        assert found, name
        text = text[: found.start()] + found[1] + "\n".join(rows(name)) + "\n" + text[found.end() :]
    return text


def test_the_page_shows_what_there_is(
    lab: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(ROOT)
    expected = page(lab)
    if request.config.getoption("--rewrite-golden"):
        PAGE.write_text(expected)
        return
    assert _TIME.sub("T", PAGE.read_text()) == _TIME.sub("T", expected)
    assert "@@" not in expected
