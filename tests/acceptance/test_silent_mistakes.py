"""Mistakes that nobody tells the author of: each is found, and the engine behaves as the finding says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.cli import main
from pratique.runtime.decision import RuleResult, Status
from tests.support_engine import World, pod
from tests.support_policies import KEYLESS, cluster_policy

SUBJECT = str(KEYLESS["subject"])
OTHER = "ops@acme.example"
ALONE = {"verifyDigest": False, "required": False}


def entry(**fields: Any) -> str:
    """Return a policy whose only check is that of signers."""
    return cluster_policy({"imageReferences": ["registry.example/*"], **ALONE, **fields}, spec=ENFORCE)


def keyless(**fields: Any) -> list[dict[str, Any]]:
    return [{"entries": [{"keyless": {**KEYLESS, **fields}}]}]


ENFORCE = {"validationFailureAction": "Enforce"}
NO_ISSUER = {"issuer": "", "issuerRegExp": "((("}
NO_KEY = [{"entries": [{"keys": {"publicKeys": "no PEM"}}]}]
POLICIES = {
    "PRQ001": entry(imageReferences=["registry.k8s.io/"]),
    "PRQ003": entry(imageReferences=["registry.example/app:v1*"]),
    "PRQ004": entry(imageReferences=["*.trusted.example.com/*"]),
    "PRQ006": entry(skipImageReferences=["*"]),
    "PRQ014": "\n---\n".join(
        [
            cluster_policy({**ALONE, "imageReferences": ["registry.example/*"]}, spec=ENFORCE),
            cluster_policy(
                {**ALONE, "imageReferences": ["registry.example/etcd*"], "attestors": keyless(subject=OTHER)},
                spec=ENFORCE,
                rule={"name": "etcd"},
                metadata={"name": "etcd"},
            ),
        ]
    ),
    "PRQ026": entry(attestors=keyless(**NO_ISSUER)),
    "PRQ027": entry(attestors=NO_KEY),
}


@pytest.fixture
def finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the one finding of a rule about its policy, by the command line."""

    def find(code: str) -> Any:
        path = tmp_path / "policy.yaml"
        path.write_text(POLICIES[code])
        status = main(["lint", str(path), "-o", "json"])
        report = json.loads(capsys.readouterr().out)
        (found,) = [each for each in report["findings"] if each["code"] == code]
        assert found["severity"] == "warning" or status == 1
        assert found["basis"] in ("proved", "witness")
        assert report["errors"] == []
        return found

    return find


def judged(policy: str, image: str, *signers: dict[str, str]) -> list[Status]:
    """Return what the engine makes of an image of these signers; nothing where no rule is about it."""
    world = World(policy)
    name, _, digest = image.partition("@")
    made = world.store.image(f"{name}:any" if digest else name, *signers)
    results: list[RuleResult] = world.judge(pod(f"{name}@{made}" if digest else name))
    return [check.status for result in results for check in result.checks]


def example(finding: Any) -> str:
    (only,) = finding["examples"]
    return str(only["text"])


def test_a_lost_star(finding: Any) -> None:
    found = finding("PRQ001")
    image = example(found)
    assert image.startswith("registry.k8s.io/")
    assert judged(POLICIES["PRQ001"], image) == []
    mended = POLICIES["PRQ001"].replace("registry.k8s.io/", "registry.k8s.io/*")
    assert judged(mended, image) == [Status.FAIL]


def test_a_tag_pattern_and_a_reference_by_digest(finding: Any) -> None:
    image = example(finding("PRQ003"))
    assert "@sha256:" in image
    assert judged(POLICIES["PRQ003"], image) == []
    assert judged(POLICIES["PRQ003"], "registry.example/app:v1.4") == [Status.FAIL]


def test_a_wildcard_that_crosses_the_host(finding: Any) -> None:
    image = example(finding("PRQ004"))
    assert not image.split("/")[0].endswith("trusted.example.com")
    # The stranger's image is judged as if it were one of the registry.
    assert judged(POLICIES["PRQ004"], image, {"subject": SUBJECT}) == [Status.PASS]


def test_a_skip_list_that_skips_everything(finding: Any) -> None:
    image = example(finding("PRQ006"))
    assert Status.FAIL not in judged(POLICIES["PRQ006"], image)
    assert judged(entry(), image) == [Status.FAIL]


@pytest.mark.parametrize("code", ["PRQ026", "PRQ027"])
def test_a_signer_that_nobody_can_be(finding: Any, code: str) -> None:
    found = finding(code)
    assert ("(((" if code == "PRQ026" else "publicKeys") in found["message"]
    signer = {"subject": SUBJECT}
    assert judged(entry(), "registry.example/app:v1", signer) == [Status.PASS]
    assert judged(POLICIES[code], "registry.example/app:v1", signer) != [Status.PASS]


def test_two_rules_that_want_different_signers_of_one_image(finding: Any) -> None:
    found = finding("PRQ014")
    shared, first, second = (each["text"] for each in found["examples"])
    image, _, resource = shared.partition(" in ")
    assert image.startswith("registry.example/etcd")
    assert resource == "Pod default/app"
    signers = [
        dict(zip(("subject", "issuer"), who.rstrip(")").split(" ("), strict=True)) for who in (first, second)
    ]
    assert [signer["subject"] for signer in signers] == [SUBJECT, OTHER]
    policy = POLICIES["PRQ014"]
    assert judged(policy, image, signers[0]) == [Status.PASS, Status.FAIL]
    assert judged(policy, image, signers[1]) == [Status.FAIL, Status.PASS]
    assert judged(policy, image, *signers) == [Status.PASS, Status.PASS]
    # No mistake where the first rule skips what the second is about.
    mended = policy.replace(
        '"mutateDigest"', '"skipImageReferences": ["registry.example/etcd*"], "mutateDigest"', 1
    )
    assert judged(mended, image, signers[1]) == [Status.SKIP, Status.PASS]
