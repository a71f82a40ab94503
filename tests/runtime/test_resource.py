"""Finding images in resources: every container list of every kind, and whatever an extractor names."""

from typing import Any

import pytest

from pratique.grammar.documents.kyverno import ImageExtractor
from pratique.grammar.errors import EvaluationError
from pratique.runtime.resource import CONTAINER_LISTS, POD_SPECS, Resource, extract

SPEC = {
    "containers": [{"name": "a", "image": "nginx"}, {"name": "b", "image": "ghcr.io/acme/app:v1"}],
    "initContainers": [{"name": "i", "image": "ghcr.io/acme/init:v1"}],
    "ephemeralContainers": [{"name": "e", "image": f"ghcr.io/acme/debug@sha256:{'0' * 64}"}],
}


def nested(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    data: Any = spec
    for step in reversed(POD_SPECS[kind]):
        data = {step: data}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": "shop"}, **data}


@pytest.mark.parametrize("kind", POD_SPECS)
def test_x1_x2_every_list_of_every_kind_in_fixed_order(kind: str) -> None:
    found = Resource(nested(kind, SPEC)).images
    prefix = "/" + "/".join(POD_SPECS[kind])
    assert [(u.match_string, u.category, u.key, u.pointer) for u in found] == [
        ("ghcr.io/acme/init:v1", "initContainers", "i", f"{prefix}/initContainers/0/image"),
        ("docker.io/nginx:latest", "containers", "a", f"{prefix}/containers/0/image"),
        ("ghcr.io/acme/app:v1", "containers", "b", f"{prefix}/containers/1/image"),
        (
            f"ghcr.io/acme/debug@sha256:{'0' * 64}",
            "ephemeralContainers",
            "e",
            f"{prefix}/ephemeralContainers/0/image",
        ),
    ]


@pytest.mark.parametrize("kind", POD_SPECS)
def test_i14_image_volumes(kind: str) -> None:
    volumes = [{"name": "a", "emptyDir": {}}, {"name": "m", "image": {"reference": "ghcr.io/acme/model:v1"}}]
    (found,) = Resource(nested(kind, {"volumes": volumes})).images
    pointer = "/" + "/".join(POD_SPECS[kind]) + "/volumes/1/image/reference"
    assert (found.match_string, found.category, found.key) == ("ghcr.io/acme/model:v1", "volumes", "m")
    assert found.pointer == pointer


@pytest.mark.parametrize("category", CONTAINER_LISTS)
@pytest.mark.parametrize("image", [None, "", "   "])
def test_i13_a_container_without_image_is_left_to_the_api_server(category: str, image: object) -> None:
    assert Resource(nested("Pod", {category: [{"name": "a", "image": image}]})).images == ()


@pytest.mark.parametrize("image", [7, ["nginx"], {"a": "b"}, True])
def test_i13_an_image_of_another_type_is_kept_as_unreadable(image: object) -> None:
    (found,) = Resource(nested("Pod", {"containers": [{"name": "a", "image": image}]})).images
    assert found.image is None
    assert found.problem


@pytest.mark.parametrize("text", [" nginx", "nginx ", "reg.example/UPPER:v1", "reg//app", "https://reg/app"])
def test_unreadable_references_keep_their_text(text: str) -> None:
    (found,) = Resource(nested("Pod", {"containers": [{"name": "a", "image": text}]})).images
    assert (found.image, found.match_string) == (None, text)


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "Pod"},
        {"kind": "Pod", "spec": []},
        {"kind": "Pod", "spec": {"containers": "x"}},
        {"kind": "Pod", "spec": {"containers": ["x", 1, None]}},
        {"kind": "CronJob", "spec": {"jobTemplate": None}},
        {"kind": "ConfigMap", "data": {"image": "nginx"}},
        {"kind": "Pod", "metadata": "x", "spec": {}},
    ],
)
def test_odd_shapes_have_no_images(data: dict[str, Any]) -> None:
    assert Resource({"apiVersion": "v1", **data}).images == ()


def test_coordinates() -> None:
    metadata = {"generateName": "web-", "namespace": "shop", "uid": "u", "labels": {"a": "b", "n": 1}}
    resource = Resource({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    assert (resource.id.name, resource.id.uid, str(resource.id)) == ("web-", "u", "shop/Deployment/web-")
    assert (resource.target.group, resource.target.version) == ("apps", "v1")
    assert resource.target.labels == {"a": "b", "n": "1"}
    namespace = Resource({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    assert namespace.index_namespace == "shop"


TASK = {
    "spec": {
        "steps": [{"name": "a", "image": "nginx"}, {"name": "b"}, {"name": "c/d", "image": "app:v1"}],
        "one": {"ref": "ghcr.io/acme/x"},
        "by/name": {"x": {"image": "y"}, "z": {"image": "w"}},
    }
}


@pytest.mark.parametrize(
    ("extractor", "expected"),
    [
        (
            {"path": "/spec/steps/*/image"},
            [("custom", "/spec/steps/0/image", "docker.io/nginx:latest"),
             ("custom", "/spec/steps/2/image", "docker.io/app:v1")],
        ),
        (
            {"path": "/spec/steps/*", "value": "image", "key": "name", "name": "steps"},
            [("steps", "a", "docker.io/nginx:latest"), ("steps", "c/d", "docker.io/app:v1")],
        ),
        ({"path": "/spec/one/ref"}, [("custom", "/spec/one/ref", "ghcr.io/acme/x:latest")]),
        ({"path": "/spec/nothing/*/image"}, []),
    ],
)  # fmt: skip
def test_extractors(extractor: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    found = extract(TASK, [ImageExtractor(**extractor)])
    assert [(u.category, u.key, u.match_string) for u in found] == expected


@pytest.mark.parametrize(
    "extractor",
    [
        {"path": "/spec/steps/*", "value": "image", "key": "missing"},
        {"path": "/spec/steps/*/name/image"},
        {"path": "/spec/steps"},
    ],
)
def test_what_an_extractor_cannot_read_is_an_error_not_an_empty_list(extractor: dict[str, str]) -> None:
    with pytest.raises(EvaluationError):
        extract(TASK, [ImageExtractor(**extractor)])


# --- jmesPath of extractors -----------------------------------------------------------------------------

DISK = {"kind": "DataVolume", "spec": {"source": {"url": "docker://ghcr.io/acme/disk:v1"}}}


def test_an_extractor_takes_the_image_out_of_a_text() -> None:
    extractor = ImageExtractor(path="/spec/source/url", jmes_path="trim_prefix(@, 'docker://')")
    (found,) = extract(DISK, [extractor])
    assert (found.text, found.match_string) == ("ghcr.io/acme/disk:v1", "ghcr.io/acme/disk:v1")
    assert (found.pointer, found.key) == ("/spec/source/url", "/spec/source/url")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("length(@)", r"jmespath length\(@\) must produce a string, but produced 29"),
        ("split(@, '/')", r"must produce a string, but produced \[docker:  ghcr.io acme disk:v1\]"),
        ("`null`", "must produce a string, but produced <nil>"),
        ("to_boolean(@)", r"failed to apply jmespath to_boolean\(@\): "),
    ],
)
def test_k14_a_path_that_makes_no_text_is_an_error(path: str, text: str) -> None:
    with pytest.raises(EvaluationError, match=text):
        extract(DISK, [ImageExtractor(path="/spec/source/url", jmes_path=path)])


def test_what_a_path_makes_need_not_be_an_image() -> None:
    (found,) = extract(DISK, [ImageExtractor(path="/spec/source/url", jmes_path="'A B'")])
    assert found.image is None
    assert found.problem
