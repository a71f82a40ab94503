"""Keys by reference in whole runs: Secrets, Vault, and what happens when a key cannot be had."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.cli import main
from pratique.runtime.decision import Report, Status
from pratique.runtime.lab.build import write_lab
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.session import ApplyOptions, apply
from tests.support_engine import pod
from tests.support_lab import memory_lab, recipe_of
from tests.support_policies import cluster_policy
from tests.support_registry import FakeRegistry, Reply
from tests.support_serving import served
from tests.support_trust import trusting

RECIPE = """
    sigstore: {seed: keys, at: 2026-01-15T12:00:00Z}
    signers:
      team: {key: ecdsa-p256}
      strict: {key: ecdsa-p256, hash: sha512}
      other: {key: rsa-2048}
    images:
      - image: ghcr.io/acme/app:v1
        signatures: [{by: team}]
      - image: ghcr.io/acme/strict:v1
        signatures: [{by: strict, log: false}]
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "lab"
    write_lab(recipe_of(RECIPE), folder)
    return folder


def public_key(lab: Path, name: str = "team") -> str:
    return (lab / f"trust/keys/{name}.pub").read_text()


def secret(lab: Path, folder: Path, key: str = "team") -> str:
    data = {"cosign.pub": base64.b64encode(public_key(lab, key).encode()).decode()}
    metadata = {"name": "key", "namespace": "acme"}
    path = folder / f"secret-{key}.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}))
    return str(path)


def run(
    lab: Path,
    folder: Path,
    keys: dict[str, Any],
    *resources: Any,
    secrets: tuple[str, ...] = (),
    offline: bool = True,
) -> Report:
    entry = {
        "attestors": [{"entries": [{"keys": {"rekor": {"ignoreTlog": True, "url": "https://r"}, **keys}}]}],
        "verifyDigest": False,
        "required": False,
    }
    (folder / "policy.yaml").write_text(cluster_policy(entry))
    given = resources or (pod("ghcr.io/acme/app:v1"),)
    (folder / "resources.yaml").write_text("\n---\n".join(map(json.dumps, given)))
    options = ApplyOptions(
        policies=(str(folder / "policy.yaml"),),
        resources=(str(folder / "resources.yaml"),),
        store=StoreOptions(layout=lab / "layout", offline=offline),
        trust=trusting(lab / "trust/trusted_root.json"),
        secrets=secrets,
    )
    return apply(options)


def outcome(report: Report) -> tuple[Status, str]:
    (result,) = report.results
    (check,) = result.checks
    return result.status, check.message


KEY = ".attestors[0].entries[0].keys"
MISSING = (
    f"failed to verify image ghcr.io/acme/app:v1: {KEY}: failed to load public key from k8s://acme/key:"
    ' checking if secret exists: secrets "key" not found'
)


@pytest.mark.parametrize(
    "keys",
    [
        {"publicKeys": "k8s://acme/key"},
        {"secret": {"name": "key", "namespace": "acme"}},
        {"kms": "k8s://acme/key"},
        {"publicKeys": "k8s://{{ request.object.metadata.namespace }}/key"},
    ],
)
def test_a_key_in_a_secret(lab: Path, tmp_path: Path, keys: dict[str, Any]) -> None:
    image = pod("ghcr.io/acme/app:v1", metadata={"namespace": "acme"})
    right = run(lab, tmp_path, keys, image, secrets=(secret(lab, tmp_path),))
    assert outcome(right)[0] is Status.PASS
    wrong = run(lab, tmp_path, keys, image, secrets=(secret(lab, tmp_path, "other"),))
    assert outcome(wrong)[0] is Status.FAIL
    missing = run(lab, tmp_path, keys, image)
    assert outcome(missing) == (Status.ERROR, MISSING)
    assert missing.results[0].checks[0].transport


def test_secrets_among_the_resources_are_not_evidence(lab: Path, tmp_path: Path) -> None:
    """Whoever writes the resources must not choose whose signatures count (rule R4)."""
    forged = json.loads(Path(secret(lab, tmp_path)).read_text())
    report = run(lab, tmp_path, {"publicKeys": "k8s://acme/key"}, forged, pod("ghcr.io/acme/app:v1"))
    assert outcome(report) == (Status.ERROR, MISSING)


@pytest.mark.parametrize(("algorithm", "status"), [("sha512", Status.PASS), ("sha256", Status.FAIL)])
def test_the_algorithm_of_the_policy_holds_for_keys_by_reference(
    lab: Path, tmp_path: Path, algorithm: str, status: Status
) -> None:
    keys = {"publicKeys": "k8s://acme/key", "signatureAlgorithm": algorithm}
    report = run(
        lab, tmp_path, keys, pod("ghcr.io/acme/strict:v1"), secrets=(secret(lab, tmp_path, "strict"),)
    )
    assert outcome(report)[0] is status


def test_a_key_and_its_reference_are_one_signer(lab: Path, tmp_path: Path) -> None:
    """C16: naming a key twice, once by reference, makes no second signer of it."""
    rekor = {"rekor": {"ignoreTlog": True, "url": "https://r"}}
    entries = [
        {"keys": {"publicKeys": public_key(lab), **rekor}},
        {"keys": {"publicKeys": "k8s://acme/key", **rekor}},
    ]
    for count, status in ((1, Status.PASS), (2, Status.FAIL)):
        entry = {
            "attestors": [{"count": count, "entries": entries}],
            "verifyDigest": False,
            "required": False,
        }
        (tmp_path / "policy.yaml").write_text(cluster_policy(entry))
        (tmp_path / "resources.yaml").write_text(json.dumps(pod("ghcr.io/acme/app:v1")))
        options = ApplyOptions(
            policies=(str(tmp_path / "policy.yaml"),),
            resources=(str(tmp_path / "resources.yaml"),),
            store=StoreOptions(layout=lab / "layout", offline=True),
            trust=trusting(lab / "trust/trusted_root.json"),
            secrets=(secret(lab, tmp_path),),
        )
        report = apply(options)
        assert report.results[0].status is status
        assert report.verifications == 1


def vault_answer(pem: str) -> Reply:
    key = {"1": {"public_key": pem, "name": "P-256"}}
    return Reply(body=json.dumps({"data": {"keys": key, "latest_version": 1}}).encode())


def test_a_key_in_vault_is_asked_for_once_in_a_run(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = FakeRegistry()
    vault.on("/v1/transit/keys/team", vault_answer(public_key(lab)))
    pods = [pod("ghcr.io/acme/app:v1", metadata={"name": f"p{n}"}) for n in range(20)]
    with served(vault):
        monkeypatch.setenv("VAULT_ADDR", vault.url)
        monkeypatch.setenv("VAULT_TOKEN", "hvs.token")
        report = run(lab, tmp_path, {"kms": "hashivault://team"}, *pods, offline=False)
    assert {result.status for result in report.results} == {Status.PASS}
    assert len(vault.asked) == 1


def test_a_vault_that_is_down_is_an_error_never_a_failure(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    monkeypatch.setenv("VAULT_TOKEN", "hvs.token")
    report = run(lab, tmp_path, {"kms": "hashivault://team"}, offline=False)
    status, message = outcome(report)
    assert status is Status.ERROR
    assert message.endswith(
        "failed to load public key from hashivault://team: 127.0.0.1:1: transit key: connection refused"
    )
    assert "hvs.token" not in message


def test_an_offline_run_asks_no_service(lab: Path, tmp_path: Path) -> None:
    status, message = outcome(run(lab, tmp_path, {"kms": "awskms:///alias/key"}))
    assert status is Status.ERROR
    assert message.endswith("failed to load public key from awskms:///alias/key: the run is offline")


def test_a_malformed_reference_is_the_policys_own_mistake(lab: Path, tmp_path: Path) -> None:
    status, message = outcome(run(lab, tmp_path, {"kms": "awskms://nonsense"}, offline=False))
    assert status is Status.FAIL
    assert "kms specification should be in the format awskms://" in message


# --- pratique verify -----------------------------------------------------------------------------------


def verified(lab: Path, *words: str) -> int:
    root = str(lab / "trust/trusted_root.json")
    return main(["verify", *words, "--trusted-root", root, "--ignore-tlog", "--ignore-sct"])


@pytest.mark.parametrize(("key", "code"), [("team", 0), ("other", 1)])
def test_verify_takes_a_key_in_a_secret(lab: Path, tmp_path: Path, key: str, code: int) -> None:
    layout = ("--registry-layout", str(lab / "layout"), "--offline")
    who = ("--key", "k8s://acme/key", "--secrets", secret(lab, tmp_path, key))
    assert verified(lab, "ghcr.io/acme/app:v1", *who, *layout) == code


def test_verify_takes_a_key_of_a_service(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = ("ghcr.io/acme/app:v1", "--registry-layout", str(lab / "layout"), "--key", "hashivault://team")
    vault = FakeRegistry()
    vault.on("/v1/transit/keys/team", vault_answer(public_key(lab)))
    with served(vault):
        monkeypatch.setenv("VAULT_ADDR", vault.url)
        monkeypatch.setenv("VAULT_TOKEN", "hvs.token")
        assert verified(lab, *image) == 0
        assert len(vault.asked) == 1
        assert verified(lab, *image, "--offline") == 3
        assert len(vault.asked) == 1
    assert "error[key-unavailable]" in capsys.readouterr().err


def test_verify_judges_bundles_by_a_key_in_a_secret(tmp_path: Path) -> None:
    made = memory_lab(
        """
        signers: {team: {key: ecdsa-p256}, other: {key: ecdsa-p256}}
        images: [{image: "ghcr.io/acme/app:v1", signatures: [{by: team, format: bundle}]}]
        """
    )
    lab = tmp_path
    for name, text in made.lab.trust.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "bundle.json").write_text(json.dumps(made.bundles()[0]))
    for key, code in (("team", 0), ("other", 1)):
        who = ("--key", "k8s://acme/key", "--secrets", secret(lab, tmp_path, key))
        assert verified(lab, "--bundle", str(tmp_path / "bundle.json"), *who, made.image().digest) == code


def test_verify_tells_what_a_reference_lacks(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = ("--registry-layout", str(lab / "layout"))
    assert verified(lab, "ghcr.io/acme/app:v1", "--key", "k8s://acme/key", *layout) == 3
    assert "give it with --secrets FILE" in capsys.readouterr().err
    assert verified(lab, "ghcr.io/acme/app:v1", "--key", "https://acme.example/key.pub", *layout) == 2
    assert "no provider for such references is installed" in capsys.readouterr().err
    assert verified(lab, "ghcr.io/acme/app:v1", "--identity", "a", "--issuer", "b", "--secrets", "x") == 2
