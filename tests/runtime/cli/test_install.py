"""`pratique install`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pratique.runtime.cli import main

KUBECONFIG = """\
current-context: c
contexts: [{name: c, context: {cluster: k}}]
clusters: [{name: k, cluster: {server: "http://127.0.0.1:1"}}]
"""
IMAGE = "registry.example/own/pratique:1"


def test_the_objects_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--image", IMAGE, "--dry-run", "-n", "ops", "--exclude-namespace", ""]) == 0
    objects = list(yaml.safe_load_all(capsys.readouterr().out))
    assert objects[0]["kind"] == "Namespace"
    assert objects[0]["metadata"]["name"] == "ops"
    assert objects[-1]["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--image"),
        (["--image", "UPPER"], "--image"),
        (["--image", IMAGE], "give --dry-run, or a cluster"),
        (["--image", IMAGE, "--dry-run=server"], "give --dry-run, or a cluster"),
        (["--image", IMAGE, "--dry-run=all"], "invalid choice"),
        (["--image", IMAGE, "--dry-run", "--replicas", "0"], "not a number from 1 to 100"),
        (["--image", IMAGE, "--dry-run", "--argument=serve"], "no option of `pratique serve`"),
        (["--image", IMAGE, "--dry-run", "-n", "a/b"], "no name of a Kubernetes object"),
    ],
)
def test_what_cannot_be_done(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", *arguments]) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("dry_run", [[], ["--dry-run=server"]])
def test_a_cluster_that_does_not_answer(
    dry_run: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config"
    config.write_text(KUBECONFIG)
    assert main(["install", "--image", IMAGE, "--kubeconfig", str(config), *dry_run]) == 3
    said = capsys.readouterr()
    assert "cluster-unreachable" in said.err
    assert said.out == ""
