"""Objects as rules leave them, as YAML: changed resources, changed existing objects, and what was generated.

Each object stands once, as the last rule left it, under the policy and rule that changed it last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pratique.runtime.decision import RuleResult
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_text import yaml_text
from pratique.runtime.outputs.text import visible
from pratique.runtime.outputs.view import View


def render(view: View, options: RenderOptions) -> str:
    """Return the objects, each with a comment that tells the rule; a comment where there are none."""
    found: dict[tuple[str, ...], tuple[RuleResult, Mapping[str, Any]]] = {}
    for result in view.report.results:
        for data in _objects(result):
            found[_identity(data)] = result, data
    if not found:
        return "# no rule changed or generated anything\n"
    return "---\n".join(
        f"# {visible(result.policy)}, rule {visible(result.rule)}\n{yaml_text([data])}"
        for result, data in found.values()
    )


def _objects(result: RuleResult) -> Iterator[Mapping[str, Any]]:
    for check in result.checks:
        yield from (each for each in (check.patched, check.target) if each is not None)
        yield from check.made


def _identity(data: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = data.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    parts = (data.get("apiVersion"), data.get("kind"), named.get("namespace"), named.get("name"))
    return tuple(str(part or "") for part in parts)
