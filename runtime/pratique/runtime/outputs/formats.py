"""The formats by name, and what a caller may choose about them.

A format's module is imported when the format is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Final, Protocol, cast

from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.view import View


class Grouping(StrEnum):
    """What a policy report gathers: the results of a policy, or those about a resource."""

    POLICY = "policy"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """How a report is written.

    Attributes:
        color: use ANSI colours (tables only).
        detailed: show the reason tree of every result (tables only).
        cost: show what the run cost in registry requests and verifications (tables only).
        grouping: what one policy report gathers.
        as_json: write policy reports as JSON instead of YAML.
        now: seconds since the epoch for formats with times; None leaves times out, so that equal runs give
            equal bytes.
    """

    color: bool = False
    detailed: bool = False
    cost: bool = False
    grouping: Grouping = Grouping.POLICY
    as_json: bool = False
    now: int | None = None


class Format(Protocol):
    """What every format's module offers."""

    def render(self, view: View, options: RenderOptions) -> str:
        """Return the report as text that ends with a line end."""
        ...


class ErrorFormat(Protocol):
    """What the module of a machine-readable format offers besides."""

    def render_problems(self, problems: Sequence[Problem]) -> str:
        """Return what stands in the place of a report when the inputs cannot be used."""
        ...


_PACKAGE: Final = "pratique.runtime.outputs."

FORMATS: Final = {
    "table": "table",
    "json": "json_format",
    "yaml": "yaml_format",
    "policy-report": "policy_report",
    "openreports": "openreports",
    "junit": "junit",
    "sarif": "sarif",
    "html": "verdicts.page",
    "resources": "changed_resources",
}
"""Name of a format -> its module in this package, in the order that help shows."""

_WITH_PROBLEMS: Final = frozenset({"json", "yaml", "junit", "sarif"})


def render(name: str, view: View, options: RenderOptions) -> str:
    """Return the report in the format `name`."""
    module = cast(Format, import_module(_PACKAGE + FORMATS[name]))
    return module.render(view, options)


def render_problems(name: str, problems: Sequence[Problem]) -> str:
    """Return the mistakes in the format `name`; empty where the format has no place for them."""
    if name not in _WITH_PROBLEMS:
        return ""
    module = cast(ErrorFormat, import_module(_PACKAGE + FORMATS[name]))
    return module.render_problems(problems)
