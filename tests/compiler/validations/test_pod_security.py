"""Rules that check Pod security: status and message, in Kyverno's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pratique.compiler import bodies, ir
from pratique.compiler.expressions.context import Context
from pratique.compiler.validations import Scene
from pratique.compiler.validations.pod_security import PodSecurityValidation
from tests.support_exceptions import exception, exemptions
from tests.support_policies import read, rule_policy
from tests.support_validations import POD

HOST = (
    "(Forbidden reason: host namespaces, field error list: "
    "[spec.hostNetwork is forbidden, forbidden values found: true])"
)
FAILED = f"Validation rule 'r' failed. It violates PodSecurity \"baseline:latest\": {HOST}"


def said(
    resource: Mapping[str, Any] | None = POD,
    lifting: tuple[ir.Exemption, ...] = (),
    **check: Any,
) -> tuple[str, str] | None:
    """Return status and message of a rule called `r`; None where it says nothing."""
    level = bodies.PodSecurity(**{"level": "baseline", **check})
    scene = Scene(resource, Context, lambda _, below: below, lifting)
    outcome = PodSecurityValidation("r", level).evaluate(scene)
    return (str(outcome.status), outcome.message) if outcome else None


def lifting(control: str) -> tuple[ir.Exemption, ...]:
    return exemptions(exception(podSecurity=[{"controlName": control}]))


def test_what_keeps_the_level_passes() -> None:
    quiet = {**POD, "spec": {**POD["spec"], "hostNetwork": False}}
    assert said(quiet) == ("pass", "Validation rule 'r' passed.")


def test_what_breaks_the_level_fails_with_its_fields() -> None:
    assert said() == ("fail", FAILED)


def test_templates_are_looked_at_and_fields_named_from_the_top() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": POD["spec"]}}}
    found = said(deployment)
    assert found
    assert "spec.template.spec.hostNetwork is forbidden" in found[1]


def test_exclusions_of_the_rule_let_it_pass() -> None:
    excluded = bodies.PodSecurityExclusion(control="Host Namespaces")
    assert said(exclusions=(excluded,)) == ("pass", "Validation rule 'r' passed.")
    other = bodies.PodSecurityExclusion(control="Seccomp")
    assert said(exclusions=(other,)) == ("fail", FAILED)


def test_exemptions_that_lift_all_that_is_broken_skip_the_rule() -> None:
    skipped = ("skip", "rule is skipped due to policy exceptions ops/let")
    assert said(lifting=lifting("Host Namespaces")) == skipped
    assert said(lifting=lifting("Seccomp")) == ("fail", FAILED)


def test_nothing_is_said_of_what_is_deleted() -> None:
    assert said(None) is None


@pytest.mark.parametrize(
    ("resource", "check", "message"),
    [
        (
            {"kind": "Secret"},
            {},
            "Error while getting new resource: could not find correct resource type",
        ),
        (
            POD,
            {"version": "v2"},
            "failed to parse pod security api version: 'v2' is neither latest nor v1.NN",
        ),
    ],
)
def test_what_cannot_be_judged_is_an_error(resource: Any, check: Any, message: str) -> None:
    assert said(resource, **check) == ("error", message)


def test_deviation_the_version_that_is_meant_is_named() -> None:
    """DEVIATION: Kyverno prints nothing where the rule names no version."""
    policy = read(rule_policy(validate={"podSecurity": {"level": "baseline"}})).policies.policies[0]
    body = policy.rules[0].body
    assert isinstance(body, bodies.Validation)
    assert isinstance(body.check, bodies.PodSecurity)
    assert said(version=body.check.version) == ("fail", FAILED)
