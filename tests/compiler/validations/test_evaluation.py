"""Patterns and denials of rules: status and message, in Kyverno's words."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import bodies
from tests.support_validations import said


def pattern(data: Any) -> bodies.Pattern:
    return bodies.Pattern(data=data)


def deny(*any_conditions: tuple[Any, Any, str]) -> bodies.Deny:
    return bodies.Deny(
        conditions={
            "any": [
                {"key": key, "operator": "Equals", "value": value, "message": message}
                for key, value, message in any_conditions
            ]
        }
    )


# --- pattern -------------------------------------------------------------------------------------------


def test_a_pattern_that_fits() -> None:
    assert said(pattern({"kind": "Pod"})) == ("pass", "validation rule 'r' passed.")


def test_a_pattern_that_does_not_fit() -> None:
    check = pattern({"spec": {"hostNetwork": False}})
    path = "rule r failed at path /spec/hostNetwork/"
    assert said(check) == ("fail", f"validation error: {path}")
    assert said(check, message="no host network") == ("fail", f"validation error: no host network. {path}")
    assert said(check, message="no host network.") == ("fail", f"validation error: no host network. {path}")


def test_messages_hold_variables() -> None:
    check = pattern({"kind": "x"})
    assert said(check, message="not a {{ request.object.kind }}") == (
        "fail",
        "validation error: not a Pod. rule r failed at path /kind/",
    )
    cause = "resource value 'Pod' does not match 'x' at path /kind/"
    broken = f"validation error: variables substitution error in rule r execution error: {cause}"
    assert said(check, message="{{ request.object.nothing }}") == ("fail", broken)
    assert said(check, message="$(./../x)") == ("fail", broken)


def test_a_message_that_is_no_text_is_printed() -> None:
    told = said(pattern({"kind": "x"}), message="{{ request.object.spec.hostNetwork }}")
    assert told == ("fail", "validation error: true. rule r failed at path /kind/")


def test_a_pattern_that_is_not_about_the_resource() -> None:
    told = said(pattern({"(kind)": "x"}))
    cause = "resource value 'Pod' does not match 'x' at path /kind/"
    assert told == ("skip", f"conditional anchor mismatch: {cause}")


def test_a_failure_without_a_place_is_an_error() -> None:
    check = pattern({"^(gone)": [{"a": 1}], "kind": "x"})
    cause = "resource value 'Pod' does not match 'x' at path /kind/"
    assert said(check) == ("error", f"validation error: rule r execution error: {cause}")
    assert said(check, message="m") == ("error", f"validation error: m. rule r execution error: {cause}")


def test_variables_and_references_in_patterns() -> None:
    assert said(pattern({"kind": "{{ request.object.kind }}"})) == ("pass", "validation rule 'r' passed.")
    low_high = {"limit": "1", "request": "$(<=./../limit)"}
    assert said(pattern(low_high), {"limit": "1", "request": "2"}) == (
        "fail",
        "validation error: rule r failed at path /request/",
    )


def test_a_variable_without_a_value_is_an_error() -> None:
    told = said(pattern({"kind": "{{ request.object.nothing }}"}))
    assert told == (
        "error",
        "variable substitution failed: failed to resolve request.object.nothing at path /kind: JMESPath query"
        ' failed: Unknown key "nothing" in path',
    )


def test_patterns_say_nothing_of_what_is_deleted() -> None:
    assert said(pattern({"kind": "x"}), operation="DELETE") is None
    assert said(bodies.AnyPattern(data=[{"kind": "x"}]), operation="DELETE") is None


# --- anyPattern ----------------------------------------------------------------------------------------


def test_the_first_pattern_that_fits_decides() -> None:
    check = bodies.AnyPattern(data=[{"kind": "x"}, {"kind": "Pod"}, {"kind": "*"}])
    assert said(check) == ("pass", "validation rule 'r' anyPattern[1] passed.")


def test_none_fits() -> None:
    check = bodies.AnyPattern(data=[{"kind": "x"}, {"(kind)": "y"}, {"spec": {"hostNetwork": False}}])
    told = "rule r[0] failed at path /kind/ rule r[2] failed at path /spec/hostNetwork/"
    assert said(check) == ("fail", f"validation error: {told}")
    assert said(check, message="m") == ("fail", f"validation error: m. {told}")


def test_all_leave_the_resource_out() -> None:
    cause = "conditional anchor mismatch: resource value 'Pod' does not match"
    assert said(bodies.AnyPattern(data=[{"(kind)": "x"}, {"(kind)": "y"}])) == (
        "skip",
        f"rule r[0] skipped: {cause} 'x' at path /kind/ rule r[1] skipped: {cause} 'y' at path /kind/",
    )


def test_numbers_of_several_patterns_are_doubles() -> None:
    assert said(bodies.AnyPattern(data=[{"a": 5}]), {"a": "5.0"})[0] == "pass"  # type: ignore[index]
    assert said(pattern({"a": 5}), {"a": "5.0"})[0] == "fail"  # type: ignore[index]


# --- deny ----------------------------------------------------------------------------------------------


def test_denials() -> None:
    yes, no = ("{{ request.object.kind }}", "Pod", "is a Pod"), ("a", "b", "not said")
    assert said(deny(yes)) == ("fail", "is a Pod")
    assert said(deny(yes), message="m") == ("fail", "m; is a Pod")
    assert said(deny(("a", "a", "")), message="m") == ("fail", "m")
    assert said(deny(("a", "a", ""))) == ("fail", "validation error: rule r failed")
    assert said(deny(no), message="m") == ("pass", "validation rule 'r' passed.")


def test_a_denial_without_conditions_denies() -> None:
    assert said(bodies.Deny(conditions=None), message="never") == ("fail", "never")


def test_denials_speak_of_what_is_deleted() -> None:
    check = deny(("{{ request.object.kind }}", "Pod", ""))
    assert said(check, operation="DELETE", message="kept") == ("fail", "kept")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("{{ request.object.kind }}", "Pod; c"),
        ("{{ request.object.nothing }}", "c"),
        ("$(./../x)", "c"),
    ],
)
def test_a_message_without_value_leaves_those_of_the_conditions(message: str, told: str) -> None:
    assert said(deny(("a", "a", "c")), message=message) == ("fail", told)


def test_a_message_that_is_one_value_must_be_a_text() -> None:
    told = said(deny(("a", "a", "")), message="{{ request.object.spec }}")
    assert told == (
        "fail",
        "the produced message didn't resolve to a string, check your policy definition.",
    )


def test_conditions_that_cannot_be_evaluated_are_an_error() -> None:
    told = said(deny(("{{ request.object.nothing }}", "a", "")))
    assert told
    assert told[0] == "error"
    assert told[1].startswith(
        "failed to check deny conditions: failed to substitute variables in condition key:"
    )
