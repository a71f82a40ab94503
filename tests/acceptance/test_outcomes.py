"""What a run says of an image that it does not accept: a stable code for each cause, in every run."""

import json
import random
from typing import Any

import pytest

from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.decision import Reason, Report, RuleResult, Status
from pratique.runtime.outputs.formats import RenderOptions, render
from pratique.runtime.outputs.view import View
from tests.support_engine import FakeVerifier, World, pod
from tests.support_policies import KEYLESS, cluster_policy

APP = "ghcr.io/acme/app:v1"
OFF = {"verifyDigest": False, "required": False}
KEY = "-----BEGIN PUBLIC KEY-----\nk\n-----END PUBLIC KEY-----"
BY_KEY = {"keys": {"publicKeys": KEY, "rekor": {"url": "https://rekor.example", "ignoreTlog": True}}}


def codes(reason: Reason) -> list[str]:
    return [reason.code, *(code for child in reason.children for code in codes(child))]


def judged(made: World) -> tuple[RuleResult, Reason]:
    (result,) = made.judge(pod(APP))
    (check,) = result.checks
    assert check.reason is not None
    return result, check.reason


def entry(*attestors: dict[str, Any]) -> dict[str, Any]:
    return {**OFF, "attestors": [{"entries": list(attestors)}]}


def test_unsigned() -> None:
    made = World(cluster_policy(OFF))
    made.store.image(APP)
    result, reason = judged(made)
    assert result.status is Status.FAIL
    assert "no-signature" in codes(reason)


def test_wrong_identity_with_what_was_expected_and_received() -> None:
    made = World(cluster_policy(OFF))
    made.store.image(APP, {"subject": "mallory@acme.example"})
    _, reason = judged(made)
    found = [child for child in _all(reason) if child.details and child.code == "identity-mismatch"]
    details = dict(found[0].details)
    assert (details["expected"], details["received"]) == (KEYLESS["subject"], "mallory@acme.example")


def test_wrong_key() -> None:
    made = World(cluster_policy(entry(BY_KEY)))
    made.store.image(APP, {"key": "another"})
    result, reason = judged(made)
    assert result.status is Status.FAIL
    assert "signature-invalid" in codes(reason)


@pytest.mark.parametrize("code", ["certificate-expired", "not-logged", "digest-mismatch"])
def test_what_is_wrong_with_a_signature(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise VerificationError(code, "refused")

    made = World(cluster_policy(OFF))
    made.store.image(APP, {"subject": KEYLESS["subject"]})
    monkeypatch.setattr(FakeVerifier, "verify", refuse)
    result, reason = judged(made)
    assert result.status is Status.FAIL
    assert code in codes(reason)


@pytest.mark.parametrize(
    "code", ["registry-auth", "registry-unreachable", "registry-timeout", "digest-mismatch"]
)
def test_what_is_wrong_with_a_registry_is_an_error(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = World(cluster_policy(OFF))

    async def fail(*_: Any) -> Any:
        raise TransportError(code, "ghcr.io: it did not work")

    monkeypatch.setattr(made.store, "manifest", fail)
    result, reason = judged(made)
    assert (result.status, result.checks[0].transport) == (Status.ERROR, True)
    assert code in codes(reason)


def report() -> Report:
    made = World(cluster_policy(OFF))
    made.store.image(APP, {"subject": "mallory@acme.example"})
    results = tuple(made.judge(pod(APP)))
    return Report(results=results, policies=1, rules=1, resources=1, images=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("table", RenderOptions(detailed=True)),
        ("json", RenderOptions()),
        ("sarif", RenderOptions()),
    ],
)
def test_the_tree_is_shown(name: str, options: RenderOptions) -> None:
    text = render(name, View(report()), options)
    assert "identity-mismatch" in text
    assert "mallory@acme.example" in text


def test_twenty_shuffled_runs_say_the_same() -> None:
    """The order of questions, of requests and of resources has no say in what is said of one resource."""
    order = random.Random(7)
    names = [f"ghcr.io/acme/app{n}:v1" for n in range(6)]
    pods = [pod(*order.sample(names, 4), metadata={"name": f"p{n}"}) for n in range(5)]
    said = set()
    for _ in range(20):
        made = World(cluster_policy(entry({"keyless": KEYLESS}, BY_KEY)))
        shuffled = list(enumerate(names))
        order.shuffle(shuffled)
        for number, name in shuffled:
            made.store.image(name, *[{"subject": "mallory@acme.example"}] * (number % 3))
        asked = list(pods)
        order.shuffle(asked)
        found = {
            str(r.resource): [(str(c.status), c.image, c.message) for c in r.checks]
            for r in made.judge(*asked)
        }
        said.add(json.dumps(found, sort_keys=True))
    assert len(said) == 1


def _all(reason: Reason) -> list[Reason]:
    return [reason, *(found for child in reason.children for found in _all(child))]
