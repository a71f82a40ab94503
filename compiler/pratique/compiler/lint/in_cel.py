"""Policies about images in CEL as rules look at them; what this takes is loaded when there are some."""

from __future__ import annotations

from collections.abc import Collection

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption, CelImageValidation


def analysed(policies: ir.PolicySet, exemptions: Collection[CelExemption] = ()) -> ir.PolicySet:
    """Return policies in which those about images are demands, where that is known.

    What an exception may lift stays an expression, of which rules see the attestors alone.
    """
    if not _has_images(policies):
        return policies
    from pratique.compiler.cel_policies import image_demands

    exempted = [named for each in exemptions for named in each.policies]
    return image_demands.analysed(policies, exempted)


def covering(policies: ir.PolicySet) -> ir.PolicySet:
    """Return policies with regions that hold all images they are about, for counting these."""
    if not _has_images(policies):
        return policies
    from pratique.compiler.cel_policies import image_demands

    return image_demands.covering(policies)


def _has_images(policies: ir.PolicySet) -> bool:
    return any(
        isinstance(rule.body, CelImageValidation) for policy in policies.policies for rule in policy.rules
    )
