"""A plan as a file that can be applied later: the policies as they were read, and all that was said of them.

The policies go along as text, so that whoever reads the file sees what will be enforced, messages keep their
places, and applying it passes every check that policies pass. See `runtime.saved_plans` for the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.explain.explanation import explain
from pratique.compiler.plan import Plan
from pratique.grammar import __version__
from pratique.grammar.source import Source
from pratique.runtime.outputs.json_format import API_VERSION
from pratique.runtime.outputs.json_text import json_text
from pratique.runtime.outputs.plans import json_form

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport

KIND: Final = "Plan"
FORMAT: Final = 1
"""Grows when a plan is written that an older reader would take for something else."""


def render(report: ExplainReport) -> str:
    """Return the file. The same policies give the same bytes, whatever else was asked about them."""
    counts = bool(report.files.exempting)
    return json_text(document(report.explanation.plan, report.digest, report.files.sources, counts))


def document(plan: Plan, digest: str, sources: Sequence[Source], exceptions: bool) -> dict[str, Any]:
    """Return what is in the file.

    Args:
        plan: the policies, compiled.
        digest: of the policies (see `compiler.digest`).
        sources: the texts that they were read from.
        exceptions: policy exceptions in these texts count.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "format": FORMAT,
        "madeBy": f"pratique {__version__}",
        "digest": digest,
        "exceptions": exceptions,
        "sources": [{"name": source.name, "text": source.text} for source in sources],
        "plan": json_form.plan(explain(plan)),
    }
