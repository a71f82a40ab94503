from __future__ import annotations

import json

import yaml

from pratique.runtime.outputs import json_format, yaml_format
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.view import View
from tests.conftest import Golden
from tests.support_reports import mixed


def test_golden(golden: Golden) -> None:
    golden("outputs/mixed.yaml", yaml_format.render(View(mixed()), RenderOptions()))


def test_it_says_what_json_says() -> None:
    view, options = View(mixed()), RenderOptions(now=1)
    assert yaml.safe_load(yaml_format.render(view, options)) == json.loads(json_format.render(view, options))


def test_so_do_problems() -> None:
    problems = [Problem(code="c", message="invalid policy p: m", file="f", line=1, column=2)]
    assert yaml.safe_load(yaml_format.render_problems(problems)) == json.loads(
        json_format.render_problems(problems)
    )
