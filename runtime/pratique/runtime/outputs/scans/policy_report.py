"""Policy reports of a scan, see `outputs.policy_report`."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.policy_report import API_VERSION
from pratique.runtime.outputs.report_groups import report
from pratique.runtime.outputs.scans.report_objects import groups, written
from pratique.runtime.outputs.scans.scanned import Scanned


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the reports as YAML documents, or as a `List` in JSON."""
    return written(
        (
            report(
                group,
                api_version=API_VERSION,
                kind="PolicyReport" if group.namespace else "ClusterPolicyReport",
                now=options.now,
            )
            for group in groups(scanned.rows(), options.grouping)
        ),
        options,
    )
