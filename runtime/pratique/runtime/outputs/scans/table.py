"""What people read of a scan: the images that are not as they should be, what was found, and the counts.

A row for each resource would be as long as the cluster; the other formats have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pratique.runtime.decision import SEVERITY_ORDER, ResourceId, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.scans.scanned import ImageCount, Scanned
from pratique.runtime.outputs.text import Palette, plural, visible, visible_lines
from pratique.runtime.outputs.tree import draw, row_tree
from pratique.runtime.outputs.view import Row

SHOWN: Final = 3
"""Resources that a finding names before it counts the others."""

NOTHING: Final = "No rule applies to these resources, so nothing was checked."

_HEADINGS: Final = ("IMAGE", "RESOURCES", "RESULT")
_QUIET: Final = (Status.PASS, Status.SKIP)


@dataclass(slots=True)
class _Finding:
    """A result that many resources share, with the first of them."""

    first: Row
    count: int = 0
    resources: list[ResourceId] = field(default_factory=list)


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the summary of a scan; with `detailed` all images, and why."""
    palette = Palette(options.color)
    rules, resources = plural(scanned.rules, "policy rule"), plural(scanned.resources, "resource")
    yield f"Scanned {resources} by {rules}.\n\n"
    if not any(scanned.summary.values()):
        yield f"{NOTHING}\n\n"
    images = [each for each in scanned.images if options.detailed or each.status not in _QUIET]
    if images:
        yield "".join(f"{line}\n" for line in _images(images, palette)) + "\n"
    for finding in _findings(scanned.rows()):
        yield "".join(f"{line}\n" for line in _told(finding, palette, detailed=options.detailed)) + "\n"
    if options.detailed:
        roots = [f"trusted root {r['name']}: {r['digest']}, from {r['source']}" for r in scanned.roots]
        yield "".join(f"{visible(root)}\n" for root in roots)
    if scanned.images:
        counts = {s: sum(each.status is s for each in scanned.images) for s in Status}
        yield f"{plural(len(scanned.images), 'image')}: {_counts(counts, palette)}\n"
    yield f"{_counts(scanned.summary, palette)}\n"


def _images(images: Sequence[ImageCount], palette: Palette) -> Iterator[str]:
    rows = [(visible(each.image), str(each.total), each.status) for each in images]
    widths = [max(map(len, column)) for column in zip(_HEADINGS[:2], *(row[:2] for row in rows), strict=True)]
    line = f"%-{widths[0]}s  %{widths[1]}s  %s"
    yield palette.bold(line % _HEADINGS)
    for image, count, status in rows:
        yield line % (image, count, palette.status(status))


def _findings(rows: Iterable[Row]) -> list[_Finding]:
    """Return what is not as it should be, worst first: results that read the same are one."""
    found: dict[tuple[str, str, Status, str], _Finding] = {}
    for row in rows:
        if row.status in _QUIET:
            continue
        finding = found.setdefault(
            (row.result.policy, row.result.rule, row.status, row.message), _Finding(row)
        )
        finding.count += 1
        if len(finding.resources) < SHOWN:
            finding.resources.append(row.result.resource)
    order = {status: number for number, status in enumerate(SEVERITY_ORDER)}
    return sorted(found.values(), key=lambda each: (order[each.first.status], each.first.result.number))


def _told(finding: _Finding, palette: Palette, *, detailed: bool) -> Iterator[str]:
    row = finding.first
    count = plural(finding.count, "resource")
    verb = palette.status(row.status, str(row.status))
    yield f"policy {visible(row.result.policy)} {visible(row.result.rule)}: {verb} for {count}".replace(
        "  ", " "
    )
    first, *rest = visible_lines(row.message or "validation failed")
    yield f"  {first}"
    yield from (f"  {line}" for line in rest)
    named = [visible(str(resource)) for resource in finding.resources]
    more = finding.count - len(named)
    yield f"  {', '.join(named)}" + (f" and {more} more" if more else "")
    if detailed:
        yield from (f"  {line}" for line in draw(row_tree(row, palette)))


def _counts(counts: Mapping[Status, int], palette: Palette) -> str:
    return ", ".join(
        palette.status(status, f"{status}: {counts[status]}")
        if counts[status]
        else f"{status}: {counts[status]}"
        for status in Status
    )
