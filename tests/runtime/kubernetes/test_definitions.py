"""Definitions that the API server accepts as they are (see also `tests/e2e/test_policies.py`)."""

import json
from typing import Any

import pytest
import yaml

from pratique.runtime.cli import main
from pratique.runtime.kubernetes.definitions import (
    open_report_definitions,
    policy_definitions,
    report_definitions,
)

ALL = [*policy_definitions(), *report_definitions(), *open_report_definitions()]
LARGEST_ANNOTATION = 256 << 10
"""What `kubectl apply` without `--server-side` may write."""


@pytest.mark.parametrize("definition", ALL, ids=lambda d: d["metadata"]["name"])
def test_names_fit_together_and_the_whole_is_small_enough(definition: dict[str, Any]) -> None:
    spec = definition["spec"]
    assert definition["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert [v["storage"] for v in spec["versions"]].count(True) == 1
    assert len(json.dumps(definition)) < LARGEST_ANNOTATION


def test_policies_are_kyverno_s() -> None:
    policy, cluster, exception, *_ = policy_definitions()
    assert exception["spec"]["scope"] == "Namespaced"
    assert [v["name"] for v in exception["spec"]["versions"]] == ["v2", "v2beta1"]
    assert (policy["spec"]["group"], policy["spec"]["scope"]) == ("kyverno.io", "Namespaced")
    assert (cluster["spec"]["names"]["kind"], cluster["spec"]["scope"]) == ("ClusterPolicy", "Cluster")
    for each in (policy, cluster):
        assert [v["name"] for v in each["spec"]["versions"]] == ["v1", "v2beta1"]
        for version in each["spec"]["versions"]:
            assert version["subresources"] == {"status": {}}
            found = version["schema"]["openAPIV3Schema"]
            assert found["properties"]["metadata"] == {"type": "object"}
            assert found["properties"]["spec"]["properties"]["background"]["default"] is True


def test_policies_in_cel_are_kyverno_s() -> None:
    found = {each["spec"]["names"]["kind"]: each for each in policy_definitions()[3:]}
    kinds = {
        f"{n}{kind}"
        for n in ("", "Namespaced")
        for kind in ("ImageValidatingPolicy", "MutatingPolicy", "ValidatingPolicy")
    }
    assert set(found) == {*kinds, "PolicyException"}
    plurals = {each["spec"]["names"]["plural"] for each in found.values()}
    assert {"validatingpolicies", "namespacedimagevalidatingpolicies", "policyexceptions"} <= plurals
    for kind, each in found.items():
        assert each["spec"]["group"] == "policies.kyverno.io"
        namespaced = kind.startswith("Namespaced") or kind == "PolicyException"
        assert each["spec"]["scope"] == ("Namespaced" if namespaced else "Cluster")
        assert [v["name"] for v in each["spec"]["versions"]] == ["v1", "v1beta1", "v1alpha1"]
        assert all(("subresources" in v) is (kind != "PolicyException") for v in each["spec"]["versions"])
    short = [name for each in policy_definitions() for name in each["spec"]["names"]["shortNames"]]
    assert len(short) == len(set(short))


def test_they_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crds"]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert printed == [*policy_definitions(), *report_definitions()]
    assert main(["crds", "openreports"]) == 0
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == open_report_definitions()
    assert main(["crds", "nonsense"]) == 2
