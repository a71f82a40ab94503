"""`pratique root`, and what `verify` and `apply` say about their trust roots."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pratique.runtime.cli import main
from pratique.runtime.lab.build import write_lab
from pratique.runtime.signatures.tuf import Mirror
from tests.support_lab import EMAIL, ISSUER, recipe_of
from tests.support_tuf import TufRepository, serving

Capture = pytest.CaptureFixture[str]
IMAGE = "lab.test/app:v1"
WHO = ("--identity", EMAIL, "--issuer", ISSUER)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    recipe = recipe_of(
        f"""
        signers: {{dev: {{issuer: {ISSUER}, subject: {EMAIL}}}}}
        images: [{{image: {IMAGE}, signatures: [{{by: dev}}]}}]
        """
    )
    write_lab(recipe, folder)
    return folder


@pytest.fixture
def repository(lab: Path) -> TufRepository:
    return TufRepository((lab / "trust/trusted_root.json").read_bytes())


@pytest.fixture
def mirror(repository: TufRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "1.root.json").write_bytes(repository.anchor)
    with serving(repository) as mirror:
        yield mirror


def init(mirror: Mirror, tmp_path: Path) -> int:
    return main(["root", "init", "acme", "--mirror", mirror.url, "--root", str(tmp_path / "1.root.json")])


def verify(lab: Path, *more: str) -> int:
    return main(["verify", IMAGE, "--registry-layout", str(lab / "layout"), *WHO, *more])


def test_a_root_by_name_from_init_to_verify(
    repository: TufRepository, mirror: Mirror, lab: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert init(mirror, tmp_path) == 0
    out = capsys.readouterr().out
    assert f"from mirror {mirror.url}, checked 0 min ago" in out
    assert f"kept in {tmp_path}/config/pratique/roots/acme.json" in out
    repository.requests.clear()
    assert verify(lab, "--trusted-root", "acme", "--detailed") == 0
    assert verify(lab, "--trusted-root", "acme") == 0
    assert repository.requests == []  # one refresh a day
    assert "trusted root acme (sha256:" in capsys.readouterr().out
    assert main(["root", "update", "acme"]) == 0
    assert repository.requests == ["2.root.json", "timestamp.json"]
    assert main(["root", "remove", "acme"]) == 0
    assert main(["root", "show", "acme"]) == 2


def test_show_prints_a_root_for_other_machines(
    mirror: Mirror, repository: TufRepository, tmp_path: Path, capsys: Capture
) -> None:
    assert init(mirror, tmp_path) == 0
    capsys.readouterr()
    assert main(["root", "show", "acme", "-o", "trusted-root"]) == 0
    assert capsys.readouterr().out.encode() == repository.content
    assert main(["root", "show", "acme", "public", "-o", "trusted-root"]) == 2
    capsys.readouterr()
    assert main(["root", "show", "acme", "public", "-o", "json"]) == 0
    acme, public = json.loads(capsys.readouterr().out)["roots"]
    assert (acme["name"], acme["source"], acme["place"]) == ("acme", "cache", mirror.url)
    assert acme["checkedAt"] < acme["expires"]
    assert (public["source"], public["checkedAt"]) == ("embedded", None)
    assert main(["root", "show", "acme"]) == 0
    assert "  in use  certificate authority " in capsys.readouterr().out


def test_nothing_is_made_known_that_does_not_verify(mirror: Mirror, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "1.root.json").write_bytes(TufRepository(b"").anchor)
    assert init(mirror, tmp_path) == 3
    assert "error[trust-invalid]" in capsys.readouterr().err
    assert not (tmp_path / "config").exists()
    assert main(["root", "init", "acme", "--mirror", mirror.url]) == 2
    assert "--root FILE is needed" in capsys.readouterr().err
    assert main(["root", "init", "UP", "--mirror", mirror.url]) == 2


def test_update_never_falls_back(
    mirror: Mirror, repository: TufRepository, tmp_path: Path, capsys: Capture
) -> None:
    assert init(mirror, tmp_path) == 0
    repository.answer = lambda _: 503
    assert main(["root", "update", "acme"]) == 3
    assert "HTTP status 503. Restore the connection" in capsys.readouterr().err


def test_what_was_trusted_is_in_the_json(mirror: Mirror, lab: Path, tmp_path: Path, capsys: Capture) -> None:
    assert init(mirror, tmp_path) == 0
    capsys.readouterr()
    file = str(lab / "trust/trusted_root.json")
    assert verify(lab, "--trusted-root", "acme", "--trusted-root", f"mine={file}", "-o", "json") == 0
    report = json.loads(capsys.readouterr().out)
    first, second = report["trustedRoots"]
    assert (first["name"], first["source"]) == ("acme", "cache")
    assert (second["name"], second["source"], second["place"]) == ("mine", "file", file)
    assert second["checkedAt"] is None
    assert report["signatures"][0]["root"] == "acme"


def test_the_root_that_vouched_is_in_the_tree(lab: Path, capsys: Capture) -> None:
    file = str(lab / "trust/trusted_root.json")
    named = ("--trusted-root", "public", "--trusted-root", f"mine={file}", "--offline")
    assert verify(lab, *named, "--detailed") == 0
    out = capsys.readouterr().out
    assert ", by the root mine" in out
    assert "root: mine" in out


def test_f22_expired_metadata_says_what_to_do(
    mirror: Mirror, repository: TufRepository, lab: Path, tmp_path: Path, capsys: Capture
) -> None:
    from datetime import timedelta

    repository.life = dict.fromkeys(["timestamp"], -timedelta(days=900))
    repository.publish()
    assert init(mirror, tmp_path) == 3
    err = capsys.readouterr().err
    assert "error[trust-stale]" in err
    assert "Set the clock if it is wrong" in err


NO_SOCKETS = """
import socket, sys
def hook(event, arguments):
    if event == "socket.__new__" and arguments[1] != socket.AF_UNIX:
        raise AssertionError(f"a socket was opened: {arguments}")
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"):
        raise AssertionError(f"{event}: {arguments}")
sys.addaudithook(hook)
from pratique.runtime.cli import main
sys.exit(main(sys.argv[1:]))
"""
POLICY = f"""
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {{name: signed}}
spec:
  rules:
    - name: signed
      match: {{any: [{{resources: {{kinds: [Pod]}}}}]}}
      verifyImages:
        - imageReferences: ["lab.test/*"]
          failureAction: Enforce
          attestors: [{{entries: [{{keyless: {{subject: {EMAIL}, issuer: {ISSUER}, rekor: {{url: "https://r"}}}}}}]}}]
"""
POD = f"""
apiVersion: v1
kind: Pod
metadata: {{name: p}}
spec: {{containers: [{{name: c, image: "{IMAGE}"}}]}}
"""


@pytest.mark.parametrize("command", ["apply", "verify", "show"])
@pytest.mark.parametrize("root", ["file", "embedded"])
def test_offline_opens_no_socket(lab: Path, tmp_path: Path, command: str, root: str) -> None:
    file = str(lab / "trust/trusted_root.json")
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "pod.yaml").write_text(POD)
    trust = ["--trusted-root", file] if root == "file" else []
    layout = ["--registry-layout", str(lab / "layout"), "--offline"]
    arguments = {
        "apply": ["apply", str(tmp_path / "policy.yaml"), "-r", str(tmp_path / "pod.yaml"), *layout, *trust],
        "verify": ["verify", IMAGE, *WHO, *layout, *trust],
        "show": ["root", "show", *([file] if trust else [])],
    }[command]
    run = subprocess.run(
        [sys.executable, "-c", NO_SOCKETS, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # The public root does not know the lab: a verdict all the same, not an accident.
    assert run.returncode == (1 if root == "embedded" and command != "show" else 0), run.stderr
    assert "socket" not in run.stderr


def test_the_hook_of_the_test_works(lab: Path) -> None:
    layout = ["--registry-layout", str(lab / "layout")]
    run = subprocess.run(
        [sys.executable, "-c", NO_SOCKETS, "verify", IMAGE, *WHO, *layout, "--cache-dir", str(lab / "none")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "cannot be fetched" in run.stderr  # without --offline the mirror is asked


def test_verbose_says_what_is_trusted(lab: Path, capsys: Capture) -> None:
    assert verify(lab, "--trusted-root", str(lab / "trust/trusted_root.json"), "--offline", "-v") == 0
    assert "trusted root " in capsys.readouterr().err
