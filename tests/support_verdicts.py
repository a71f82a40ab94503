"""Many verdicts, as a large cluster has them, and the page that they make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pratique.runtime.decision import Report, RuleResult
from pratique.runtime.explaining import ExplainReport
from pratique.runtime.outputs.verdicts.page import Page, page
from pratique.runtime.outputs.verdicts.state import state
from pratique.runtime.outputs.view import Verdict, View
from tests.support_reports import proved, resource, result, signed, unproved, wrongly_signed


def many(count: int, *, images: int = 200, policies: int = 20, namespaces: int = 30) -> Report:
    """Return `count` results; each tenth fails; image, policy and namespace follow from the number."""
    found: list[RuleResult] = []
    for number in range(count):
        image = f"ghcr.io/acme/app-{number % images}:v1"
        check = (
            wrongly_signed(image)
            if number % 10 == 3
            else replace(signed(image), digest=f"sha256:{number % images:064x}")
        )
        last = unproved(image) if number % 10 == 3 else proved()
        of = resource(f"pod-{number}", namespace=f"team-{number % namespaces}")
        found.append(result((check, last), of=of, policy=f"policy-{number % policies}"))
    return Report(results=tuple(found), policies=policies, rules=policies, resources=count, images=images)


def made(report: Report, plan: ExplainReport | None = None, *, now: int | None = None) -> Page:
    """Return the page of a report."""
    view = View(report)
    data = state(
        map(Verdict, view.rows),
        summary=view.summary,
        now=now,
        plan=plan.explanation if plan else None,
        roots=report.roots,
        notices=report.notices,
    )
    return page(data, plan)


def written(folder: Path, report: Report, plan: ExplainReport | None = None) -> Path:
    """Write the page of a report, and return where it is."""
    path = folder / "verdicts.html"
    path.write_text(made(report, plan).text, encoding="utf-8")
    return path
