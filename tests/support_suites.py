"""Suites written into a folder, for tests about `pratique test`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pratique.runtime.testing.model import SuiteResult
from pratique.runtime.testing.running import Selector, run_file
from tests.support_policies import rule_policy

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "x:1", "ports": [{"containerPort": 80}]}]},
}
LABELLED = {"pattern": {"metadata": {"labels": {"app": "?*"}}}}


def row(result: str, **more: Any) -> dict[str, Any]:
    return {"policy": "p", "rule": "rule", "resources": ["web"], "kind": "Pod", "result": result, **more}


def write_suite(
    folder: Path,
    results: Sequence[Mapping[str, Any]],
    *,
    policies: Sequence[str] = (),
    resources: Sequence[Mapping[str, Any]] = (POD,),
    files: Mapping[str, Any] | None = None,
    **test: Any,
) -> Path:
    """Write a suite and return its file; `files` are further ones, data or text by name."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = policies or [rule_policy(validate=LABELLED)]
    (folder / "policies.yaml").write_text("\n---\n".join(texts), "utf-8")
    (folder / "resources.yaml").write_text("\n---\n".join(map(json.dumps, resources)), "utf-8")
    for name, content in (files or {}).items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, "utf-8")
    suite = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Test",
        "metadata": {"name": "suite"},
        "policies": ["policies.yaml"],
        "resources": ["resources.yaml"],
        "results": list(results),
        **test,
    }
    path = folder / "kyverno-test.yaml"
    path.write_text(json.dumps(suite), "utf-8")
    return path


def ran(folder: Path, results: Sequence[Mapping[str, Any]], **suite: Any) -> SuiteResult:
    """Write and run a suite, and return what became of it."""
    (result,) = run_file(write_suite(folder, results, **suite), Selector())
    return result


def reasons(result: SuiteResult) -> list[tuple[str, str]]:
    """Return verdict and reason of each row; the suite must have been run."""
    assert not result.problem, result.problem
    return [(str(row.verdict), row.reason) for row in result.rows]
