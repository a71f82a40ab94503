"""The policies of real publishers, each folder against its own lab and its own expectations.

A folder of `policies/` with a `policy.yaml` is found by itself. Its `kyverno-test.yaml` says which rows there
are and their results; the annotation `pratique.dev/expected-reason` of a resource says why it is refused.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "policies").glob("*/policy.yaml"))
PRATIQUE = str(Path(sys.executable).with_name("pratique"))
REASON = "pratique.dev/expected-reason"
KEY = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)

Row = tuple[str, str, str]
"""Rule as written in the policy, kind and name of the resource."""

each = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def pratique(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PRATIQUE, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )


def read(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def expectations(folder: Path) -> dict[Row, str]:
    (test,) = read(folder / "kyverno-test.yaml")
    return {
        (result["rule"], result["kind"], name): result["result"]
        for result in test["results"]
        for name in result["resources"]
    }


def reasons(folder: Path) -> dict[tuple[str, str], str]:
    """Return the annotated reason by kind and name of the resource."""
    return {
        (resource["kind"], resource["metadata"]["name"]): resource["metadata"]["annotations"][REASON]
        for resource in read(folder / "resources.yaml")
        if REASON in resource["metadata"].get("annotations", {})
    }


def row(rule: str, resource: dict[str, str]) -> Row:
    written = rule.removeprefix("autogen-cronjob-").removeprefix("autogen-")
    return written, resource["kind"], resource["name"]


def deepest_unmet(reason: dict[str, Any]) -> Iterator[str]:
    """Yield the codes of the nodes that are not met and have no such node under them."""
    unmet = [child for child in reason.get("children", ()) if not child["met"]]
    if not reason["met"] and not unmet:
        yield reason["code"]
    for child in unmet:
        yield from deepest_unmet(child)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture
def outcome(
    folder: Path, outcomes: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Return what `pratique apply -o json` says of a folder's own policy, resources and lab."""
    if folder.name not in outcomes:
        lab = tmp_path_factory.mktemp("labs") / folder.name
        built = pratique("lab", "build", folder / "lab.yaml", "-o", lab)
        assert built.returncode == 0, built.stderr
        (test,) = read(folder / "kyverno-test.yaml")
        applied = pratique(
            "apply",
            *(folder / name for name in test["policies"]),
            *(part for name in test["resources"] for part in ("-r", folder / name)),
            "--registry-layout",
            lab / "layout",
            "--trusted-root",
            lab / "trust/trusted_root.json",
            "--offline",
            "-o",
            "json",
        )
        assert applied.returncode == 1, applied.stderr
        outcomes[folder.name] = json.loads(applied.stdout)
    return outcomes[folder.name]


def test_there_are_folders() -> None:
    assert len(FOLDERS) >= 15


@each
def test_rows_are_the_expected_ones_and_no_others(folder: Path, outcome: dict[str, Any]) -> None:
    got = {row(found["rule"], found["resource"]): found["result"] for found in outcome["rows"]}
    assert got == expectations(folder)
    assert not outcome["errors"]


@each
def test_each_bad_image_is_refused_for_the_stated_reason(folder: Path, outcome: dict[str, Any]) -> None:
    expected = reasons(folder)
    found: dict[tuple[str, str], set[str]] = {}
    for result in outcome["results"]:
        if result["result"] == "fail" and "reason" in result:
            (resource,) = result["resources"]
            found.setdefault((resource["kind"], resource["name"]), set()).update(
                deepest_unmet(result["reason"])
            )
    assert found == {resource: {code} for resource, code in expected.items()}


@each
def test_the_cases_cover_what_matters(folder: Path) -> None:
    rows, codes = expectations(folder), set(reasons(folder).values())
    failing = {name for (_, _, name), result in rows.items() if result == "fail"}
    assert {kind for (_, kind, _) in rows} == {"Pod", "Deployment", "CronJob"}
    assert {"pass", "fail"} <= set(rows.values())
    assert codes & {"no-signature", "no-attestation"}, "an image that nobody signed"
    assert codes & {"identity-mismatch", "signature-invalid"}, "an image that somebody else signed"
    assert len(failing) >= 5
    images = [c["image"] for r in read(folder / "resources.yaml") for c in r["spec"].get("containers", ())]
    assert sum("@sha256:" in image for image in images) >= 2, "good and bad ones by digest"


@each
def test_lint_has_nothing_to_say(folder: Path) -> None:
    run = pratique("lint", folder / "policy.yaml")
    assert run.returncode == 0, run.stdout
    assert run.stdout.startswith("no findings"), run.stdout


@each
def test_policy_says_what_it_is_and_where_the_identity_is_documented(folder: Path) -> None:
    (policy,) = read(folder / "policy.yaml")
    annotations = policy["metadata"]["annotations"]
    for name in ("title", "category", "severity", "description", "minversion"):
        assert annotations[f"policies.kyverno.io/{name}"], name
    assert policy["kind"] == "ClusterPolicy"
    text = (folder / "policy.yaml").read_text(encoding="utf-8")
    cited = re.findall(r"^#   (https://\S+)", text, re.MULTILINE)
    assert cited
    listed = (ROOT / "policies/README.md").read_text(encoding="utf-8")
    assert f"](https://{cited[0].removeprefix('https://')})" in listed
    assert f"[{folder.name}]({folder.name}/policy.yaml)" in listed


@each
def test_expressions_for_identities_are_anchored(folder: Path) -> None:
    text = (folder / "policy.yaml").read_text(encoding="utf-8")
    for expression in re.findall(r"(?:subject|issuer)RegExp: '(.*)'", text):
        assert expression.startswith("^")
        assert expression.endswith("$")
    assert text.count("RegExp:") == len(re.findall(r"RegExp: '.*'", text))


@pytest.mark.parametrize(
    "folder", [f for f in FOLDERS if (f / "lab-policy.yaml").exists()], ids=lambda folder: folder.name
)
def test_lab_policy_differs_from_the_policy_in_the_key_alone(folder: Path, tmp_path: Path) -> None:
    policy, lab = (read(folder / name)[0] for name in ("policy.yaml", "lab-policy.yaml"))
    theirs, ours = KEY.findall(json.dumps(policy)), KEY.findall(json.dumps(lab))
    assert len(theirs) == len(ours) == 1
    assert json.loads(json.dumps(policy).replace(theirs[0], ours[0])) == lab
    assert pratique("lab", "build", folder / "lab.yaml", "-o", tmp_path / "lab").returncode == 0
    published = (tmp_path / "lab/trust/keys/release.pub").read_text().strip()
    assert json.dumps(published)[1:-1] == ours[0]
