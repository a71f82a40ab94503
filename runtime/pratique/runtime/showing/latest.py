"""The latest verdicts of a running server, in bounded memory.

One is kept for each policy, rule and resource, and for whether it was admitted or found in the background.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from pratique.runtime.decision import Check, Reason, RuleResult
from pratique.runtime.outputs.view import CheckRow, Row, Verdict, row_of

MAX_ROWS: Final = 5_000
MAX_WEIGHT: Final = 16 << 20
"""Characters of all texts that are kept, counting each part for some more."""
MAX_CHECKS: Final = 200
"""Of one result."""
MAX_MESSAGE: Final = 10_000
"""Characters of a message."""

_PART: Final = 100
"""What a part weighs beside its texts."""

_Key = tuple[str, ...]


class _Kept(NamedTuple):
    verdict: Verdict
    weight: int


class LatestVerdicts:
    """The verdicts, the longest unchanged first to go.

    Args:
        max_rows: results that are kept.
        max_weight: of all of them, see `MAX_WEIGHT`.
    """

    def __init__(self, max_rows: int = MAX_ROWS, max_weight: int = MAX_WEIGHT) -> None:
        self.changes = 0
        """How often something came in."""
        self.forgotten = 0
        """How many results had to go for others."""
        self.weight = 0
        self._max_rows = max_rows
        self._max_weight = max_weight
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()

    def __len__(self) -> int:
        """Return how many results are kept."""
        return len(self._kept)

    def take(self, origin: str, results: Iterable[RuleResult]) -> None:
        """Keep results in place of older ones about the same.

        Args:
            origin: who judged.
            results: those without checks are left out.
        """
        now = int(time.time())
        for result in results:
            if result.checks:
                self._take(Verdict(_kept(result), now, origin))
        self.changes += 1
        while len(self._kept) > self._max_rows or self.weight > self._max_weight:
            _, gone = self._kept.popitem(last=False)
            self.weight -= gone.weight
            self.forgotten += 1

    def verdicts(self, policies: Iterable[tuple[str, str]]) -> list[Verdict]:
        """Return the verdicts of policies, each given by kind and key, the newest first."""
        wanted = set(policies)
        return [
            kept.verdict
            for kept in reversed(list(self._kept.values()))
            if (kept.verdict.row.result.kind, kept.verdict.row.result.policy) in wanted
        ]

    def _take(self, verdict: Verdict) -> None:
        key, weight = _key(verdict), _weight(verdict.row)
        before = self._kept.pop(key, None)
        self.weight += weight - (before.weight if before else 0)
        self._kept[key] = _Kept(verdict, weight)


def _key(verdict: Verdict) -> _Key:
    result = verdict.row.result
    of = result.resource
    about = (of.api_version, of.kind, of.namespace, of.name)
    return verdict.origin, result.kind, result.policy, result.rule, *about


def _kept(result: RuleResult) -> Row:
    """Return what is kept of a result: neither resources that rules left behind nor texts without end."""
    row = row_of(result)
    checks = tuple(
        CheckRow(_trimmed(shown.check), shown.status, shown.message[:MAX_MESSAGE])
        for shown in row.checks[:MAX_CHECKS]
    )
    return Row(replace(result, checks=()), row.status, row.message[:MAX_MESSAGE], checks)


def _trimmed(check: Check) -> Check:
    bare = check.patched is None and not check.made and check.target is None
    if bare and len(check.message) <= MAX_MESSAGE:
        return check
    return replace(check, patched=None, made=(), target=None, message=check.message[:MAX_MESSAGE])


def _weight(row: Row) -> int:
    return _PART + len(row.message) + sum(_check_weight(shown.check) for shown in row.checks)


def _check_weight(check: Check) -> int:
    texts = len(check.message) + len(check.image) + len(check.container)
    return _PART + texts + (_reason_weight(check.reason) if check.reason else 0)


def _reason_weight(reason: Reason) -> int:
    details = sum(len(name) + len(value) for name, value in reason.details)
    return _PART + len(reason.text) + details + sum(map(_reason_weight, reason.children))
