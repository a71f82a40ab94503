"""Who asks: equal for equal rights, different for others, and no secret in it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.audience import CredentialAudience
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import ANONYMOUS, DockerConfigFile
from pratique.runtime.registry.faults import FaultCode, Operation

APP = Repository("reg.example", "app")


class Source:
    def __init__(self, credential: Credential | None) -> None:
        self.credential = credential
        self.asked: list[tuple[str, str]] = []

    async def find(self, host: str, path: str) -> Credential | None:
        self.asked.append((host, path))
        await asyncio.sleep(0)
        return self.credential


def name(credential: Credential | None, *way: str) -> str:
    return asyncio.run(CredentialAudience(Source(credential), way).name(APP))


def user(username: str = "", password: str = "") -> Credential:
    return Credential(username=username, password=password)


def test_names() -> None:
    equal = [
        (None, None),
        (user("me", "old"), user("me", "new")),
        (user("AWS", "token"), user("AWS", "token")),
        (Credential(registry_token="t"), Credential(registry_token="t")),
    ]
    for one, other in equal:
        assert name(one) == name(other)
    different = [
        None,
        user("me"),
        user("you"),
        user("AWS", "token"),
        user("AWS", "other"),
        user("oauth2accesstoken", "token"),
        Credential(identity_token="token"),
        Credential(registry_token="token"),
    ]
    assert len({name(credential) for credential in different}) == len(different)
    assert len({name(None), name(None, "mirror"), name(None, "mirror", "plain")}) == 3


def test_names_in_secrets_of_others_need_their_password() -> None:
    def foreign(password: str) -> str:
        audience = CredentialAudience(Source(user("me", password)), own=False)
        return asyncio.run(audience.name(APP))

    assert foreign("right") == foreign("right")
    assert len({foreign("right"), foreign("wrong"), name(user("me", "right"))}) == 3


def test_credentials_are_looked_up_once_for_a_repository() -> None:
    async def scenario() -> None:
        source = Source(user("me"))
        audience = CredentialAudience(source)
        hub = Repository("index.docker.io", "library/alpine")
        await asyncio.gather(*(audience.name(repository) for _ in range(5) for repository in (APP, hub)))
        assert source.asked == [("reg.example", "app"), ("docker.io", "library/alpine")]

    asyncio.run(scenario())


def test_credentials_that_cannot_be_had() -> None:
    class Broken:
        async def find(self, host: str, path: str) -> Any:
            raise Operation(host, path).fault(FaultCode.AUTH, "broken")

    with pytest.raises(TransportError):
        asyncio.run(CredentialAudience(Broken()).name(APP))
    assert asyncio.run(CredentialAudience(ANONYMOUS).name(APP)) == name(None)


def test_no_helper_is_run_where_none_may_be(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps({"credsStore": "absent-program", "auths": {"reg.example": {"auth": "bWU6cHc="}}})
    )
    found = asyncio.run(DockerConfigFile(config, with_helpers=False).find("reg.example", "app"))
    assert found is not None
    assert found.username == "me"
    with pytest.raises(TransportError):
        asyncio.run(DockerConfigFile(config).find("reg.example", "app"))
