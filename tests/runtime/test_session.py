"""One run from files to a report: what is read, refused, noticed and counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.decision import Report, Status
from pratique.runtime.lab.build import write_lab
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.session import ApplyOptions, apply, load_policies
from pratique.runtime.verification import VerifyOptions, verify
from tests.support_engine import pod
from tests.support_lab import recipe_of
from tests.support_policies import cluster_policy
from tests.support_trust import trusting

RECIPE = """
    sigstore: {seed: session, at: 2026-01-15T12:00:00Z}
    signers:
      dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
      ops: {subject: ops@acme.example, issuer: https://accounts.google.com}
    images:
      - image: ghcr.io/acme/app:v1
        signatures: [{by: dev}]
      - image: ghcr.io/acme/two:v1
        signatures: [{by: dev}, {by: ops}]
      - image: ghcr.io/acme/unsigned:v1
"""
OFF = {"verifyDigest": False, "required": False}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("session") / "lab"
    write_lab(recipe_of(RECIPE), folder)
    return folder


def run(lab: Path, folder: Path, policy: str, *resources: Any, **more: Any) -> Report:
    (folder / "policy.yaml").write_text(policy)
    (folder / "resources.yaml").write_text("\n---\n".join(map(json.dumps, resources)))
    options = ApplyOptions(
        policies=(str(folder / "policy.yaml"),),
        resources=(str(folder / "resources.yaml"),),
        store=StoreOptions(layout=lab / "layout", offline=True),
        trust=trusting(lab / "trust/trusted_root.json"),
    )
    return apply(options, **more)


def test_a_run_is_counted(lab: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    pods = [pod("ghcr.io/acme/two:v1", metadata={"name": f"p{n}"}) for n in range(30)]
    report = run(
        lab, tmp_path, cluster_policy(OFF), *pods, progress=lambda done, total, _: seen.append((done, total))
    )
    assert report.summary[Status.PASS] == 30
    assert (report.policies, report.rules, report.resources, report.images) == (1, 3, 30, 1)
    # One for the image, one for its signatures, one for the payload that both signatures share.
    assert (report.requests.total, report.verifications) == (3, 2)
    assert seen == [(n, 30) for n in range(1, 31)]
    (root,) = report.roots
    assert (root.source, root.place) == ("file", str(lab / "trust/trusted_root.json"))
    assert root.text


def test_a_run_that_needs_no_trust_root_names_none(lab: Path, tmp_path: Path) -> None:
    report = run(lab, tmp_path, cluster_policy(OFF), pod("ghcr.io/acme/unsigned:v1"))
    assert report.summary[Status.FAIL] == 1
    key = {"publicKeys": (lab / "none").name, "rekor": {"ignoreTlog": True, "url": "https://r"}}
    bare = cluster_policy({**OFF, "attestors": [{"entries": [{"keys": key}]}]})
    assert run(lab, tmp_path, bare, pod("ghcr.io/acme/app:v1")).roots == ()


def test_results_are_in_the_order_of_policies_then_resources(lab: Path, tmp_path: Path) -> None:
    second = cluster_policy(OFF, metadata={"name": "a-second"})
    pods = [pod("ghcr.io/acme/app:v1", metadata={"name": name}) for name in ("z", "a")]
    report = run(lab, tmp_path, f"{cluster_policy(OFF)}\n---\n{second}", *pods)
    assert [(r.policy, r.resource.name) for r in report.results] == [
        ("p", "z"),
        ("p", "a"),
        ("a-second", "z"),
        ("a-second", "a"),
    ]


def test_resources_know_where_they_stand(lab: Path, tmp_path: Path) -> None:
    report = run(lab, tmp_path, cluster_policy(OFF), pod("nginx"), pod("ghcr.io/acme/unsigned:v1"))
    (result,) = report.results
    assert str(result.resource.location) == f"{tmp_path / 'resources.yaml'}:3:1"
    assert result.location is not None
    assert result.location.source.name == str(tmp_path / "policy.yaml")


@pytest.mark.parametrize(("label", "expected"), [("prod", 1), ("dev", 0)])
def test_namespace_labels_come_from_namespace_objects(
    lab: Path, tmp_path: Path, label: str, expected: int
) -> None:
    selector = {"matchLabels": {"env": "prod"}}
    match = {"match": {"any": [{"resources": {"kinds": ["Pod"], "namespaceSelector": selector}}]}}
    namespace = {"apiVersion": "v1", "kind": "Namespace"}
    namespace["metadata"] = {"name": "default", "labels": {"env": label}}  # type: ignore[assignment]
    policy = cluster_policy(OFF, rule=match)
    report = run(lab, tmp_path, policy, namespace, pod("ghcr.io/acme/app:v1"))
    assert len(report.results) == expected


def test_k11_without_the_namespace_object_the_rule_is_an_error(lab: Path, tmp_path: Path) -> None:
    selector = {"matchLabels": {"env": "prod"}}
    match = {"match": {"any": [{"resources": {"kinds": ["Pod"], "namespaceSelector": selector}}]}}
    report = run(lab, tmp_path, cluster_policy(OFF, rule=match), pod("ghcr.io/acme/app:v1"))
    assert [r.status for r in report.results] == [Status.ERROR]


def test_image_extractors(lab: Path, tmp_path: Path) -> None:
    rule = {
        "match": {"any": [{"resources": {"kinds": ["Task"]}}]},
        "imageExtractors": {"Task": [{"path": "/spec/steps/*/image"}]},
    }
    task = {
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": {"name": "t", "namespace": "default"},
        "spec": {"steps": [{"image": "ghcr.io/acme/unsigned:v1"}, {"image": "ghcr.io/acme/app:v1"}]},
    }
    (result,) = run(lab, tmp_path, cluster_policy(OFF, rule=rule), task).results
    assert [c.status for c in result.checks] == [Status.FAIL, Status.PASS]
    task["spec"] = {"steps": [{"image": ["no text"]}]}
    (result,) = run(lab, tmp_path, cluster_policy(OFF, rule=rule), task).results
    assert result.status is Status.ERROR
    assert result.message.startswith("failed to instantiate handler: ")


def test_every_mistake_of_every_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(cluster_policy({"imageReferences": []}))
    (tmp_path / "b.yaml").write_text("kind: [unclosed")
    (tmp_path / "c.yaml").write_text(cluster_policy(metadata={"name": "c"}, spec={"nonsense": 1}))
    with pytest.raises(PolicyErrors) as caught:
        load_policies([str(tmp_path)])
    names = [Path(e.location.source.name).name for e in caught.value.errors if e.location]
    assert names == ["a.yaml", "b.yaml", "c.yaml"]


def test_other_policy_kinds_are_refused_and_other_documents_noticed(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("apiVersion: policy.sigstore.dev/v1\nkind: ClusterImagePolicy\nmetadata: {name: x}\n")
    with pytest.raises(PolicyErrors, match="ClusterImagePolicy"):
        load_policies([str(other)])
    other.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\n" + cluster_policy())
    loaded = load_policies([str(other)])
    assert [p.name for p in loaded.policies.policies] == ["p"]
    assert any("ConfigMap" in notice for notice in loaded.notices)


def test_nothing_to_do_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("apiVersion: v1\nkind: ConfigMap\n")
    with pytest.raises(UsageError, match="no policy"):
        load_policies([str(tmp_path)])


# --- pratique verify -----------------------------------------------------------------------------------


def options(lab: Path, image: str, **signer: Any) -> VerifyOptions:
    return VerifyOptions(
        image=image,
        store=StoreOptions(layout=lab / "layout", offline=True),
        trust=trusting(lab / "trust/trusted_root.json"),
        **(signer or {"identity": "dev@acme.example", "issuer": "https://accounts.google.com"}),
    )


def test_verify_says_who_signed(lab: Path) -> None:
    report = verify(options(lab, "ghcr.io/acme/two:v1"))
    assert report.met
    assert [(s.met, s.signer) for s in report.signatures] == [
        (True, "dev@acme.example"),
        (False, "ops@acme.example"),
    ]
    assert report.signatures[0].signed_at
    assert report.digest.startswith("sha256:")


def test_verify_by_expressions(lab: Path) -> None:
    signer = {"identity_regexp": "^ops@", "issuer_regexp": "google"}
    report = verify(options(lab, "ghcr.io/acme/two:v1", **signer))
    assert [s.met for s in report.signatures] == [False, True]


def test_verify_an_unsigned_image(lab: Path) -> None:
    report = verify(options(lab, "ghcr.io/acme/unsigned:v1"))
    assert (report.met, report.signatures, report.reason.code) == (False, (), "no-signature")


@pytest.mark.parametrize("image", ["ghcr.io/ACME/app", "", "a b"])
def test_verify_refuses_what_is_no_reference(lab: Path, image: str) -> None:
    with pytest.raises(UsageError):
        verify(options(lab, image))
