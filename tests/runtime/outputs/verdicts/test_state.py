"""The data of the page of verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.decision import Check, Reason, RuleResult, Stage, Status
from pratique.runtime.outputs.verdicts.signers import signatures
from pratique.runtime.outputs.verdicts.state import state as state_of
from pratique.runtime.outputs.view import Verdict, View, tally
from tests.support_explain import report as plan_of
from tests.support_policies import cluster_policy
from tests.support_reports import (
    DIGEST,
    HOSTILE,
    IMAGE,
    SIGNER,
    hostile,
    mixed,
    resource,
    result,
    signed,
    story,
    unproved,
)


def state(verdicts: Iterable[Verdict], **more: Any) -> dict[str, Any]:
    """Return the data of some verdicts, counted."""
    found = list(verdicts)
    return state_of(found, summary=tally([verdict.row for verdict in found]), **more)


def of(*results: RuleResult) -> dict[str, Any]:
    report = replace(story(), results=results)
    return state(Verdict(row) for row in View(report).rows)


def test_every_row_is_there_and_what_is_equal_is_there_once() -> None:
    view = View(story())
    data = state([Verdict(row) for row in view.rows])
    assert data["summary"] == {"pass": 12, "fail": 1, "warn": 0, "error": 0, "skip": 0}
    assert len(data["rows"]) == 13
    assert [(row["kind"], row["name"]) for row in data["rows"][9:11]] == [
        ("Pod", "etcd"),
        ("Deployment", "coredns"),
    ]
    assert len(data["checks"]) == 4  # signed, wrongly signed, proved and unproved, whoever they are about
    assert len(data["reasons"]) == 4
    assert [row["result"] for row in data["rows"]].count("fail") == 1


def test_a_row_leads_to_its_reasons() -> None:
    data = of(result((signed(),)))
    [row] = data["rows"]
    check = data["checks"][row["checks"][0]]
    assert check["result"] == "pass"
    top = data["reasons"][check["reason"]]
    assert top["code"] == "threshold"
    assert top["place"] == "policies/check images.yaml:20:9"
    below = data["reasons"][top["children"][0]]
    assert ["signer", SIGNER] in [list(pair) for pair in below["details"]]


def test_who_signed_what_and_who_accepts_it() -> None:
    refused = replace(signed().reason.children[0], met=False, code="identity-mismatch")  # type: ignore[union-attr]
    check = replace(signed(), status=Status.FAIL, reason=refused)
    data = of(result((signed(),)), result((check,), policy="other"))
    [signature] = data["signatures"]
    names = [policy["name"] for policy in data["policies"]]
    assert [names[number] for number in signature["accepted"]] == ["kube-system/check-images"]
    assert [names[number] for number in signature["refused"]] == ["other"]
    assert signature["signer"] == SIGNER
    assert signature["issuer"] == "https://accounts.google.com"
    assert signature["signedAt"] == "2023-03-30T14:12:11+00:00"
    assert signature["logIndex"] == "16718461"
    assert signature["digest"] == DIGEST
    assert signature["rows"] == [0, 1]
    [image] = data["images"]
    assert (image["image"], image["signatures"]) == (IMAGE, [0])


def test_a_statement_is_told_from_a_signature() -> None:
    signer = Reason(code="signed", text="", met=True, details=(("digest", "d"), ("key", "k")))
    stated = Reason(
        code="attestation", text="", met=True, details=(("type", "https://slsa.dev"),), children=(signer,)
    )
    [(found, met)] = signatures(stated)
    assert (found.what, found.key, met) == ("https://slsa.dev", "k", True)
    [(found, _)] = signatures(signer)
    assert found.what == ""


def test_a_digest_beside_other_facts_is_no_signature() -> None:
    reason = Reason(code="pinned", text="", met=True, details=(("digest", "d"),))
    assert not list(signatures(reason))


def test_one_image_under_two_digests_is_two() -> None:
    moved = replace(signed(), digest="sha256:" + "cd" * 32)
    data = of(result((signed(),)), result((moved,), of=resource("other")))
    assert [image["digest"] for image in data["images"]] == [DIGEST, moved.digest]


def test_checks_of_a_row_are_about_the_same_digest() -> None:
    data = of(result((signed(), unproved())), result((unproved(),), of=resource("other")))
    assert [image.get("digest", "") for image in data["images"]] == [DIGEST, ""]
    assert [data["checks"][number]["image"] for number in data["rows"][0]["checks"]] == [0, 0]


def test_an_image_whose_digest_was_written_is_one_image() -> None:
    pinned = replace(unproved(), image=f"registry.k8s.io/etcd@{DIGEST}", digest=DIGEST)
    data = of(result((replace(signed(), digest=""), pinned)))
    assert [(image["image"], image["digest"]) for image in data["images"]] == [(IMAGE, DIGEST)]


def test_what_is_about_no_image_is_none() -> None:
    data = of(result((Check(stage=Stage.VALIDATE, status=Status.PASS, message="fine"),)))
    assert data["images"] == []
    assert "image" not in data["checks"][0]


def test_actions_of_others_are_not_told() -> None:
    [row] = View(replace(story(), results=story().results[:1])).rows
    assert state([Verdict(row)])["policies"][0]["actions"] == ["Enforce"]
    assert "actions" not in state([Verdict(row, foreign=True)])["policies"][0]


def test_policies_without_results_are_told_by_the_plan(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, cluster_policy(metadata={"name": "silent"}))
    [row] = View(replace(story(), results=story().results[:1])).rows
    policies = state([Verdict(row)], plan=plan.explanation)["policies"]
    assert [policy["name"] for policy in policies] == ["kube-system/check-images", "silent"]
    assert "inForce" not in policies[0]
    assert policies[1]["inForce"] is True
    assert policies[1]["kind"] == "ClusterPolicy"


def test_times_and_origins() -> None:
    [row] = View(replace(story(), results=story().results[:1])).rows
    data = state([Verdict(row, at=7, origin="scan")], now=9)
    assert data["made"] == 9
    assert (data["rows"][0]["at"], data["rows"][0]["origin"]) == (7, "scan")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_character_and_no_direction_gets_through(text: str) -> None:
    report = hostile(text)
    verdicts = [Verdict(row, origin=text) for row in View(report).rows]
    data = state(verdicts, roots=report.roots, notices=report.notices)

    def strings(value: object) -> list[str]:
        match value:
            case str():
                return [value]
            case dict():
                return [s for pair in value.items() for part in pair for s in strings(part)]
            case list() | tuple():
                return [s for part in value for s in strings(part)]
            case _:
                return []

    assert all(part.isprintable() for each in strings(data) for part in each.split("\n"))
    json.dumps(data).encode("ascii")


def test_mixed_reports_have_all_statuses() -> None:
    view = View(mixed())
    data = state([Verdict(row) for row in view.rows], roots=mixed().roots, notices=mixed().notices)
    assert data["summary"] == {str(status): count for status, count in view.summary.items()}
    assert data["notices"] == ["policies/other.yaml:1:1: ConfigMap is not a policy: ignored"]
    assert data["roots"] == ["trusted root root.json: the file trust/root.json, newest entry of 2025-12-31"]
