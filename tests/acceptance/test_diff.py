"""Examples of `pratique diff`, executed by the engine: what each change claims is what happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.compiler.analysis.differences import Change, Comparison, Effect, Shift, compare
from pratique.runtime.cli import main
from pratique.runtime.decision import RuleResult, Status
from tests.support_engine import World, pod
from tests.support_policies import KEYLESS, cluster_policy, read

ROOT = Path(__file__).parents[2]
STORY = ROOT / "policies/control-plane"
PROMOTER = "k8s-infra-gcr-promoter@k8s-artifacts-prod.iam.gserviceaccount.com"
RELEASE = "krel-trust@k8s-releng-prod.iam.gserviceaccount.com"
COMMAND = "pratique diff policies/control-plane/first.yaml policies/control-plane/improved.yaml"
GOOGLE = "(https://accounts.google.com)"


def policy(*subjects: str, action: str = "Enforce", count: int | None = None, **more: Any) -> str:
    entries = [{"keyless": {**KEYLESS, "subject": subject}} for subject in subjects]
    attestors = [{"entries": entries, **({"count": count} if count else {})}]
    entry = {"attestors": attestors, "verifyDigest": False, "required": False, **more.pop("entry", {})}
    return cluster_policy(entry, spec={"validationFailureAction": action}, **more)


def story(name: str) -> str:
    return (STORY / name).read_text()


PROD = {"match": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["prod"]}}]}}
TEAM = {"match": {"any": [{"resources": {"kinds": ["Pod"], "selector": {"matchLabels": {"team": "a"}}}}]}}
PAIRS = {
    "article": (story("first.yaml"), story("improved.yaml")),
    "as printed": (story("as-printed.yaml"), story("first.yaml")),
    "other signer": (policy("dev@acme.example"), policy("ops@acme.example")),
    "wider signer": (policy("dev@acme.example"), policy("*@acme.example")),
    "two signers": (policy("a@x.io", "b@x.io", count=1), policy("a@x.io", "b@x.io")),
    "weaker action": (policy("dev@acme.example"), policy("dev@acme.example", action="Audit")),
    "fewer namespaces": (policy("dev@acme.example"), policy("dev@acme.example", rule=PROD)),
    "labels": (policy("dev@acme.example", rule=PROD), policy("dev@acme.example", rule=TEAM)),
    "skipped": (
        policy("dev@acme.example"),
        policy("dev@acme.example", entry={"skipImageReferences": ["ghcr.io/acme/legacy*"]}),
    ),
    "a tag": (
        policy("dev@acme.example"),
        policy("dev@acme.example", entry={"imageReferences": ["ghcr.io/acme/*:v*"]}),
    ),
    "digests demanded": (
        policy("dev@acme.example"),
        policy("dev@acme.example", entry={"verifyDigest": True}),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_examples_behave_as_claimed(name: str) -> None:
    old, new = PAIRS[name]
    found = compare(read(old).policies, read(new).policies)
    assert found.changes
    assert not found.undecided
    told = [(change, shift) for change in found.changes for shift in change.shifts]
    for change, shift in told:
        assert shows(old, new, change, shift), (change.regions[0], shift.effect)


def shows(old: str, new: str, change: Change, shift: Shift) -> bool:
    """Say whether the engine treats the example of a change in the two ways that the shift tells."""
    before, after = (judged(text, change, shift) for text in (old, new))
    match shift.effect:
        case Effect.ADMITS:
            return refuses(before) and not refuses(after)
        case Effect.REFUSES:
            return refuses(after) and not refuses(before)
        case Effect.PASSES:
            return fails(before) and not fails(after)
        case Effect.REPORTS:
            return fails(after) and not fails(before)
        case _:
            raise AssertionError("no pair changes settings alone")


def judged(policies: str, change: Change, shift: Shift) -> list[RuleResult]:
    point = change.regions[0].point
    assert point.kind[2] == "Pod"
    name, _, digest = point.image.partition("@")
    world = World(policies)
    made = world.store.image(
        name if not digest else f"{name}:any",
        *({"subject": signer.subject, "issuer": signer.issuer} for signer in shift.signers),
    )
    image = f"{name}@{made}" if digest else name
    metadata = {"name": point.name, "namespace": point.namespace, "labels": dict(point.labels)}
    return world.judge(pod(image, metadata=metadata))


def fails(results: list[RuleResult]) -> bool:
    return any(check.status in (Status.FAIL, Status.ERROR) for result in results for check in result.checks)


def refuses(results: list[RuleResult]) -> bool:
    return fails([result for result in results if result.action == "Enforce"])


def article() -> Comparison:
    return compare(*(read(text).policies for text in PAIRS["article"]))


def test_the_article_shows_exactly_which_images_change_hands() -> None:
    etcd, pause = article().changes
    assert [(str(s.effect), list(map(str, s.signers))) for s in etcd.shifts] == [
        ("no longer reported", [f"{PROMOTER} {GOOGLE}"]),
        ("newly reported", [f"{RELEASE} {GOOGLE}"]),
    ]
    assert [region.patterns for region in etcd.regions] == [(("registry.k8s.io/etcd:*",),)]
    assert str(etcd.regions[0].point) == "registry.k8s.io/etcd:3.5.6-0 in Pod kube-system/app"
    assert pause.after == ()
    (region,) = pause.regions
    assert region.patterns == (("registry.k8s.io/*",),)
    assert set(region.without) == {
        "registry.k8s.io/kube-*",
        "registry.k8s.io/coredns/*",
        "registry.k8s.io/etcd:*",
    }
    assert region.point.image.startswith("registry.k8s.io/pause:")
    assert article().undecided == ()


def test_policies_of_the_library_are_equivalent_to_themselves_under_other_names() -> None:
    for path in sorted((ROOT / "policies").glob("*/policy.yaml")):
        text = path.read_text()
        documents = list(yaml.safe_load_all(text))
        for document in documents:
            document["metadata"]["name"] += "-renamed"
        renamed = yaml.safe_dump_all(documents)
        found = compare(read(text).policies, read(renamed).policies)
        assert found.is_equivalent, path


def test_the_page_shows_the_real_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["diff", "policies/control-plane/first.yaml", "policies/control-plane/improved.yaml"]) == 1
    assert f"```text\n$ {COMMAND}\n{capsys.readouterr().out}```\n" in (ROOT / "docs/diff.md").read_text()
