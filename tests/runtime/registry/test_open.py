"""Which store a command gets, what that imports, and that offline means offline."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.ports import ImageStore, Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.layout_writer import LayoutWriter
from pratique.runtime.registry.media_types import OCI_MANIFEST
from pratique.runtime.registry.open import StoreOptions, open_store, user_docker_config
from tests.support_registry import FakeRegistry, Reply, image, run, sha256
from tests.support_tls import Authority

APP = Repository("reg.example", "app")
ASKS: list[Callable[[ImageStore], Any]] = [
    lambda store: store.manifest(APP, "v1"),
    lambda store: store.manifest(APP, sha256(image())),
    lambda store: store.blob(APP, sha256(b"payload"), max_bytes=100),
    lambda store: store.referrers(APP, sha256(image())),
]


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every attempt to connect or to resolve a name is written down and refused."""
    attempts: list[str] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        attempts.append(str(arguments[-1]))
        raise AssertionError("a socket was to be used")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return attempts


def small_layout(folder: Path) -> Path:
    with LayoutWriter(folder) as writer:
        writer.blob(b"payload")
        writer.manifest(image(), OCI_MANIFEST, ["reg.example/app:v1"])
    return folder


def test_offline_without_layout_refuses_everything(no_sockets: list[str]) -> None:
    store = open_store(StoreOptions(offline=True, mirrors=(("reg.example", "https://m.example"),)))
    for ask in ASKS:
        with pytest.raises(TransportError) as caught:
            run(lambda ask=ask: ask(store))  # type: ignore[misc]
        assert caught.value.code == "offline"
        assert caught.value.message.startswith("reg.example: ")
        assert "--registry-layout" in caught.value.message
    run(store.aclose)
    assert no_sockets == []


@pytest.mark.parametrize("offline", [False, True])
def test_layout_needs_no_socket(tmp_path: Path, no_sockets: list[str], offline: bool) -> None:
    store = open_store(StoreOptions(layout=small_layout(tmp_path), offline=offline))
    assert isinstance(store, LayoutStore)
    for ask in ASKS:
        run(lambda ask=ask: ask(store))  # type: ignore[misc]
    with pytest.raises(TransportError):
        run(lambda: store.manifest(APP, "absent"))
    run(store.aclose)
    assert no_sockets == []


def test_the_socket_guard_guards(no_sockets: list[str]) -> None:
    store = open_store(StoreOptions())

    async def scenario() -> None:
        async with aclosing(store):
            await store.manifest(APP, "v1")

    with pytest.raises((TransportError, AssertionError)):
        run(scenario)
    assert no_sockets


@pytest.mark.parametrize(
    ("code", "imported"),
    [
        ("import pratique.runtime.registry.open", False),
        ("open_store(StoreOptions(offline=True))", False),
        ("open_store(StoreOptions(layout=Path('.')))", False),
        ("open_store(StoreOptions())", True),
    ],
)
def test_only_the_client_costs_its_imports(code: str, imported: bool) -> None:
    program = (
        "import sys; from pathlib import Path; "
        f"from pratique.runtime.registry.open import StoreOptions, open_store; {code}; "
        "print([m for m in ('aiohttp', 'ssl', 'socket', 'sigstore', 'networkx') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = json.loads(result.stdout.replace("'", '"'))
    assert ("aiohttp" in modules) is imported
    if not imported:
        assert modules == []


def test_layout_name(tmp_path: Path) -> None:
    with LayoutWriter(tmp_path) as writer:
        writer.manifest(image(), OCI_MANIFEST)
    store = open_store(StoreOptions(layout=tmp_path, layout_name="reg.example/app:v1"))
    assert run(lambda: store.manifest(APP, "v1")).digest == sha256(image())


def test_options_reach_the_client(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    def auth(host: str, user: str) -> bytes:
        entry = {"auth": base64.b64encode(f"{user}:p".encode()).decode()}
        return json.dumps({"auths": {host: entry}}).encode()

    async def scenario() -> None:
        async with FakeRegistry(tls=authority.server_context("127.0.0.1")) as registry:
            challenge = Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            good = Reply(body=image(), headers={"Content-Type": OCI_MANIFEST})
            registry.on("/v2/x/app/manifests/v1", challenge, good)
            registry.on("/v2/x/other/manifests/v1", challenge, good)
            config = tmp_path / "config.json"
            config.write_bytes(auth(registry.host, "file"))
            options = StoreOptions(
                mirrors=(("reg.example", f"{registry.url}/x"),),
                insecure=("reg.example",),
                timeout_s=5,
                deadline_s=5,
                docker_config=config,
                pull_secrets=(auth(f"{registry.host}/x/app", "secret"),),
                ca_file=authority.file,
            )
            store = open_store(options)
            assert isinstance(store, DistributionClient)
            async with aclosing(store):
                await store.manifest(APP, "v1")
                await store.manifest(Repository("reg.example", "other"), "v1")
            sent = [a.headers.get("authorization", "") for a in registry.asked]
            users = [base64.b64decode(text.partition(" ")[2]).decode() for text in sent]
            # The pull secret comes first, but for its own repository only.
            assert users == ["", "secret:p", "", "file:p"]

    run(scenario)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mirrors": (("docker.io", "nonsense"),)}, "mirror"),
        ({"insecure": ("http://x",)}, "registry host"),
        ({"timeout_s": 0}, "positive"),
        ({"deadline_s": -1.0}, "positive"),
        ({"max_concurrency": 0}, "positive"),
        ({"ca_file": Path("/nonexistent.pem")}, "certificates"),
        ({"timeout_s": float("nan")}, "positive"),
    ],
)
def test_bad_options(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        open_store(StoreOptions(**options))


def test_ca_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nonsense")
    with pytest.raises(UsageError, match="certificates"):
        open_store(StoreOptions(ca_file=path))


def test_malformed_pull_secret() -> None:
    with pytest.raises(TransportError, match="pull secret 1"):
        open_store(StoreOptions(pull_secrets=(b"{",)))


def test_user_docker_config(tmp_path: Path) -> None:
    home, docker, podman, runtime = (tmp_path / name for name in ("home", "docker", "podman.json", "run"))
    environment = {"HOME": str(home)}
    assert user_docker_config(environment) == home / ".docker/config.json"
    assert user_docker_config(environment | {"DOCKER_CONFIG": str(docker)}) == docker / "config.json"
    assert user_docker_config({}) == Path("/nonexistent/.docker/config.json")
    (runtime / "containers").mkdir(parents=True)
    (runtime / "containers/auth.json").touch()
    environment |= {"XDG_RUNTIME_DIR": str(runtime)}
    assert user_docker_config(environment) == runtime / "containers/auth.json"
    podman.touch()
    environment |= {"REGISTRY_AUTH_FILE": str(podman)}
    assert user_docker_config(environment) == podman
    (home / ".docker").mkdir(parents=True)
    (home / ".docker/config.json").touch()
    assert user_docker_config(environment) == home / ".docker/config.json"
