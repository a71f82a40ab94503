"""Docker configuration, pull secrets and credential helpers (rule R11, threats A1, F35)."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.registry import credential_helper
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import (
    MAX_CONFIG_BYTES,
    CredentialSource,
    DockerConfig,
    DockerConfigFile,
    Keychain,
    pull_secrets,
)
from tests.support_registry import run

SECRET = "s3cr3t-marker"


def auth(username: str = "user", password: str = SECRET) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def config(auths: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"auths": auths} | more).encode()


def find(source: CredentialSource, host: str, path: str = "app") -> Credential | None:
    return run(lambda: source.find(host, path))


@pytest.mark.parametrize(
    "key",
    [
        "reg.example",
        "REG.example",
        "https://reg.example",
        "http://reg.example/",
        "https://reg.example/v1/",
        "https://reg.example/v2/",
        "reg.example/team",
        "reg.example/team/app",
    ],
)
def test_key_of_an_entry(key: str) -> None:
    source = DockerConfig.parse(config({key: auth()}), "test")
    assert find(source, "reg.example", "team/app") == Credential(username="user", password=SECRET)


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"])
def test_docker_hub_is_one_host(key: str) -> None:
    assert find(DockerConfig.parse(config({key: auth()}), "test"), "docker.io", "library/nginx")


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "reg.example.evil.test",
        "xreg.example",
        "sub.reg.example",
        "reg.example:5000",
        "reg.exampl",
        "docker.io",
    ],
)
def test_credentials_stay_with_their_host(host: str) -> None:
    entries = {"reg.example": auth(), "*.example": auth(), "*": auth(), ".example": auth()}
    assert find(DockerConfig.parse(config(entries), "test"), host) is None


def test_longest_path_wins_at_whole_segments() -> None:
    names = {"reg.example": "host", "reg.example/team": "team", "reg.example/team/app": "app"}
    source = DockerConfig.parse(config({key: auth(user) for key, user in names.items()}), "test")

    def user(path: str) -> str:
        found = find(source, "reg.example", path)
        return found.username if found else ""

    assert [user(p) for p in ("team/app", "team/app/x", "team/other", "teamwork/app", "x")] == [
        "app",
        "app",
        "team",
        "host",
        "host",
    ]


@pytest.mark.parametrize(
    ("entry", "credential"),
    [
        ({}, None),
        ({"auth": ""}, None),
        ({"username": "u", "password": "p"}, Credential(username="u", password="p")),
        (auth("u", "p:q"), Credential(username="u", password="p:q")),
        (auth("u", "p\0\0"), Credential(username="u", password="p")),
        (
            auth("<token>", "") | {"identitytoken": "t"},
            Credential(username="<token>", password="", identity_token="t"),
        ),
        ({"registrytoken": "t"}, Credential(registry_token="t")),
    ],
)
def test_entry(entry: dict[str, str], credential: Credential | None) -> None:
    assert find(DockerConfig.parse(config({"reg.example": entry}), "test"), "reg.example") == credential


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"auths":7}',
        b'{"auths":{"reg.example":"' + SECRET.encode() + b'"}}',
        b'{"auths":{"reg.example":{"auth":"' + SECRET.encode() + b'"}}}',
        config({"reg.example": {"auth": base64.b64encode(b"nocolon").decode()}}),
        config({"reg.example": {"password": [SECRET]}}),
        b'{"auths":{"' + SECRET.encode() + b'":{},"' + SECRET.encode() + b'":{}}}',
        SECRET.encode(),
        b"[" * 10**5,
    ],
)
def test_malformed_secret_is_never_quoted(body: bytes) -> None:
    with pytest.raises(TransportError) as caught:
        pull_secrets([b'{"auths":{}}', body])
    error = caught.value
    assert error.code == "registry-auth"
    assert "pull secret 2" in error.message
    assert SECRET not in error.message
    assert error.__suppress_context__


def test_representation_shows_no_secret() -> None:
    full = Credential(username="u", password=SECRET, identity_token=SECRET, registry_token=SECRET)
    assert SECRET not in repr(full) + str(full)


def test_basic() -> None:
    header = Credential(username="ü", password="p").basic
    assert base64.b64decode(header.removeprefix("Basic ")) == "ü:p".encode()


def test_first_source_decides() -> None:
    one, two = config({"reg.example": auth("one")}), config({"reg.example": auth("two"), "b": auth("b")})
    chain = pull_secrets([one, two])
    assert find(chain, "reg.example") == Credential(username="one", password=SECRET)
    assert find(chain, "b") == Credential(username="b", password=SECRET)
    assert find(Keychain(()), "b") is None


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert find(DockerConfigFile(path), "reg.example") is None
    path.write_bytes(config({"reg.example": auth()}))
    assert find(DockerConfigFile(path), "reg.example")


@pytest.mark.parametrize("kind", ["malformed", "huge", "directory", "fifo"])
def test_broken_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.json"
    match kind:
        case "malformed":
            path.write_text(SECRET)
        case "huge":
            path.write_bytes(b" " * (MAX_CONFIG_BYTES + 1))
        case "directory":
            path.mkdir()
        case _:
            os.mkfifo(path)
    with pytest.raises(TransportError) as caught:
        find(DockerConfigFile(path), "reg.example")
    assert caught.value.code == "registry-auth"
    assert str(path) in caught.value.message
    assert SECRET not in caught.value.message


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that installs `docker-credential-test` with a shell script as its body."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def install(script: str) -> Path:
        program = tmp_path / "docker-credential-test"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    return install


def with_helper(**more: Any) -> DockerConfig:
    return DockerConfig.parse(config({}, **more), "test", with_helpers=True)


def test_helper_is_asked_by_the_protocol(helper: Any, tmp_path: Path) -> None:
    answer = json.dumps({"ServerURL": "x", "Username": "u", "Secret": SECRET})
    helper(f"echo \"$1 $(cat)\" > {tmp_path}/asked; echo '{answer}'")
    assert find(with_helper(credsStore="test"), "reg.example") == Credential(username="u", password=SECRET)
    assert (tmp_path / "asked").read_text() == "get reg.example\n"
    find(with_helper(credHelpers={"index.docker.io": "test"}), "docker.io")
    assert (tmp_path / "asked").read_text() == "get https://index.docker.io/v1/\n"


def test_helper_of_another_host_is_not_asked(helper: Any, tmp_path: Path) -> None:
    helper(f"touch {tmp_path}/asked; exit 1")
    assert find(with_helper(credHelpers={"other.example": "test"}), "reg.example") is None
    assert not (tmp_path / "asked").exists()


def test_helper_gives_an_identity_token(helper: Any) -> None:
    helper('cat >/dev/null; echo \'{"Username":"<token>","Secret":"t"}\'')
    assert find(with_helper(credsStore="test"), "reg.example") == Credential(identity_token="t")


def test_helper_that_knows_nothing_leaves_it_to_the_entries(helper: Any) -> None:
    helper('echo "credentials not found in native keychain"; exit 1')
    source = DockerConfig.parse(config({"reg.example": auth()}, credsStore="test"), "test", with_helpers=True)
    assert find(source, "reg.example") == Credential(username="user", password=SECRET)
    assert find(source, "other.example") is None


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"echo {SECRET}; exit 3", "ended with code 3"),
        (f"echo {SECRET}", "malformed"),
        ("echo '{}'", "malformed"),
        ('echo \'{"Username":"u","Secret":7}\'', "malformed"),
        ("yes", "says more than"),
        ("sleep 60", "no answer within"),
        ("exec 1>&-; sleep 60", "no answer within"),
    ],
)
def test_broken_helper(helper: Any, monkeypatch: pytest.MonkeyPatch, script: str, reason: str) -> None:
    monkeypatch.setattr(credential_helper, "HELPER_TIMEOUT_S", 0.5)
    helper(script)
    started = time.monotonic()
    with pytest.raises(TransportError, match=reason) as caught:
        find(with_helper(credsStore="test"), "reg.example")
    assert caught.value.code == "registry-auth"
    assert SECRET not in caught.value.message
    assert time.monotonic() - started < 5


def test_missing_helper() -> None:
    with pytest.raises(TransportError, match="cannot be run") as caught:
        find(with_helper(credsStore="no-such-helper-anywhere"), "reg.example")
    assert caught.value.code == "registry-auth"


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a b", "-x", "a\n", 7])
def test_names_of_helpers_are_no_paths(name: Any) -> None:
    with pytest.raises(TransportError, match="not a Docker configuration"):
        with_helper(credHelpers={"reg.example": name})


def test_secrets_from_a_cluster_run_no_programs(helper: Any, tmp_path: Path) -> None:
    helper(f"touch {tmp_path}/asked; exit 1")
    body = config({}, credsStore="test", credHelpers={"reg.example": "test"})
    assert find(pull_secrets([body]), "reg.example") is None
    assert not (tmp_path / "asked").exists()
