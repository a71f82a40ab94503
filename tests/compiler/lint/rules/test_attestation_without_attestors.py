from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Severity
from tests.support_attestors import signer, some_of, verify
from tests.support_lint import findings, reported

CODE = "PRQ036"
BY = [some_of(signer())]
TYPES = {
    "https://slsa.dev/provenance/v1": Severity.WARNING,
    "https://cosign.sigstore.dev/attestation/vuln/v1": Severity.WARNING,
    "https://spdx.dev/Document/v2.3": Severity.INFO,
    "https://acme.example/report/v1": Severity.INFO,
}
CONDITIONS = [{"all": [{"key": "{{ scanner.uri }}", "operator": "Equals", "value": "x"}]}]


def stated(**fields: Any) -> dict[str, Any]:
    return {"type": "https://acme.example/report/v1", "attestors": BY, "conditions": CONDITIONS, **fields}


def test_by_anybody() -> None:
    (found,) = findings(verify(attestations=[stated(attestors=[])]), CODE)
    assert found.severity is Severity.ERROR
    assert "attestors" not in found.problem.message
    assert "github.com/attacker" in found.problem.examples[0].text


def test_attestors_of_the_image_do_not_sign_statements() -> None:
    (found,) = findings(verify(attestors=BY, attestations=[stated(attestors=[])]), CODE)
    assert "the `attestors` of the entry sign the image alone" in found.problem.message


def test_it_says_more_than_the_rules_about_identities() -> None:
    found = findings(verify(attestations=[stated(attestors=[])]))
    assert [finding.code for finding in found] == [CODE]


@pytest.mark.parametrize("type", TYPES)
def test_without_conditions(type: str) -> None:
    (found,) = findings(verify(attestations=[stated(type=type, conditions=[])]), CODE)
    assert found.severity is TYPES[type]
    assert type in found.problem.message


def test_conditions_over_several_statements_read_named_ones() -> None:
    deny = {"conditions": {"any": [{"key": "{{ a.result }}", "operator": "Equals", "value": "bad"}]}}
    named = stated(name="a", conditions=[])
    unnamed = stated(conditions=[])
    assert findings(verify(attestations=[named], validate={"deny": deny}), CODE) == []
    assert len(findings(verify(attestations=[named]), CODE)) == 1
    assert len(findings(verify(attestations=[named, unnamed], validate={"deny": deny}), CODE)) == 1


def test_signed_and_read() -> None:
    assert findings(verify(attestations=[stated()]), CODE) == []


def test_a_keyless_entry_without_tests_is_none_of_this_rule() -> None:
    anybody = [some_of({"keyless": {"rekor": {"url": "https://rekor.sigstore.dev"}}})]
    assert findings(verify(attestations=[stated(attestors=anybody)]), CODE) == []


def test_notary_needs_attestors() -> None:
    (found,) = reported(verify(type="Notary", attestations=[stated(attestors=[])]), CODE)
    assert "attestations of type notary need attestors" in found.problem.message
