"""What a run decided: checks with their reason trees, gathered into one result per policy, rule and resource.

Everything people read (tables, reports, SARIF, admission answers) is a rendering of these values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pratique.compiler.ir import Action
from pratique.grammar.source import Location


class Status(StrEnum):
    """Outcome of a check or of a rule, spelled as policy reports spell it."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    WARN = "warn"
    ERROR = "error"
    SKIP = "skip"


SEVERITY_ORDER = (Status.ERROR, Status.FAIL, Status.WARN, Status.PASS, Status.SKIP)
"""Worst first: the order in which several checks of one rule and resource fold into one status."""


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of `statuses`; `skip` for none, since an empty set never passes (rule R5)."""
    found = list(statuses)
    return found[0] if len(found) == 1 else min(found, key=SEVERITY_ORDER.index, default=Status.SKIP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A node of the reason tree: what was looked at, what was found, why it counted or did not.

    Attributes:
        code: stable identifier (`identity-mismatch`, `no-signature`, `threshold` ...; `docs/reasons.md`).
        text: one sentence for people.
        met: whether this part of the obligation holds.
        details: facts by name, such as `expected`, `received`, `digest`, `signer`, `logged_at`.
        children: the parts that led here, in the order of the policy.
        location: the policy text that demanded this part.
    """

    code: str
    text: str
    met: bool
    details: tuple[tuple[str, str], ...] = ()
    children: tuple[Reason, ...] = ()
    location: Location | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the tree as plain data; empty parts are left out."""
        data: dict[str, Any] = {"code": self.code, "text": self.text, "met": self.met}
        if self.details:
            data["details"] = dict(self.details)
        if self.location:
            data["location"] = str(self.location)
        if self.children:
            data["children"] = [child.to_json() for child in self.children]
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceId:
    """The coordinates of a Kubernetes object; `location` is where a file declared it, if one did."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""
    location: Location | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """Return `namespace/Kind/name`, as messages and tables name a resource."""
        return f"{self.namespace}/{self.kind}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


class Stage(StrEnum):
    """Which question a check answered.

    `MUTATE`: was the resource changed. `VERIFY`: are the signatures there (Kyverno: mutating webhook,
    background scan, CLI). `VALIDATE`: does the rule hold of the resource, and is every image pinned and
    proved (Kyverno: validating webhook, CLI). `GENERATE`: was something made. `DELETE`: does the resource go.
    """

    MUTATE = "mutate"
    VERIFY = "verify"
    VALIDATE = "validate"
    GENERATE = "generate"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The outcome of one requirement for one image (or for the whole rule, where `image` is empty).

    Attributes:
        image: canonical form of the image, `registry/path:tag` or `registry/path@digest`.
        container: name of the container, or key of the extractor, that holds it.
        pointer: JSON pointer of the image string in the resource.
        digest: digest the verdict is about; empty where none was learned.
        transport: the status is `error` because a registry, trust root or cluster could not be asked.
        properties: facts for reports, sorted.
        patched: the resource as the rule left it; None where it changes none.
        made: objects that the rule generates.
        target: the existing object that the rule changed, as it left it.
        pins: JSON pointers of the images that are pinned, with what is written there.
    """

    stage: Stage
    status: Status
    message: str
    image: str = ""
    container: str = ""
    pointer: str = ""
    digest: str = ""
    transport: bool = False
    reason: Reason | None = None
    properties: tuple[tuple[str, str], ...] = ()
    patched: Mapping[str, Any] | None = field(default=None, compare=False)
    made: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    target: Mapping[str, Any] | None = field(default=None, compare=False)
    pins: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """All checks of one rule on one resource, in the order of the plan.

    Attributes:
        policy: key of the policy.
        kind: of the policy.
        rule: empty for policies in CEL.
        number: of the rule in the plan.
    """

    policy: str
    rule: str
    resource: ResourceId
    action: Action
    checks: tuple[Check, ...]
    scored: bool = True
    kind: str = ""
    number: int = 0
    category: str = ""
    severity: str = ""
    properties: tuple[tuple[str, str], ...] = ()
    location: Location | None = field(default=None, compare=False)
    pins: tuple[tuple[str, str], ...] = ()
    """JSON pointers of the images that the policy pins, with what it writes there."""

    @property
    def status(self) -> Status:
        """Return the worst status of the checks; a failure of an unscored policy is a warning."""
        status = worst(check.status for check in self.checks)
        return Status.WARN if status is Status.FAIL and not self.scored else status

    @property
    def message(self) -> str:
        """Return the messages of all checks that have the worst status, each once, joined by `; `."""
        if len(self.checks) == 1:
            return self.checks[0].message
        status = worst(check.status for check in self.checks)
        return "; ".join(dict.fromkeys(c.message for c in self.checks if c.status is status))


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What a run cost, counted where it happened."""

    manifests: int = 0
    blobs: int = 0
    referrers: int = 0
    tokens: int = 0
    bytes: int = 0

    @property
    def total(self) -> int:
        """Return all registry requests; requests to token services are not among them."""
        return self.manifests + self.blobs + self.referrers


@dataclass(frozen=True, slots=True, kw_only=True)
class RootLine:
    """A trust root that signatures were checked against.

    Attributes:
        name: what it goes by.
        version: SHA-256 of its content, in hex.
        source: `file`, `mirror`, `cache` or `embedded`.
        place: path or URL.
        checked_at: when a mirror last confirmed it; None for never.
        expires: until when its publisher vouches for it; None where nobody says.
        newest: when its newest entry came into use.
        text: all that in one line, with the age.
    """

    name: str
    version: str
    source: str
    place: str
    checked_at: datetime | None
    expires: datetime | None
    newest: datetime | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole outcome of a run.

    Attributes:
        results: in the order policies x resources were given.
        notices: things the run says besides verdicts (unsupported rule kinds, ignored documents).
        roots: the trust roots that signatures were checked against.
    """

    results: tuple[RuleResult, ...]
    policies: int = 0
    rules: int = 0
    resources: int = 0
    images: int = 0
    requests: Requests = Requests()
    verifications: int = 0
    notices: tuple[str, ...] = ()
    roots: tuple[RootLine, ...] = ()

    @property
    def summary(self) -> dict[Status, int]:
        """Return how many results have each status, in the order of policy reports."""
        counts = Counter(result.status for result in self.results)
        return {status: counts[status] for status in Status}
