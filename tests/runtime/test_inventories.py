from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pratique.compiler.lint.inventory import Use
from pratique.grammar.errors import PolicyErrors, TransportError
from pratique.runtime.inventories import ask_cluster, read_inventory


def uses(path: Path) -> list[tuple[str, int, str]]:
    return [_told(use) for use in read_inventory(str(path)).inventory.uses]


def _told(use: Use) -> tuple[str, int, str]:
    return use.image, use.count, str(use.location).partition(":")[2]


def written(folder: Path, text: str) -> Path:
    path = folder / "images"
    path.write_text(text)
    return path


def pod(name: str, *images: str, namespace: str = "shop") -> dict[str, Any]:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": containers},
    }


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "a"}}}


def test_an_image_a_line(tmp_path: Path) -> None:
    digest = "quay.io/a@sha256:" + "a" * 64
    path = written(tmp_path, f"# known\n\nnginx\n  12 ghcr.io/acme/app:1 # ours\n{digest}\n")
    assert [(image, count) for image, count, _ in uses(path)] == [
        ("docker.io/nginx:latest", 1),
        ("ghcr.io/acme/app:1", 12),
        (digest, 1),
    ]
    assert [use.location and use.location.span.start for use in read_inventory(str(path)).inventory.uses] == [
        (3, 1),
        (4, 6),
        (5, 1),
    ]


@pytest.mark.parametrize("form", ["list", "documents", "json"])
def test_objects(tmp_path: Path, form: str) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "tools"},
        "spec": {"template": {"spec": {"initContainers": [{"name": "i", "image": "quay.io/i:1"}]}}},
    }
    objects = [NAMESPACE, pod("web", "nginx", "ghcr.io/acme/app:1"), deployment]
    match form:
        case "documents":
            text = "---\n".join(json.dumps(each) + "\n" for each in objects)
        case "list":
            text = f"apiVersion: v1\nkind: List\nitems: {json.dumps(objects)}\n"
        case _:
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2)
    found = read_inventory(str(written(tmp_path, text))).inventory
    assert found.images == ("docker.io/nginx:latest", "ghcr.io/acme/app:1", "quay.io/i:1")
    targets = [use.target for use in found.uses]
    assert [(t.kind, t.namespace, t.namespace_labels) for t in targets if t] == [
        ("Pod", "shop", {"team": "a"}),
        ("Pod", "shop", {"team": "a"}),
        ("Deployment", "tools", None),
    ]


def test_images_of_objects_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    read = read_inventory(str(written(tmp_path, json.dumps(pod("web", "No Image", "nginx")))))
    assert read.inventory.images == ("docker.io/nginx:latest",)
    assert read.notices == ("shop/Pod/web: No Image is no image reference: left out",)


def test_an_empty_file_lists_nothing(tmp_path: Path) -> None:
    assert uses(written(tmp_path, "# none yet\n")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nginx\na/UPPER\n", ":2:3: error[bad-image]: 'a/UPPER' is not an image reference"),
        ("nginx\na b c\n", ":2:1: error[bad-image]: a line holds one image"),
        ("nginx\n3 a:b:c\n", ":2:6: error[bad-image]: 'a:b:c' is not an image reference"),
        ("- nginx\n", ":1:1: error[not-a-resource]"),
        ("a: [\n", ":2:1: error[yaml-syntax]"),
        ("kind: Pod\n", ":1:1: error[not-a-resource]"),
    ],
)
def test_mistakes_have_places(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PolicyErrors) as raised:
        read_inventory(str(path))
    assert str(raised.value.errors[0]).startswith(f"{path}{message}")


def test_all_bad_lines_are_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors) as raised:
        read_inventory(str(written(tmp_path, "nginx\nA\nB\n")))
    assert len(raised.value.errors) == 2
    with pytest.raises(PolicyErrors):
        read_inventory(str(tmp_path / "none"))


# --- a cluster -----------------------------------------------------------------------------------------


class Server:
    """An API server that lists what it is given, and remembers what it was asked."""

    def __init__(self, lists: dict[str, list[dict[str, Any]]], status: int = 200) -> None:
        self.lists, self.status = lists, status
        self.asked: list[tuple[str, str]] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path))
        assert request.headers["Authorization"] == "Bearer t0k"
        if self.status != 200:
            return web.json_response({"message": "no"}, status=self.status)
        return web.json_response({"metadata": {}, "items": self.lists[request.path]})

    async def _start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        return runner

    def __enter__(self) -> Server:
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._runner = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def kubeconfig(self, folder: Path) -> str:
        path = folder / "kubeconfig"
        path.write_text(
            json.dumps(
                {
                    "current-context": "c",
                    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                    "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                    "users": [{"name": "u", "user": {"token": "t0k"}}],
                }
            )
        )
        return str(path)


@pytest.fixture
def cluster() -> Iterator[Server]:
    pods = [pod("web", "nginx", "ghcr.io/acme/app:1"), pod("job", "ghcr.io/acme/app:1", namespace="tools")]
    bare = [{key: value for key, value in each.items() if key not in ("apiVersion", "kind")} for each in pods]
    with Server({"/api/v1/pods": bare, "/api/v1/namespaces": [NAMESPACE]}) as server:
        yield server


def test_the_pods_of_a_cluster(cluster: Server, tmp_path: Path) -> None:
    read = ask_cluster(cluster.kubeconfig(tmp_path))
    assert read.inventory.name == f"the cluster at http://127.0.0.1:{cluster.port}"
    found = [
        (use.image, use.target.namespace, use.target.namespace_labels)
        for use in read.inventory.uses
        if use.target
    ]
    assert found == [
        ("docker.io/nginx:latest", "shop", {"team": "a"}),
        ("ghcr.io/acme/app:1", "shop", {"team": "a"}),
        ("ghcr.io/acme/app:1", "tools", None),
    ]
    assert cluster.asked == [("GET", "/api/v1/namespaces"), ("GET", "/api/v1/pods")]


def test_a_cluster_that_refuses_is_an_error_of_transport(tmp_path: Path) -> None:
    with Server({}, status=403) as server, pytest.raises(TransportError) as raised:
        ask_cluster(server.kubeconfig(tmp_path))
    assert raised.value.code == "cluster-auth"
