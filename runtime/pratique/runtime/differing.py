"""One run of `pratique diff`: two sides -> policies -> what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pratique.compiler.analysis.differences import Comparison, compare
from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.inputs import read_inputs
from pratique.runtime.policy_files import PolicyFiles, ignored, policies_of

MAX_NOTICES = 5
"""Notices up to which each is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffReport:
    """The outcome of a comparison.

    Attributes:
        old: what the old side was called.
        new: what the new side was called.
        policies: how many policies each side holds.
    """

    comparison: Comparison
    old: str
    new: str
    policies: tuple[int, int]
    notices: tuple[str, ...] = ()


def diff_files(old: str, new: str, stdin: Callable[[], bytes] | None = None) -> DiffReport:
    """Return how the policies of two files, folders or globs differ; one may be `-`.

    Raises:
        PolicyErrors: policies have mistakes.
        UsageError: both are `-`, or a side that exists holds no policy.
    """
    if old == new == "-":
        raise UsageError("standard input can be one side only")
    sides = [policies_of(read_inputs([path], stdin)) for path in (old, new)]
    for path, side in zip((old, new), sides, strict=True):
        if side.is_empty and not side.mistakes and not side.others:
            raise UsageError(f"no policy in {path}")
    return _report(sides, old, new)


def diff_revisions(revisions: Sequence[str], paths: Sequence[str]) -> DiffReport:
    """Return how the policies of two revisions differ, or those of one and of the working tree.

    A path that one side does not have holds no policy there.

    Raises:
        PolicyErrors: policies have mistakes.
        UsageError: there is no such revision, or neither side holds a policy.
        TransportError: git cannot be asked.
    """
    from pathlib import Path

    from pratique.runtime.revisions import read_revision

    sides = [policies_of(read_revision(revision, paths)) for revision in revisions]
    names = list(revisions)
    if len(sides) == 1:
        there = [path for path in paths if any(c in path for c in "*?[") or Path(path).exists()]
        sides.append(policies_of(read_inputs(there)))
        names.append("working tree")
    if not any(not side.is_empty or side.mistakes for side in sides):
        raise UsageError(f"no policy in {', '.join(paths)}, neither in {names[0]} nor in {names[1]}")
    return _report(sides, *names)


def _report(sides: Sequence[PolicyFiles], old: str, new: str) -> DiffReport:
    mistakes = [mistake for side in sides for mistake in side.mistakes]
    if mistakes:
        raise PolicyErrors(mistakes)
    old_side, new_side = sides
    before, after = old_side.policies, new_side.policies
    if old_side.in_cel or new_side.in_cel:
        from pratique.compiler.cel_policies.image_demands import comparable

        before, after = comparable(before, after)
    notices = [text for side in sides for text in (*side.notices, *map(ignored, side.others))]
    if len(notices) > MAX_NOTICES:
        notices = [*notices[:MAX_NOTICES], f"and {len(notices) - MAX_NOTICES} more notes"]
    return DiffReport(
        comparison=compare(before, after),
        old=old,
        new=new,
        policies=(len(before.policies), len(after.policies)),
        notices=tuple(notices),
    )
