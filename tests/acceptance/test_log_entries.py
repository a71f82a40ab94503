"""C8: a log entry must be of this very signature, whatever the format, the signer and the trust root."""

from pathlib import Path

import pytest

from pratique.runtime.cli import main
from pratique.runtime.lab.build import Lab, write_lab
from pratique.runtime.signatures import root_sources
from pratique.runtime.signatures.trust_root import TrustRoot
from tests.support_lab import recipe_of

FORMS = ("cosign", "bundle")
SIGNERS = {
    "dev": ["--identity", "dev@acme.example", "--issuer", "https://accounts.google.com"],
    "team": ["--key", "trust/keys/team.pub"],
}
FAULTS = ("none", "swapped-bundle", "wrong-payload-digest")
RECIPE = """
signers:
  dev: {issuer: https://accounts.google.com, subject: dev@acme.example}
  team: {key: ecdsa-p256}
images:
""" + "\n".join(
    f"  - image: lab.test/{form}-{signer}:{fault}\n    signatures: [{{by: {signer}, format: {form}"
    + (f", fault: {fault}}}]" if fault != "none" else "}]")
    for form in FORMS
    for signer in SIGNERS
    for fault in FAULTS
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lab]:
    folder = tmp_path_factory.mktemp("lab")
    return folder, write_lab(recipe_of(RECIPE), folder)


@pytest.mark.parametrize("root", ["given", "embedded"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("form", FORMS)
def test_c8_c1_the_log_entry_is_compared_over_the_whole_matrix(
    lab: tuple[Path, Lab],
    form: str,
    signer: str,
    fault: str,
    root: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, _ = lab
    trusted = folder / "trust/trusted_root.json"
    if root == "embedded":
        inside = TrustRoot.from_json(trusted.read_bytes(), "public")
        monkeypatch.setattr(root_sources, "_embedded", lambda *_, **__: inside)
    who = [text.replace("trust/", f"{folder}/trust/") for text in SIGNERS[signer]]
    given = ["--trusted-root", str(trusted)] if root == "given" else []
    code = main(
        [
            "verify",
            f"lab.test/{form}-{signer}:{fault}",
            *who,
            "--registry-layout",
            str(folder / "layout"),
            "--offline",
            "-o",
            "json",
            *given,
        ]
    )
    printed = capsys.readouterr()
    assert code == (0 if fault == "none" else 1), printed
    if fault != "none":
        assert '"log-entry-mismatch"' in printed.out
