"""The formats of lint reports by name; a format's module is imported when the format is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from pratique.runtime.outputs.findings import LintReport
    from pratique.runtime.outputs.text import Palette

    Renderer = Callable[[LintReport, Palette], str]

FORMATS: Final = {
    "text": "every finding with its line, witness and help, and the counts",
    "concise": "a line for each finding, as compilers print them",
    "json": "everything, `apiVersion: pratique.dev/v1` (schema: `tests/data/schemas/lint-report-v1.json`)",
    "json-lines": "an object for each finding, a line each, and one with the counts",
    "github": "annotations of GitHub Actions",
    "gitlab": "Code Quality report of GitLab",
    "junit": "JUnit XML: a suite for each file, a case for each finding",
    "sarif": "SARIF 2.1.0 for code scanning, with fixes",
}
"""Name of a format -> what it is, in the order that help shows."""

_PACKAGE: Final = "pratique.runtime.outputs."
_RENDERERS: Final = {
    "text": ("findings", "render_text"),
    "concise": ("findings", "render_concise"),
    "json": ("findings_json", "render"),
    "json-lines": ("findings_json", "render_lines"),
    "github": ("findings", "render_github"),
    "gitlab": ("findings_gitlab", "render"),
    "junit": ("findings_junit", "render"),
    "sarif": ("findings_sarif", "render"),
}


def render(name: str, report: LintReport, palette: Palette) -> str:
    """Return a report in the format `name`; formats for machines have no colours."""
    module, function = _RENDERERS[name]
    found = cast("Renderer", getattr(import_module(_PACKAGE + module), function))
    return found(report, palette)
