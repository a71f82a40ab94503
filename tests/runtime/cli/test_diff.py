from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.cli import main
from tests.support_cel_policies import text
from tests.support_policies import KEYLESS, cluster_policy, rule_policy

Capture = pytest.CaptureFixture[str]


def entry(subject: str = "dev@acme.example", **more: object) -> dict[str, object]:
    return {
        "attestors": [{"entries": [{"keyless": {**KEYLESS, "subject": subject}}]}],
        "verifyDigest": False,
        **more,
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    Path("old.yaml").write_text(cluster_policy(entry()))
    Path("same.yaml").write_text(cluster_policy(entry(), metadata={"name": "renamed"}))
    Path("new.yaml").write_text(cluster_policy(entry("ops@acme.example"), spec={"failurePolicy": "Ignore"}))
    odd = {"preconditions": {"all": [{"key": "{{ a }}", "operator": "Equals", "value": "b"}]}}
    Path("one.yaml").write_text(cluster_policy(entry(), spec={"applyRules": "One"}, rule=odd))
    return tmp_path


def test_equivalence_is_proved(folder: Path, capsys: Capture) -> None:
    assert main(["diff", "old.yaml", "same.yaml"]) == 0
    assert capsys.readouterr().out == "equivalent, proved (no rule differs; policies: 1 -> 1)\n"


def test_differences_are_told_with_rules_and_examples(folder: Path, capsys: Capture) -> None:
    assert main(["diff", "old.yaml", "new.yaml"]) == 1
    out = capsys.readouterr().out
    assert (
        "newly reported: ghcr.io/acme/*, signed by dev@acme.example (https://accounts.google.com) (e.g."
        in out
    )
    assert "other settings: ghcr.io/acme/*: failurePolicy: Fail -> Ignore" in out
    assert "before: p rule verify (Audit, old.yaml:10)" in out


def test_policies_about_images_in_cel_are_demands(folder: Path, capsys: Capture) -> None:
    def written(limit: str) -> str:
        lists = "(images.containers + images.initContainers + images.ephemeralContainers)"
        called = "verifyImageSignatures(i, [attestors.a, attestors.b])"
        attestors = ", ".join(f"{{name: {n}, cosign: {{key: {{kms: 'awskms:///{n}'}}}}}}" for n in "ab")
        return text(
            "ImageValidatingPolicy",
            "matchImageReferences: [{glob: 'ghcr.io/acme/*'}]\n"
            f"attestors: [{attestors}]\n"
            f"validations: [{{expression: '{lists}.all(i, {called} {limit})'}}]\n",
        )

    for name, limit in (("both", "== 2"), ("all", ">= 2"), ("either", "> 0")):
        Path(f"{name}.yaml").write_text(written(limit))
    assert main(["diff", "both.yaml", "all.yaml"]) == 0
    assert main(["diff", "both.yaml", "either.yaml"]) == 1
    out = capsys.readouterr().out
    assert "newly admitted: ghcr.io/acme/*, signed by" in out
    assert "before: p rule p (Enforce, both.yaml:3)" in out


def test_json(folder: Path, capsys: Capture) -> None:
    assert main(["diff", "old.yaml", "new.yaml", "-o", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["apiVersion"], data["kind"], data["outcome"]) == (
        "pratique.dev/v1",
        "DiffReport",
        "different",
    )
    (change,) = data["changes"]
    assert [each["effect"] for each in change["effects"]] == [
        "no longer reported",
        "newly reported",
        "other settings",
    ]
    assert change["regions"][0]["images"] == [["ghcr.io/acme/*"]]
    assert change["before"][0]["rule"] == "verify"


def test_markdown_escapes_what_policies_say(folder: Path, capsys: Capture) -> None:
    Path("odd.yaml").write_text(cluster_policy(entry("<b>@acme.example")))
    assert main(["diff", "old.yaml", "odd.yaml", "-o", "markdown"]) == 1
    out = capsys.readouterr().out
    assert r"signed by \<b\>\@acme.example" in out
    assert "<b>" not in out


def test_the_step_summary_is_appended_to(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = folder / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main(["diff", "old.yaml", "new.yaml", "-o", "github"]) == 1
    assert summary.read_text().startswith("before\n### Image policies: old.yaml → new.yaml\n")
    assert "newly reported" in capsys.readouterr().out


def test_rules_that_validate_are_told_by_where_they_apply(folder: Path, capsys: Capture) -> None:
    pattern = {"spec": {"=(hostNetwork)": False}}
    for action in ("Enforce", "Audit"):
        rule = {"message": "no", "failureAction": action, "pattern": pattern}
        Path(f"{action}.yaml").write_text(rule_policy(validate=rule))
    told = (
        "no longer enforced: p rule rule (Enforce, Enforce.yaml:10) validates Pod default/app,"
        " Deployment default/app, CronJob default/app"
    )
    assert main(["diff", "Enforce.yaml", "Audit.yaml"]) == 1
    assert capsys.readouterr().out == f"{told}\n\n1 change (6 parts compared)\n"
    assert main(["diff", "Enforce.yaml", "Audit.yaml", "-o", "markdown"]) == 1
    assert "#### No longer enforced\n\n- p rule rule (Enforce, " in capsys.readouterr().out
    assert main(["diff", "Enforce.yaml", "Audit.yaml", "-o", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["outcome"], data["changes"]) == ("different", [])
    [change] = data["rules"]
    assert (change["effect"], change["does"], change["rule"]) == ("no longer enforced", "validates", "rule")
    assert [each["kind"] for each in change["examples"]] == ["Pod", "Deployment", "CronJob"]


def test_another_body_is_no_proof_of_equivalence(folder: Path, capsys: Capture) -> None:
    for name, value in (("one", True), ("two", False)):
        rule = {"pattern": {"spec": {"hostNetwork": value}}}
        Path(f"{name}.yaml").write_text(rule_policy(validate=rule))
    assert main(["diff", "one.yaml", "two.yaml"]) == 4
    assert "not decided: p/rule: what it validates has changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "document",
    [
        {"apiVersion": "policies.kyverno.io/v1", "kind": "ValidatingPolicy"},
        {"apiVersion": "policies.kyverno.io/v1", "kind": "ImageValidatingPolicy"},
        {"apiVersion": "policies.kyverno.io/v1", "kind": "MutatingPolicy"},
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"},
        {"apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy"},
        {
            "apiVersion": "kyverno.io/v2",
            "kind": "PolicyException",
            "metadata": {"name": "e", "namespace": "n"},
            "spec": {
                "exceptions": [{"policyName": "p", "ruleNames": ["verify"]}],
                "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
            },
        },
    ],
    ids=lambda document: document["kind"],
)
def test_what_is_not_compared_is_never_called_equivalent(
    document: dict[str, Any], folder: Path, capsys: Capture
) -> None:
    other = {"metadata": {"name": "other"}, "spec": {}, **document}
    Path("more.yaml").write_text(f"{Path('old.yaml').read_text()}\n---\n{json.dumps(other)}\n")
    assert main(["diff", "old.yaml", "more.yaml"]) == 2
    assert document["kind"] in capsys.readouterr().err


def test_what_is_not_decided_is_told(folder: Path, capsys: Capture) -> None:
    text = Path("old.yaml").read_text()
    Path("odd.yaml").write_text(
        text.replace('"subject": "dev@acme.example"', r'"subjectRegExp": "\\bdev\\b"')
    )
    Path("odder.yaml").write_text(
        text.replace('"subject": "dev@acme.example"', r'"subjectRegExp": "\\bops\\b"')
    )
    assert main(["diff", "odd.yaml", "odder.yaml"]) == 4
    out = capsys.readouterr().out
    assert "not decided: p/verify: " in out
    assert "no difference found" in out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["old.yaml"],
        ["-", "-"],
        ["old.yaml", "none.yaml"],
        ["HEAD", "--"],
        ["a", "b", "c", "--", "old.yaml"],
    ],
)
def test_the_command_line_must_name_two_sides(words: list[str], folder: Path, capsys: Capture) -> None:
    assert main(["diff", *words]) == 2
    assert capsys.readouterr().err


def test_no_repository_is_a_fault(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    assert main(["diff", "HEAD", "--", "old.yaml"]) == 3
    assert "git repository" in capsys.readouterr().err


def test_revisions_and_the_working_tree(folder: Path, capsys: Capture) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=dev", "-c", "user.email=dev@acme.example", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    policies = Path("policies")
    policies.mkdir()
    git("commit", "-q", "--allow-empty", "-m", "none")
    (policies / "p.yaml").write_text(Path("old.yaml").read_text())
    git("add", "policies")
    git("commit", "-q", "-m", "old")
    assert main(["diff", "HEAD", "--", "policies/"]) == 0
    assert main(["diff", "HEAD~1", "HEAD", "--", "policies/"]) == 1
    assert "newly verified (audited): ghcr.io/acme/*" in capsys.readouterr().out
    (policies / "p.yaml").write_text(Path("new.yaml").read_text())
    assert main(["diff", "HEAD", "--", "policies/"]) == 1
    assert "before: p rule verify (Audit, HEAD:policies/p.yaml:10)" in capsys.readouterr().out
    assert main(["diff", "--", "policies/"]) == 2
    assert main(["diff", "nowhere", "--", "policies/"]) == 2
    assert "there is no revision nowhere" in capsys.readouterr().err
