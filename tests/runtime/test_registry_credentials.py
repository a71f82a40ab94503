"""Credentials of entries and resources in whole runs, against a registry that wants them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.runtime.decision import Report, Status
from pratique.runtime.keys.material import pem_of
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.session import ApplyOptions, apply
from tests.support_engine import pod
from tests.support_policies import cluster_policy
from tests.support_registry import Asked, FakeRegistry, Reply, image, sha256
from tests.support_serving import served

MEDIA_TYPE = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}


@pytest.fixture
def registry() -> FakeRegistry:
    """An unsigned image, for who shows the right password only."""
    server = FakeRegistry()

    def guarded(reply: Reply) -> Any:
        def answer(asked: Asked) -> Reply:
            if asked.headers.get("authorization") == basic("right"):
                return reply
            return Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})

        return answer

    manifest = Reply(body=image(), headers=MEDIA_TYPE)
    server.on("/v2/app/manifests/v1", guarded(manifest))
    server.on(f"/v2/app/manifests/{sha256(image()).replace(':', '-')}.sig", guarded(Reply(status=404)))
    return server


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"of-{password}:{password}".encode()).decode()


def config(host: str, password: str) -> bytes:
    return json.dumps({"auths": {host: {"auth": basic(password).removeprefix("Basic ")}}}).encode()


def secret(name: str, body: bytes) -> dict[str, Any]:
    namespace, _, name = name.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": name, "namespace": namespace},
        "data": {".dockerconfigjson": base64.b64encode(body).decode()},
    }


def run(
    folder: Path,
    registry: FakeRegistry,
    policies: list[str],
    secrets: Mapping[str, bytes],
    docker: bytes = b"{}",
    **spec: Any,
) -> Report:
    (folder / "policy.yaml").write_text("\n---\n".join(policies))
    (folder / "pod.json").write_text(json.dumps(pod(f"{registry.host}/app:v1", **spec)))
    (folder / "secrets.yaml").write_text(
        "\n---\n".join(json.dumps(secret(*item)) for item in secrets.items())
    )
    (folder / "config.json").write_bytes(docker)
    options = ApplyOptions(
        policies=(str(folder / "policy.yaml"),),
        resources=(str(folder / "pod.json"),),
        store=StoreOptions(docker_config=folder / "config.json"),
        secrets=(str(folder / "secrets.yaml"),) if secrets else (),
    )
    return apply(options)


def policy(
    registry: FakeRegistry, credentials: dict[str, Any] | None = None, name: str = "p", **more: Any
) -> str:
    rekor = {"url": "https://rekor.sigstore.dev", "ignoreTlog": True}
    keys = {"publicKeys": KEY, "rekor": rekor}
    entry: dict[str, Any] = {
        "imageReferences": [f"{registry.host}/*"],
        "attestors": [{"entries": [{"keys": keys}]}],
        "verifyDigest": False,
        "required": False,
        **more,
    }
    if credentials is not None:
        entry["imageRegistryCredentials"] = credentials
    return cluster_policy(entry, metadata={"name": name})


KEY = pem_of(ec.generate_private_key(ec.SECP256R1()).public_key())


def outcomes(report: Report) -> list[tuple[str, Status, str]]:
    return [(r.policy, r.status, c.message) for r in report.results for c in r.checks]


UNSIGNED = "no signatures found"


@pytest.mark.parametrize(
    ("credentials", "secrets", "spec", "reached"),
    [
        (None, {}, {}, False),
        ({"secrets": ["pull"]}, {"kyverno/pull": "right"}, {}, True),
        ({"secrets": ["acme/pull"]}, {"acme/pull": "right"}, {}, True),
        ({"secrets": ["pull"]}, {"acme/pull": "right"}, {}, False),
        ({"secrets": ["pull"]}, {"kyverno/pull": "wrong"}, {}, False),
        (None, {"default/pull": "right"}, {"imagePullSecrets": [{"name": "pull"}]}, True),
        (None, {"kyverno/pull": "right"}, {"imagePullSecrets": [{"name": "kyverno/pull"}]}, False),
        (
            {"providers": ["google"]},
            {"default/pull": "right"},
            {"imagePullSecrets": [{"name": "pull"}]},
            True,
        ),
    ],
)
def test_who_may_see_the_image(
    tmp_path: Path,
    registry: FakeRegistry,
    credentials: dict[str, Any] | None,
    secrets: dict[str, str],
    spec: dict[str, Any],
    reached: bool,
) -> None:
    with served(registry):
        bodies = {name: config(registry.host, password) for name, password in secrets.items()}
        report = run(tmp_path, registry, [policy(registry, credentials)], bodies, **spec)
    ((_, status, message),) = outcomes(report)
    assert status is (Status.FAIL if reached else Status.ERROR)
    assert (UNSIGNED in message) is reached


def test_a_provider_alone_leaves_the_users_own_credentials_out(
    tmp_path: Path, registry: FakeRegistry
) -> None:
    with served(registry):
        docker = config(registry.host, "right")
        found = [
            outcomes(run(tmp_path, registry, [policy(registry, credentials)], {}, docker))[0][1]
            for credentials in (
                None,
                {"secrets": ["missing"]},
                {"providers": ["default"]},
                {"providers": ["google"]},
            )
        ]
    assert found == [Status.FAIL, Status.FAIL, Status.FAIL, Status.ERROR]


def test_r3_entries_with_other_credentials_do_not_share_answers(
    tmp_path: Path, registry: FakeRegistry
) -> None:
    """The one that may not see the image learns nothing from the one that may, in either order."""
    with served(registry):
        bodies = {
            "kyverno/right": config(registry.host, "right"),
            "kyverno/wrong": config(registry.host, "wrong"),
        }
        for order in (("right", "wrong"), ("wrong", "right")):
            policies = [policy(registry, {"secrets": [name]}, name) for name in order]
            found = {name: status for name, status, _ in outcomes(run(tmp_path, registry, policies, bodies))}
            assert found == {"right": Status.FAIL, "wrong": Status.ERROR}


def about_image(registry: FakeRegistry, credentials: dict[str, Any] | None) -> str:
    """Return a policy that no signature satisfies, if a context entry finds the image's architecture."""
    image: dict[str, Any] = {"reference": f"{registry.host}/app:v1", "jmesPath": "manifest.schemaVersion"}
    if credentials is not None:
        image["imageRegistryCredentials"] = credentials
    wanted = {"key": "{{ about }}", "operator": "Equals", "value": 2}
    return cluster_policy(
        json.loads(policy(registry, {"secrets": ["right"]}))["spec"]["rules"][0]["verifyImages"][0],
        rule={
            "context": [{"name": "about", "imageRegistry": image}],
            "preconditions": {"all": [wanted]},
        },
    )


@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        (None, Status.ERROR),
        ({"secrets": ["right"]}, Status.FAIL),
        ({"secrets": ["wrong"]}, Status.ERROR),
        ({"secrets": ["missing"]}, Status.ERROR),
    ],
)
def test_a_context_entry_asks_with_its_own_credentials(
    tmp_path: Path, registry: FakeRegistry, credentials: dict[str, Any] | None, status: Status
) -> None:
    registry.on(f"/v2/app/manifests/{sha256(image())}", Reply(body=image(), headers=MEDIA_TYPE))
    registry.on(f"/v2/app/blobs/{sha256(b'{}')}", Reply(body=b"{}"))
    with served(registry):
        bodies = {f"kyverno/{name}": config(registry.host, name) for name in ("right", "wrong")}
        report = run(tmp_path, registry, [about_image(registry, credentials)], bodies)
    ((_, found, message),) = outcomes(report)
    assert (found, UNSIGNED in message) == (status, status is Status.FAIL), message


def test_f35_a_malformed_secret_of_a_context_entry(tmp_path: Path, registry: FakeRegistry) -> None:
    with served(registry):
        bodies = {
            "kyverno/broken": b'{"auths": hunter2',
            "kyverno/right": config(registry.host, "right"),
        }
        report = run(tmp_path, registry, [about_image(registry, {"secrets": ["broken"]})], bodies)
    ((_, status, message),) = outcomes(report)
    assert status is Status.ERROR
    assert "failed to get registry client: Secret kyverno/broken: credentials: malformed JSON" in message


def test_f35_a_malformed_secret_is_an_error_of_its_rule_only(tmp_path: Path, registry: FakeRegistry) -> None:
    with served(registry):
        bodies = {"kyverno/broken": b'{"auths": hunter2', "kyverno/right": config(registry.host, "right")}
        policies = [policy(registry, {"secrets": [name]}, name) for name in ("broken", "right")]
        report = run(tmp_path, registry, policies, bodies)
    (_, broken, message), (_, right, _) = outcomes(report)
    assert (broken, right) == (Status.ERROR, Status.FAIL)
    assert message == "failed to fetch secrets: Secret kyverno/broken: credentials: malformed JSON"
    assert report.results[0].checks[0].transport
