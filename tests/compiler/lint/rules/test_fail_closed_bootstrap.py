from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Finding
from tests.support_lint import findings
from tests.support_rule_sets import entry, pods, policy, rule, together

CODE = "PRQ035"
SYSTEM: dict[str, Any] = {"kind": "Policy", "metadata": {"namespace": "kube-system"}}


def found(one: dict[str, Any], **more: Any) -> list[Finding]:
    return findings(together(policy("p", one, **more)), CODE)


def test_a_policy_of_the_namespace() -> None:
    (one,) = found(rule("r", entry("registry.k8s.io/*")), **SYSTEM)
    assert one.problem.message.startswith(
        "while the policy engine does not answer, policy `kube-system/p` keeps cluster DNS and kube-proxy"
    )
    (example,) = one.problem.examples
    assert example.text.endswith(" in Pod kube-system/coredns-0")
    assert example.text.startswith("registry.k8s.io/coredns/coredns")
    assert example.point


@pytest.mark.parametrize(
    ("namespaces", "image", "what"),
    [
        (["kube-*"], "quay.io/cilium/*", "the network"),
        (["prod", "kyverno"], "ghcr.io/*", "the engine itself"),
        (["kube-flannel"], "*/flannel/flannel@*", "the network"),
    ],
)
def test_namespaces_that_are_named(namespaces: list[str], image: str, what: str) -> None:
    (one,) = found(rule("r", entry(image), match=pods(namespaces=namespaces)))
    assert f"keeps {what} from starting" in one.problem.message


@pytest.mark.parametrize(
    ("match", "images", "spec"),
    [
        (None, ["registry.k8s.io/*"], {}),
        (pods(namespaces=["*"]), ["registry.k8s.io/*"], {}),
        (pods(namespaces=["prod"]), ["registry.k8s.io/*"], {}),
        (pods(namespaces=["kube-system"]), ["ghcr.io/acme/*"], {}),
        (
            pods(namespaces=["kube-system"]),
            ["registry.k8s.io/*"],
            {"webhookConfiguration": {"failurePolicy": "Ignore"}},
        ),
        (pods(namespaces=["kube-system"], operations=["DELETE"]), ["registry.k8s.io/*"], {}),
        (pods(namespaces=["kube-system"], names=["web-*"]), ["registry.k8s.io/*"], {}),
    ],
)
def test_left_alone(match: Any, images: list[str], spec: dict[str, Any]) -> None:
    assert found(rule("r", entry(*images), match=match), **spec) == []


def test_once_for_a_policy() -> None:
    rules = [rule(name, entry("registry.k8s.io/*"), match=pods(namespaces=["kube-system"])) for name in "ab"]
    assert len(findings(together(policy("p", *rules)), CODE)) == 1
