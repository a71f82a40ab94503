"""Reports of the OpenReports project: `openreports.io/v1alpha1`, the successor of the policy report.

References: custom resource definitions `Report` and `ClusterReport`.
"""

from __future__ import annotations

from typing import Any, Final

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.report_groups import groups, report, written
from pratique.runtime.outputs.view import SOURCE, View

API_VERSION: Final = "openreports.io/v1alpha1"


def reports(view: View, options: RenderOptions) -> list[dict[str, Any]]:
    """Return the report objects as plain data."""
    return [
        report(
            group,
            api_version=API_VERSION,
            kind="Report" if group.namespace else "ClusterReport",
            now=options.now,
            source=SOURCE,
        )
        for group in groups(view, options.grouping)
    ]


def render(view: View, options: RenderOptions) -> str:
    """Return the reports as YAML documents, or as a `List` in JSON."""
    return written(reports(view, options), options)
