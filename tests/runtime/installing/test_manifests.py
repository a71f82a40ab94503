"""The objects of an installation: the file, with what is chosen."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import yaml

from pratique.grammar.errors import UsageError
from pratique.runtime.installing.applying import TYPES
from pratique.runtime.installing.manifests import MANAGED_BY, InstallOptions, Object, manifests
from tests.conftest import ROOT

IMAGE = "registry.example/own/pratique@sha256:" + "ab" * 32
FILE = ROOT / "deploy/pratique.yaml"


def made(**chosen: Any) -> list[Object]:
    return manifests(InstallOptions(image=IMAGE, **chosen))


def of_kind(objects: list[Object], kind: str) -> Object:
    [found] = [each for each in objects if each["kind"] == kind]
    return found


def container(objects: list[Object]) -> Object:
    [found] = of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def strings(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for pair in value.items() for part in pair for text in strings(part)]
        case list():
            return [text for part in value for text in strings(part)]
        case _:
            return []


def test_nothing_is_lost_and_nothing_else_is_changed() -> None:
    """But for the image and who manages it, the objects are those of the file."""

    def plain(objects: list[Object]) -> dict[tuple[str, str], Object]:
        for each in objects:
            template = ((each.get("spec") or {}).get("template") or {}).get("metadata", {})
            for metadata in (each["metadata"], template):
                for label in ("app.kubernetes.io/managed-by", "helm.sh/chart"):
                    metadata.get("labels", {}).pop(label, None)
        return {(each["kind"], each["metadata"]["name"]): each for each in objects}

    file = plain([each for each in yaml.safe_load_all(FILE.read_text()) if each])
    ours = plain(made(definitions=False))
    ours["Deployment", "pratique"]["spec"]["template"]["spec"]["containers"][0]["image"] = file[
        "Deployment", "pratique"
    ]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert ours == file


def test_what_is_needed_first_comes_first() -> None:
    kinds = [each["kind"] for each in made()]
    assert kinds[:2] == ["Namespace", "CustomResourceDefinition"]
    assert kinds[-1] == "Deployment"
    assert set(kinds) == set(TYPES)


def test_definitions_go_along_or_not() -> None:
    names = {each["metadata"]["name"] for each in made() if each["kind"] == "CustomResourceDefinition"}
    assert {"policies.kyverno.io", "clusterpolicies.kyverno.io", "policyreports.wgpolicyk8s.io"} <= names
    assert not [each for each in made(definitions=False) if each["kind"] == "CustomResourceDefinition"]


def test_another_namespace_is_one_everywhere() -> None:
    objects = made(namespace="ops", definitions=False)
    assert of_kind(objects, "Namespace")["metadata"]["name"] == "ops"
    assert {each["metadata"].get("namespace", "ops") for each in objects} == {"ops"}
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        assert [subject["namespace"] for subject in of_kind(objects, kind)["subjects"]] == ["ops"]
    arguments = container(objects)["args"]
    assert "--namespace=ops" in arguments
    assert "--service=ops/pratique:443" in arguments
    assert not [text for text in strings(objects) if text.startswith("--") and "=pratique/" in text]


def test_image_replicas_and_arguments() -> None:
    objects = made(replicas=3, excluded=("a", "b"), arguments=("--page-port=8080",))
    assert of_kind(objects, "Deployment")["spec"]["replicas"] == 3
    found = container(objects)
    assert found["image"] == IMAGE
    assert [each for each in found["args"] if each.startswith("--exclude-namespace")] == [
        "--exclude-namespace=a",
        "--exclude-namespace=b",
    ]
    assert found["args"][-1] == "--page-port=8080"


def test_no_namespace_is_left_out_if_so_chosen() -> None:
    assert "--exclude-namespace=kube-system" in container(made())["args"]
    assert not [each for each in container(made(excluded=()))["args"] if "exclude-namespace" in each]


def test_helm_is_not_told_that_it_is_its_own() -> None:
    for each in made():
        labels = each["metadata"].get("labels", {})
        assert "helm.sh/chart" not in labels
        assert labels.get("app.kubernetes.io/managed-by", MANAGED_BY) == MANAGED_BY
    pod = of_kind(made(), "Deployment")["spec"]["template"]["metadata"]["labels"]
    selector = of_kind(made(), "Deployment")["spec"]["selector"]["matchLabels"]
    assert selector.items() <= pod.items()


@pytest.mark.parametrize(
    "chosen",
    [
        {"namespace": "../kube-system"},
        {"namespace": ""},
        {"excluded": ("a b",)},
        {"arguments": ("serve",)},
        {"arguments": ("-q",)},
    ],
)
def test_names_and_arguments_that_are_none(chosen: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        made(**chosen)


def test_the_wheel_brings_the_file_along() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"deploy/pratique.yaml": "pratique/runtime/installing/pratique.yaml"}
    assert "/deploy" in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
