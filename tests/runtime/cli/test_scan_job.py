from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.runtime.cli import main
from pratique.runtime.cli.parser import parse
from tests.support_fleet import LABELLED

Capture = pytest.CaptureFixture[str]
MANIFEST = ("scan", "policy.yaml", "--job-manifest", "--job-image", "ghcr.io/x/pratique@sha256:00")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(LABELLED)
    return tmp_path


def printed(capsys: Capture, *more: str) -> dict[str, Any]:
    assert main([*MANIFEST, *more]) == 0
    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in documents}


def test_objects_are_printed_with_what_to_do_with_them(capsys: Capture) -> None:
    assert main([*MANIFEST, "--job-shards", "8", "--job-name", "fleet"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("# kubectl apply -f THIS\n# kubectl -n pratique wait ")
    assert "job/fleet-merge" in out
    assert "completions: 8\n" in out
    assert "note: Secrets that Pods name" in err


def test_what_arguments_name_goes_along(folder: Path, capsys: Capture) -> None:
    (folder / "root.json").write_text("{}")
    (folder / "values.yaml").write_text("kind: Values\n")
    (folder / "e.yaml").write_text("kind: PolicyException\n")
    found = printed(
        capsys,
        *("--trusted-root", "root.json", "-f", "values.yaml", "-e", "e.yaml", "-s", "a=b"),
        *("--mirror", "docker.io=https://m.example", "--platform", "all", "--registry-timeout", "7"),
    )
    texts = {"policy-000.yaml": LABELLED, "root-000.json": "{}", "values.yaml": "kind: Values\n"}
    assert found["ConfigMap/pratique-scan"]["data"] == texts | {
        "exceptions-000-000.yaml": "kind: PolicyException\n"
    }
    container = found["Job/pratique-scan"]["spec"]["template"]["spec"]["containers"][0]
    assert container["args"][6:] == [
        "--exception=/etc/pratique/exceptions-000-000.yaml",
        "--values-file=/etc/pratique/values.yaml",
        "--set=a=b",
        "--trusted-root=/etc/pratique/root-000.json",
        "--mirror=docker.io=https://m.example",
        "--registry-timeout=7",
        "--platform=all",
    ]


def test_the_arguments_are_those_of_scan(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    found = printed(capsys)
    shards, merge = (
        found[f"Job/pratique-scan{ending}"]["spec"]["template"]["spec"]["containers"][0]["args"]
        for ending in ("", "-merge")
    )
    assert parse(shards).args.shard == (1, 4)
    assert parse(merge).args.merge == [Path("/state")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--registry-layout", "."], "a Job cannot use --registry-layout: it means this machine"),
        (["--inventory", "x"], "a Job cannot use --inventory"),
        (["--state", "x"], "a Job cannot use --state"),
        (["--job-shards", "0"], "'0' is not a number of shards"),
        (["--job-name", "A b"], "'A b' is no name of a Kubernetes object"),
        (["none.yaml"], "there is no file none.yaml"),
    ],
)
def test_what_cannot_be_done(capsys: Capture, arguments: list[str], message: str) -> None:
    assert main([*MANIFEST, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_image_and_policies_are_needed(capsys: Capture) -> None:
    assert main(["scan", "policy.yaml", "--job-manifest"]) == 2
    assert "--job-manifest needs --job-image" in capsys.readouterr().err
    assert main(["scan", "--job-manifest", "--job-image", "i"]) == 2
