from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pratique.runtime.cli import main
from tests.support_lint import patterns, policy_text

Capture = pytest.CaptureFixture[str]

HEAVY = ("aiohttp", "asyncio", "cryptography", "lark", "networkx", "re2", "rich", "sigstore")


@pytest.fixture
def lost(tmp_path: Path) -> str:
    """Return a file with a policy whose pattern has lost its `*`."""
    path = tmp_path / "lost.yaml"
    path.write_text(policy_text(patterns("registry.k8s.io/")))
    return str(path)


@pytest.fixture
def good(tmp_path: Path) -> str:
    """Return a file with a policy that nothing is wrong with."""
    path = tmp_path / "good.yaml"
    path.write_text(policy_text(patterns("ghcr.io/acme/*")).replace("name: example", "name: good"))
    return str(path)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """Return a file that is no YAML."""
    path = tmp_path / "broken.yaml"
    path.write_text("a: [\n")
    return str(path)


def test_the_lost_star(lost: str, capsys: Capture) -> None:
    assert main(["lint", lost]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{lost}:16:9: PRQ001 [error, proved] `registry.k8s.io/` can match no image")
    assert '16 |       - "registry.k8s.io/"\n   |         ^^^^^^^^^^^^^^^^^^ matches no image; write' in out
    assert "  would then match: registry.k8s.io/etcd:3.5.6-0\n  help: write `registry.k8s.io/*`\n" in out
    assert out.endswith("\n1 error in 1 policy, 1 rule\n1 can be fixed with `--fix`\n")


def test_exit_codes(lost: str, good: str, broken: str, capsys: Capture) -> None:
    assert main(["lint", good]) == 0
    assert main(["lint", good, lost]) == 1
    assert main(["lint", lost, broken]) == 2
    assert "PRQ001" in capsys.readouterr().out
    assert main(["lint", "--exit-zero", lost]) == 0
    assert main(["lint", "--exit-zero", broken]) == 2
    assert main(["lint"]) == 2
    assert main(["lint", lost, "-o", "xml"]) == 2


def test_choosing_rules(lost: str, capsys: Capture) -> None:
    assert main(["lint", lost, "--ignore", "PRQ001"]) == 0
    assert main(["lint", lost, "--ignore", "prq001,PRQ002"]) == 0
    assert main(["lint", lost, "--select", "image-pattern-matches-nothing"]) == 1
    assert main(["lint", lost, "--select", "PRQ008"]) == 0
    capsys.readouterr()
    assert main(["lint", lost, "--select", "PRQ999"]) == 2
    assert "there is no rule 'PRQ999'" in capsys.readouterr().err


def test_min_severity(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "doubled.yaml"
    path.write_text(policy_text(patterns("ghcr.io/**")))
    assert main(["lint", str(path), "--min-severity", "warning"]) == 1
    assert main(["lint", str(path), "--min-severity", "error"]) == 0
    assert capsys.readouterr().out.endswith("no findings in 1 policy, 1 rule\n")


def test_formats(lost: str, capsys: Capture) -> None:
    assert main(["lint", lost, "-o", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["summary"]["error"] == 1
    assert main(["lint", lost, "-o", "sarif"]) == 1
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"][0]["ruleId"] == "PRQ001"
    assert main(["lint", lost, "-o", "github"]) == 1
    assert capsys.readouterr().out.startswith(f"::error file={lost},line=16,")
    assert main(["lint", lost, "-o", "concise"]) == 1
    assert capsys.readouterr().out.count("\n") == 1


def test_notices_go_to_standard_error(good: str, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "map.yaml"
    other.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
    assert main(["lint", good, str(other)]) == 0
    assert "note: " in capsys.readouterr().err
    assert main(["lint", "-q", good, str(other)]) == 0
    assert capsys.readouterr().err == ""


def test_nothing_heavy_is_imported(lost: str) -> None:
    script = (
        "import sys; from pratique.runtime.cli import main; main(['lint', sys.argv[1]]);"
        f"sys.exit(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script, lost], capture_output=True, text=True, check=False)
    assert "PRQ001" in run.stdout
    assert run.stderr == "\n"


def test_comments_silence_findings_and_unused_ones_are_reported_of_whole_files_only(
    lost: str, tmp_path: Path, capsys: Capture
) -> None:
    text = Path(lost).read_text()
    path = tmp_path / "meant.yaml"
    path.write_text(f"# pratique: ignore-file[PRQ001] shown as it was\n{text}")
    assert main(["lint", str(path)]) == 0
    unused = f"# pratique: ignore-file[PRQ027] no key\n{text}"
    path.write_text(unused)
    capsys.readouterr()
    main(["lint", str(path), "-o", "concise"])
    assert "PRQ044" in capsys.readouterr().out
    path.write_text(f"{unused}---\n{text.replace('rules:', 'rulez:')}")
    assert main(["lint", str(path), "-o", "concise"]) == 2
    out = capsys.readouterr().out
    assert "PRQ001" in out
    assert "PRQ044" not in out


def test_several_outputs(lost: str, tmp_path: Path, capsys: Capture) -> None:
    sarif, report = tmp_path / "l.sarif", tmp_path / "l.json"
    assert main(["lint", lost, "-o", "concise", "-o", f"sarif={sarif}", "-o", f"json={report}"]) == 1
    assert capsys.readouterr().out.count("\n") == 1
    assert json.loads(sarif.read_text())["version"] == "2.1.0"
    assert json.loads(report.read_text())["kind"] == "LintReport"
    assert main(["lint", lost, "-o", "json", "-o", "text"]) == 2
    assert "two outputs for standard output" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pattern", "options", "code"),
    [
        ("registry.k8s.io/", [], 1),
        ("ghcr.io/**", [], 1),
        ("ghcr.io/**", ["--fail-level", "error"], 0),
        ("registry.k8s.io/", ["--fail-level", "error"], 1),
        ("registry.k8s.io/", ["--exit-by-severity"], 13),
        ("ghcr.io/**", ["--exit-by-severity"], 12),
        ("ghcr.io/** # pratique: ignore[PRQ009] meant", ["--exit-by-severity"], 0),
        ("ghcr.io/a/* # pratique: ignore[PRQ009] meant", ["--exit-by-severity"], 0),
        ("ghcr.io/a/* # pratique: ignore[PRQ009] meant", ["--exit-by-severity", "--fail-level", "info"], 11),
        ("ghcr.io/a/* # pratique: ignore[PRQ009] meant", ["--fail-level", "info"], 1),
        ("registry.k8s.io/", ["--exit-by-severity", "--exit-zero"], 0),
        ("registry.k8s.io/", ["--exit-by-severity", "--ignore", "PRQ001"], 0),
    ],
)
def test_what_fails(tmp_path: Path, pattern: str, options: list[str], code: int) -> None:
    text, _, comment = pattern.partition(" ")
    path = tmp_path / "p.yaml"
    path.write_text(policy_text(patterns(text)).replace(f'{text}"', f'{text}" {comment}'))
    assert main(["lint", str(path), *options]) == code


# --- configuration -------------------------------------------------------------------------------------


@pytest.fixture
def configured(lost: str, tmp_path: Path) -> Path:
    """Return a configuration file beside the policy."""
    path = tmp_path / "pratique.toml"
    path.write_text('[lint]\nignore = ["PRQ001"]\noutput = "concise"\n')
    return path


def test_the_command_line_counts_over_the_file(configured: Path, lost: str, capsys: Capture) -> None:
    assert main(["lint", lost]) == 0
    assert capsys.readouterr().out == ""
    assert main(["lint", lost, "--no-config"]) == 1
    assert main(["lint", lost, "--ignore", "PRQ005"]) == 1
    assert main(["lint", lost, "--select", "PRQ001"]) == 1
    capsys.readouterr()
    assert main(["lint", lost, "-o", "text"]) == 0
    assert capsys.readouterr().out.startswith("no findings")


def test_another_file(configured: Path, lost: str, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[lint]\n")
    assert main(["lint", lost, "--config", str(other)]) == 1
    assert main(["lint", lost, "--config", str(other), "--no-config"]) == 2
    assert main(["lint", lost, "--config", str(tmp_path / "none.toml")]) == 2
    other.write_text("[lint]\nignor = []\n")
    capsys.readouterr()
    assert main(["lint", lost, "--config", str(other)]) == 2
    assert capsys.readouterr().err.startswith(
        f"{other}:2:1: error[wrong-setting]: there is no setting `ignor`\n2 | ignor = []\n  | ^^^^^\n"
        "  help: did you mean `ignore`?\n"
    )


def test_settings_are_shown(configured: Path, lost: str, capsys: Capture) -> None:
    assert main(["lint", lost, "--show-config", "--min-severity", "error"]) == 0
    out = capsys.readouterr().out
    assert f'ignore = ["PRQ001"]  # {configured}:2\n' in out
    assert 'min-severity = "error"  # command line\n' in out
    assert 'fail-level = "warning"  # default\n' in out


def test_releases_on_the_command_line(good: str, capsys: Capture) -> None:
    assert main(["lint", good, "--target", "1.13..1.19"]) == 0
    assert main(["lint", good, "--target", "latest"]) == 2
    assert "--target: 'latest' is no release such as 1.19" in capsys.readouterr().err


def test_severities_and_files_of_a_configuration(configured: Path, lost: str, tmp_path: Path) -> None:
    configured.write_text("[lint.severity]\nPRQ001 = 'info'\n")
    assert main(["lint", lost]) == 0
    configured.write_text("[lint.per-file-ignores]\n'lost.*' = ['PRQ001']\n")
    assert main(["lint", lost]) == 0
    configured.write_text("[lint.per-file-ignores]\n'other.*' = ['PRQ001']\n")
    assert main(["lint", lost]) == 1


def test_nothing_more_is_imported_for_a_configuration(configured: Path, lost: str) -> None:
    script = (
        "import sys; from pratique.runtime.cli import main; main(['lint', sys.argv[1]]);"
        f"sys.exit(' '.join(m for m in {(*HEAVY, 'xml')!r} if m in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script, lost], capture_output=True, text=True, check=False)
    assert run.stderr == "\n"


# --- images that there are -----------------------------------------------------------------------------


def test_an_inventory(good: str, tmp_path: Path, capsys: Capture) -> None:
    images = tmp_path / "images.txt"
    images.write_text("ghcr.io/acme/app:1\n")
    assert main(["lint", good, "--inventory", str(images)]) == 0
    assert f"{images}: 1 image: 1 verified\n" in capsys.readouterr().out
    images.write_text("ghcr.io/acme/app:1\nredis\n")
    assert main(["lint", good, "--inventory", str(images)]) == 1
    assert f"{images}:2:1: PRQ017 [warning, proved] 1 of the 2 images" in capsys.readouterr().out
    images.write_text("a b c\n")
    assert main(["lint", good, "--inventory", str(images)]) == 2


def test_an_inventory_of_the_configuration_is_beside_it(good: str, tmp_path: Path) -> None:
    (tmp_path / "pratique.toml").write_text("[lint]\ninventory = 'images.txt'\n")
    (tmp_path / "images.txt").write_text("redis\n")
    assert main(["lint", good]) == 1
    assert main(["lint", good, "--no-config"]) == 0


def test_a_cluster_that_is_not_known_or_not_there(
    good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["lint", good, "--inventory", "cluster"]) == 2
    assert "no cluster: give --kubeconfig FILE" in capsys.readouterr().err
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k"}}],
                "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:1"}}],
            }
        )
    )
    assert main(["lint", good, "--inventory", "cluster", "--kubeconfig", str(kubeconfig)]) == 3
    assert (
        main(["lint", good, "--inventory", "cluster", "--kubeconfig", str(kubeconfig), "--context", "x"]) == 2
    )
