"""Suites about images: a lab beside the suite stands for registries."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.lab.build import write_lab
from pratique.runtime.testing.running import Selector, run_file, run_files
from tests.support_lab import recipe_of
from tests.support_policies import cluster_policy, rule_policy
from tests.support_suites import POD, ran, reasons, row, write_suite

RECIPE = """\
sigstore: {seed: suites, at: 2026-01-15T12:00:00Z}
signers:
  dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
  ops: {subject: ops@acme.example, issuer: https://accounts.google.com}
images:
  - image: ghcr.io/acme/app:v1
    signatures: [{by: dev}]
  - image: ghcr.io/acme/app:v2
    signatures: [{by: ops}]
"""
OFF = {"verifyDigest": False, "required": False}
VERIFY = cluster_policy(OFF, metadata={"name": "p"}, rule={"name": "rule"})


def running(image: str, name: str) -> dict[str, Any]:
    return {**POD, "metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": image}]}}


RESOURCES = [running("ghcr.io/acme/app:v1", "good"), running("ghcr.io/acme/app:v2", "bad")]
ROWS = [row("pass", resources=["good"]), row("fail", resources=["bad"])]


def test_a_recipe_beside_the_suite(tmp_path: Path) -> None:
    result = ran(tmp_path, ROWS, policies=[VERIFY], resources=RESOURCES, files={"lab.yaml": RECIPE})
    assert result.problem == ""
    assert not result.failures
    assert {row.reason for row in result.rows} == {"Ok"}


def test_a_lab_beside_the_suite(tmp_path: Path) -> None:
    write_lab(recipe_of(textwrap.indent(RECIPE, "  ")), tmp_path / "lab")
    result = ran(tmp_path, ROWS, policies=[VERIFY], resources=RESOURCES)
    assert (result.problem, result.failures) == ("", 0)


def test_suites_with_labs_in_several_processes(tmp_path: Path) -> None:
    files = [
        write_suite(tmp_path / name, ROWS, policies=[VERIFY], resources=RESOURCES, files={"lab.yaml": RECIPE})
        for name in "abc"
    ]
    assert [result.failures for result in run_files(files, Selector(), 2)] == [0, 0, 0]


def test_context_entries_about_images(tmp_path: Path) -> None:
    entry = {"name": "image", "imageRegistry": {"reference": "ghcr.io/acme/app:v1"}}
    condition = {"key": "{{ image.repository }}", "operator": "NotEquals", "value": "acme/app"}
    deny = {"message": "no", "deny": {"conditions": {"any": [condition]}}}
    policy = rule_policy(validate=deny, context=[entry])
    with_lab = ran(tmp_path / "a", [row("pass")], policies=[policy], files={"lab.yaml": RECIPE})
    assert reasons(with_lab) == [("Pass", "Ok")]
    # Without images nobody answers the entry, which then is not there.
    assert reasons(ran(tmp_path / "b", [row("error")], policies=[policy])) == [("Pass", "Ok")]


def test_a_suite_about_images_needs_a_lab_or_registries(tmp_path: Path) -> None:
    result = ran(tmp_path, ROWS, policies=[VERIFY], resources=RESOURCES)
    assert result.failures == 1
    assert "put lab.yaml beside it" in result.problem


def test_registries_are_asked_where_that_is_wanted(tmp_path: Path) -> None:
    image = running("localhost:1/acme/app:v1", "good")
    entry = {**OFF, "imageReferences": ["localhost:1/*"]}
    policy = cluster_policy(entry, metadata={"name": "p"}, rule={"name": "rule"})
    path = write_suite(tmp_path, [row("error", resources=["good"])], policies=[policy], resources=[image])
    (result,) = run_file(path, Selector(), registries=True)
    assert (result.problem, result.failures) == ("", 0)


@pytest.mark.parametrize("recipe", ["images: 1", "{", "a: b\n---\nc: d"])
def test_a_recipe_that_cannot_be_read(tmp_path: Path, recipe: str) -> None:
    result = ran(tmp_path, ROWS, policies=[VERIFY], resources=RESOURCES, files={"lab.yaml": recipe})
    assert "lab.yaml" in result.problem
