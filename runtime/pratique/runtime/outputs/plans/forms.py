"""The forms of a plan by name; the module of a form is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pratique.runtime.outputs.text import Palette

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport


def render(name: str, report: ExplainReport, palette: Palette) -> str:
    """Return the report in the form `name`; colours are for text alone."""
    match name:
        case "json":
            from pratique.runtime.outputs.plans import json_form

            return json_form.render(report)
        case "mermaid":
            from pratique.runtime.outputs.plans import mermaid

            return mermaid.render(report)
        case "dot":
            from pratique.runtime.outputs.plans import dot

            return dot.render(report)
        case "html":
            from pratique.runtime.outputs.plans import page

            return page.render(report)
        case "plan":
            from pratique.runtime.outputs.plans import saved

            return saved.render(report)
        case _:
            from pratique.runtime.outputs.plans import text

            return text.render(report, palette)
