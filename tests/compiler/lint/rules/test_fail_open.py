from __future__ import annotations

import pytest

from pratique.compiler import ir
from pratique.compiler.lint.base import lint
from tests.support_lint import findings, old_action, patterns
from tests.support_policies import read

CODE = "PRQ034"
OLD = "  failurePolicy: Ignore\n"
NEW = "  webhookConfiguration: {failurePolicy: Ignore}\n"


def policy(more: str, action: str = "Enforce", pattern: str = "ghcr.io/acme/*") -> str:
    return old_action(patterns(pattern, more="mutateDigest: false\n"), action, more)


@pytest.mark.parametrize("more", [OLD, NEW])
def test_ignore(more: str) -> None:
    (found,) = findings(policy(more), CODE)
    place = found.location
    assert place is not None
    line = place.source.line(place.span.start.line)
    assert line[place.span.start.column - 1 : place.span.end.column - 1] == "Ignore"
    assert found.problem.examples[0].text == "ghcr.io/acme/app:1.4.2"


@pytest.mark.parametrize("more", ["", OLD.replace("Ignore", "Fail"), NEW.replace("Ignore", "Fail")])
def test_fail(more: str) -> None:
    assert findings(policy(more), CODE) == []


def test_the_newer_field_counts() -> None:
    assert findings(policy(NEW.replace("Ignore", "Fail")), CODE) == []


def test_policies_that_audit_or_match_nothing() -> None:
    assert findings(policy(OLD, "Audit"), CODE) == []
    assert findings(policy(OLD, pattern="registry.k8s.io/"), CODE) == []


def test_an_override_enforces() -> None:
    override = "  validationFailureActionOverrides: [{action: Enforce, namespaces: [prod]}]\n"
    assert len(findings(policy(OLD + override, "Audit"), CODE)) == 1


def test_one_finding_a_policy_however_many_rules() -> None:
    text = policy(OLD)
    rule = text[text.index("  - name: verify") :]
    assert len(findings(text + rule.replace("name: verify", "name: again"), CODE)) == 1


def test_without_the_document_the_policy_is_marked() -> None:
    policies: ir.PolicySet = read(policy(OLD)).policies
    (found,) = lint(policies, {CODE})
    assert found.location == policies.policies[0].at.location
