"""OpenReports of a scan, see `outputs.openreports`."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.openreports import API_VERSION
from pratique.runtime.outputs.report_groups import report
from pratique.runtime.outputs.scans.report_objects import groups, written
from pratique.runtime.outputs.scans.scanned import Scanned
from pratique.runtime.outputs.view import SOURCE


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the reports as YAML documents, or as a `List` in JSON."""
    return written(
        (
            report(
                group,
                api_version=API_VERSION,
                kind="Report" if group.namespace else "ClusterReport",
                now=options.now,
                source=SOURCE,
            )
            for group in groups(scanned.rows(), options.grouping)
        ),
        options,
    )
