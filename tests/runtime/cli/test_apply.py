from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.compiler.ir import Action
from pratique.grammar.errors import PolicyError, PolicyErrors, TransportError
from pratique.grammar.source import Location, Source, Span
from pratique.runtime.cli import apply, main
from pratique.runtime.decision import Report
from pratique.runtime.outputs import formats
from pratique.runtime.outputs.view import View
from tests.support_engine import pod
from tests.support_policies import rule_policy
from tests.support_reports import mixed, proved, result, signed, story, wrongly_signed
from tests.support_schemas import schema_errors

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Return a list whose last report `pratique apply` finds."""
    found = [story()]
    monkeypatch.setattr(apply, "evaluate", lambda *_: found[-1])
    return found


def call(*arguments: str) -> int:
    return main(["apply", "policy.yaml", "-r", "pod.yaml", *arguments])


def test_the_table_is_the_default(reports: list[Report], capsys: Capture) -> None:
    assert call() == 1
    out = capsys.readouterr().out
    assert out.startswith("Applying 3 policy rules to 18 resources...\n")
    assert out.endswith("pass: 12, fail: 1, warn: 0, error: 0, skip: 0\n")
    assert call("-t") == 1
    assert capsys.readouterr().out == out


@pytest.mark.parametrize("name", formats.FORMATS)
def test_every_format_can_be_asked_for(name: str, reports: list[Report], capsys: Capture) -> None:
    assert call("-o", name) == 1
    expected = formats.render(name, View(story()), formats.RenderOptions())
    assert capsys.readouterr().out == expected


def test_detailed_shows_the_reasons(reports: list[Report], capsys: Capture) -> None:
    call("--detailed")
    detailed = capsys.readouterr().out
    assert "received: someone@example.com" in detailed
    call("--detailed-results")
    assert capsys.readouterr().out == detailed


def test_colour_is_for_those_who_ask_or_watch(reports: list[Report], capsys: Capture) -> None:
    call()
    assert "\x1b" not in capsys.readouterr().out
    call("--color", "always")
    assert "\x1b[" in capsys.readouterr().out
    call("--color", "always", "--remove-color")
    assert "\x1b" not in capsys.readouterr().out


def test_several_outputs_in_one_run(reports: list[Report], capsys: Capture, tmp_path: Path) -> None:
    sarif, junit = tmp_path / "out.sarif", tmp_path / "out.xml"
    assert call("-o", "table", "-o", f"sarif={sarif}", "-o", f"junit={junit}", "--color", "always") == 1
    assert "pass: 12" in capsys.readouterr().out
    assert schema_errors("sarif-2.1.0", json.loads(sarif.read_text())) == []
    assert "<testsuites" in junit.read_text()


def test_a_file_is_never_coloured(reports: list[Report], capsys: Capture, tmp_path: Path) -> None:
    call("--output-file", str(tmp_path / "out.txt"), "--color", "always")
    assert capsys.readouterr().out == ""
    assert "\x1b" not in (tmp_path / "out.txt").read_text()


def test_policy_reports_in_both_syntaxes(reports: list[Report], capsys: Capture) -> None:
    call("-p")
    yaml_text = capsys.readouterr().out
    assert yaml_text.startswith("apiVersion: wgpolicyk8s.io/v1alpha2\nkind: PolicyReport\n")
    call("--policy-report", "--output-format", "json")
    assert json.loads(capsys.readouterr().out)["items"][0]["kind"] == "PolicyReport"
    call("-p", "--report-per", "resource", "--output-format=json")
    assert len(json.loads(capsys.readouterr().out)["items"]) == 13


def test_times_are_written_on_request(reports: list[Report], capsys: Capture) -> None:
    call("-o", "json", "--timestamps")
    stamps = {entry["timestamp"]["seconds"] for entry in json.loads(capsys.readouterr().out)["results"]}
    assert len(stamps) == 1
    assert stamps.pop() > 1_600_000_000


def test_costs_are_shown_on_request(reports: list[Report], capsys: Capture) -> None:
    call("--show-performance")
    assert "6 images, 6 signatures verified, 18 registry requests" in capsys.readouterr().out


def test_audit_warn(reports: list[Report], capsys: Capture) -> None:
    reports.append(Report(results=(result((wrongly_signed(),), action=Action.AUDIT),)))
    assert call() == 1
    capsys.readouterr()
    assert call("--audit-warn") == 0
    assert "pass: 0, fail: 0, warn: 1, error: 0, skip: 0" in capsys.readouterr().out
    assert call("--audit-warn", "--warn-exit-code", "4") == 4


def test_warn_no_pass(reports: list[Report]) -> None:
    reports.append(Report(results=()))
    assert call("--warn-no-pass", "--warn-exit-code", "5") == 5
    reports.append(Report(results=(result((signed(), proved())),)))
    assert call("--warn-no-pass", "--warn-exit-code", "5") == 0


@pytest.mark.parametrize("code", ["-1", "256", "x", "²"])
def test_exit_codes_that_no_process_has(code: str, capsys: Capture) -> None:
    assert call(f"--warn-exit-code={code}") == 2
    assert "is not an exit code" in capsys.readouterr().err


MISTAKES = PolicyErrors(
    [
        PolicyError(
            "bad-regexp",
            "invalid policy check-images: the expression does not compile",
            Location(Source("policy.yaml", "a: ((("), Span.at(1, 4, 3)),
        ),
        PolicyError("yaml-syntax", "no mapping", Location(Source("policies/b.yaml", "x"), Span.at(1, 1))),
        PolicyError("yaml-syntax", "no mapping", Location(Source("pod.yaml", "x"), Span.at(1, 1))),
    ]
)


def raise_mistakes(*_: Any) -> Report:
    raise MISTAKES


def test_an_invalid_policy_still_gives_json(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(apply, "evaluate", raise_mistakes)
    assert call("policies", "-o", "json") == 2
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert schema_errors("apply-report-v1", data) == []
    assert data["results"] == []
    assert [error["message"] for error in data["errors"]] == [
        "invalid policy check-images: the expression does not compile",
        "invalid policy policies/b.yaml: no mapping",
        "no mapping",
    ]
    assert data["errors"][0] | {"message": ""} == {
        "code": "bad-regexp",
        "message": "",
        "file": "policy.yaml",
        "line": 1,
        "column": 4,
    }
    assert "1 | a: (((\n  |    ^^^" in err


def test_an_invalid_policy_gives_tables_and_policy_reports_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(apply, "evaluate", raise_mistakes)
    for name in ("table", "policy-report", "openreports"):
        assert call("-o", name) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "3 mistakes" in err


def test_an_old_report_does_not_survive_a_failed_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    """A later step must not upload the results of an earlier run."""
    monkeypatch.setattr(apply, "evaluate", raise_mistakes)
    for name in formats.FORMATS:
        path = tmp_path / f"old.{name}"
        path.write_text("old results")
        assert call("-o", f"{name}={path}") == 2
        assert "old results" not in path.read_text()


def test_a_fault_of_transport_still_gives_json(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def evaluate(*_: Any) -> Report:
        raise TransportError("bad-layout", "layout x: no index.json")

    monkeypatch.setattr(apply, "evaluate", evaluate)
    assert call("-o", "json") == 3
    assert json.loads(capsys.readouterr().out)["errors"] == [
        {"code": "bad-layout", "message": "layout x: no index.json"}
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["apply", "-r", "r"], "no policy given"),
        (["apply", "p"], "no resource given"),
        (["apply", "p", "-r", ","], "no resource given"),
        (["apply", "-", "-r", "-"], "standard input can hold policies or resources, not both"),
        (["apply", "p", "-r", "r", "-o", "xml"], "'xml' is not one of table, json"),
        (["apply", "p", "-r", "r", "-o", "out.yaml"], "'out.yaml' is not one of table, json"),
        (["apply", "p", "-r", "r", "-o", "json="], "names no file"),
        (["apply", "p", "-r", "r", "-o", "json", "-o", "yaml"], "two outputs for standard output"),
        (["apply", "p", "-r", "r", "-p", "-t"], "two outputs for standard output"),
        (["apply", "p", "-r", "r", "-o", "json=x", "-o", "yaml=x"], "two outputs for the file x"),
        (["apply", "p", "-r", "r", "-o", "json=x", "--output-file", "y"], "--output-file needs exactly one"),
        (["apply", "p", "-r", "r", "-o", "json=no/such/dir/x"], "cannot write no/such/dir/x"),
        (["apply", "p", "-r", "r", "-o", "json=."], "cannot write ."),
        (["apply", "p", "-r", "r", "--trusted-root", "no-such-file"], "'no-such-file' is not a file"),
        (["apply", "p", "-r", "r", "--registry-layout", "no-such-dir"], "'no-such-dir' is not a folder"),
        (["apply", "p", "-r", "r", "--mirror", "host"], "is not HOST=URL"),
        (["apply", "p", "-r", "r", "--mirror", "host=ftp://x"], "is not HOST=URL"),
    ],
)
def test_wrong_usage(arguments: list[str], complaint: str, capsys: Capture) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert complaint in err
    assert out == ""


def test_an_output_that_cannot_be_written(reports: list[Report], tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "dangling"
    target.symlink_to(tmp_path / "nowhere" / "file")
    assert call("-o", f"json={target}") == 2
    assert f"cannot write {target}: No such file or directory" in capsys.readouterr().err


def test_resources_may_be_repeated_and_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    seen: list[Any] = []

    def evaluate(args: argparse.Namespace, _: object) -> Report:
        seen.append(args.resources)
        return mixed()

    monkeypatch.setattr(apply, "evaluate", evaluate)
    main(["apply", "p", "-r", "a,b", "--resource=c", "--resources", '"d,e"', "-r", "f"])
    assert seen == [["a", "b", "c", "d,e", "f"]]


def existing(tmp_path: Path, *more: str) -> list[str]:
    change = {"patchStrategicMerge": {"data": {"seen": "{{ request.object.metadata.name }}"}}}
    target = {"apiVersion": "v1", "kind": "ConfigMap", "name": "counts", "namespace": "default"}
    (tmp_path / "p.json").write_text(rule_policy(mutate={"targets": [target], **change}))
    (tmp_path / "r.json").write_text(json.dumps(pod("x")))
    for name in ("counts", "others"):
        metadata = {"name": name, "namespace": "default"}
        data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    return ["apply", str(tmp_path / "p.json"), "-r", str(tmp_path / "r.json"), *more]


def test_existing_objects_are_changed_where_they_are_given(tmp_path: Path, capsys: Capture) -> None:
    given = [f"--target-resource={tmp_path / name}.json" for name in ("counts", "others")]
    folder = tmp_path / "out"
    assert main(existing(tmp_path, *given, "-o", "resources", "--output-dir", str(folder))) == 0
    (data,) = yaml.safe_load_all(capsys.readouterr().out)
    assert (data["metadata"]["name"], data["data"]) == ("counts", {"seen": "pod"})
    assert [each.name for each in folder.iterdir()] == ["configmap-default-counts.yaml"]


def test_without_existing_objects_such_rules_are_errors(tmp_path: Path, capsys: Capture) -> None:
    assert main(existing(tmp_path)) == 1
    assert "only where they are given as targets" in capsys.readouterr().out


def test_targets_that_cannot_be_read(tmp_path: Path, capsys: Capture) -> None:
    assert main(existing(tmp_path, "--target-resource", str(tmp_path / "none.json"))) == 2
    (tmp_path / "file").write_text("")
    assert main(existing(tmp_path, "--output-dir", str(tmp_path / "file"))) == 2
    assert "is no folder" in capsys.readouterr().err
