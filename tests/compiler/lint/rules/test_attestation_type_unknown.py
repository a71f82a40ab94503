from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Severity
from tests.support_attestors import signer, some_of, verify
from tests.support_lint import findings, patterns

CODE = "PRQ037"
V02 = "https://slsa.dev/provenance/v0.2"
V1 = "https://slsa.dev/provenance/v1"


def stated(type: str, *keys: str, **fields: Any) -> str:
    conditions = [{"key": key, "operator": "Equals", "value": "x"} for key in keys]
    statement = {"type": type, "attestors": [some_of(signer())], "conditions": [{"all": conditions}]}
    return verify(attestations=[statement], **fields)


@pytest.mark.parametrize(
    ("type", "meant"),
    [
        ("slsaprovenance", V02),
        ("slsaprovenance1", V1),
        ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
        ("cyclonedx", "https://cyclonedx.org/bom"),
        ("slsa.dev/provenance/v1", V1),
        ("http://slsa.dev/provenance/v1", V1),
        ("https://slsa.dev/provenance/v1/", V1),
        ("https://slsa.dev/provenance/v1.0", V1),
        ("https://slsa.dev/provenence/v0.2", V02),
        ("https://spdx.dev/document", "https://spdx.dev/Document"),
    ],
)
def test_types_that_no_statement_has(type: str, meant: str) -> None:
    (found,) = findings(stated(type), CODE)
    assert found.problem.help == f"write `{meant}`"


@pytest.mark.parametrize(
    "type",
    [
        V1,
        "https://slsa.dev/verification_summary/v1",
        "https://spdx.dev/Document/v2.2",
        "cosign.sigstore.dev/attestation/vuln/v1",
        "https://acme.example/provenance/v1",
        "{{ request.object.metadata.name }}",
        "custom-report",
    ],
)
def test_types_that_may_be(type: str) -> None:
    assert findings(stated(type), CODE) == []


def test_the_value_is_replaced() -> None:
    more = "attestations:\n- type: vuln # of the scanner\n"
    (found,) = findings(patterns("ghcr.io/acme/*", more=more), CODE)
    assert found.problem.fix is not None
    (edit,) = found.problem.fix.edits
    line = edit.location.source.line(edit.location.span.start.line)
    assert line[edit.location.span.start.column - 1 : edit.location.span.end.column - 1] == "vuln"
    assert edit.text == "https://cosign.sigstore.dev/attestation/vuln/v1"
    assert found.problem.fix.safe is False
    (found,) = findings(stated("vuln"), CODE)
    assert found.problem.fix is not None
    assert found.problem.fix.edits[0].text == '"https://cosign.sigstore.dev/attestation/vuln/v1"'


def test_no_type() -> None:
    (found,) = findings(stated(""), CODE)
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("type", "key", "advice"),
    [
        (V1, "{{ builder.id }}", f"it is a field of `{V02}`"),
        (V02, "{{ runDetails.builder.id }}", f"it is a field of `{V1}`"),
        (V02, "{{ predicate.builder.id }}", "leave `predicate.` out"),
        (V1, "{{ to_string(materials[0].uri || '') }}", f"it is a field of `{V02}`"),
    ],
)
def test_fields_of_other_types(type: str, key: str, advice: str) -> None:
    (found,) = findings(stated(type, key), CODE)
    assert found.problem.help.startswith(advice)
    place = found.location
    assert place is not None
    line = place.source.line(place.span.start.line)
    assert line[place.span.start.column - 1 : place.span.end.column - 1] == key.strip("{} ")


@pytest.mark.parametrize(
    ("type", "key"),
    [
        (V1, "{{ runDetails.builder.id }}"),
        (V02, "{{ builder.id }}"),
        (V1, "{{ acme_extension.team }}"),
        (V1, "{{ request.object.metadata.name }}"),
        (V1, "{{ image.tag }}"),
        ("https://acme.example/report/v1", "{{ predicate.builder.id }}"),
    ],
)
def test_fields_that_may_be(type: str, key: str) -> None:
    assert findings(stated(type, key), CODE) == []


def test_entries_of_the_context_are_no_fields() -> None:
    text = stated(V1, "{{ builder }}")
    assert len(findings(text, CODE)) == 1
    assert findings(f"context: [{{name: builder, variable: {{value: x}}}}]\n{text}", CODE) == []


def test_notary_has_other_types() -> None:
    by = [some_of({"certificates": {"cert": "x"}})]
    statement = {"type": "vuln", "attestors": by}
    assert findings(verify(type="Notary", attestors=by, attestations=[statement]), CODE) == []
