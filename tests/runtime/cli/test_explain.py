from __future__ import annotations

import json
from pathlib import Path

import pytest

from pratique.runtime.cli import explain, main
from pratique.runtime.outputs.plans import forms
from tests.conftest import ROOT
from tests.support_engine import pod
from tests.support_explain import story
from tests.support_policies import cluster_policy
from tests.support_schemas import schema_errors

Capture = pytest.CaptureFixture[str]
POLICY = "policies/control-plane/improved.yaml"


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_text_is_the_default(capsys: Capture) -> None:
    assert main(["explain", POLICY]) == 0
    out = capsys.readouterr().out
    assert out.startswith("plan of 2 rules and 4 generated in 1 policy: 20 questions, 54 if")
    assert "\x1b" not in out
    main(["explain", POLICY, "--color", "always"])
    assert "\x1b[" in capsys.readouterr().out


@pytest.mark.parametrize("name", explain.FORMATS)
def test_every_format_can_be_asked_for(name: str, capsys: Capture) -> None:
    from pratique.runtime.outputs.text import Palette

    assert main(["explain", POLICY, "-o", name]) == 0
    assert capsys.readouterr().out == forms.render(name, story(), Palette())


def test_several_outputs_and_a_saved_plan(capsys: Capture, tmp_path: Path) -> None:
    page, plan, text = tmp_path / "a.html", tmp_path / "plan.json", tmp_path / "a.txt"
    arguments = ["-o", f"html={page}", "-o", "json", "-o", f"text={text}", "--save-plan", str(plan)]
    assert main(["explain", POLICY, *arguments, "--color", "always"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "Explanation"
    assert page.read_text().startswith("<!doctype html>")
    assert schema_errors("plan-v1", json.loads(plan.read_text())) == []
    assert "\x1b" not in text.read_text()


def test_a_saved_plan_alone_prints_the_text_too(capsys: Capture, tmp_path: Path) -> None:
    assert main(["explain", POLICY, "--save-plan", str(tmp_path / "plan.json")]) == 0
    assert capsys.readouterr().out.startswith("plan of ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no policy given"),
        ([POLICY, "-o", "pdf"], "'pdf' is not one of text, json, mermaid, dot, html, plan"),
        ([POLICY, "-o", "text", "-o", "json"], "two outputs for standard output"),
        ([POLICY, "-o", "plan=x.json", "--save-plan", "x.json"], ""),
        ([POLICY, "--analyze"], "--analyze needs something to run the plan on"),
        (["-", "-r", "-"], "standard input can hold one thing"),
        ([POLICY, "-r", "-", "--inventory", "-"], "standard input can hold one thing"),
        ([POLICY, "--inventory", "none.txt"], "there is no file none.txt"),
        ([POLICY, "--image", "Bad Image"], "--image Bad Image: "),
        ([POLICY, "--plan", "none.json"], "'none.json' is not a file"),
        (["none.yaml"], "there is no file none.yaml"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], complaint: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not complaint:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "policies/control-plane").mkdir(parents=True)
        (tmp_path / POLICY).write_text(cluster_policy())
        assert main(["explain", *arguments]) == 0  # the same output twice is one
        return
    assert main(["explain", *arguments]) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.out == ""


def test_why(capsys: Capture) -> None:
    main(["explain", POLICY, "--image", "registry.k8s.io/pause:3.9", "-n", "kube-system"])
    out = capsys.readouterr().out
    assert "kube-system/Pod/pod: no rule applies  taken as a Pod without labels" in out
    assert "does not apply: none of its images is matched" in out
    assert (
        "registry.k8s.io/pause:3.9: it is matched by no pattern of `registry.k8s.io/kube-*` or"
        " `registry.k8s.io/coredns/*`" in out
    )


def test_a_run_shows_what_became_of_the_plan(capsys: Capture, tmp_path: Path) -> None:
    resource = tmp_path / "pod.json"
    resource.write_text(
        json.dumps(pod("registry.k8s.io/etcd:3.5.6-0", metadata={"namespace": "kube-system"}))
    )
    # Nothing can be asked, and that is what became of it: exit code 0, since a plan is shown, not judged.
    assert main(["explain", POLICY, "-r", str(resource), "--analyze", "--offline"]) == 0
    out = capsys.readouterr().out
    assert "ran: asked once, 0 from memory" in out
    assert "ran: applied to 1 resource with 1 image: 1 error" in out
    assert "ran over 1 resource with 1 image: 1 request, 0 B" in out


def test_an_inventory(capsys: Capture, tmp_path: Path) -> None:
    inventory = tmp_path / "images.txt"
    inventory.write_text("registry.k8s.io/etcd:3.5.6-0\nnginx\n")
    main(["explain", POLICY, "--inventory", str(inventory)])
    out = capsys.readouterr().out
    assert "[keeps 1 of 2, prunes 50%, shared by 3 rules]" in out
    assert "globs keep and prune images of the inventory" in out


def test_what_is_no_policy_is_a_note(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "both.yaml"
    path.write_text(cluster_policy() + "\n---\napiVersion: v1\nkind: ConfigMap\n")
    main(["explain", str(path)])
    assert "note: " in capsys.readouterr().err
    main(["explain", str(path), "-q"])
    assert capsys.readouterr().err == ""
