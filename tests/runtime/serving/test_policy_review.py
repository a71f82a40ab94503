"""What is said when a policy is applied."""

import asyncio
import time
from typing import Any

import pytest

from pratique.compiler.lint.base import Severity
from pratique.runtime.admission.review import Review
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.serving import policy_review
from pratique.runtime.serving.policy_review import PolicyReviewer
from tests.support_admission import review
from tests.support_policy_objects import cel_object, exception_object, policy_object

LOST = {"imageReferences": ["registry.k8s.io/"]}


def asked(
    reviewed: Review, refused: Severity | None = None, seconds: float = 20, exceptions: str = ""
) -> Verdict:
    return asyncio.run(PolicyReviewer(refused, exceptions).verdict(reviewed, seconds))


def test_what_cannot_be_enforced_is_refused_line_by_line() -> None:
    verdict = asked(review(policy_object(entry={"imagereferences": ["x"]})))
    assert not verdict.allowed
    first, *lines = verdict.message.splitlines()
    assert first == "ClusterPolicy/p is refused; places are those of `kubectl get -o yaml`:"
    assert lines[0].startswith("  spec.rules[0].verifyImages[0].imagereferences (")


def test_findings_are_warnings() -> None:
    verdict = asked(review(policy_object(entry=LOST)))
    assert verdict.allowed
    assert verdict.warnings[0].startswith("PRQ001 [error] spec.rules[0].verifyImages[0].imageReferences[0] (")


def test_findings_of_a_severity_refuse_where_that_is_wanted() -> None:
    verdict = asked(review(policy_object(entry=LOST)), Severity.ERROR)
    assert not verdict.allowed
    assert "PRQ001 [error]" in verdict.message
    assert asked(review(policy_object(entry={"verifyDigest": False})), Severity.ERROR).allowed


@pytest.mark.parametrize("changes", [{"labels": {"a": "b"}}, {"finalizers": ["x.example/y"]}])
def test_notes_about_a_broken_policy_may_change(changes: dict[str, Any]) -> None:
    old = policy_object(entry={"imagereferences": ["x"]})
    new = {**old, "metadata": {**old["metadata"], **changes}}
    assert asked(review(new, operation="UPDATE", oldObject=old)).allowed
    new["spec"] = {**old["spec"], "background": False}
    assert not asked(review(new, operation="UPDATE", oldObject=old)).allowed


def test_deletions_are_allowed() -> None:
    old = policy_object(entry={"imagereferences": ["x"]})
    assert asked(review(old, operation="DELETE", object=None, oldObject=old)).allowed


def test_lint_that_takes_long_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_review, "findings", lambda _: time.sleep(0.5))
    verdict = asked(review(policy_object(entry=LOST)), seconds=0.05)
    assert verdict.allowed
    assert verdict.warnings == ("lint took too long and says nothing",)


def test_many_mistakes_are_cut() -> None:
    item = policy_object()
    rule = item["spec"]["rules"][0]
    item["spec"]["rules"] = [{**rule, "name": f"r{n}", "nonsense": 1} for n in range(50)]
    assert asked(review(item)).message.splitlines()[-1] == "  and 30 more"


def test_exceptions_that_cannot_be_read_are_refused() -> None:
    verdict = asked(review(exception_object(excuses=[])), exceptions="ns")
    assert not verdict.allowed
    assert verdict.message.splitlines()[1].startswith("  spec.excuses (")
    older = exception_object() | {"apiVersion": "kyverno.io/v2beta1"}
    assert asked(review(older), exceptions="ns").allowed


@pytest.mark.parametrize(
    ("exceptions", "warning"),
    [
        ("ns", ()),
        ("*", ()),
        ("other", ("this exempts nobody: exceptions count in namespace other (--exceptions-in)",)),
        ("", ("this exempts nobody: no exceptions count (--exceptions-in)",)),
    ],
)
def test_k16_whoever_writes_an_exception_hears_whether_it_counts(
    exceptions: str, warning: tuple[str, ...]
) -> None:
    verdict = asked(review(exception_object()), exceptions=exceptions)
    assert verdict.allowed
    assert verdict.warnings == warning


def test_policies_in_cel_that_cannot_be_evaluated_are_refused() -> None:
    verdict = asked(review(cel_object("validations: [{expression: 'object.spec +'}]\n")))
    assert not verdict.allowed
    assert verdict.message.splitlines()[1].startswith("  spec.validations[0].expression (")
    assert asked(review(cel_object("validations: [{expression: 'true'}]\n"))).allowed


def test_exceptions_of_both_groups_hear_whether_they_count() -> None:
    lifted = {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "PolicyException",
        "metadata": {"name": "c", "namespace": "ns"},
        "spec": {"policyRefs": [{"name": "c", "kind": "ValidatingPolicy"}]},
    }
    assert asked(review(lifted), exceptions="ns").warnings == ()
    assert len(asked(review(lifted)).warnings) == 1
