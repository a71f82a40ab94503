"""The checks of the Pod Security Standards: each finds what a Pod has that one control forbids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pratique.compiler.pod_security.pods import Container, Pod, flag, items, mapping, number, text, texts
from pratique.compiler.pod_security.violations import FieldError

Found: TypeAlias = tuple[str, tuple[FieldError, ...]] | None
"""Words for what is wrong with the fields, None for nothing."""

Check: TypeAlias = Callable[[Pod], Found]

_CAPABILITIES: Final = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)

_FINE_VOLUMES: Final = frozenset(
    [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ]
)

_RESTRICTED_VOLUMES: Final = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
]

_APP_ARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_ANNOTATION: Final = "seccomp.security.alpha.kubernetes.io/pod"
_CONTAINER_SECCOMP_ANNOTATION: Final = "container.seccomp.security.alpha.kubernetes.io/"
_PROFILES: Final = ("RuntimeDefault", "Localhost")


def _forbidden(container: Container, route: str, value: Any) -> FieldError:
    return FieldError(
        field=f"{container.path}.securityContext.{route}", container=container.name, value=value
    )


def _required(container: Container, route: str) -> FieldError:
    return FieldError(
        field=f"{container.path}.securityContext.{route}", container=container.name, required=True
    )


def _found(reason: str, errors: Collection[FieldError]) -> Found:
    return (reason, tuple(errors)) if errors else None


def _everywhere(pod: Pod) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield path, name of container (empty for the Pod) and data of every security context there is."""
    if pod.security is not None:
        yield "spec.securityContext", "", pod.security
    for container in pod.containers():
        if container.security is not None:
            yield f"{container.path}.securityContext", container.name, container.security


def on_linux(check: Check) -> Check:
    """Return the check for Pods that are not declared for Windows, where the API refuses the fields."""
    return lambda pod: None if pod.is_windows else check(pod)


def allow_privilege_escalation(pod: Pod) -> Found:
    """Find containers that may gain privileges."""
    route, errors = "allowPrivilegeEscalation", []
    for container in pod.containers():
        if container.security is None:
            errors.append(_required(container, route))
        elif (allowed := flag(container.security, route)) is not False:
            errors.append(_forbidden(container, route, "nil" if allowed is None else True))
    return _found("allowPrivilegeEscalation != false", errors)


def app_armor_profile(pod: Pod) -> Found:
    """Find AppArmor profiles besides the default and those of the node, in fields and annotations."""
    errors, values = _profiles(pod, "appArmorProfile")
    for key, value in sorted(pod.annotations.items()):
        if key.startswith(_APP_ARMOR_ANNOTATION):
            profile = text(pod.annotations, key) or ""
            if profile and profile != "runtime/default" and not profile.startswith("localhost/"):
                errors.append(FieldError(field=f"metadata.annotations[{key}]", value=value))
                values.add(f"{key}={value}")
    return _found(f"forbidden AppArmor profile{'s' if len(values) != 1 else ''}", errors)


def _profiles(pod: Pod, field: str) -> tuple[list[FieldError], set[str]]:
    """Return the profiles (of AppArmor, of seccomp) that are set to what is neither default nor local."""
    errors, values = [], set()
    for path, name, security in _everywhere(pod):
        profile = mapping(security, field)
        if profile is not None and (kind := text(profile, "type") or "") not in _PROFILES:
            errors.append(FieldError(field=f"{path}.{field}.type", container=name, value=kind))
            values.add(kind)
    return errors, values


def capabilities_baseline(pod: Pod) -> Found:
    """Find added capabilities beyond the default set."""
    errors = []
    for container in pod.containers():
        capabilities = mapping(container.security or {}, "capabilities") or {}
        if bad := set(texts(capabilities, "add")) - _CAPABILITIES:
            errors.append(_forbidden(container, "capabilities.add", tuple(sorted(bad))))
    return _found("non-default capabilities", errors)


def capabilities_restricted(pod: Pod) -> Found:
    """Find containers that do not drop all capabilities or add more than NET_BIND_SERVICE."""
    kept, added = [], []
    for container in pod.containers():
        capabilities = mapping(container.security or {}, "capabilities")
        if capabilities is None:
            kept.append(_required(container, "capabilities.drop"))
            continue
        dropped = texts(capabilities, "drop")
        if not dropped:
            kept.append(_required(container, "capabilities.drop"))
        elif "ALL" not in dropped:
            kept.append(_forbidden(container, "capabilities.drop", tuple(sorted(set(dropped)))))
        if bad := set(texts(capabilities, "add")) - {"NET_BIND_SERVICE"}:
            added.append(_forbidden(container, "capabilities.add", tuple(sorted(bad))))
    return _found("unrestricted capabilities", kept + added)


def host_namespaces(pod: Pod) -> Found:
    """Find namespaces shared with the host."""
    fields = [each for each in ("hostNetwork", "hostPID", "hostIPC") if flag(pod.spec, each)]
    return _found("host namespaces", [FieldError(field=f"spec.{each}", value=True) for each in fields])


def host_path_volumes(pod: Pod) -> Found:
    """Find volumes of the host."""
    errors = []
    for index, volume in enumerate(items(pod.spec, "volumes")):
        if (host := mapping(volume, "hostPath")) is not None:
            errors.append(FieldError(field=f"spec.volumes[{index}].hostPath", value=text(host, "path") or ""))
    return _found("hostPath volumes", errors)


def host_ports(pod: Pod) -> Found:
    """Find ports of the host."""
    errors = []
    for container in pod.containers():
        for index, port in enumerate(items(container.data, "ports")):
            if host := number(port, "hostPort"):
                field = f"{container.path}.ports[{index}].hostPort"
                errors.append(FieldError(field=field, container=container.name, value=host))
    return _found("hostPort", errors)


def host_probes(pod: Pod) -> Found:
    """Find probes and lifecycle handlers that name a host; the fields are not named, as in Kubernetes."""
    for container in pod.containers():
        handlers = [
            mapping(container.data, each) for each in ("livenessProbe", "readinessProbe", "startupProbe")
        ]
        lifecycle = mapping(container.data, "lifecycle") or {}
        handlers += [mapping(lifecycle, each) for each in ("postStart", "preStop")]
        for handler in handlers:
            for action in ("httpGet", "tcpSocket"):
                if text(mapping(handler or {}, action) or {}, "host"):
                    return "probe or lifecycle host", ()
    return None


def privileged(pod: Pod) -> Found:
    """Find privileged containers."""
    bad = [c for c in pod.containers() if flag(c.security or {}, "privileged")]
    return _found("privileged", [_forbidden(container, "privileged", True) for container in bad])


def proc_mount(pod: Pod) -> Found:
    """Find mounts of /proc without the default masks."""
    errors = []
    for container in pod.containers():
        mount = text(container.security or {}, "procMount")
        if mount is not None and mount != "Default":
            errors.append(_forbidden(container, "procMount", mount))
    return _found("procMount", errors)


def restricted_volumes(pod: Pod) -> Found:
    """Find volumes of other types than the harmless ones."""
    errors = []
    for index, volume in enumerate(items(pod.spec, "volumes")):
        if not any(mapping(volume, each) is not None for each in _FINE_VOLUMES):
            kinds = (each for each in _RESTRICTED_VOLUMES if mapping(volume, each) is not None)
            errors.append(FieldError(field=f"spec.volumes[{index}].{next(kinds, 'unknown')}"))
    return _found("restricted volume types", errors)


def run_as_non_root(pod: Pod) -> Found:
    """Find who may run as root."""
    of_pod = flag(pod.security or {}, "runAsNonRoot")
    explicit = [FieldError(field="spec.securityContext.runAsNonRoot", value=False)] if of_pod is False else []
    implicit = []
    for container in pod.containers():
        own = flag(container.security or {}, "runAsNonRoot")
        if own is False:
            explicit.append(_forbidden(container, "runAsNonRoot", False))
        elif own is None and not of_pod:
            implicit.append(_required(container, "runAsNonRoot"))
    return _found("runAsNonRoot != true", explicit + implicit)


def run_as_user(pod: Pod) -> Found:
    """Find who runs as root by number."""
    errors = [
        FieldError(field=f"{path}.runAsUser", container=name, value=0)
        for path, name, security in _everywhere(pod)
        if number(security, "runAsUser") == 0
    ]
    return _found("runAsUser=0", errors)


def selinux_options(*types: str) -> Check:
    """Return the check that finds SELinux users, roles and types besides `types`."""

    def check(pod: Pod) -> Found:
        errors = []
        for path, name, security in _everywhere(pod):
            options = mapping(security, "seLinuxOptions") or {}
            for field, fine in (("type", ("", *types)), ("user", ("",)), ("role", ("",))):
                if (value := text(options, field) or "") not in fine:
                    errors.append(
                        FieldError(field=f"{path}.seLinuxOptions.{field}", container=name, value=value)
                    )
        return _found("seLinuxOptions", errors)

    return check


def seccomp_annotations(pod: Pod) -> Found:
    """Find seccomp profiles besides the default and those of the node, as they were set before 1.19."""
    keys = [_SECCOMP_ANNOTATION, *(_CONTAINER_SECCOMP_ANNOTATION + c.name for c in pod.containers())]
    errors = []
    for key in sorted(set(keys)):
        value = text(pod.annotations, key)
        fine = value in (None, "runtime/default", "docker/default")
        if not fine and not (value or "").startswith("localhost/"):
            errors.append(FieldError(field=f"metadata.annotations[{key}]", value=value))
    return _found("seccompProfile", errors)


def seccomp_profile(pod: Pod) -> Found:
    """Find seccomp profiles besides the default and those of the node."""
    return _found("seccompProfile", _profiles(pod, "seccompProfile")[0])


def seccomp_profile_set(pod: Pod) -> Found:
    """Find wrong seccomp profiles; where there are none, containers for which nobody set one."""
    errors, _ = _profiles(pod, "seccompProfile")
    if errors or mapping(pod.security or {}, "seccompProfile") is not None:
        return _found("seccompProfile", errors)
    bare = [c for c in pod.containers() if mapping(c.security or {}, "seccompProfile") is None]
    return _found("seccompProfile", [_required(container, "seccompProfile.type") for container in bare])


def sysctls(*names: str) -> Check:
    """Return the check that finds kernel parameters besides `names`."""

    def check(pod: Pod) -> Found:
        errors = []
        for index, sysctl in enumerate(items(pod.security or {}, "sysctls")):
            if (name := text(sysctl, "name") or "") not in names:
                errors.append(FieldError(field=f"spec.securityContext.sysctls[{index}].name", value=name))
        return _found("forbidden sysctls", errors)

    return check


def windows_host_process(pod: Pod) -> Found:
    """Find processes of the host on Windows."""
    errors = []
    for path, name, security in _everywhere(pod):
        if flag(mapping(security, "windowsOptions") or {}, "hostProcess"):
            errors.append(FieldError(field=f"{path}.windowsOptions.hostProcess", container=name, value=True))
    return _found("hostProcess", errors)
