"""Where `compiler/pratique/compiler/api_fields.txt` comes from: the models of the Kubernetes Python client.

They are generated from the OpenAPI document of Kubernetes. Write the table anew with a client that is
installed (`pip install kubernetes`), beside whose package this is run:

    python -m tests.support_api_fields SITE_PACKAGES > compiler/pratique/compiler/api_fields.txt
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

KINDS = [
    "Pod",
    "Deployment",
    "DaemonSet",
    "StatefulSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Service",
    "Ingress",
    "IngressClass",
    "NetworkPolicy",
    "Namespace",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "StorageClass",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "PodDisruptionBudget",
    "ResourceQuota",
    "LimitRange",
    "PriorityClass",
    "Lease",
    "Endpoints",
    "EndpointSlice",
    "PodTemplate",
    "Node",
    "CustomResourceDefinition",
    "RuntimeClass",
]
_CLASS = re.compile(r"V\d+[A-Z]\w*")
_LEAVES = {"str", "int", "float", "bool", "datetime", "date", "bytes"}


def table(models: Path, version: str) -> str:
    """Return the table: the version of the API, the kinds, then a type a line."""
    types = {path.stem: _fields(path) for path in models.glob("v*.py")}
    by_class = {stem.replace("_", ""): found for stem, found in types.items()}
    todo = [_name(kind, by_class) for kind in KINDS]
    lines, seen = [], set(todo)
    roots = " ".join(f"{kind}={name}" for kind, name in zip(KINDS, todo, strict=True))
    while todo:
        name = todo.pop()
        fields = []
        for field, written in sorted(by_class[name.lower()].items()):
            shape, below = _shape(written)
            fields.append(f"{field}{shape}{below}")
            if below and below not in seen:
                seen.add(below)
                todo.append(below)
        lines.append(f"{name} {' '.join(fields)}")
    return "\n".join([version, roots, *sorted(lines)]) + "\n"


def _name(kind: str, by_class: dict[str, dict[str, str]]) -> str:
    found = [f"V{n}{kind}" for n in (2, 1) if f"v{n}{kind.lower()}" in by_class]
    return found[0]


def _shape(written: str) -> tuple[str, str]:
    """Return how a field is written in the table (`=` object, `+` list, `*` map, `:` scalar, `?` any)."""
    if match := re.fullmatch(r"(?i:list)\[(.+)\]", written):
        return ("+", match[1]) if _CLASS.fullmatch(match[1]) else ("+", "")
    if match := re.fullmatch(r"(?i:dict)[(\[]str, (.+)[)\]]", written):
        return ("*", match[1]) if _CLASS.fullmatch(match[1]) else ("*", "")
    if _CLASS.fullmatch(written):
        return "=", written
    return (":", "") if written in _LEAVES else ("?", "")


def _fields(path: Path) -> dict[str, str]:
    """Return the fields of a model by their names in JSON, with their types."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.walk(ast.parse(path.read_text())):
        for name, value in _assigned(node):
            if name in ("openapi_types", "attribute_map"):
                found.setdefault(name, ast.literal_eval(value))
    names = found.get("attribute_map", {})
    return {names[key]: kind for key, kind in found.get("openapi_types", {}).items()}


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        yield node.target.id, node.value
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        yield node.targets[0].id, node.value


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (found,) = folder.glob("kubernetes-*.dist-info")
    release = found.name.removeprefix("kubernetes-").partition(".")[0]
    sys.stdout.write(table(folder / "kubernetes" / "client" / "models", f"1.{release}"))
