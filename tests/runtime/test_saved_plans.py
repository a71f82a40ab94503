"""Saved plans: what was reviewed is what is applied, and everything else is one error."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pratique.compiler.digest import digest
from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime import saved_plans
from pratique.runtime.cli import main
from pratique.runtime.explaining import explained
from pratique.runtime.outputs.plans import saved
from pratique.runtime.saved_plans import fitting, read_plan
from tests.support_engine import pod
from tests.support_explain import HOSTILE, everything, options, report
from tests.support_policies import cluster_policy

OTHER = cluster_policy({"imageReferences": ["b.io/*"]}, metadata={"name": "q"})


def write(folder: Path, *texts: str) -> Path:
    """Return a plan of policies of these texts."""
    path = folder / "plan.json"
    path.write_text(saved.render(report(folder, *texts)))
    return path


def edited(path: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_plan(path)
    text = str(caught.value)
    assert text.startswith(f"the plan {path} is refused: ")
    assert "\n" not in text
    return text


def test_what_is_read_is_what_was_saved(tmp_path: Path) -> None:
    path = write(tmp_path, everything(), OTHER)
    found = read_plan(path)
    again = report(tmp_path, everything(), OTHER)
    assert digest(found.policies) == again.digest
    assert [source.text for source in found.sources] == [everything(), OTHER]
    places = [str(policy.at.location) for policy in found.policies.policies]
    assert places == [str(policy.at.location) for policy in again.files.policies.policies]


def test_layout_of_the_file_does_not_matter(tmp_path: Path) -> None:
    assert read_plan(edited(write(tmp_path, OTHER), lambda data: None)).documents


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda d: d["sources"][0].update(text=OTHER.replace("b.io", "c.io")), "it was changed"),
        (lambda d: d.update(digest="sha256:" + "0" * 64), "it was changed"),
        (
            lambda d: d["plan"]["rules"][0].update(action="Enforce"),
            "say of them: it was changed",
        ),
        (lambda d: d["plan"]["questions"][0].update(text="nothing"), "what there is to say of them"),
        (lambda d: d["plan"]["rules"][0]["estimate"]["typical"].update(requests=0), "what there is to say"),
        (lambda d: d["plan"].pop("stages"), "what there is to say of them"),
        (lambda d: d["sources"][0].update(name="elsewhere.yaml"), "what there is to say of them"),
        (lambda d: d["sources"].append({"name": "x", "text": "a: ["}), "its policies cannot be used: x:"),
        (lambda d: d.update(sources=[]), "there is no policy in it"),
        (lambda d: d.update(format=2), "its format is 2, and this program reads 1"),
        (lambda d: d.update(format="1"), "its format is '1'"),
        (
            lambda d: d.update(madeBy="pratique 9.9"),
            "made by pratique 9.9, which may read",
        ),
        (lambda d: d.pop("madeBy"), "made by nobody"),
        (
            lambda d: d.update(kind="Explanation"),
            "it is no plan: `pratique explain ",
        ),
        (lambda d: d.update(apiVersion="pratique.dev/v2"), "it is no plan: apiVersion: "),
        (lambda d: d.update(more=1), "it is no plan: more: Extra inputs are not permitted"),
        (lambda d: d.pop("digest"), "it is no plan: digest: Field required"),
        (lambda d: d.update(digest="sha256:0"), "it is no plan: digest: "),
        (lambda d: d.update(sources={}), "it is no plan: sources: "),
        (lambda d: d["sources"][0].update(name="a\nb"), "the name of a source does not print"),
        (lambda d: d["sources"][0].update(name=""), "it is no plan: sources.0.name: "),
        (lambda d: d["sources"][0].update(more=HOSTILE), "it is no plan: sources.0.more: "),
    ],
)
def test_a_plan_that_was_changed_is_refused(
    edit: Callable[[dict[str, Any]], Any], why: str, tmp_path: Path
) -> None:
    assert why in refusal(edited(write(tmp_path, OTHER), edit))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "it is no plan: malformed JSON"),
        (b"[]", "it is no plan"),
        (b'{"kind": "Plan", "kind": "Plan"}', "a key occurs twice"),
        (b'{"kind": "Plan", "x": ' + b"[" * 100_000, "it is no plan"),
        (b'{"kind": "Plan", "format": ' + b"1" * 5_000 + b"}", "it is no plan"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"kind": "Plan", "format": 1, "madeBy": "\\ud800"}', "it is no plan"),
    ],
)
def test_what_is_no_plan(body: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(body)
    assert why in refusal(path)


def test_a_plan_of_mistaken_policies_names_the_first(tmp_path: Path) -> None:
    broken = json.dumps({"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "spec": 1, "x": 2})
    path = edited(write(tmp_path, OTHER), lambda d: d["sources"].append({"name": "x.yaml", "text": broken}))
    assert "x.yaml:1:" in refusal(path)
    assert "further mistake" in refusal(path)


def test_a_plan_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, OTHER)
    monkeypatch.setattr(saved_plans, "MAX_BYTES", 1024)
    assert "it has more than 1 KiB" in refusal(path)
    assert "it cannot be read: No such file" in refusal(tmp_path / "none.json")


def test_spoiled_plans_are_refused_or_mean_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, OTHER)
    body, expected = path.read_bytes(), read_plan(path).policies
    chance = random.Random(7)
    for _ in range(300):
        spoiled = bytearray(body)
        for _ in range(chance.choice((1, 1, 3))):
            place = chance.randrange(len(spoiled))
            spoiled[place : place + chance.choice((0, 1, 5))] = chance.randbytes(chance.choice((0, 1, 2)))
        path.write_bytes(spoiled)
        try:
            found = read_plan(path).policies
        except UsageError:
            continue
        assert found == expected


# --- exceptions, and policies in CEL -----------------------------------------------------------------------

EXCEPTION = json.dumps(
    {
        "apiVersion": "kyverno.io/v2",
        "kind": "PolicyException",
        "metadata": {"name": "let", "namespace": "ops"},
        "spec": {
            "exceptions": [{"policyName": "q", "ruleNames": ["verify"]}],
            "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
        },
    }
)
IN_CEL = """
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: few}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations:
    - {expression: object.spec.replicas <= 3, message: too many}
"""


def excepting(folder: Path, counts: bool) -> Path:
    """Return a plan of a policy with an exception beside it."""
    asked = options(folder, f"{OTHER}\n---\n{EXCEPTION}")
    path = folder / "plan.json"
    counting = replace(asked, apply=replace(asked.apply, exceptions_within_policies=counts))
    path.write_text(saved.render(explained(counting)))
    return path


@pytest.mark.parametrize("counts", [True, False])
def test_exceptions_count_as_they_did(counts: bool, tmp_path: Path) -> None:
    path = excepting(tmp_path, counts)
    found = read_plan(path)
    assert len(found.exempting) == counts
    assert any("PolicyException let does not count in the plan" in n for n in found.notices) is not counts
    assert "it was changed" in refusal(edited(path, lambda d: d.update(exceptions=not counts)))


def test_an_exception_that_counts_is_part_of_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one, other = excepting(tmp_path, True), excepting(tmp_path / "a", False)
    assert json.loads(one.read_text())["digest"] != json.loads(other.read_text())["digest"]
    with_it, without = options(tmp_path, f"{OTHER}\n---\n{EXCEPTION}"), options(tmp_path / "a", OTHER)
    assert fitting(one, with_it.apply.policies).exempting
    assert not fitting(other, with_it.apply.policies).exempting
    assert fitting(other, without.apply.policies).documents
    with pytest.raises(UsageError, match="their order, settings or exceptions"):
        fitting(one, without.apply.policies)


def test_policies_in_cel(tmp_path: Path) -> None:
    path = write(tmp_path, IN_CEL)
    (policy,) = read_plan(path).policies.policies
    assert policy.name == "few"
    given = options(tmp_path, IN_CEL.replace("<= 3", "<= 4")).apply.policies
    with pytest.raises(UsageError, match=r"they differ in few \(changed\)"):
        fitting(path, given)


# --- policies beside the plan ------------------------------------------------------------------------------


def test_policies_that_fit(tmp_path: Path) -> None:
    path = write(tmp_path, OTHER)
    again = tmp_path / "again.yaml"
    again.write_text(f"# another comment\n{json.dumps(json.loads(OTHER), indent=3)}")
    assert fitting(path, [str(again)]).policies == fitting(path, []).policies


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ([OTHER.replace("b.io", "c.io")], "they differ in q verify (changed)"),
        ([OTHER, cluster_policy()], "p verify (not in the plan)"),
        ([cluster_policy()], "q verify (in the plan alone), p verify (not in the plan)"),
        (
            [OTHER.replace('"spec": {', '"spec": {"failurePolicy": "Ignore",')],
            "their order, settings or exceptions",
        ),
    ],
)
def test_policies_that_do_not_fit(texts: list[str], why: str, tmp_path: Path) -> None:
    path = write(tmp_path, OTHER)
    given = options(tmp_path, *texts).apply.policies
    with pytest.raises(UsageError, match="does not fit the policies that were given") as caught:
        fitting(path, given)
    assert why in str(caught.value)


def test_many_differences_are_counted(tmp_path: Path) -> None:
    texts = [cluster_policy(metadata={"name": f"p{number}"}) for number in range(9)]
    path = write(tmp_path, OTHER)
    with pytest.raises(UsageError, match="and 7 more"):
        fitting(path, options(tmp_path, *texts).apply.policies)


def test_given_policies_with_mistakes_are_told_as_ever(tmp_path: Path) -> None:
    path = write(tmp_path, OTHER)
    with pytest.raises(PolicyErrors):
        fitting(path, [str(tmp_path / "none.yaml")])


# --- through the command line ------------------------------------------------------------------------------


def test_a_plan_is_applied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.yaml").write_text(OTHER)
    resource, plan = tmp_path / "pod.json", tmp_path / "plan.json"
    resource.write_text(json.dumps(pod("b.io/x:1")))
    assert main(["explain", str(tmp_path / "policy.yaml"), "--save-plan", str(plan), "-q"]) == 0
    capsys.readouterr()
    (tmp_path / "policy.yaml").unlink()
    outputs = []
    for arguments in (["--plan", str(plan)], [str(tmp_path / "q.yaml")]):
        (tmp_path / "q.yaml").write_text(OTHER)
        assert main(["apply", *arguments, "-r", str(resource), "--offline", "-o", "json"]) == 3
        report = json.loads(capsys.readouterr().out)
        outputs.append([(r["policy"], r["rule"], r["result"], r["message"]) for r in report["rows"]])
    assert outputs[0] == outputs[1] != []


def test_a_plan_that_does_not_fit_applies_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, policy, resource = write(tmp_path, OTHER), tmp_path / "p.yaml", tmp_path / "pod.json"
    policy.write_text(cluster_policy())
    resource.write_text(json.dumps(pod("b.io/x:1")))
    assert main(["apply", "--plan", str(plan), str(policy), "-r", str(resource), "-o", "json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["results"] == []
    assert "it does not fit the policies that were given" in captured.err


def test_a_saved_plan_can_be_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = write(tmp_path, OTHER)
    assert main(["explain", "--plan", str(plan), "-o", "plan"]) == 0
    assert capsys.readouterr().out == plan.read_text()
