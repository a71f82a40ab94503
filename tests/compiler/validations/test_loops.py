"""Loops of validations: which elements count, what ends a loop, and what is said."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import bodies, ir
from pratique.compiler.context_entries import ApiSource, ContextEntry, VariableSource
from pratique.grammar.source import Location, Source, Span
from tests.support_validations import POD, said

PASSED = ("pass", "rule passed")
CONTAINERS = "request.object.spec.containers"


def condition(key: Any, value: Any, message: str = "") -> dict[str, Any]:
    return {"any": [{"key": key, "operator": "Equals", "value": value, "message": message}]}


def deny(key: Any, value: Any, message: str = "") -> bodies.Deny:
    return bodies.Deny(conditions=condition(key, value, message))


def each(*loops: bodies.Loop) -> bodies.ForEach:
    return bodies.ForEach(loops=loops)


def loop(check: Any, list: str = CONTAINERS, **more: Any) -> bodies.Loop:
    return bodies.Loop(list=list, check=check, **more)


def test_every_element_must_pass() -> None:
    assert said(each(loop(deny("{{ element.name }}", "three")))) == PASSED
    found = said(each(loop(deny("{{ element.name }}", "two"))), message="no two")
    assert found == ("fail", "validation failure: no two")


def test_the_first_element_that_fails_is_told() -> None:
    found = said(each(loop(deny("a", "a", "{{ element.name }} {{ elementIndex }}"))))
    assert found == ("fail", "validation failure: one 0")


def test_patterns_are_about_elements() -> None:
    found = said(each(loop(bodies.Pattern(data={"image": "good*"}))), message="m")
    assert found == ("fail", "validation failure: validation error: m. rule r failed at path /image/")
    assert said(each(loop(bodies.AnyPattern(data=[{"image": "x"}, {"name": "*"}])))) == PASSED


def test_patterns_are_about_the_resource_where_elements_are_no_scope() -> None:
    pattern = bodies.Pattern(data={"kind": "{{ element.name }}"})
    found = said(each(loop(pattern, scoped=False)))
    assert found == ("fail", "validation failure: validation error: rule r failed at path /kind/")
    # Elements that are no maps are no scope.
    assert said(each(loop(bodies.Pattern(data={"kind": "Pod"}), f"{CONTAINERS}[].name"))) == PASSED


def test_elements_that_are_no_maps_cannot_be_scopes() -> None:
    found = said(each(loop(bodies.Pattern(data={}), f"{CONTAINERS}[].name", scoped=True)))
    assert found == (
        "error",
        "failed to process foreach: cannot use elementScope=true foreach rules for elements that are not"
        " maps, expected type=map got type=string",
    )


def test_preconditions_leave_elements_out() -> None:
    only_one = condition("{{ element.name }}", "one")
    assert said(each(loop(deny("{{ element.name }}", "two"), preconditions=only_one))) == PASSED
    # No element is left, so that the rule says nothing.
    assert said(each(loop(deny("a", "a"), preconditions=condition("a", "b")))) is None


def test_a_precondition_that_cannot_be_evaluated_leaves_the_element_out() -> None:
    unknown = condition("{{ element.nothing }}", "x")
    assert said(each(loop(deny("a", "a"), preconditions=unknown))) is None


def test_an_outage_leaves_nothing_out() -> None:
    place = ir.At(location=Location(Source("p.yaml", "x"), Span.at(1, 1)))
    entry = ContextEntry(name="out", source=ApiSource(url_path="/api"), at=place)
    asks = condition("{{ out || 'x' }}", "y")
    found = said(each(loop(deny("a", "a"), preconditions=asks, context=(entry,))))
    assert found
    assert found[0] == "error"
    assert "nobody is there" in found[1]


def test_elements_that_are_left_out_by_patterns_do_not_count() -> None:
    assert said(each(loop(bodies.Pattern(data={"(name)": "three", "image": "x"})))) is None
    assert said(each(loop(bodies.Pattern(data={"(name)": "one", "image": "good*"})))) == PASSED


@pytest.mark.parametrize(
    ("list", "expected"),
    [
        ("request.object.spec.nothing", None),
        ("request.object.spec.containers[5]", None),
        ("request.object.spec.containers[].nothing", None),
        ("`[]`", None),
        ("`[null, null]`", None),
        ("request.object.kind", ("fail", "validation failure: Pod")),
        ("`5`", ("fail", "validation failure: 5")),
        ('`{"a": 1}`', ("fail", 'validation failure: {"a":1}')),
        ('`[null, "x", 1]`', ("fail", "validation failure: x")),
    ],
)
def test_k14_lists_that_are_none(list: str, expected: tuple[str, str] | None) -> None:
    assert said(each(loop(deny("a", "a", "{{ element }} "), list))) == (
        expected and (expected[0], f"{expected[1]} ")
    )


def test_a_list_that_cannot_be_evaluated_is_an_error_where_nothing_else_is_said() -> None:
    broken = loop(deny("a", "b"), "to_upper(request.object.spec)")
    found = said(each(broken))
    assert found
    assert found[0] == "error"
    assert found[1].startswith("failed to evaluate list: JMESPath query failed: ")
    assert said(each(broken, loop(deny("a", "b")))) == PASSED


def test_loops_run_one_after_the_other() -> None:
    first, second = loop(deny("{{ element.name }}", "two", "first")), loop(deny("a", "a", "second"))
    assert said(each(first, second)) == ("fail", "validation failure: first")
    assert said(each(loop(deny("a", "b")), second)) == ("fail", "validation failure: second")


def test_loops_inside_loops() -> None:
    told = "{{ element0.name }} {{ element1.port }} {{ elementIndex1 }} {{ element.port }}"
    inner = loop(deny("{{ element.port }}", 443, told), "element.ports")
    found = said(each(loop(each(inner))))
    assert found == ("fail", "validation failure: validation failure: one 443 1 443")
    quiet = loop(deny("{{ element.port }}", 444), "element.ports")
    assert said(each(loop(each(quiet)))) == PASSED


def test_the_outer_element_stays_the_scope_where_inner_elements_are_none() -> None:
    inner = loop(bodies.Pattern(data={"name": "one"}), "element.ports[].port")
    assert said(each(loop(each(inner)))) == PASSED


def test_contexts_of_loops_are_looked_up_for_each_element() -> None:
    entry = ContextEntry(name="twice", source=VariableSource(value="{{ element.name }}{{ element.name }}"))
    found = said(each(loop(deny("{{ twice }}", "twotwo", "{{ twice }}"), context=(entry,))))
    assert found == ("fail", "validation failure: twotwo")


def test_loops_may_be_about_what_is_deleted() -> None:
    check = loop(deny("{{ element.name }}", "two", "kept"), "request.oldObject.spec.containers")
    assert said(each(check), POD, operation="DELETE") == ("fail", "validation failure: kept")
