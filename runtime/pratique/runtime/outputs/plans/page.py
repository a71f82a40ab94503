"""A plan as a page that stands by itself: the graph drawn, lists that say the same, nothing from outside."""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING

from pratique.runtime.outputs.pages.protection import asset, base_style, content_policy
from pratique.runtime.outputs.plans import sections
from pratique.runtime.outputs.plans.graph import graph

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport


def render(report: ExplainReport) -> str:
    """Return the page.

    References: HTML Living Standard.
    """
    drawn = graph(report)
    style = base_style() + drawn.style
    return Template(asset(__file__, "page.html")).substitute(
        csp=content_policy(style=style, script=drawn.script),
        title=escape(drawn.title),
        style=style,
        lead=sections.lead(report),
        graph=drawn.markup,
        order=sections.order(report),
        assumed=sections.assumed(report),
        lists=sections.lists(report),
        data=drawn.data,
        script=drawn.script,
    )
