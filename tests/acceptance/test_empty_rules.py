"""Both answers that Kyverno's check for empty rules gets wrong, given right, and shown by the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.cli import main
from tests.support_engine import World, pod
from tests.support_policies import cluster_policy, read


def selecting(**blocks: list[dict[str, Any]]) -> str:
    """Return a policy whose rule has these filters of Pods in `match` and `exclude`."""
    rule = {
        name: {"any": [{"resources": {"kinds": ["Pod"], **each}} for each in filters]}
        for name, filters in blocks.items()
    }
    return cluster_policy({"failureAction": "Enforce", "mutateDigest": True}, rule=rule)


A, B = {"namespaces": ["a"]}, {"namespaces": ["b"]}
NOT_EMPTY = selecting(match=[A, B], exclude=[A])
EMPTY = selecting(match=[A], exclude=[{"namespaces": ["a*"]}])


@pytest.fixture
def finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what `pratique lint` says of a policy under PRQ010, and whether the policy is refused."""

    def find(policy: str) -> tuple[dict[str, Any], bool]:
        path = tmp_path / "policy.yaml"
        path.write_text(policy)
        status = main(["lint", str(path), "-o", "json"])
        report = json.loads(capsys.readouterr().out)
        (found,) = [each for each in (*report["findings"], *report["errors"]) if each["code"] == "PRQ010"]
        assert status == (2 if report["errors"] else 1)
        return found, bool(report["errors"])

    return find


def applies(policy: str, resource: str) -> bool:
    """Say whether the rule judges a Pod that is given as `Pod NAMESPACE/NAME`."""
    namespace, _, name = resource.removeprefix("Pod ").partition("/")
    world = World(policy)
    world.store.image("ghcr.io/acme/app:1.4.2")
    return bool(world.judge(pod("ghcr.io/acme/app:1.4.2", metadata={"name": name, "namespace": namespace})))


def test_a_rule_that_kyverno_takes_for_empty_is_not(finding: Any) -> None:
    found, refused = finding(NOT_EMPTY)
    assert refused, "as by Kyverno"
    assert "Rule is matching an empty set" in found["message"]
    assert found["message"].endswith("so says Kyverno, and refuses the policy, but the rule is not empty")
    assert found["basis"] == "witness"
    (example,) = found["examples"]
    assert example == {"label": "selected all the same", "text": "Pod b/app"}
    assert found["help"].startswith("remove `match.any[0]`, which `exclude` repeats")


def test_what_is_to_be_written_instead_is_accepted_and_means_the_same(finding: Any) -> None:
    found, _ = finding(NOT_EMPTY)
    instead = selecting(match=[B], exclude=[A])  # without `match.any[0]`
    assert not read(instead).errors
    assert applies(instead, found["examples"][0]["text"])
    assert not applies(instead, "Pod a/app")


def test_a_rule_that_is_empty_though_kyverno_accepts_it(finding: Any) -> None:
    found, refused = finding(EMPTY)
    assert not refused
    assert found["basis"] == "proved"
    assert "applies to no resource" in found["message"]
    (example,) = found["examples"]
    assert example == {"label": "excluded", "text": "Pod a/app"}
    assert not applies(EMPTY, example["text"])
    assert applies(selecting(match=[A]), example["text"])


def test_where_kyverno_is_right_nothing_else_is_said(finding: Any) -> None:
    found, refused = finding(selecting(match=[A], exclude=[A]))
    assert refused
    assert (found["basis"], found.get("examples")) == ("proved", None)


@pytest.mark.parametrize(
    ("match", "exclude"),
    [({"names": ["x", "y"]}, {"names": ["x"]})],
)
def test_filters_that_stand_in_no_list(match: dict[str, Any], exclude: dict[str, Any], finding: Any) -> None:
    blocks = {
        name: {"resources": {"kinds": ["Pod"], **each}}
        for name, each in (("match", match), ("exclude", exclude))
    }
    found, refused = finding(cluster_policy({"failureAction": "Enforce", "mutateDigest": True}, rule=blocks))
    assert refused
    assert found["examples"] == [{"label": "selected all the same", "text": "Pod default/y"}]
    assert "under `any`" in found["help"]
    instead = selecting(match=[match], exclude=[exclude])
    assert not read(instead).errors
    assert applies(instead, "Pod default/y")
    assert not applies(instead, "Pod default/x")
