"""The order in which questions are asked, as people read it: data, not code."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pratique.compiler.graph import Op


class Stage(StrEnum):
    """A step of every evaluation; the members stand in the order in which they are taken."""

    FACTS = "facts"
    GLOBS = "globs"
    PRECONDITIONS = "preconditions"
    CHECKS = "checks"
    SKIP_LISTS = "skip lists"
    RESOLVE = "resolve"
    LIST = "list"
    VERIFY = "verify"
    IDENTITY = "identity"
    CONDITIONS = "conditions"
    THRESHOLDS = "thresholds"
    OUTCOME = "outcome"


PURPOSES: Final[Mapping[Stage, str]] = {
    Stage.FACTS: "kind, namespace, name and labels of the resource, and its request; asks nobody",
    Stage.GLOBS: "the images that somebody looks at; asks nobody",
    Stage.PRECONDITIONS: "values and conditions of the rule",
    Stage.CHECKS: "what a rule demands of the resource itself, or makes of it",
    Stage.SKIP_LISTS: "images that are left out; asks nobody",
    Stage.RESOLVE: "the digest that a tag names",
    Stage.LIST: "signatures and attestations as they are stored",
    Stage.VERIFY: "the cryptography of each of them, once",
    Stage.IDENTITY: "whether a verified signer is who it should be",
    Stage.CONDITIONS: "what verified attestations say",
    Stage.THRESHOLDS: "whether enough attestors are met",
    Stage.OUTCOME: "what the rule says of the resource",
}
"""What each stage asks."""

STAGE_OF: Final[Mapping[Op, Stage]] = {
    Op.FILTER: Stage.FACTS,
    Op.RESOURCES: Stage.FACTS,
    Op.REQUEST: Stage.FACTS,
    Op.PATTERN: Stage.GLOBS,
    Op.IMAGES: Stage.GLOBS,
    Op.CONTEXT: Stage.PRECONDITIONS,
    Op.PRECONDITIONS: Stage.PRECONDITIONS,
    Op.BODY: Stage.CHECKS,
    Op.SKIP: Stage.SKIP_LISTS,
    Op.ACCESS: Stage.RESOLVE,
    Op.RESOLVE: Stage.RESOLVE,
    Op.LIST: Stage.LIST,
    Op.VERIFY: Stage.VERIFY,
    Op.ATTESTOR: Stage.IDENTITY,
    Op.CONDITIONS: Stage.CONDITIONS,
    Op.THRESHOLD: Stage.THRESHOLDS,
    Op.ATTESTATION: Stage.THRESHOLDS,
    Op.DENIAL: Stage.THRESHOLDS,
    Op.REQUIREMENT: Stage.OUTCOME,
    Op.RULE: Stage.OUTCOME,
}
"""The stage of each kind of question; `Op` numbers them in the same order."""
