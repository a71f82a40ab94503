"""Policy reports of the Kubernetes policy working group: `wgpolicyk8s.io/v1alpha2`.

References: custom resource definitions `PolicyReport` and `ClusterPolicyReport`.
"""

from __future__ import annotations

from typing import Any, Final

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.report_groups import groups, report, written
from pratique.runtime.outputs.view import View

API_VERSION: Final = "wgpolicyk8s.io/v1alpha2"


def reports(view: View, options: RenderOptions) -> list[dict[str, Any]]:
    """Return the report objects as plain data."""
    return [
        report(
            group,
            api_version=API_VERSION,
            kind="PolicyReport" if group.namespace else "ClusterPolicyReport",
            now=options.now,
        )
        for group in groups(view, options.grouping)
    ]


def render(view: View, options: RenderOptions) -> str:
    """Return the reports as YAML documents, or as a `List` in JSON."""
    return written(reports(view, options), options)
