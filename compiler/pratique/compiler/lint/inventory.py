"""The images that there are, as somebody listed them, and what policies make of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pratique.compiler import ir
from pratique.compiler.pattern_index import PatternIndex
from pratique.compiler.selection import Target, failure_action, selects
from pratique.grammar.errors import EvaluationError
from pratique.grammar.source import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """An image where it runs.

    Attributes:
        image: what patterns are matched against: `registry/path:tag` or `registry/path@digest`.
        count: how often it runs there.
        target: the resource that runs it; None where nobody says.
        location: where the inventory names it.
    """

    image: str
    count: int = 1
    target: Target | None = None
    location: Location | None = None


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The images that there are.

    Attributes:
        name: of the file, or of what was asked.
    """

    name: str
    uses: tuple[Use, ...]

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Return each image once, in the order of the inventory."""
        return tuple(dict.fromkeys(use.image for use in self.uses))


class Cover(StrEnum):
    """What the policies do about an image, best first."""

    ENFORCED = "enforced"
    """Some rule that matches it blocks."""
    REPORTED = "reported"
    """Rules that match it report only."""
    SKIPPED = "skipped"
    """Rules speak about it, and leave it out."""
    UNMATCHED = "unmatched"
    """No rule speaks about it."""


COVERS = tuple(Cover)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternCount:
    """How many images of the inventory a pattern matches."""

    policy: ir.Policy
    rule: ir.Rule
    requirement: ir.ImageRequirement
    pattern: ir.ImagePattern
    is_skip: bool
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCount:
    """How many images of the inventory an entry of a rule verifies, where its rule selects what runs them."""

    policy: ir.Policy
    rule: ir.Rule
    requirement: ir.ImageRequirement
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the policies do about an image wherever it runs: where they do least, that counts.

    Attributes:
        uses: those for which they do no more.
    """

    image: str
    cover: Cover
    uses: tuple[Use, ...]


def _is_waved_through(policy: ir.Policy, requirement: ir.ImageRequirement) -> bool:
    """Say whether a policy of Sigstore accepts images without looking at them."""
    evidence = requirement.signatures or requirement.attestations
    return policy.kind == "ClusterImagePolicy" and not evidence


class Coverage:
    """What policies make of an inventory.

    What cannot be told (labels of namespaces that nobody knows, conditions on resources) counts in favour of
    the policies: what is said to be uncovered is.
    """

    def __init__(self, policies: ir.PolicySet, inventory: Inventory) -> None:
        self.inventory = inventory
        self._entries = [
            (policy, rule, requirement)
            for policy in policies.policies
            for rule in policy.rules
            for requirement in rule.requirements
            if not _is_waved_through(policy, requirement)
        ]
        self._included = self._index([entry[2].images.include for entry in self._entries])
        self._skipped = self._index([entry[2].images.skip for entry in self._entries])
        self._selected: dict[tuple[ir.ResourceRegion, int], bool] = {}

    @staticmethod
    def _index(lists: Collection[tuple[ir.ImagePattern, ...]]) -> PatternIndex:
        return PatternIndex(
            (pattern.text, number) for number, patterns in enumerate(lists) for pattern in patterns
        )

    @cached_property
    def patterns(self) -> tuple[PatternCount, ...]:
        """Return the patterns of declared rules in their order."""
        listed = [
            (policy, rule, requirement, pattern, is_skip)
            for policy, rule, requirement in self._entries
            if not rule.generated_from
            for is_skip in (False, True)
            for pattern in (requirement.images.skip if is_skip else requirement.images.include)
        ]
        index = PatternIndex((pattern.text, number) for number, (*_, pattern, _) in enumerate(listed))
        counts = [0] * len(listed)
        for image in self.inventory.images:
            for number in index.lookup(image):
                counts[number] += 1
        return tuple(
            PatternCount(
                policy=policy,
                rule=rule,
                requirement=requirement,
                pattern=pattern,
                is_skip=is_skip,
                images=count,
            )
            for (policy, rule, requirement, pattern, is_skip), count in zip(listed, counts, strict=True)
        )

    @cached_property
    def entries(self) -> tuple[EntryCount, ...]:
        """Return the entries of declared rules; what their generated rules verify counts for them."""
        verified: dict[tuple[int, str, int], set[str]] = {}
        for use in self.inventory.uses:
            for number in self._verifying(use):
                verified.setdefault(self._written(number), set()).add(use.image)
        return tuple(
            EntryCount(
                policy=policy,
                rule=rule,
                requirement=requirement,
                images=len(verified.get(self._written(number), ())),
            )
            for number, (policy, rule, requirement) in enumerate(self._entries)
            if not rule.generated_from
        )

    def _written(self, number: int) -> tuple[int, str, int]:
        """Return what an entry has in common with those that were generated from it."""
        policy, rule, requirement = self._entries[number]
        return id(policy), rule.generated_from or rule.name, rule.requirements.index(requirement)

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """Return each image with what the policies do about it."""
        found: dict[str, list[tuple[Cover, Use]]] = {}
        for use in self.inventory.uses:
            found.setdefault(use.image, []).append((self._cover(use), use))
        return tuple(map(_standing, found, found.values()))

    @cached_property
    def gaps(self) -> tuple[Standing, ...]:
        """Return the images that no rule keeps from running unverified."""
        return tuple(standing for standing in self.standings if standing.cover is not Cover.ENFORCED)

    def _cover(self, use: Use) -> Cover:
        actions = {_action(self._entries[number][1], use) for number in self._verifying(use)}
        if ir.Action.ENFORCE in actions:
            return Cover.ENFORCED
        if actions:
            return Cover.REPORTED
        speaks = any(self._selects(number, use) for number in self._included.lookup(use.image))
        return Cover.SKIPPED if speaks else Cover.UNMATCHED

    def _verifying(self, use: Use) -> Iterator[int]:
        """Yield the numbers of the entries that verify an image where it runs."""
        for number in self._included.lookup(use.image) - self._skipped.lookup(use.image):
            if self._selects(number, use):
                yield number

    def _selects(self, number: int, use: Use) -> bool:
        region = self._entries[number][1].resources
        if use.target is None:
            return True
        key = (region, id(use.target))
        if key not in self._selected:
            try:
                self._selected[key] = selects(region, use.target)
            except EvaluationError:
                self._selected[key] = True
        return self._selected[key]


def _action(rule: ir.Rule, use: Use) -> ir.Action:
    if use.target is not None:
        return failure_action(rule, use.target)
    actions = (rule.action, *(override.action for override in rule.overrides))
    return ir.Action.ENFORCE if ir.Action.ENFORCE in actions else ir.Action.AUDIT


def _standing(image: str, found: list[tuple[Cover, Use]]) -> Standing:
    worst = max((cover for cover, _ in found), key=COVERS.index)
    return Standing(image=image, cover=worst, uses=tuple(use for cover, use in found if cover is worst))
