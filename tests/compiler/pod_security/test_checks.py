"""Each control: what breaks it, what does not, and from which version on."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.pod_security import Pod, describe, evaluate
from pratique.grammar.errors import EvaluationError

RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"]},
}


def pod(security: dict[str, Any] | None = None, container: dict[str, Any] | None = None, **spec: Any) -> Pod:
    """Return a Pod with one container that only breaks what is asked for."""
    data = {"name": "c", "image": "nginx", "securityContext": {**RESTRICTED, **(security or {})}}
    resource = {
        "kind": "Pod",
        "metadata": {"annotations": spec.pop("annotations", None)},
        "spec": {"containers": [{**data, **(container or {})}], **spec},
    }
    return Pod.of(resource)


def broken(found: Pod, level: str = "restricted", version: str = "latest") -> str:
    """Return the violations in words."""
    return describe(evaluate(level, version, found), "Pod")


def test_a_pod_that_breaks_nothing() -> None:
    assert evaluate("restricted", "latest", pod()) == ()


CASES: list[tuple[str, Pod, str]] = [
    (
        "host namespaces",
        pod(hostNetwork=True, hostIPC=True, hostPID=False),
        "spec.hostNetwork is forbidden, forbidden values found: true, spec.hostIPC is forbidden, forbidden"
        " values found: true",
    ),
    (
        "privileged",
        pod({"privileged": True}),
        "spec.containers[0].securityContext.privileged is forbidden, forbidden values found: true",
    ),
    (
        "non-default capabilities",
        pod({"capabilities": {"drop": ["ALL"], "add": ["SYS_TIME", "CHOWN", "NET_RAW"]}}),
        "spec.containers[0].securityContext.capabilities.add is forbidden, forbidden values found:"
        " [NET_RAW SYS_TIME]",
    ),
    (
        "hostPath volumes",
        pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/etc"}}]),
        "spec.volumes[1].hostPath is forbidden, forbidden values found: /etc",
    ),
    (
        "hostPort",
        pod(container={"ports": [{"containerPort": 1}, {"hostPort": 0}, {"hostPort": 8080}]}),
        "spec.containers[0].ports[2].hostPort is forbidden, forbidden values found: 8080",
    ),
    (
        "forbidden AppArmor profile",
        pod({"appArmorProfile": {"type": "Unconfined"}}),
        "spec.containers[0].securityContext.appArmorProfile.type is forbidden,"
        " forbidden values found: Unconfined",
    ),
    (
        "forbidden AppArmor profiles",
        pod(
            {"appArmorProfile": {"type": "Unconfined"}},
            annotations={
                "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
                "container.apparmor.security.beta.kubernetes.io/d": "localhost/mine",
            },
        ),
        "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c] is forbidden,"
        " forbidden values found: unconfined",
    ),
    (
        "procMount",
        pod({"procMount": "Unmasked"}),
        "spec.containers[0].securityContext.procMount is forbidden, forbidden values found: Unmasked",
    ),
    (
        "seLinuxOptions",
        pod(securityContext={"seLinuxOptions": {"type": "spc_t", "user": "u", "role": ""}}),
        "spec.securityContext.seLinuxOptions.type is forbidden, forbidden values found: spc_t,"
        " spec.securityContext.seLinuxOptions.user is forbidden, forbidden values found: u",
    ),
    (
        "seccompProfile",
        pod({"seccompProfile": {"type": "Unconfined"}}),
        "spec.containers[0].securityContext.seccompProfile.type is forbidden,"
        " forbidden values found: Unconfined",
    ),
    (
        "seccompProfile",
        pod({"seccompProfile": {}}),
        "spec.containers[0].securityContext.seccompProfile.type: Forbidden",
    ),
    (
        "forbidden sysctls",
        pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}, {"name": "kernel.msgmax"}]}),
        "spec.securityContext.sysctls[1].name is forbidden, forbidden values found: kernel.msgmax",
    ),
    (
        "hostProcess",
        pod({"windowsOptions": {"hostProcess": True}}),
        "spec.containers[0].securityContext.windowsOptions.hostProcess is forbidden,"
        " forbidden values found: true",
    ),
    (
        "probe or lifecycle host",
        pod(container={"lifecycle": {"preStop": {"httpGet": {"host": "10.0.0.1", "port": 1}}}}),
        "[]",
    ),
]

RESTRICTED_CASES: list[tuple[str, Pod, str]] = [
    (
        "allowPrivilegeEscalation != false",
        pod({"allowPrivilegeEscalation": None}),
        "spec.containers[0].securityContext.allowPrivilegeEscalation is forbidden,"
        " forbidden values found: nil",
    ),
    (
        "allowPrivilegeEscalation != false",
        pod(container={"securityContext": None}, securityContext=RESTRICTED),
        "spec.containers[0].securityContext.allowPrivilegeEscalation: Required value])(Forbidden reason:"
        " unrestricted capabilities, field error list: [spec.containers[0].securityContext.capabilities.drop:"
        " Required value",
    ),
    (
        "unrestricted capabilities",
        pod({"capabilities": {"drop": ["KILL"], "add": ["CHOWN", "NET_BIND_SERVICE"]}}),
        "spec.containers[0].securityContext.capabilities.drop is forbidden, forbidden values found: [KILL],"
        " spec.containers[0].securityContext.capabilities.add is forbidden, forbidden values found: [CHOWN]",
    ),
    (
        "unrestricted capabilities",
        pod({"capabilities": {}}),
        "spec.containers[0].securityContext.capabilities.drop: Required value",
    ),
    (
        "restricted volume types",
        pod(volumes=[{"name": "a", "nfs": {"path": "/x"}}, {"name": "b", "new": {}}]),
        "spec.volumes[0].nfs: Forbidden, spec.volumes[1].unknown: Forbidden",
    ),
    (
        "runAsNonRoot != true",
        pod({"runAsNonRoot": None}),
        "spec.containers[0].securityContext.runAsNonRoot: Required value",
    ),
    (
        "runAsNonRoot != true",
        pod(securityContext={"runAsNonRoot": False}),
        "spec.securityContext.runAsNonRoot is forbidden, forbidden values found: false",
    ),
    (
        "runAsUser=0",
        pod({"runAsUser": 0}),
        "spec.containers[0].securityContext.runAsUser is forbidden, forbidden values found: 0",
    ),
    (
        "seccompProfile",
        pod({"seccompProfile": None}),
        "spec.containers[0].securityContext.seccompProfile.type: Required value",
    ),
]


@pytest.mark.parametrize(("reason", "found", "errors"), CASES)
def test_baseline(reason: str, found: Pod, errors: str) -> None:
    told = broken(found, "baseline")
    assert told.startswith(f"(Forbidden reason: {reason}, field error list: [")
    assert errors in told


@pytest.mark.parametrize(("reason", "found", "errors"), RESTRICTED_CASES)
def test_restricted(reason: str, found: Pod, errors: str) -> None:
    assert broken(found) == f"(Forbidden reason: {reason}, field error list: [{errors}])"
    assert broken(found, "baseline") == ""


def test_what_the_pod_sets_serves_containers_that_set_nothing() -> None:
    bare = pod(
        {"runAsNonRoot": None, "seccompProfile": None},
        securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}},
    )
    assert broken(bare) == ""


def test_every_list_of_containers_is_looked_at_first_ones_first() -> None:
    bad = {"name": "x", "securityContext": {"privileged": True}}
    found = pod({"privileged": True}, initContainers=[bad], ephemeralContainers=[bad])
    (violation,) = evaluate("baseline", "latest", found)
    assert [error.field.split(".")[1] for error in violation.errors] == [
        "initContainers[0]",
        "containers[0]",
        "ephemeralContainers[0]",
    ]


@pytest.mark.parametrize(
    ("found", "before", "since"),
    [
        (pod(securityContext={"sysctls": [{"name": "net.ipv4.ip_local_reserved_ports"}]}), "v1.26", "v1.27"),
        (pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_fin_timeout"}]}), "v1.28", "v1.29"),
        (pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_wmem"}]}), "v1.31", "v1.32"),
        (pod({"seLinuxOptions": {"type": "container_engine_t"}}), "v1.30", "v1.31"),
        (pod({"capabilities": None}, os={"name": "windows"}), "v1.24", "v1.25"),
    ],
)
def test_what_later_versions_allow(found: Pod, before: str, since: str) -> None:
    assert broken(found, version=before)
    assert not broken(found, version=since)
    assert not broken(found)


def test_what_later_versions_forbid() -> None:
    probe = pod(container={"livenessProbe": {"tcpSocket": {"host": "h", "port": 1}}})
    # Versions before the first one of a check are judged by the first one, as in Kyverno.
    assert broken(probe, version="v1.20") == broken(probe)
    annotated = pod(annotations={"container.seccomp.security.alpha.kubernetes.io/c": "unconfined"})
    assert "seccompProfile" in broken(annotated, "baseline", "v1.18")
    assert not broken(annotated, "baseline", "v1.19")


def test_privileged_runs_all_checks_as_in_kyverno() -> None:
    found = pod({"runAsNonRoot": None, "privileged": True})
    assert broken(found, "privileged") == broken(found, "restricted")


@pytest.mark.parametrize("version", ["1.25", "v1", "v1.x", "v2.1", "v1.01", "newest"])
def test_versions_that_are_none(version: str) -> None:
    with pytest.raises(EvaluationError, match="failed to parse pod security api version"):
        evaluate("baseline", version, pod())


@pytest.mark.parametrize(
    "spec",
    [
        {"hostNetwork": "true"},
        {"containers": {}},
        {"containers": [1]},
        {"containers": [{"securityContext": []}]},
        {"containers": [{"securityContext": {"runAsUser": True}}]},
        {"containers": [{"securityContext": {"runAsUser": 0.5}}]},
        {"containers": [{"securityContext": {"capabilities": {"add": [1]}}}]},
    ],
)
def test_values_of_other_types_are_errors(spec: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError, match="of the resource is not"):
        evaluate("restricted", "latest", Pod.of({"kind": "Pod", "spec": spec}))


def test_controllers() -> None:
    template = {"spec": {"containers": [{"name": "c", "securityContext": {"privileged": True}}]}}
    deployment = Pod.of({"kind": "Deployment", "spec": {"template": template}})
    assert "spec.template.spec.containers[0].securityContext.privileged is" in describe(
        evaluate("baseline", "", deployment), "Deployment"
    )
    cron = Pod.of({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template}}}})
    assert "spec.jobTemplate.spec.template.spec.containers[0].securityContext.privileged is" in describe(
        evaluate("baseline", "", cron), "CronJob"
    )
    with pytest.raises(EvaluationError, match="could not find correct resource type"):
        Pod.of({"kind": "Service"})


@pytest.mark.parametrize("level", ["baseline", "restricted"])
@pytest.mark.parametrize("containers", ["initContainers", "containers", "ephemeralContainers"])
@pytest.mark.parametrize(
    ("of_pod", "of_container", "is_broken"),
    [
        ("RuntimeDefault", None, False),
        ("RuntimeDefault", "Unconfined", True),
        ("RuntimeDefault", "Localhost", False),
        ("Unconfined", "RuntimeDefault", True),
        (None, "Unconfined", True),
        (None, "RuntimeDefault", False),
    ],
)
def test_k9_the_effective_profile_of_every_container_decides(
    level: str, containers: str, of_pod: str | None, of_container: str | None, is_broken: bool
) -> None:
    def profile(kind: str | None) -> dict[str, Any]:
        return {"seccompProfile": {"type": kind}} if kind else {}

    bare = {name: value for name, value in RESTRICTED.items() if name != "seccompProfile"}
    data = {"name": "d", "image": "nginx", "securityContext": {**bare, **profile(of_container)}}
    spec = {"containers": [], containers: [data], "securityContext": profile(of_pod)}
    found = Pod.of({"kind": "Pod", "metadata": {}, "spec": spec})
    assert bool(evaluate(level, "latest", found)) is is_broken


def test_k9_a_container_without_any_profile_is_not_restricted() -> None:
    assert "seccompProfile.type: Required value" in broken(pod({"seccompProfile": None}))
