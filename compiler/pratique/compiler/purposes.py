"""What rules are for, whatever language they are written in."""

from __future__ import annotations

from enum import Enum, auto

from pratique.compiler import bodies, ir
from pratique.compiler.cel_bodies import CelDeletion, CelGeneration, CelMutation


class Purpose(Enum):
    """What a rule does with a resource."""

    JUDGE = auto()
    """It says whether the resource is as it should be; about images, it may write their digests."""
    CHANGE = auto()
    MAKE = auto()
    """It makes other objects."""
    DELETE = auto()


def purpose(rule: ir.Rule) -> Purpose:
    """Return what a rule is for."""
    match rule.body:
        case bodies.Mutation() | CelMutation():
            return Purpose.CHANGE
        case bodies.Generation() | CelGeneration():
            return Purpose.MAKE
        case bodies.Cleanup() | CelDeletion():
            return Purpose.DELETE
        case _:
            return Purpose.JUDGE


def changes_others(rule: ir.Rule) -> bool:
    """Say whether a rule changes existing objects, and not the one at hand."""
    if isinstance(rule.body, bodies.Mutation):
        return bool(rule.body.targets)
    return isinstance(rule.body, CelMutation) and rule.body.targets is not None
