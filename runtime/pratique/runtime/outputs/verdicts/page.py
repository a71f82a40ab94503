"""The page of verdicts: one file that needs nothing else, in which everything can be looked for and opened.

References: HTML Living Standard; WAI-ARIA 1.2 (sorting, expanded rows, status).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from string import Template
from typing import TYPE_CHECKING, Any, Final

from pratique.runtime.outputs.json_text import json_line
from pratique.runtime.outputs.pages.protection import asset, base_style, content_policy
from pratique.runtime.outputs.text import MARKS
from pratique.runtime.outputs.verdicts.state import state

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport
    from pratique.runtime.outputs.formats import RenderOptions
    from pratique.runtime.outputs.view import View

TITLE: Final = "Verdicts of pratique"

TABLES: Final = {
    "results": ("Results", "A row for each policy, rule and resource; the first cell shows why"),
    "images": ("Images", "A row for each image and digest; the first cell shows its checks"),
    "signatures": ("Signatures", "Who signed what, and which policies accept it"),
    "policies": ("Policies", "A row for each policy with its results"),
}
"""Name of a table -> its heading, and what a reader who cannot see it is told."""

_COUNTED: Final = {"results": "rows", "images": "images", "signatures": "signatures", "policies": "policies"}
_STATUSES: Final = ("fail", "error", "warn", "pass", "skip")
_SCRIPTS: Final = ("model.js", "table.js", "views.js", "page.js")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, and the policy under which whoever serves it has it read."""

    text: str
    policy: str


def render(view: View, options: RenderOptions) -> str:
    """Return the page of a run, as `pratique apply -o html` writes it."""
    from pratique.runtime.outputs.view import Verdict

    report = view.report
    data = state(
        map(Verdict, view.rows),
        summary=view.summary,
        now=options.now,
        roots=report.roots,
        notices=report.notices,
    )
    return page(data).text


def page(data: Mapping[str, Any], plan: ExplainReport | None = None, *, live: bool = False) -> Page:
    """Return a page.

    Args:
        data: see `state`.
        plan: is drawn, too; None for no drawing.
        live: the page is served and can be asked for anew.
    """
    style = base_style() + asset(__file__, "page.css")
    script = "".join(asset(__file__, name) for name in _SCRIPTS)
    drawn, plan_data = "", ""
    if plan:
        from pratique.runtime.outputs.plans.graph import graph

        found = graph(plan)
        style += found.style
        script += found.script
        drawn = _plan(plan, found.title, found.markup)
        plan_data = f'<script type="application/json" id="plan-data">{found.data}</script>'
    policy = content_policy(style=style, script=script)
    text = Template(asset(__file__, "page.html")).substitute(
        csp=policy,
        title=TITLE,
        style=style,
        lead="\n".join(_lead(data, live=live)),
        counts="\n".join(_counts(data["summary"])),
        tabs="\n".join(_tabs(data, planned=plan is not None)),
        statuses="\n".join(map(_status, _STATUSES)),
        tables="".join(map(_table, TABLES)),
        plan=drawn,
        about=_about(data),
        state=json_line(data).rstrip("\n"),
        plan_data=plan_data,
        script=script,
    )
    return Page(text=text, policy=policy)


def _lead(data: Mapping[str, Any], *, live: bool) -> Iterator[str]:
    if data["made"] is not None:
        when = datetime.fromtimestamp(data["made"], UTC)
        yield f'<p><time datetime="{when:%Y-%m-%dT%H:%M:%SZ}">{when:%Y-%m-%d %H:%M:%S} UTC</time></p>'
    if live:
        yield '<p><a href="/">Ask again</a></p>'


def _counts(summary: Mapping[str, int]) -> Iterator[str]:
    for name in _STATUSES:
        color = "skipped" if name == "skip" else name
        yield f'<li class="status {color}">{MARKS[name]} {summary[name]} {name}</li>'


def _tabs(data: Mapping[str, Any], *, planned: bool) -> Iterator[str]:
    for name, (title, _) in TABLES.items():
        yield f'<li><a href="#{name}">{title} <small>{len(data[_COUNTED[name]])}</small></a></li>'
    if planned:
        yield '<li><a href="#plan">Plan</a></li>'
    yield '<li><a href="#about">About</a></li>'


def _status(name: str) -> str:
    return f'<label><input type="checkbox" name="result" value="{name}"> {name}</label>'


def _table(name: str) -> str:
    title, caption = TABLES[name]
    return Template(asset(__file__, "table.html")).substitute(name=name, title=title, caption=caption)


def _plan(report: ExplainReport, title: str, drawing: str) -> str:
    from pratique.runtime.outputs.plans import sections

    return (
        '<section class="view" id="plan" aria-labelledby="plan-title">\n'
        f'<h2 id="plan-title">{escape(title)}</h2>\n{drawing}<div class="more">\n'
        f'<h2>Order and cost</h2>\n<div class="scroll">\n{sections.order(report)}\n</div>\n'
        f"{sections.assumed(report)}\n{sections.lists(report)}\n</div>\n</section>"
    )


def _about(data: Mapping[str, Any]) -> str:
    parts = [*_list("Trusted roots", data["roots"]), *_list("Notices", data["notices"])]
    return "\n".join(parts) or "<p>Nothing else is to be said.</p>"


def _list(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        yield f'<h3>{title}</h3>\n<ul class="about">{items}</ul>'
