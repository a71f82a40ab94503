"""The table people read: a row per policy, rule and resource, what failed, and the counts.

References: Kyverno 1.19 CLI, `printViolations` and the text of `apply` without `--table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pratique.runtime.decision import Report, ResourceId, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.roots import root_lines
from pratique.runtime.outputs.text import Palette, plural, visible, visible_lines
from pratique.runtime.outputs.tree import draw, row_tree
from pratique.runtime.outputs.view import Row, View

HEADINGS: Final = ("POLICY", "RULE", "RESOURCE", "RESULT")

NOTHING: Final = "No rule applies to these resources, so nothing was checked."
"""Said instead of a table: an empty result must not look like a good one."""


def render(view: View, options: RenderOptions) -> str:
    """Return the table with everything around it."""
    palette = Palette(options.color)
    report = view.report
    parts = [
        [f"Applying {plural(report.rules, 'policy rule')} to {plural(report.resources, 'resource')}..."],
        list(_table(view.rows, palette)) if view.rows else [NOTHING],
    ]
    if options.detailed:
        parts += [draw(row_tree(row, palette)) for row in view.rows]
    else:
        parts += _failures(view.rows, palette)
    tail = [_counts(view, palette)]
    if options.cost or options.detailed:
        tail.append(palette.faint(_cost(report)))
    if options.detailed:
        tail += root_lines(report.roots)
    parts.append(tail)
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _table(rows: Sequence[Row], palette: Palette) -> Iterator[str]:
    # Many rows are about one resource: its text is made once.
    resources = {id(row.result.resource): row.result.resource for row in rows}
    shown = {number: visible(str(resource)) for number, resource in resources.items()}
    cells = [
        (visible(row.result.policy), visible(row.result.rule), shown[id(row.result.resource)]) for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(HEADINGS[:-1], *cells, strict=True)]
    line = "  ".join(f"%-{width}s" for width in widths) + "  %s"
    yield palette.bold(line % HEADINGS)
    for texts, row in zip(cells, rows, strict=True):
        yield line % (*texts, palette.status(row.status))


def _failures(rows: Iterable[Row], palette: Palette) -> Iterator[list[str]]:
    """Yield a paragraph per policy, resource and status that has something to say, as Kyverno words it."""
    told: dict[tuple[str, ResourceId, str], list[Row]] = {}
    for row in rows:
        if verb := _verb(row):
            told.setdefault((row.result.policy, row.result.resource, verb), []).append(row)
    for (policy, resource, verb), group in told.items():
        colored = palette.status(group[0].status, f"{verb}:")
        lines = [f"policy {visible(policy)} -> resource {visible(str(resource))} {colored}"]
        for number, row in enumerate(group, start=1):
            first, *rest = visible_lines(row.result.message or "validation failed")
            lines.append(f"{number} - {visible(row.result.rule)} {first}")
            # Indented, so that no line of a message can pass for a line of the report.
            lines += [f"    {line}" for line in rest]
        yield lines


def _verb(row: Row) -> str:
    match row.status:
        case Status.FAIL:
            return "failed"
        case Status.ERROR:
            return "error"
        case Status.WARN:
            return "failed as audit warning" if row.result.scored else "failed, not scored"
        case Status.PASS | Status.SKIP:
            return ""


def _counts(view: View, palette: Palette) -> str:
    return ", ".join(
        palette.status(status, f"{status}: {count}") if count else f"{status}: {count}"
        for status, count in view.summary.items()
    )


def _cost(report: Report) -> str:
    requests = report.requests
    return (
        f"{plural(report.images, 'image')}, {plural(report.verifications, 'signature')} verified,"
        f" {plural(requests.total, 'registry request')}"
        f" ({plural(requests.manifests, 'manifest')}, {plural(requests.blobs, 'blob')},"
        f" {plural(requests.referrers, 'listing')}), {plural(requests.bytes, 'byte')}"
    )
