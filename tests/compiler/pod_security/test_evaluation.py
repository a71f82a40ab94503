"""What exclusions let pass: of the Pod or of containers, fields and values."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.bodies import PodSecurityExclusion
from pratique.compiler.pod_security import Pod, evaluate, without


def pod(*containers: dict[str, Any], **spec: Any) -> Pod:
    """Return a Pod with containers called `c0`, `c1` ... of the images `i0`, `i1` ..."""
    made = [
        {"name": f"c{n}", "image": f"ghcr.io/i{n}:1", "securityContext": each}
        for n, each in enumerate(containers)
    ]
    return Pod({}, {"containers": made, **spec})


def left(found: Pod, *exclusions: PodSecurityExclusion, level: str = "baseline") -> dict[str, list[str]]:
    """Return the fields that still break the level, by check."""
    violations = evaluate(level, "latest", found)
    kept = without(exclusions, violations, level, "latest", found)
    return {each.check: [error.field for error in each.errors] for each in kept}


def exclusion(
    control: str, *images: str, field: str = "", values: tuple[str, ...] = ()
) -> PodSecurityExclusion:
    return PodSecurityExclusion(control=control, images=images, restricted_field=field, values=values)


def test_a_control_of_the_pod() -> None:
    found = pod({}, hostNetwork=True, hostPID=True)
    assert left(found, exclusion("Host Namespaces")) == {}
    assert left(found, exclusion("Host Namespaces", field="spec.hostPID")) == {
        "hostNamespaces": ["spec.hostNetwork"]
    }
    assert left(found, exclusion("Sysctls")) == {"hostNamespaces": ["spec.hostNetwork", "spec.hostPID"]}


def test_a_control_of_containers_by_image() -> None:
    found = pod({"privileged": True}, {"privileged": True})
    assert left(found, exclusion("Privileged Containers", "ghcr.io/i0*")) == {
        "privileged": ["spec.containers[1].securityContext.privileged"]
    }
    assert left(found, exclusion("Privileged Containers", "ghcr.io/*")) == {}
    assert list(left(found, exclusion("Privileged Containers", "quay.io/*"))) == ["privileged"]
    # Without images only the Pod is looked at, and a container that sets nothing is not privileged.
    assert len(left(found, exclusion("Privileged Containers"))["privileged"]) == 2


def test_values() -> None:
    found = pod({"capabilities": {"add": ["SYS_TIME", "NET_ADMIN"]}})
    field = "spec.containers[*].securityContext.capabilities.add"
    for values, passes in ((("SYS_TIME", "NET_*"), True), (("SYS_TIME",), False), ((), True)):
        kept = left(found, exclusion("Capabilities", "*", field=field, values=values))
        assert (kept == {}) is passes
    other = exclusion("Capabilities", "*", field="spec.initContainers[*].securityContext.capabilities.add")
    assert left(found, other) != {}


def test_values_of_ports_and_flags() -> None:
    found = Pod(
        {}, {"containers": [{"name": "c", "image": "i", "ports": [{"hostPort": 80}, {"hostPort": 443}]}]}
    )
    field = "spec.containers[*].ports[*].hostPort"
    assert left(found, exclusion("Host Ports", "i", field=field, values=("80",))) == {
        "hostPorts": ["spec.containers[0].ports[1].hostPort"]
    }
    assert left(found, exclusion("Host Ports", "i", values=("80", "4*"))) == {}
    privileged = pod({"privileged": True})
    assert left(privileged, exclusion("Privileged Containers", "*", values=("true",))) == {}
    assert left(privileged, exclusion("Privileged Containers", "*", values=("false",))) != {}


def test_an_exclusion_of_the_pod_covers_one_container_that_sets_nothing() -> None:
    """As in Kyverno: a container without security context stands for what the Pod leaves open."""
    rule = exclusion("Running as Non-root")
    assert "runAsNonRoot" not in left(pod({}), rule, level="restricted")
    assert len(left(pod({}, {}), rule, level="restricted")["runAsNonRoot"]) == 1


def test_both_checks_of_a_control_are_excluded() -> None:
    found = pod({"capabilities": {"add": ["SYS_TIME"], "drop": ["ALL"]}})
    assert {"capabilities_baseline", "capabilities_restricted"} <= set(left(found, level="restricted"))
    kept = left(found, exclusion("Capabilities", "*"), level="restricted")
    assert not {"capabilities_baseline", "capabilities_restricted"} & set(kept)


def test_exclusions_add_up() -> None:
    found = pod({"privileged": True}, hostNetwork=True)
    rules = exclusion("Privileged Containers", "*"), exclusion("Host Namespaces")
    assert left(found, *rules) == {}
    assert list(left(found, rules[0])) == ["hostNamespaces"]


@pytest.mark.parametrize("control", ["", "hostProbesAndHostLifecycle", "Host Probes"])
def test_hosts_of_probes_cannot_be_excluded(control: str) -> None:
    probe = {"name": "c", "image": "i", "livenessProbe": {"httpGet": {"host": "h"}}}
    found = Pod({}, {"containers": [probe]})
    assert left(found, exclusion(control), exclusion(control, "*")) == {"hostProbesAndHostLifecycle": []}
