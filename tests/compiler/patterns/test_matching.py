"""Maps and lists of patterns: what fits, what fails where, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.patterns import PatternMatcher

SKIP = "skip"
ERROR = "error"
FITS = "fits"


def outcome(pattern: Any, resource: Any) -> str:
    """Return FITS, SKIP, ERROR (a failure without a place), or the path of the failure."""
    found = PatternMatcher(pattern).mismatch(resource)
    if found is None:
        return FITS
    return SKIP if found.skip else found.path or ERROR


def text(pattern: Any, resource: Any) -> str:
    found = PatternMatcher(pattern).mismatch(resource)
    assert found
    return found.text


def check(pattern: Any, cases: list[tuple[Any, str]]) -> None:
    assert [(resource, outcome(pattern, resource)) for resource, _ in cases] == cases


# --- types ---------------------------------------------------------------------------------------------


def test_maps_want_maps() -> None:
    cases = [({"a": {"b": 1}}, FITS), ({"a": {"b": 2}}, "/a/b/"), ({"a": [1]}, "/a/"), ({"a": None}, "/a/")]
    check({"a": {"b": 1}}, [*cases, ({}, "/a/"), ({"a": "b"}, "/a/"), ({"a": {}}, "/a/b/")])


def test_an_empty_map_wants_a_map() -> None:
    check({"a": {}}, [({"a": {}}, FITS), ({"a": {"b": 1}}, FITS), ({}, "/a/")])


def test_lists_want_lists() -> None:
    check({"a": [{"b": 1}]}, [({"a": {"b": 1}}, "/a/"), ({}, "/a/"), ({"a": []}, FITS)])


def test_an_empty_list_fits_nothing() -> None:
    check({"a": []}, [({"a": []}, "/a/"), ({"a": [1]}, "/a/"), ({}, "/a/")])


def test_a_star_wants_something_of_any_type() -> None:
    there = ["", 0, False, [], {}, "x"]
    check({"a": "*"}, [({"a": value}, FITS) for value in there])
    check({"a": {"b": "*"}}, [({"a": {}}, "/a/"), ({"a": {"b": None}}, "/a/")])


def test_a_scalar_wants_every_element_of_a_list() -> None:
    check({"a": "x*"}, [({"a": ["x", "xy"]}, FITS), ({"a": ["x", "y"]}, "/a/"), ({"a": []}, FITS)])
    check({"a": [">1"]}, [({"a": [2, 3]}, FITS), ({"a": [2, 1]}, "/a/"), ({"a": 2}, "/a/")])


def test_the_first_element_of_a_list_counts_for_every_element() -> None:
    pattern = {"a": [{"b": ">1"}, {"b": "never"}]}
    check(pattern, [({"a": [{"b": 2}, {"b": 3}]}, FITS), ({"a": [{"b": 2}, {"b": 1}]}, "/a/1/b/")])


def test_lists_of_lists_are_compared_by_position() -> None:
    pattern = {"a": [["x"], ["y"]]}
    cases = [
        ({"a": [["x"], ["y"]]}, FITS),
        ({"a": [["x"], ["y"], ["z"]]}, FITS),
        ({"a": [["x"], ["z"]]}, "/a/1/"),
        ({"a": [["x"]]}, ERROR),
    ]
    check(pattern, cases)


# --- anchors -------------------------------------------------------------------------------------------


def test_condition() -> None:
    pattern = {"(a)": "x", "b": 1}
    cases = [({"a": "x", "b": 1}, FITS), ({"a": "x", "b": 2}, "/b/"), ({"a": "x"}, "/b/")]
    check(pattern, [*cases, ({"a": "y", "b": 2}, SKIP), ({"b": 1}, SKIP), ({}, SKIP)])


def test_equality() -> None:
    check({"=(a)": "x"}, [({"a": "x"}, FITS), ({}, FITS), ({"a": "y"}, "/a/"), ({"a": None}, "/a/")])


def test_negation() -> None:
    check({"X(a)": "null"}, [({}, FITS), ({"a": None}, "/a/"), ({"a": "null"}, "/a/")])


def test_global() -> None:
    pattern = {"<(a)": "x", "b": 1}
    cases = [({"a": "x", "b": 1}, FITS), ({"a": "x", "b": 2}, "/b/"), ({"a": "y", "b": 2}, SKIP)]
    check(pattern, [*cases, ({"b": 1}, FITS), ({"b": 2}, "/b/")])


def test_existence() -> None:
    pattern = {"^(a)": [{"b": "x"}]}
    cases = [({"a": [{"b": "y"}, {"b": "x"}]}, FITS), ({"a": [{"b": "y"}]}, "/a/"), ({"a": []}, "/a/")]
    check(pattern, [*cases, ({}, FITS), ({"a": "x"}, "/a/"), ({"a": {"b": "x"}}, "/a/")])


def test_every_pattern_of_an_existence_must_be_met() -> None:
    pattern = {"^(a)": [{"b": "x"}, {"c": "y"}]}
    check(pattern, [({"a": [{"b": "x"}, {"c": "y"}]}, FITS), ({"a": [{"b": "x"}]}, "/a/")])


def test_what_is_left_out_does_not_exist() -> None:
    pattern = {"^(a)": [{"(k)": "x", "b": 1}]}
    check(pattern, [({"a": [{"k": "y", "b": 1}]}, "/a/"), ({"a": [{"k": "y"}, {"k": "x", "b": 1}]}, FITS)])


def test_an_existence_wants_maps() -> None:
    assert "Pattern has to be of type map" in text({"^(a)": ["x"]}, {"a": ["x"]})


# --- skips and where they end --------------------------------------------------------------------------


def test_a_skip_climbs_through_maps() -> None:
    pattern = {"spec": {"(a)": 1, "b": 2}}
    check(pattern, [({"spec": {"a": 2, "b": 3}}, SKIP), ({"spec": {"a": 1, "b": 3}}, "/spec/b/")])


def test_keys_with_anchors_come_before_plain_ones() -> None:
    # `z` fails, but the skip below `m` comes first.
    check({"z": 1, "m": {"(a)": 1}}, [({"z": 2, "m": {"a": 2}}, SKIP), ({"z": 2, "m": {"a": 1}}, "/z/")])


def test_keys_with_anchors_come_from_the_last_to_the_first() -> None:
    pattern = {"a": {"=(x)": 1}, "b": {"(y)": 1}}
    # `b` is looked at first, and leaves everything out before `a` can fail.
    check(pattern, [({"a": {"x": 2}, "b": {"y": 2}}, SKIP), ({"a": {"x": 2}, "b": {"y": 1}}, "/a/x/")])
    turned = {"b": {"=(x)": 1}, "a": {"(y)": 1}}
    check(turned, [({"b": {"x": 2}, "a": {"y": 2}}, "/b/x/")])


def test_elements_are_left_out_by_themselves() -> None:
    pattern = {"c": [{"(name)": "x*", "image": "ok"}]}
    good, bad, other = (
        {"name": "x1", "image": "ok"},
        {"name": "x2", "image": "no"},
        {"name": "y", "image": "no"},
    )
    cases = [([good, other], FITS), ([other, bad], "/c/1/image/"), ([other, other], SKIP), ([], FITS)]
    check(pattern, [({"c": items}, expected) for items, expected in cases])


def test_a_global_condition_in_a_list_leaves_its_element_out() -> None:
    pattern = {"c": [{"<(image)": "x*", "ok": 1}], "d": 1}
    cases = [
        ({"c": [{"image": "y", "ok": 0}, {"image": "x", "ok": 1}], "d": 1}, FITS),
        ({"c": [{"image": "y"}, {"image": "x", "ok": 0}], "d": 1}, "/c/1/ok/"),
        ({"c": [{"image": "y"}], "d": 2}, SKIP),
    ]
    check(pattern, cases)


def test_after_a_failed_condition_no_sibling_counts() -> None:
    # `(a)` comes before `=(b)`, in the order of texts, whatever the keys are.
    check({"(z)": 1, "=(b)": 1}, [({"z": 2, "b": 2}, SKIP), ({"z": 1, "b": 2}, "/b/")])
    check({"(z)": 1, "X(b)": "null"}, [({"z": 2, "b": 2}, SKIP)])


def test_a_nested_skip_is_ignored_where_another_anchor_holds() -> None:
    pattern = {"=(a)": {"(b)": 1}, "=(c)": 1}
    cases = [
        ({"a": {"b": 2}, "c": 1}, FITS),  # left out below `a`, but `c` holds
        ({"a": {"b": 2}, "c": 2}, "/c/"),
        ({"a": {"b": 1}, "c": 1}, FITS),
    ]
    check(pattern, cases)
    check({"=(a)": {"(b)": 1}}, [({"a": {"b": 2}}, SKIP), ({}, FITS)])


def test_a_nested_skip_is_not_ignored_where_a_condition_fails() -> None:
    check({"(a)": {"(b)": 1}, "=(c)": 1}, [({"a": {"b": 2}, "c": 1}, SKIP)])


def test_a_failure_with_an_anchor_that_is_nowhere_has_no_place() -> None:
    pattern = {"^(gone)": [{"a": 1}], "b": 1}
    check(pattern, [({"b": 2}, ERROR), ({"b": 1}, FITS), ({"gone": [{"a": 1}], "b": 2}, "/b/")])


def test_a_negation_is_meant_to_be_nowhere() -> None:
    check({"X(gone)": "null", "b": 1}, [({"b": 2}, "/b/"), ({"gone": 1, "b": 2}, "/gone/")])


def test_an_anchor_that_is_somewhere_is_not_missing() -> None:
    pattern = {"c": [{"^(k)": [{"a": 1}], "b": 1}]}
    check(pattern, [({"c": [{"k": [{"a": 1}], "b": 1}, {"b": 2}]}, "/c/1/b/"), ({"c": [{"b": 2}]}, ERROR)])


def test_a_value_cannot_turn_a_failure_into_a_skip() -> None:
    value = "conditional anchor mismatch: global anchor mismatch"
    check({"a": "x"}, [({"a": value}, "/a/")])
    check({"=(a)": "x", "=(b)": 1}, [({"a": value, "b": 1}, "/a/")])


# --- keys with wildcards -------------------------------------------------------------------------------


def labelled(**labels: Any) -> dict[str, Any]:
    return {"metadata": {"labels": labels}}


def test_wildcards_in_keys_of_labels() -> None:
    pattern = labelled(**{"app*": "x"})
    cases = [(labelled(app="x"), FITS), (labelled(apple="y"), "/metadata/labels/apple/")]
    check(
        pattern,
        [*cases, (labelled(other="x"), "/metadata/labels/app*/"), ({"metadata": {}}, "/metadata/labels/")],
    )


def test_wildcards_in_anchored_keys_of_annotations() -> None:
    pattern = {"=(metadata)": {"=(annotations)": {"=(seccomp/*)": "ok", "X(bad/?)": "null"}}}
    cases = [
        ({"metadata": {"annotations": {"seccomp/pod": "ok"}}}, FITS),
        ({"metadata": {"annotations": {"seccomp/pod": "no"}}}, "/metadata/annotations/seccomp/pod/"),
        ({"metadata": {"annotations": {"bad/x": "no"}}}, "/metadata/annotations/bad/x/"),
        ({"metadata": {"annotations": {"other": "no"}}}, FITS),
        ({"metadata": {}}, FITS),
    ]
    check(pattern, cases)


def test_wildcards_below_a_template() -> None:
    pattern = {"spec": {"template": labelled(**{"a?": "x"})}}
    check(pattern, [({"spec": {"template": labelled(ab="x")}}, FITS)])


def test_the_first_key_that_fits_a_wildcard_stands_in_for_it() -> None:
    check(labelled(**{"a*": "x"}), [(labelled(ab="y", ac="x"), "/metadata/labels/ab/")])


def test_only_texts_of_labels_take_part() -> None:
    pattern = {"metadata": {"labels": {"a": "x", "b": 1}}}
    check(pattern, [(labelled(a="x", b="2"), FITS), ({"metadata": {}}, "/metadata/labels/")])


def test_no_other_key_holds_wildcards() -> None:
    check({"spec": {"a*": "x"}}, [({"spec": {"ab": "x"}}, "/spec/a*/")])


# --- texts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "resource", "message"),
    [
        ({"a": "x"}, {"a": "y"}, "resource value 'y' does not match 'x' at path /a/"),
        ({"a": "x"}, {}, "resource value '<nil>' does not match 'x' at path /a/"),
        ({"a": 1}, {"a": {"b": [True]}}, "resource value 'map[b:[true]]' does not match '1' at path /a/"),
        ({"a": {"b": "*"}}, {"a": {}}, "/a//b not found"),
        (
            {"a": {"b": 1}},
            {"a": [1]},
            "pattern and resource have different structures. Path: /a/. Expected map[string]interface {},"
            " found []interface {}",
        ),
        (
            {"(a)": 1},
            {"a": 2},
            "conditional anchor mismatch: resource value '2' does not match '1' at path /a/",
        ),
        ({"(a)": 1}, {}, "conditional anchor mismatch: conditional anchor key doesn't exist in the resource"),
        ({"<(a)": 1}, {"a": 2}, "global anchor mismatch: resource value '2' does not match '1' at path /a/"),
        ({"X(a)": 1}, {"a": 2}, "negation anchor matched in resource: /a/ is not allowed"),
        ({"^(a)": [{"b": 1}]}, {"a": []}, "existence anchor validation failed at path /a/"),
        (
            {"c": [{"(a)": 1}]},
            {"c": [{"a": 2}, {}]},
            "conditional anchor mismatch: resource value '2' does not match '1' at path /c/0/a/;"
            " conditional anchor mismatch: conditional anchor key doesn't exist in the resource",
        ),
    ],
)
def test_messages(pattern: Any, resource: Any, message: str) -> None:
    assert text(pattern, resource) == message


def test_messages_are_bounded() -> None:
    assert len(text({"a": "x"}, {"a": ["y" * 500] * 500})) < 2000
