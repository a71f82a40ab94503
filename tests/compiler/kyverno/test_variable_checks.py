"""Variables of image rules when a policy is loaded: what Kyverno refuses, in its words, and where."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.grammar.errors import PolicyError
from tests.support_policies import cluster_policy, read

UNKNOWN = (
    "invalid policy p: policy contains invalid variables: variable substitution failed for rule verify: "
)
USER = (
    "invalid policy p: only select variables are allowed in background mode. Set spec.background=false to"
    " disable background mode for this policy rule: "
)
SCANNED: dict[str, Any] = {"background": True}
ADMITTED: dict[str, Any] = {"background": False}


def errors(
    key: str, *context: dict[str, Any], spec: dict[str, Any] = SCANNED, **more: Any
) -> tuple[PolicyError, ...]:
    condition = {"key": key, "operator": "Equals", "value": "x"}
    rule = {"context": list(context), "preconditions": {"all": [condition]}, **more}
    return read(cluster_policy(rule=rule, spec=spec)).errors


def attested(key: str, *, validate: bool = False, name: str = "") -> dict[str, Any]:
    conditions = [{"all": [{"key": key, "operator": "Equals", "value": "x"}]}]
    entry: dict[str, Any] = {"attestations": [{"type": "t", "name": name, "conditions": conditions}]}
    if validate:
        deny = {"conditions": {"any": [{"key": "{{ prov.x }}", "operator": "Equals", "value": "x"}]}}
        entry["validate"] = {"deny": deny}
    return entry


@pytest.mark.parametrize(
    "key",
    [
        "{{ request.object.metadata.name }}",
        "{{ images.containers.app.name }}",
        "{{ images.mine.app.name }}",
        "{{ to_upper('x') }}",
        "plain",
    ],
)
@pytest.mark.parametrize("spec", [SCANNED, ADMITTED])
def test_known_variables(key: str, spec: dict[str, Any]) -> None:
    extractors = {"Pod": [{"path": "/spec/containers/*", "value": "image", "name": "mine"}]}
    assert not errors(key, spec=spec, imageExtractors=extractors)


def test_what_an_extractor_is_called_is_no_variable_by_itself() -> None:
    extractors = {"Pod": [{"path": "/spec/containers/*", "value": "image", "name": "mine"}]}
    (error,) = errors("{{ mine.app.name }}", imageExtractors=extractors)
    assert error.code == "unknown-variable"


@pytest.mark.parametrize(
    ("spec", "regex"),
    [
        (SCANNED, r"request\.|element|elementIndex|@|images|images\.|image\.|([a-z_0-9]+\()[^{}]"),
        (
            ADMITTED,
            "request|serviceAccountName|serviceAccountNamespace|element|elementIndex|@|images|image"
            r"|([a-z_0-9]+\()[^{}]",
        ),
    ],
)
def test_unknown_variables_are_refused_at_their_place(spec: dict[str, Any], regex: str) -> None:
    (error,) = errors("a {{ nowhere.x }}", spec=spec)
    assert error.code == "unknown-variable"
    assert error.message == f'{UNKNOWN}variable nowhere.x must match regex "{regex}" or patterns []'
    assert error.location
    assert "nowhere" in error.location.source.excerpt(error.location.span)


def test_context_entries_declare_names() -> None:
    variable = {"name": "known", "variable": {"value": 1}}
    names = {"name": "cm", "configMap": {"name": "a", "namespace": "b"}}
    assert not errors("{{ known }}", variable)
    assert not errors("{{ known.x[0] }}", variable)
    assert not errors("{{ cm.data.x }}", names)
    for key in ("{{ cm }}", "{{ cm.other }}"):
        (error,) = errors(key, names)
        assert error.message.endswith("or patterns [cm.data cm.metadata cm.data.* cm.metadata.*]")


@pytest.mark.parametrize(
    "key",
    [
        "{{ request.userInfo.username }}",
        "{{ request.roles }}",
        "{{ request.clusterRoles }}",
        "{{ request.object.x || request.userInfo.username }}",
    ],
)
def test_the_sender_of_a_request_is_not_known_in_background_scans(key: str) -> None:
    (error,) = errors(key)
    assert (error.code, error.message) == ("user-variable", f"{USER}variable {key} is not allowed")
    assert not errors(key, spec=ADMITTED)


def test_accounts_are_of_senders_too() -> None:
    assert {e.code for e in errors("{{ serviceAccountName }}")} == {"unknown-variable", "user-variable"}
    assert not errors("{{ serviceAccountName }}", spec=ADMITTED)


def test_conditions_of_attestations_read_the_predicate() -> None:
    assert not read(cluster_policy(attested("{{ builder.id }}"))).errors
    (error,) = read(cluster_policy(attested("{{ request.userInfo.username }}"))).errors
    assert error.code == "user-variable"
    assert error.location
    assert "userInfo" in error.location.source.excerpt(error.location.span)


def test_names_of_attestations_are_known_to_validate_only() -> None:
    assert not read(cluster_policy(attested("{{ x }}", validate=True, name="prov"))).errors
    (error,) = read(cluster_policy(attested("{{ x }}", validate=True, name="other"))).errors
    assert error.message.endswith("or patterns [other*]")


def test_a_variable_that_stands_where_none_may_is_told_once() -> None:
    (error,) = read(cluster_policy({"imageReferences": ["{{ nowhere }}"]})).errors
    assert "should not have variables in image reference section" in error.message


def test_variables_in_attestors_are_checked() -> None:
    keys = {"attestors": [{"entries": [{"keys": {"publicKeys": "{{ nowhere }}"}}]}]}
    (error,) = read(cluster_policy(keys)).errors
    assert error.code == "unknown-variable"
