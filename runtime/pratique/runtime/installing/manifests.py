"""The objects of an installation: those of `deploy/pratique.yaml`, with the choices of whoever installs.

That file is the chart as Helm renders it, and a test keeps it so. Its objects are changed here, never its
text: there is no second opinion of what an installation is, and no template that somebody's words could
break out of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pratique.grammar.errors import UsageError
from pratique.runtime.kubernetes.types import segment

Object = dict[str, Any]

NAMESPACE: Final = "pratique"
"""Of the objects in the file."""
MANAGED_BY: Final = "pratique-install"

_LABEL: Final = "app.kubernetes.io/managed-by"
_OF_HELM: Final = "helm.sh/chart"
_ORDER: Final = (
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "Secret",
    "Lease",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "Deployment",
)
"""What is needed first comes first: Pods start with all that they use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallOptions:
    """What is chosen.

    Attributes:
        image: of the server, as the kubelet is to pull it.
        namespace: where everything lives that lives in one.
        replicas: of the server; None for those of the chart.
        excluded: namespaces that no webhook is called for; None for those of the chart.
        arguments: further ones for `pratique serve`.
        definitions: the custom resource definitions of policies and reports go along.
    """

    image: str
    namespace: str = NAMESPACE
    replicas: int | None = None
    excluded: tuple[str, ...] | None = None
    arguments: tuple[str, ...] = ()
    definitions: bool = True


def manifests(options: InstallOptions) -> list[Object]:
    """Return the objects in the order in which they are made.

    Raises:
        UsageError: a name is none that Kubernetes gives, or an argument is no option.
    """
    segment(options.namespace)
    for name in options.excluded or ():
        segment(name)
    for argument in options.arguments:
        if not argument.startswith("--"):
            raise UsageError(f"{argument!r} is no option of `pratique serve`: write --NAME=VALUE")
    objects = [_chosen(each, options) for each in _read()]
    if options.definitions:
        from pratique.runtime.kubernetes.definitions import policy_definitions, report_definitions

        objects += [*policy_definitions(), *report_definitions()]
    return sorted(objects, key=lambda each: _ORDER.index(each["kind"]))


def _read() -> Iterator[Object]:
    import yaml

    beside = Path(__file__).with_name("pratique.yaml")
    # Wheels bring the file along here (pyproject.toml, force-include); in a checkout it is where people look.
    path = beside if beside.is_file() else Path(__file__).parents[4] / "deploy/pratique.yaml"
    yield from filter(None, yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _chosen(found: Object, options: InstallOptions) -> Object:
    """Return an object of the file as it is wanted."""
    metadata = found["metadata"]
    _relabel(metadata)
    if metadata.get("namespace") == NAMESPACE:
        metadata["namespace"] = options.namespace
    match found["kind"]:
        case "Namespace":
            metadata["name"] = options.namespace
        case "ClusterRoleBinding" | "RoleBinding":
            for subject in found["subjects"]:
                subject["namespace"] = options.namespace
        case "Deployment":
            _deployment(found["spec"], options)
        case _:
            pass
    return found


def _relabel(metadata: Object) -> None:
    labels = metadata.get("labels", {})
    labels.pop(_OF_HELM, None)
    if _LABEL in labels:
        labels[_LABEL] = MANAGED_BY


def _deployment(spec: Object, options: InstallOptions) -> None:
    if options.replicas is not None:
        spec["replicas"] = options.replicas
    _relabel(spec["template"]["metadata"])
    [container] = spec["template"]["spec"]["containers"]
    container["image"] = options.image
    container["args"] = list(_arguments(container["args"], options))


def _arguments(given: list[str], options: InstallOptions) -> Iterator[str]:
    own: Mapping[str, str] = {
        f"--namespace={NAMESPACE}": f"--namespace={options.namespace}",
        f"--service={NAMESPACE}/pratique:443": f"--service={options.namespace}/pratique:443",
    }
    for argument in given:
        if options.excluded is None or not argument.startswith("--exclude-namespace="):
            yield own.get(argument, argument)
    for name in options.excluded or ():
        yield f"--exclude-namespace={name}"
    yield from options.arguments
