"""The checks by version, in the order in which Kyverno 1.19 runs them, and the controls they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pratique.compiler.pod_security import checks
from pratique.compiler.pod_security.checks import Check, on_linux


@dataclass(frozen=True, slots=True)
class VersionedCheck:
    """A check by version: pairs of the minor version of Kubernetes from which it is used, oldest first."""

    name: str
    control: str
    restricted: bool
    versions: tuple[tuple[int, Check], ...]

    def at(self, minor: int | None) -> Check:
        """Return the newest check up to a minor version, or of all for None.

        As in Kyverno 1.19, versions before the first one are judged by the first one.
        """
        fitting = [check for since, check in self.versions if minor is None or since <= minor]
        return fitting[-1] if fitting else self.versions[0][1]


_SYSCTLS_0: Final = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
)
_SYSCTLS_27: Final = (*_SYSCTLS_0, "net.ipv4.ip_local_reserved_ports")
_SYSCTLS_29: Final = (
    *_SYSCTLS_27,
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
)
_SYSCTLS_32: Final = (*_SYSCTLS_29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")
_SELINUX: Final = ("container_t", "container_init_t", "container_kvm_t")


def _baseline(name: str, control: str, *versions: tuple[int, Check]) -> VersionedCheck:
    return VersionedCheck(name, control, False, versions)


def _restricted(name: str, control: str, *versions: tuple[int, Check]) -> VersionedCheck:
    return VersionedCheck(name, control, True, versions)


CHECKS: Final = (
    _restricted(
        "allowPrivilegeEscalation",
        "Privilege Escalation",
        (8, checks.allow_privilege_escalation),
        (25, on_linux(checks.allow_privilege_escalation)),
    ),
    _baseline("appArmorProfile", "AppArmor", (0, checks.app_armor_profile)),
    _baseline("capabilities_baseline", "Capabilities", (0, checks.capabilities_baseline)),
    _restricted(
        "capabilities_restricted",
        "Capabilities",
        (22, checks.capabilities_restricted),
        (25, on_linux(checks.capabilities_restricted)),
    ),
    _baseline("hostNamespaces", "Host Namespaces", (0, checks.host_namespaces)),
    _baseline("hostPathVolumes", "HostPath Volumes", (0, checks.host_path_volumes)),
    _baseline("hostPorts", "Host Ports", (0, checks.host_ports)),
    # No control has its name, so no policy can exclude it.
    _baseline("hostProbesAndHostLifecycle", "", (34, checks.host_probes)),
    _baseline("privileged", "Privileged Containers", (0, checks.privileged)),
    _baseline("procMount", "/proc Mount Type", (0, checks.proc_mount)),
    _restricted("restrictedVolumes", "Volume Types", (0, checks.restricted_volumes)),
    _restricted("runAsNonRoot", "Running as Non-root", (0, checks.run_as_non_root)),
    _restricted("runAsUser", "Running as Non-root user", (23, checks.run_as_user)),
    _baseline(
        "seLinuxOptions",
        "SELinux",
        (0, checks.selinux_options(*_SELINUX)),
        (31, checks.selinux_options(*_SELINUX, "container_engine_t")),
    ),
    _baseline(
        "seccompProfile_baseline", "Seccomp", (0, checks.seccomp_annotations), (19, checks.seccomp_profile)
    ),
    _restricted(
        "seccompProfile_restricted",
        "Seccomp",
        (19, checks.seccomp_profile_set),
        (25, on_linux(checks.seccomp_profile_set)),
    ),
    _baseline(
        "sysctls",
        "Sysctls",
        (0, checks.sysctls(*_SYSCTLS_0)),
        (27, checks.sysctls(*_SYSCTLS_27)),
        (29, checks.sysctls(*_SYSCTLS_29)),
        (32, checks.sysctls(*_SYSCTLS_32)),
    ),
    _baseline("windowsHostProcess", "HostProcess", (0, checks.windows_host_process)),
)
"""In the order of the results."""

CONTROLS: Final = {check.name: check.control for check in CHECKS}
"""Name of a check -> name of the control that policies exclude."""
