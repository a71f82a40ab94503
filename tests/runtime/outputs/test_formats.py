"""What all formats have in common: they cannot be driven from outside, and equal reports give equal bytes."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from pratique.runtime.outputs import formats
from pratique.runtime.outputs.formats import FORMATS, RenderOptions, render, render_problems
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.view import View
from tests.support_reports import HOSTILE, hostile, mixed, story
from tests.support_schemas import schema_errors

PROBLEM_FORMATS = ("json", "yaml", "junit", "sarif")


def parsed(name: str, text: str) -> Any:
    """Return what a consumer of the format reads."""
    match name:
        case "json" | "sarif":
            return json.loads(text)
        case "yaml" | "policy-report" | "openreports":
            return list(yaml.safe_load_all(text))
        case "junit":
            return ET.fromstring(text)
        case _:
            return text


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("detailed", [False, True])
def test_k34_hostile_strings_neither_reach_the_terminal_nor_break_the_format(
    name: str, text: str, detailed: bool
) -> None:
    written = render(name, View(hostile(text)), RenderOptions(detailed=detailed))
    # Printing is all right, and so is the line feed of the format itself; a table may hold other scripts.
    assert all(line.isprintable() for line in written.split("\n"))
    written.encode("utf-8")
    assert parsed(name, written) is not None


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_strings_keep_to_the_schemas(text: str) -> None:
    view = View(hostile(text))
    assert schema_errors("apply-report-v1", json.loads(render("json", view, RenderOptions()))) == []
    assert schema_errors("sarif-2.1.0", json.loads(render("sarif", view, RenderOptions()))) == []


@pytest.mark.parametrize("name", ["json", "policy-report", "sarif"])
def test_k34_no_markup_gets_out_of_json(name: str) -> None:
    written = render(name, View(hostile("<script>alert(1)</script>")), RenderOptions(as_json=True))
    assert "<script" not in written
    assert "\\u003cscript" in written


@pytest.mark.parametrize("name", PROBLEM_FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_problems(name: str, text: str) -> None:
    problem = Problem(
        code="c", message=text, file=text, line=1, column=1, end_line=1, end_column=2, help=text
    )
    written = render_problems(name, [problem])
    assert all(line.isprintable() for line in written.split("\n"))
    assert parsed(name, written) is not None


def test_only_machine_readable_formats_have_a_place_for_problems() -> None:
    problem = Problem(code="c", message="m")
    assert [name for name in FORMATS if render_problems(name, [problem])] == list(PROBLEM_FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_equal_reports_give_equal_bytes(name: str) -> None:
    for report in (mixed, story):
        options = RenderOptions(detailed=True)
        assert render(name, View(report()), options) == render(name, View(report()), options)


@pytest.mark.parametrize("name", FORMATS)
def test_text_ends_with_one_line_end(name: str) -> None:
    written = render(name, View(mixed()), RenderOptions())
    assert written.endswith("\n")
    assert not written.endswith("\n\n")


def test_every_format_has_its_own_module() -> None:
    assert len(set(formats.FORMATS.values())) == len(formats.FORMATS)
