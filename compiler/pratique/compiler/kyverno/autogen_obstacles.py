"""Why no rules are generated for controllers: what of a rule stands in the way, for all rules of its policy.

References: Kyverno 1.19 `pkg/autogen`, `CanAutoGen`; `autogen.families` decides, this explains.
"""

from __future__ import annotations

from typing import NamedTuple

from pratique.compiler import ir


class Obstacle(NamedTuple):
    """Something in a filter of a rule for which its policy gets no generated rules.

    Attributes:
        what: the test, with the word for it in policies in backquotes.
        filter: the filter that holds it.
    """

    what: str
    filter: ir.ResourceFilter


def obstacle(rule: ir.Rule) -> Obstacle | None:
    """Return the first obstacle of a rule."""
    regions = (rule.resources.match, rule.resources.exclude)
    for each in (each for selection in regions if selection for each in selection.filters):
        if each.names:
            return Obstacle("selects by `name`", each)
        if each.selector:
            return Obstacle("selects by labels (`selector`)", each)
        if each.annotations:
            return Obstacle("selects by `annotations`", each)
        if len(each.kinds) > 1 and any(map(is_plain_pod, each.kinds)):
            return Obstacle("names Pods beside other kinds in one filter", each)
    return None


def is_plain_pod(kind: ir.KindSelector) -> bool:
    """Say whether a selector is the word `Pod` alone."""
    return kind == ir.KindSelector(kind="Pod")
