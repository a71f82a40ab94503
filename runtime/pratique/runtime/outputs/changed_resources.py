"""Objects as rules leave them, as YAML: changed resources, changed existing objects, and what was generated.

Each object stands once, as the last rule left it, under the policy and rule that changed it last.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pratique.grammar.errors import UsageError
from pratique.runtime.decision import RuleResult
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_text import yaml_text
from pratique.runtime.outputs.text import visible
from pratique.runtime.outputs.view import View


def render(view: View, options: RenderOptions) -> str:
    """Return the objects, each with a comment that tells the rule; a comment where there are none."""
    found = _last(view)
    if not found:
        return "# no rule changed or generated anything\n"
    return "---\n".join(_text(*each) for each in found.values())


def write_folder(view: View, folder: Path) -> None:
    """Write each object into a file of its own: `KIND-NAMESPACE-NAME.yaml`, in lower case.

    Raises:
        UsageError: the folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for identity, each in _last(view).items():
            (folder / _file_name(identity)).write_text(_text(*each), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror or error}") from error


def _file_name(identity: tuple[str, ...]) -> str:
    """Return a name of plain characters, with a part of a digest where it would not tell objects apart."""
    _, kind, namespace, name = identity
    written = "-".join(part for part in (kind, namespace, name) if part).lower()
    plain = re.sub(r"[^a-z0-9.-]", "_", written)[:200].lstrip(".-") or "object"
    digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:8]
    return f"{plain}.yaml" if plain == written and identity[0].count("/") <= 1 else f"{plain}-{digest}.yaml"


def _text(result: RuleResult, data: Mapping[str, Any]) -> str:
    return f"# {visible(result.policy)}, rule {visible(result.rule)}\n{yaml_text([data])}"


def _last(view: View) -> dict[tuple[str, ...], tuple[RuleResult, Mapping[str, Any]]]:
    """Return each object as the last rule left it, with that rule."""
    found: dict[tuple[str, ...], tuple[RuleResult, Mapping[str, Any]]] = {}
    for result in view.report.results:
        for data in _objects(result):
            found[_identity(data)] = result, data
    return found


def _objects(result: RuleResult) -> Iterator[Mapping[str, Any]]:
    for check in result.checks:
        yield from (each for each in (check.patched, check.target) if each is not None)
        yield from check.made


def _identity(data: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = data.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    parts = (data.get("apiVersion"), data.get("kind"), named.get("namespace"), named.get("name"))
    return tuple(str(part or "") for part in parts)
