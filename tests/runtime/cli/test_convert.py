from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from pratique.runtime.cli import main
from tests.support_policies import KEYLESS, cluster_policy

Capture = pytest.CaptureFixture[str]

POLICY = """\
# Above.
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: acme
spec:
  rules:
    - name: verify
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["ghcr.io/acme/*"]
          mutateDigest: false
          attestors:
            - entries:
                # About the key.
                - keys: {kms: "awskms:///alias/release"}
"""
OTHER = "apiVersion: v1\nkind: ConfigMap  # stays\nmetadata: {name: c}\n"


def odd(**more: Any) -> str:
    """Return a policy that uses what cannot be said."""
    entry = {"attestors": [{"entries": [{"keyless": KEYLESS}]}], "cosignOCI11": True, **more}
    return cluster_policy(entry, metadata={"name": "odd"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("policies/sub").mkdir(parents=True)
    Path("policies/acme.yaml").write_text(f"{OTHER}---\n{POLICY}---\n{OTHER}")
    Path("policies/sub/odd.json").write_text(odd())
    return tmp_path


def kinds(text: str) -> list[str]:
    """Return the kinds of the policies in a text."""
    content = read_policies(Source("new.yaml", text))
    assert not content.errors, [str(error) for error in content.errors]
    return [
        *(each.model.kind for each in content.policies),
        *(each.model.kind for each in content.cel_policies),
    ]


def test_new_policies_go_to_standard_output(folder: Path, capsys: Capture) -> None:
    assert main(["convert", "policies/acme.yaml"]) == 0
    out, err = capsys.readouterr()
    assert kinds(out) == ["ImageValidatingPolicy"]
    assert "# Above.\n" in out
    assert "# About the key.\n" in out
    assert "policies/acme.yaml:9:9: ClusterPolicy acme: equivalent, proved -> acme" in err
    assert "ephemeral-containers: " in err


def test_standard_input(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(POLICY.encode())))
    assert main(["convert", "-", "-q"]) == 0
    out, err = capsys.readouterr()
    assert kinds(out) == ["ImageValidatingPolicy"]
    assert err == ""


def test_what_cannot_be_said_leaves_a_policy_out(folder: Path, capsys: Capture) -> None:
    assert main(["convert", "policies", "--check"]) == 1
    out, _ = capsys.readouterr()
    assert "policies/sub/odd.json:5:11: ClusterPolicy odd: left out" in out
    assert "oci11-referrers: an ImageValidatingPolicy looks for signatures" in out
    assert "  witness: an image whose signature in cosign's format is a referrer" in out
    assert "2 image policies: 1 equivalent, 1 different, 1 left out" in out
    assert main(["convert", "policies/sub", "--allow-differences"]) == 1
    assert kinds(capsys.readouterr().out) == ["ImageValidatingPolicy"]


def test_json(folder: Path, capsys: Capture) -> None:
    assert main(["convert", "policies", "--format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    first, second = report["policies"]
    assert (first["policy"], first["status"], first["file"], first["line"]) == (
        "acme",
        "equivalent",
        "policies/acme.yaml",
        9,
    )
    assert kinds(first["converted"][0]["text"]) == ["ImageValidatingPolicy"]
    assert second["converted"] == []
    assert [each["code"] for each in second["differences"]] == ["oci11-referrers"]
    assert second["differences"][0]["line"]
    assert set(first["caveats"]) <= set(report["caveats"])
    assert report["totals"] == {"equivalent": 1, "different": 1, "unknown": 0, "leftOut": 1}


def test_what_is_not_decided_has_an_exit_code_of_its_own(folder: Path, capsys: Capture) -> None:
    keyless = {**KEYLESS, "subjectRegExp": r"\bdev\b"}
    Path("unknown.json").write_text(cluster_policy({"attestors": [{"entries": [{"keyless": keyless}]}]}))
    assert main(["convert", "unknown.json", "--check"]) == 4
    assert "not decided: " in capsys.readouterr().out


def test_files_in_a_folder(folder: Path, capsys: Capture) -> None:
    assert main(["convert", "policies", "-o", "new/", "--allow-differences"]) == 1
    assert kinds(Path("new/acme.yaml").read_text()) == ["ImageValidatingPolicy"]
    assert kinds(Path("new/sub/odd.json").read_text()) == ["ImageValidatingPolicy"]
    assert main(["convert", "policies", "-o", "new", "--allow-differences"]) == 2
    assert "is there already: --force writes over it" in capsys.readouterr().err
    assert main(["convert", "policies", "-o", "new", "--allow-differences", "--force"]) == 1


def test_one_file(folder: Path, capsys: Capture) -> None:
    assert main(["convert", "policies", "-o", "new.yaml"]) == 1
    assert kinds(Path("new.yaml").read_text()) == ["ImageValidatingPolicy"]
    assert main(["convert", "policies", "-o", "new.yaml"]) == 2
    assert main(["convert", "policies", "-o", "new.yaml", "--force"]) == 1
    assert main(["convert", "policies", "-o", "nowhere/new.yaml"]) == 2


def test_in_place(folder: Path, capsys: Capture) -> None:
    assert main(["convert", "policies", "--write"]) == 1
    text = Path("policies/acme.yaml").read_text()
    assert text.startswith(f"{OTHER}---\n# Above.\napiVersion: policies.kyverno.io/v1\n")
    assert text.endswith(f"---\n{OTHER}")
    assert kinds(text) == ["ImageValidatingPolicy"]
    assert Path("policies/sub/odd.json").read_text() == odd()


def test_a_policy_in_a_list_is_not_written_back(folder: Path, capsys: Capture) -> None:
    body = POLICY.removeprefix("# Above.\n").replace("\n", "\n  ")
    listed = f"apiVersion: v1\nkind: List\nitems:\n- {body}\n"
    Path("list.yaml").write_text(listed)
    assert main(["convert", "list.yaml", "--write"]) == 2
    assert "a policy in a list cannot be written back" in capsys.readouterr().err
    assert Path("list.yaml").read_text() == listed
    assert main(["convert", "list.yaml"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--write", "--check"],
        ["--force"],
        ["-", "--write"],
    ],
)
def test_options_that_do_not_go_together(folder: Path, arguments: list[str]) -> None:
    assert main(["convert", "policies", *arguments]) == 2


def test_mistakes_are_told_and_nothing_is_written(folder: Path, capsys: Capture) -> None:
    Path("policies/bad.yaml").write_text(POLICY.replace("imageReferences", "imageReference"))
    assert main(["convert", "policies", "-o", "new/"]) == 2
    assert "policies/bad.yaml:11:11" in capsys.readouterr().err
    assert not Path("new").exists()
