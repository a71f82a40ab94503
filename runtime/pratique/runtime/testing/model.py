"""What a suite's policies answered, and what became of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from pratique.runtime.decision import Status


class RuleKind(StrEnum):
    """What a rule result is about; it decides what a row is compared with."""

    VALIDATION = "Validation"
    MUTATION = "Mutation"
    IMAGE_VERIFY = "ImageVerify"
    GENERATION = "Generation"
    DELETION = "Deletion"


class ResourceKey(NamedTuple):
    """How a suite tells resources apart."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ResourceKey:
        """Return the key of an object."""
        metadata = data.get("metadata")
        named = metadata if isinstance(metadata, dict) else {}
        return cls(
            str(data.get("apiVersion") or ""),
            str(data.get("kind") or ""),
            str(named.get("namespace") or ""),
            str(named.get("name") or ""),
        )

    def __str__(self) -> str:
        """Return the key as tables show it."""
        return "/".join(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """One result of one rule.

    Attributes:
        made: objects that the rule generated.
        target: the existing object that the rule changed, as it left it.
    """

    rule: str
    kind: RuleKind
    status: Status
    message: str
    made: tuple[Mapping[str, Any], ...] = ()
    target: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What one policy answered about one resource, in one of its capacities.

    Attributes:
        policy: its name, without namespace.
        has_rules: its results have names of rules; those of policies in CEL have not.
        resource: the resource as it was judged.
        patched: the resource as the policy left it.
    """

    policy: str
    outcomes: tuple[RuleOutcome, ...]
    resource: Mapping[str, Any]
    patched: Mapping[str, Any]
    has_rules: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """What all policies answered.

    Attributes:
        triggers: responses by resource, for the operation of the values (`""`) and each that rows name.
        targets: responses that changed existing objects, by object.
        invalid: policies that were refused, by name, with the reason.
    """

    triggers: Mapping[str, Mapping[ResourceKey, list[Response]]]
    targets: Mapping[ResourceKey, list[Response]] = field(default_factory=dict)
    invalid: Mapping[str, str] = field(default_factory=dict)


class Verdict(StrEnum):
    """What a test row says."""

    PASS = "Pass"  # noqa: S105
    FAIL = "Fail"
    SKIP = "Skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One counted test.

    Attributes:
        skipped: counted as skipped, which is no failure.
    """

    policy: str
    rule: str
    resource: str
    verdict: Verdict
    reason: str
    message: str
    skipped: bool = False

    @property
    def failed(self) -> bool:
        """Say whether the row counts against the suite."""
        return self.verdict is Verdict.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """What became of a suite.

    Attributes:
        problem: why it was not run; empty where it was.
        notes: things worth a word, such as resources that are there twice.
    """

    path: str
    name: str = ""
    policies: int = 0
    resources: int = 0
    exceptions: int = 0
    rows: tuple[Row, ...] = ()
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> int:
        """Return how many tests failed; a suite that was not run is one."""
        return sum(row.failed for row in self.rows) + bool(self.problem)

    @property
    def passes(self) -> int:
        """Return how many tests passed or were skipped."""
        return sum(not row.failed for row in self.rows)
