from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.cli import main, scan
from pratique.runtime.outputs.scans.formats import FORMATS
from tests.conftest import ROOT
from tests.runtime.fleet.test_classes import CHANGES
from tests.support_fleet import LABELLED, pod

Capture = pytest.CaptureFixture[str]
STORY = ROOT / "policies/control-plane"
PRATIQUE = str(Path(sys.executable).with_name("pratique"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the options that say where the images of the story are."""
    folder = tmp_path_factory.mktemp("lab") / "lab"
    assert main(["lab", "build", str(STORY / "lab.yaml"), "-o", str(folder)]) == 0
    root = folder / "trust/trusted_root.json"
    return ["--registry-layout", str(folder / "layout"), "--trusted-root", str(root), "--offline"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder: with a policy and some Pods."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(LABELLED)
    pods = [pod(f"p{n}", f"a:{n % 5}", team="t" if n % 3 else "") for n in range(30)]
    (tmp_path / "pods.json").write_text("".join(json.dumps(each) + "\n" for each in pods))
    return tmp_path


SCAN = ("scan", "policy.yaml", "--inventory", "pods.json")


def test_the_story(lab: list[str], capsys: Capture) -> None:
    inventory = ["--inventory", str(STORY / "resources.yaml"), *lab]
    assert main(["scan", str(STORY / "first.yaml"), *inventory]) == 1
    out = capsys.readouterr().out
    assert "Scanned 27 resources by 3 policy rules." in out
    assert "6 images: pass: 5, fail: 1, warn: 0, error: 0, skip: 0\npass: 12, fail: 1," in out
    assert main(["scan", str(STORY / "improved.yaml"), *inventory]) == 0


def test_reports_say_what_apply_says_of_signatures(lab: list[str], capsys: Capture) -> None:
    main(
        ["scan", str(STORY / "first.yaml"), "--inventory", str(STORY / "resources.yaml"), "-o", "json", *lab]
    )
    scanned = json.loads(capsys.readouterr().out)["results"]
    main(["apply", str(STORY / "first.yaml"), "-r", str(STORY / "resources.yaml"), "-o", "json", *lab])
    applied = json.loads(capsys.readouterr().out)["results"]

    def told(results: list[dict[str, object]]) -> list[str]:
        """Return what is said of signatures; other questions, and places in files, are `apply`'s alone."""
        shown = [json.dumps(r, sort_keys=True) for r in results if r["stage"] == "verify"]
        return sorted(shown)

    assert told(scanned) == told(applied)
    assert len(scanned) == 13


def test_every_format_can_be_asked_for(folder: Path, capsys: Capture) -> None:
    assert list(FORMATS) == scan._FORMATS
    for name in FORMATS:
        assert main([*SCAN, "-o", name]) == 1
        assert "labelled" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_scan_can_be_shown_as_a_page(folder: Path, capsys: Capture, form: str) -> None:
    main([*SCAN, "-o", f"{form}=found"])
    assert main(["report", "found", "-o", "json", "-o", "html=page.html"]) == 0
    shown = json.loads(capsys.readouterr().out)
    main([*SCAN, "-o", "json"])
    found = json.loads(capsys.readouterr().out)
    assert [shown[key] for key in ("rows", "results")] == [found[key] for key in ("rows", "results")]
    assert "labelled" in (folder / "page.html").read_text()


def test_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    text = (folder / "pods.json").read_bytes()
    done = subprocess.run(
        [PRATIQUE, "scan", "policy.yaml", "--inventory", "-"], input=text, capture_output=True, timeout=60
    )
    assert done.returncode == 1
    main([*SCAN])
    assert done.stdout.decode() == capsys.readouterr().out


def test_shards_are_merged_into_the_report_of_the_whole(folder: Path, capsys: Capture) -> None:
    for form in ("json", "policy-report"):
        assert main([*SCAN, "-o", form]) == 1
        whole = capsys.readouterr().out
        for number in (1, 2, 3):
            main([*SCAN, "--shard", f"{number}/3", "--state", f"{number}.log", "-q"])
            assert "Scanned " in capsys.readouterr().out
        assert main(["scan", "--merge", "2.log", "3.log", "1.log", "-o", form]) == 1
        assert capsys.readouterr().out == whole


def test_shards_in_a_folder(folder: Path, capsys: Capture) -> None:
    (folder / "state").mkdir()
    for number in (1, 2):
        command = [*SCAN, "--shard", f"{number}/2", "--state", "state"]
        assert main([*command, "--exit-zero"]) == 0
    assert [path.name for path in sorted((folder / "state").iterdir())] == [
        "shard-1-of-2.log",
        "shard-2-of-2.log",
    ]
    assert main(["scan", "--merge", "state"]) == 1
    (folder / "state/shard-1-of-2.log").unlink()
    assert main(["scan", "--merge", "state", "--exit-zero"]) == 2
    assert "1/2 missing" in capsys.readouterr().err
    assert main(["scan", "--merge", str(folder / "state" / "none")]) == 2


def test_the_index_of_a_job_counts_from_0(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "2")
    main([*SCAN, "--shard", "index/3", "--state", "x.log"])
    header = json.loads((folder / "x.log").read_text().splitlines()[0][9:])
    assert header[1]["shard"] == [2, 3]
    monkeypatch.delenv("JOB_COMPLETION_INDEX")
    assert main([*SCAN, "--shard", "index/3", "--state", "x.log"]) == 2


def test_a_state_of_another_scan_is_refused(folder: Path, capsys: Capture) -> None:
    assert main([*SCAN, "--state", "s.log"]) == 1
    (folder / "pods.json").write_text(json.dumps(pod("other")))
    capsys.readouterr()
    assert main([*SCAN, "--state", "s.log", "-o", "json"]) == 2
    out, err = capsys.readouterr()
    assert "s.log is the log of another scan: inventory differs" in err
    assert json.loads(out)["errors"]


def test_a_state_of_its_own_name(folder: Path) -> None:
    assert main([*SCAN, "--state", "auto"]) == 1
    (first,) = folder.glob("pratique-scan-*.log")
    assert main([*SCAN, "--state", "auto", "--platform", "all"]) == 1
    assert main([*SCAN, "--state", "auto"]) == 1
    assert len(list(folder.glob("pratique-scan-*.log"))) == 2
    assert first.stat().st_mode & 0o77 == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["policy.yaml"], "give --inventory or --cluster, one of them"),
        (["policy.yaml", "--inventory", "pods.json", "--cluster"], "give --inventory or --cluster"),
        (["--inventory", "pods.json"], "no policy given"),
        (["-", "--inventory", "-"], "standard input can be read once"),
        ([*SCAN[1:], "--shard", "1/2"], "--shard needs --state FILE"),
        ([*SCAN[1:], "--shard", "3/2", "--state", "s"], "I counts from 1 to N"),
        (["policy.yaml", "--merge", "a.log"], "--merge takes files of finished scans"),
        (["--merge", "policy.yaml"], "policy.yaml:1:1: the log is damaged here"),
        ([*SCAN[1:], "-o", "resources"], "'resources' is not one of table, json"),
        (["policy.yaml", "--inventory", "none.json"], "none.json: No such file"),
    ],
)
def test_what_cannot_be_done(folder: Path, capsys: Capture, arguments: list[str], message: str) -> None:
    assert main(["scan", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_what_is_no_object_has_a_place(folder: Path, capsys: Capture) -> None:
    (folder / "pods.json").write_text(json.dumps(pod("a")) + "\n{}\n")
    assert main([*SCAN]) == 2
    assert "pods.json:2:1: error[not-a-resource]" in capsys.readouterr().err


def test_what_is_not_asked_is_said(folder: Path, capsys: Capture) -> None:
    text = LABELLED.replace("spec:\n", "spec:\n  background: false\n")
    (folder / "policy.yaml").write_text(text)
    assert main([*SCAN]) == 0
    out, err = capsys.readouterr()
    assert "No rule applies" in out
    assert "ClusterPolicy labelled takes no part in background scans" in err
    assert main([*SCAN, "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_rules_that_change_are_named(folder: Path, capsys: Capture) -> None:
    (folder / "policy.yaml").write_text(f"{LABELLED}---\n{CHANGES}")
    assert main([*SCAN]) == 1
    text = "ClusterPolicy changes: a scan judges only, what it changes or makes is not asked (rules add)"
    assert f"note: {text}\n" in capsys.readouterr().err


EXCEPTION = """\
apiVersion: kyverno.io/v2
kind: PolicyException
metadata: {name: spare, namespace: ns}
spec:
  exceptions: [{policyName: labelled, ruleNames: [team]}]
  match: {any: [{resources: {kinds: [Pod], names: ["p0", "p3"]}}]}
"""


def summary(capsys: Capture, *arguments: str) -> dict[str, int]:
    main([*SCAN, "-o", "json", *arguments])
    found: dict[str, int] = json.loads(capsys.readouterr().out)["summary"]
    return found


def test_exceptions_that_are_named_count(folder: Path, capsys: Capture) -> None:
    before = summary(capsys)
    (folder / "exception.yaml").write_text(EXCEPTION)
    after = summary(capsys, "-e", "exception.yaml")
    assert (before["fail"], before["skip"]) == (10, 0)
    assert (after["fail"], after["skip"]) == (8, 2)
    (folder / "policy.yaml").write_text(f"{LABELLED}---\n{EXCEPTION}")
    assert summary(capsys) == before
    assert summary(capsys, "--exceptions-within-policies") == after


def test_a_saved_plan_stands_for_policies(folder: Path, capsys: Capture) -> None:
    before = summary(capsys)
    main(["explain", "policy.yaml", "--save-plan", "plan.json"])
    capsys.readouterr()
    main(["scan", "--plan", "plan.json", "--inventory", "pods.json", "-o", "json"])
    assert json.loads(capsys.readouterr().out)["summary"] == before


SELECTING = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: selecting}
spec:
  rules:
    - name: r
      match: {any: [{resources: {kinds: [Pod], namespaceSelector: {matchLabels: {env: prod}}}}]}
      context: [{name: wanted, configMap: {name: teams, namespace: default}}]
      validate: {pattern: {metadata: {labels: {team: "{{ wanted.data.team }}"}}}}
"""


def test_other_objects_of_the_inventory_answer(folder: Path, capsys: Capture) -> None:
    """Namespaces and ConfigMaps count wherever they stand in the file."""
    (folder / "policy.yaml").write_text(SELECTING)
    assert summary(capsys)["error"] == 30  # nobody knows the labels of the namespace
    labelled = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "ns", "labels": {"env": "prod"}},
    }
    teams = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "teams", "namespace": "default"},
        "data": {"team": "t"},
    }
    with (folder / "pods.json").open("a") as file:
        file.writelines(json.dumps(each) + "\n" for each in (labelled, teams))
    assert summary(capsys) == {"pass": 20, "fail": 10, "warn": 0, "error": 0, "skip": 0}


def test_values_stand_for_what_is_not_given(folder: Path, capsys: Capture) -> None:
    (folder / "policy.yaml").write_text(SELECTING)
    values: dict[str, Any] = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Value",
        "namespaceSelector": [{"name": "ns", "labels": {"env": "prod"}}],
        "globalValues": {"wanted.data.team": "t"},
    }
    (folder / "values.yaml").write_text(json.dumps(values))
    assert summary(capsys, "-f", "values.yaml")["pass"] == 20
    own = {"resources": [{"name": "p1", "values": {"wanted.data.team": "x"}}]}
    values["policies"] = [{"name": "selecting", **own}]
    (folder / "values.yaml").write_text(json.dumps(values))
    assert summary(capsys, "-f", "values.yaml")["pass"] == 19
    (folder / "policy.yaml").write_text(
        SELECTING.replace(", namespaceSelector: {matchLabels: {env: prod}}", "")
    )
    assert summary(capsys, "-s", "wanted.data.team=other")["fail"] == 30


def test_processes_find_the_same(folder: Path, capsys: Capture) -> None:
    assert summary(capsys, "--workers", "2") == summary(capsys)
    assert main([*SCAN, "--workers", "0"]) == 2
    assert main([*SCAN, "--workers", "2", "--dask", "local"]) == 2


def test_outages_are_errors_and_are_asked_again(folder: Path, lab: list[str], capsys: Capture) -> None:
    command = ["scan", str(STORY / "first.yaml"), "--inventory", str(STORY / "resources.yaml")]
    assert main([*command, "--offline", *lab[2:4], "--state", "s.log"]) == 3
    assert "error: 13" in capsys.readouterr().out
    before = (folder / "s.log").read_bytes()
    assert main([*command, "--offline", *lab[2:4], "--state", "s.log"]) == 3
    assert (folder / "s.log").read_bytes().count(b'["unasked"') == 2 * before.count(b'["unasked"')


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_a_scan_that_is_killed_at_any_moment_goes_on(folder: Path) -> None:
    """A process is killed, again and again, and the last one makes the report of an undisturbed one."""
    pods = [pod(f"p{n}", f"a:{n % 400}", team=str(n % 500 or "")) for n in range(3_000)]
    (folder / "pods.json").write_text("".join(json.dumps(each) + "\n" for each in pods))
    command = [PRATIQUE, *SCAN, "-o", "json", "-q"]
    started = time.monotonic()
    whole = subprocess.run(command, capture_output=True, timeout=300, check=False)
    seconds = time.monotonic() - started
    assert whole.returncode == 1, whole.stderr
    chance = random.Random(os.environ.get("KILL_SEED", "7"))
    sizes = []
    for _ in range(4):
        process = subprocess.Popen([*command, "--state", "s.log"], stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.1, 0.9) * seconds)
        process.kill()
        process.wait(60)
        sizes.append((folder / "s.log").stat().st_size if (folder / "s.log").exists() else 0)
    assert any(size > 0 for size in sizes)
    again = subprocess.run([*command, "--state", "s.log"], capture_output=True, timeout=300, check=False)
    assert (again.returncode, again.stderr, again.stdout) == (1, whole.stderr, whole.stdout)
