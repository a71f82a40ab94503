from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.expressions.analysis import check_variables, variables_of
from pratique.compiler.expressions.errors import ExpressionError


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        ("request.object.metadata.name", {"request"}),
        ("images.containers.*.registry", {"images"}),
        ("element.name || elementIndex", {"element", "elementIndex"}),
        ("length(serviceAccountName)", {"serviceAccountName"}),
        ("a.b[?c == 'd'].e | f", {"a"}),
        ("[a, b.c][0]", {"a", "b"}),
        ("{x: a, y: `1`}.x", {"a"}),
        ("@.a", {"@"}),
        ("'text'", set()),
        ("map(&x, list)", {"list"}),
        ("a && !b || c == d", {"a", "b", "c", "d"}),
    ],
)
def test_roots(text: str, roots: set[str]) -> None:
    (variable,) = variables_of("{{ " + text + " }}")
    assert variable.roots == roots
    assert not variable.is_dynamic


def test_variables_have_path_offset_and_functions() -> None:
    document = {"a": ["x", "é {{ to_upper(b) }}{{c}}"], "{{ d }}": 1}
    found = variables_of(document, ("spec",))
    assert [(v.path, v.offset, v.text, v.functions) for v in found] == [
        (("spec", "a", 1), 5, "to_upper(b)", {"to_upper"}),
        (("spec", "a", 1), 21, "c", frozenset()),
        (("spec",), 3, "d", frozenset()),
    ]


def test_inner_variables_come_first_and_make_the_outer_one_dynamic() -> None:
    inner, outer = variables_of("{{ request.object.{{ key.name }}.x }}")
    assert (inner.text, inner.roots, inner.is_dynamic) == ("key.name", frozenset({"key"}), False)
    assert (outer.offset, outer.roots, outer.is_dynamic) == (3, frozenset({"request"}), True)
    _, unknown = variables_of("{{ {{ a }}.b }}")
    assert unknown.roots == {"@"}
    _, unreadable = variables_of("{{ 'x' {{ a }} }}")
    assert unreadable.roots == {"@"}


def test_escaped_variables_are_none() -> None:
    assert variables_of([r"\{{ a }}", "{ a }", 5, None, "{{ a"]) == ()


def test_mistakes_have_their_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        variables_of({"a": "x {{ b.. }}"}, ("p",))
    assert (caught.value.path, caught.value.offset) == (("p", "a"), 7)


@pytest.mark.parametrize(
    ("text", "background", "codes"),
    [
        ("request.object.x", True, []),
        ("element.x", True, []),
        ("images.a", True, []),
        ("to_upper('x')", True, []),
        ("entry.x", True, []),
        ("unknown.x", True, ["unknown-variable"]),
        ("unknown.x", False, ["unknown-variable"]),
        ("serviceAccountName", False, []),
        ("serviceAccountName", True, ["unknown-variable", "user-variable"]),
        ("request.userInfo.username", False, []),
        ("request.userInfo.username", True, ["user-variable"]),
        ("request.roles", True, ["user-variable"]),
        ("request.clusterRoles[0]", True, ["user-variable"]),
        ("request.object.serviceAccountName", True, []),
        ('"entry-1".x', True, ["unknown-variable"]),
    ],
)
def test_what_may_be_used(text: str, background: bool, codes: list[str]) -> None:
    problems = check_variables(
        {"a": "x {{ " + text + " }}"}, ("r",), declared=["entry*"], background=background
    )
    expected = codes if text != '"entry-1".x' else []
    assert [problem.code for problem in problems] == expected
    assert all((problem.path, problem.offset) == (("r", "a"), 5) for problem in problems)


def test_messages_are_those_of_kyverno() -> None:
    first, second = check_variables("{{ serviceAccountName }}")
    assert first.message == (
        'variable serviceAccountName must match regex "request\\.|element|elementIndex|@|images|images\\.|'
        'image\\.|([a-z_0-9]+\\()[^{}]" or patterns []'
    )
    assert second.message == "variable {{ serviceAccountName }} is not allowed"


def test_variables_with_inner_ones_are_not_judged() -> None:
    document: Any = "{{ {{ request.object.x }}.y }}"
    assert check_variables(document) == ()
