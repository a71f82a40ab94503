"""Events about requests."""

from typing import Any

import pytest

from pratique.runtime.serving.admission_events import tell
from tests.support_admission import judge, outage, review, spoil, world
from tests.support_engine import pod


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def add(self, regarding: dict[str, Any], **said: Any) -> None:
        self.told.append((regarding, said))


def told(
    signed: bool = False, action: str = "Enforce", **changes: Any
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    given, recorder = world(signed=signed, action=action), Recorder()
    verdict = judge(given, **changes)
    tell(recorder, review(**changes), verdict)  # type: ignore[arg-type]
    return recorder.told


def test_a_denial_is_an_event_of_the_policy() -> None:
    [(policy, said)] = told()
    assert (policy["kind"], policy["name"]) == ("ClusterPolicy", "p")
    assert (said["reason"], said["action"]) == ("PolicyViolation", "Resource Blocked")
    assert "(blocked)" in said["note"]
    assert said["related"]["kind"] == "Pod"


def test_what_is_only_audited_is_an_event_too() -> None:
    [(_, said)] = told(action="Audit")
    assert said["action"] == "Resource Passed"
    assert "(blocked)" not in said["note"]


def test_what_passes_is_none() -> None:
    assert told(signed=True) == []


def test_w15_a_dry_run_is_none() -> None:
    assert told(dryRun=True) == []


def test_an_outage_has_a_reason_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    given, recorder = world(), Recorder()
    spoil(given, outage, monkeypatch)
    tell(recorder, review(), judge(given))  # type: ignore[arg-type]
    [(_, said)] = recorder.told
    assert said["reason"] == "PolicyError"


def test_w19_an_object_that_has_no_name_yet_is_named_by_its_prefix() -> None:
    data = pod()
    data["metadata"] = {"generateName": "web-", "namespace": "default"}
    data["spec"] = {"containers": [{"name": "app", "image": "ghcr.io/acme/app:v1"}]}
    [(_, said)] = told(data=data)
    assert said["related"]["name"] == "web-"
