from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.cli import main, verify
from pratique.runtime.decision import Reason
from pratique.runtime.verification import SignatureLine, VerifyReport
from tests.support_reports import DIGEST, IMAGE

Capture = pytest.CaptureFixture[str]
WHO = ["--identity", "who@example.com", "--issuer", "https://issuer.example"]
GOOD = SignatureLine(
    met=True, signer="who@example.com", issuer="https://issuer.example", signed_at=0, log_index=7
)


def found(*, met: bool) -> VerifyReport:
    reason = Reason(code="signed" if met else "no-signature", text="the reason", met=met)
    return VerifyReport(image=IMAGE, digest=DIGEST, met=met, signatures=(GOOD,) if met else (), reason=reason)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[argparse.Namespace]:
    """Return the arguments of every evaluation; the image is always signed by the right one."""
    calls: list[argparse.Namespace] = []

    def evaluate(args: argparse.Namespace) -> VerifyReport:
        calls.append(args)
        return found(met=True)

    monkeypatch.setattr(verify, "evaluate", evaluate)
    return calls


def test_a_good_signature(seen: list[argparse.Namespace], capsys: Capture) -> None:
    assert main(["verify", IMAGE, *WHO]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"✓ {IMAGE}: verified\n  digest {DIGEST}\n  ✓ signed by who@example.com")
    assert "on 1970-01-01T00:00:00Z, log entry 7" in out


def test_no_good_signature(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(verify, "evaluate", lambda _: found(met=False))
    assert main(["verify", IMAGE, *WHO]) == 1
    assert "not verified" in capsys.readouterr().out
    assert main(["verify", IMAGE, *WHO, "-o", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["verified"] is False


def test_a_fault_of_transport(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def evaluate(_: Any) -> VerifyReport:
        raise TransportError("registry-timeout", "host: timed out")

    monkeypatch.setattr(verify, "evaluate", evaluate)
    assert main(["verify", IMAGE, *WHO]) == 3
    assert capsys.readouterr() == ("", "pratique: error[registry-timeout]: host: timed out\n")


def test_detailed_adds_the_reasons(seen: list[argparse.Namespace], capsys: Capture) -> None:
    main(["verify", IMAGE, *WHO, "--detailed"])
    assert "✓ the reason [signed]" in capsys.readouterr().out


def test_spellings_of_cosign(seen: list[argparse.Namespace]) -> None:
    assert main(["verify", IMAGE, *WHO, "--ignore-tlog", "--ignore-sct"]) == 0
    cosign = ["--certificate-identity=who@example.com", "--certificate-oidc-issuer=https://issuer.example"]
    cosign += ["--insecure-ignore-tlog=true", "--insecure-ignore-sct"]
    assert main(["verify", *cosign, IMAGE]) == 0
    assert main(["verify", IMAGE, "--identity-regexp", "a", "--issuer-regexp", "b"]) == 0
    again = ["--certificate-identity-regexp", "a", "--certificate-oidc-issuer-regexp", "b"]
    assert main(["verify", *again, IMAGE]) == 0
    assert vars(seen[0]) == vars(seen[1])
    assert vars(seen[2]) == vars(seen[3])
    assert vars(seen[0]) != vars(seen[2])


def test_a_key(seen: list[argparse.Namespace], tmp_path: Path) -> None:
    key = tmp_path / "cosign.pub"
    key.touch()
    assert main(["verify", IMAGE, "--key", str(key)]) == 0
    assert seen[0].key == key


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--identity", "a"],
        ["--issuer", "b"],
        ["--identity", "", "--issuer", "b"],
        ["--identity", "a", "--identity-regexp", "a", "--issuer", "b"],
        ["--identity", "a", "--issuer", "b", "--issuer-regexp", "b"],
        ["--key", "pyproject.toml", "--identity", "a", "--issuer", "b"],
        ["--key", "pyproject.toml", "--issuer", "b"],
        ["--key", "no-such-key"],
        ["--no-such-flag"],
    ],
)
def test_an_open_demand_is_refused(
    words: list[str], seen: list[argparse.Namespace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    assert main(["verify", IMAGE, *words]) == 2
    assert seen == []
