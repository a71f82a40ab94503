"""The report as YAML: the same data as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_format import document, problems_document
from pratique.runtime.outputs.json_text import yaml_text
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.view import View


def render(view: View, options: RenderOptions) -> str:
    """Return the report as one YAML document."""
    return yaml_text([document(view, options)])


def render_problems(problems: Sequence[Problem]) -> str:
    """Return the mistakes as one YAML document, with an empty list of results."""
    return yaml_text([problems_document(problems)])
