"""`pratique verify --bundle`: any bundle of any artifact, offline."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from pratique.runtime.cli import main
from tests.support_lab import EMAIL, ISSUER, MemoryLab, memory_lab

Capture = pytest.CaptureFixture[str]
WHO = ["--certificate-identity", EMAIL, "--certificate-oidc-issuer", ISSUER]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)


class Folder:
    """A folder with a bundle, its artifact and what is trusted."""

    def __init__(self, path: Path, form: str, by: str = "dev", more: str = "") -> None:
        self.lab: MemoryLab = memory_lab(
            f"""
            signers:
              dev: {{issuer: {ISSUER}, subject: {EMAIL}}}
              team: {{key: ecdsa-p256}}
              other: {{key: ecdsa-p256}}
            images:
              - image: lab.test/app:v1
                signatures: [{{by: {by}, format: {form}{more}}}]
            """
        )
        self.path = path
        self.digest = self.lab.image().digest
        self.artifact = self.write("artifact", self.lab.blob(self.digest))
        self.bundle = self.write("bundle.json", json.dumps(self.lab.bundles()[0]).encode())
        self.root = self.write("root.json", self.lab.trusted_root.encode())

    def write(self, name: str, data: bytes) -> str:
        (self.path / name).write_bytes(data)
        return str(self.path / name)

    def key(self, name: str) -> list[str]:
        return ["--key", self.write(name, self.lab.lab.trust[f"trust/keys/{name}.pub"].encode())]

    def run(self, *who: str, artifact: str = "", root: bool = True) -> int:
        trusted = ["--trusted-root", self.root] if root else []
        return main(["verify", "--bundle", self.bundle, *who, *trusted, artifact or self.artifact])


@pytest.mark.parametrize("form", ["bundle", "bundle-message"])
def test_a_file_and_a_digest(tmp_path: Path, form: str, capsys: Capture) -> None:
    folder = Folder(tmp_path, form)
    assert folder.run(*WHO) == 0
    assert f"signed by {EMAIL}, vouched for by {ISSUER}" in capsys.readouterr().out
    assert folder.run(*WHO, artifact=folder.digest) == 0
    upper = "sha256:" + folder.digest.removeprefix("sha256:").upper()
    assert folder.run("--identity", EMAIL, "--issuer", ISSUER, artifact=upper) == 0


@pytest.mark.parametrize("form", ["bundle", "bundle-message"])
def test_managed_keys(tmp_path: Path, form: str, capsys: Capture) -> None:
    folder = Folder(tmp_path, form, by="team")
    assert folder.run(*folder.key("team")) == 0
    assert folder.run(*folder.key("other")) == 1
    assert "log-entry-mismatch" in capsys.readouterr().out
    assert folder.run(*WHO) == 1
    assert "certificate-missing" in capsys.readouterr().out


def test_a_key_without_log(tmp_path: Path, capsys: Capture) -> None:
    folder = Folder(tmp_path, "bundle", by="team", more=", fault: no-tlog")
    assert folder.run(*folder.key("team")) == 1
    assert "not-logged" in capsys.readouterr().out
    assert folder.run(*folder.key("team"), "--ignore-tlog") == 0
    assert folder.run(*folder.key("other"), "--ignore-tlog") == 1
    assert "signature-invalid" in capsys.readouterr().out


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_other_digests(tmp_path: Path, algorithm: str, capsys: Capture) -> None:
    folder = Folder(tmp_path, "bundle")
    digest = hashlib.new(algorithm, Path(folder.artifact).read_bytes()).hexdigest()
    assert folder.run(*WHO, artifact=f"{algorithm}:{digest}") == 1
    assert "digest-mismatch" in capsys.readouterr().out  # the statement names SHA-256 alone
    assert folder.run(*WHO, artifact=f"{algorithm}:{digest[1:]}") == 2


def test_each_refusal_names_its_check(tmp_path: Path, capsys: Capture) -> None:
    folder = Folder(tmp_path, "bundle")
    other = folder.write("other", b"another artifact")
    for arguments, artifact, code in [
        (WHO, other, "digest-mismatch"),
        (WHO, "sha256:" + "0" * 64, "digest-mismatch"),
        (["--identity", "x@y.example", "--issuer", ISSUER], "", "identity-mismatch"),
        (["--identity", EMAIL, "--issuer", "https://x.example"], "", "identity-mismatch"),
    ]:
        assert folder.run(*arguments, "-o", "json", artifact=artifact) == 1
        report = json.loads(capsys.readouterr().out)
        assert (report["verified"], report["reason"]["code"]) == (False, code)


def test_the_public_root_is_the_default(tmp_path: Path, capsys: Capture) -> None:
    folder = Folder(tmp_path, "bundle")
    assert folder.run(*WHO, root=False) == 1
    assert "log-key-unknown" in capsys.readouterr().out


def test_what_cannot_be_used(tmp_path: Path, capsys: Capture) -> None:
    folder = Folder(tmp_path, "bundle")
    assert folder.run(*WHO, artifact=str(tmp_path / "absent")) == 2
    assert folder.run("--key", folder.write("key", b"no key")) == 2
    assert folder.run("--identity", EMAIL) == 2
    folder.root = folder.write("bad-root.json", b"{}")
    assert folder.run(*WHO) == 3
    folder.bundle = str(tmp_path / "absent")
    assert folder.run(*WHO) == 2
    capsys.readouterr()


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"[" * 10_000, b" " * ((10 << 20) + 1)])
def test_bundles_that_are_none(tmp_path: Path, body: bytes, capsys: Capture) -> None:
    folder = Folder(tmp_path, "bundle")
    folder.write("bundle.json", body)
    assert folder.run(*WHO) == 1
    assert "bundle-" in capsys.readouterr().out
