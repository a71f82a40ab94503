"""What the page of verdicts shows, as data: every check, reason tree, image and signature once, by number.

Ten thousand results about two thousand images say the same things over and over; a page that repeats them
would be ten times as large. All strings are made visible here: no control character and no mark that turns
the direction of writing gets into a page (rule K34).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pratique.runtime.decision import Reason, RootLine, Status
from pratique.runtime.outputs.json_format import API_VERSION
from pratique.runtime.outputs.roots import root_lines
from pratique.runtime.outputs.text import visible, visible_lines
from pratique.runtime.outputs.verdicts.fitting import fitting, left_out
from pratique.runtime.outputs.verdicts.signers import signatures
from pratique.runtime.outputs.view import CheckRow, Row, Verdict

if TYPE_CHECKING:
    from pratique.compiler.explain.explanation import Explanation

KIND: Final = "Verdicts"


def state(
    verdicts: Iterable[Verdict],
    *,
    summary: Mapping[Status, int],
    now: int | None = None,
    plan: Explanation | None = None,
    roots: Sequence[RootLine] = (),
    notices: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the data.

    Args:
        verdicts: in the order in which they are shown; of too many the page holds some, see `fitting`.
        summary: how many of them have each status.
        now: when they were put together, in seconds since the epoch; None for unknown.
        plan: the policies that are in force, if they are known; those without verdicts are listed, too.
        roots: the trust roots that signatures were checked against.
        notices: what else is to be said.
    """
    made = _State()
    for verdict in fitting(verdicts, summary):
        made.add(verdict)
    if plan:
        made.plan(plan)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "made": now,
        "summary": {str(status): summary[status] for status in Status},
        "policies": made.policies.values,
        "rows": made.rows,
        "checks": made.checks.values,
        "reasons": made.reasons.values,
        "images": made.images.values,
        "signatures": made.signatures.values,
        "roots": root_lines(roots),
        "notices": [visible(notice) for notice in (*notices, *left_out(summary))],
    }


class _Image(NamedTuple):
    name: str
    digest: str


class _Table:
    """Values that are kept once; they are known by keys, and go by numbers."""

    def __init__(self) -> None:
        self.values: list[dict[str, Any]] = []
        self._numbers: dict[Hashable, int] = {}

    def find(self, key: Hashable) -> int | None:
        return self._numbers.get(key)

    def add(self, key: Hashable, value: dict[str, Any]) -> int:
        self._numbers[key] = len(self.values)
        self.values.append(value)
        return len(self.values) - 1


class _State:
    def __init__(self) -> None:
        self.policies = _Table()
        self.checks = _Table()
        self.reasons = _Table()
        self.images = _Table()
        self.signatures = _Table()
        self.rows: list[dict[str, Any]] = []

    def add(self, verdict: Verdict) -> None:
        row, number = verdict.row, len(self.rows)
        result = row.result
        policy = self._policy(result.kind, result.policy)
        _once(self.policies.values[policy]["rules"], visible(result.rule))
        if not verdict.foreign:
            _once(self.policies.values[policy].setdefault("actions", []), str(result.action))
        images = _images(row)
        checks = [self._check(shown, images.get(_place(shown)), number, policy) for shown in row.checks]
        resource = result.resource
        told: dict[str, Any] = {
            "at": verdict.at,
            "origin": visible(verdict.origin),
            "namespace": visible(resource.namespace),
            "category": visible(result.category),
            "severity": visible(result.severity),
            "place": visible(str(result.location or "")),
            "resourcePlace": visible(str(resource.location or "")),
        }
        self.rows.append(
            {
                "policy": policy,
                "rule": visible(result.rule),
                "kind": visible(resource.kind),
                "name": visible(resource.name),
                "result": str(row.status),
                "message": _lines(row.message),
                "checks": checks,
                **{name: value for name, value in told.items() if value},
            }
        )

    def plan(self, plan: Explanation) -> None:
        """Add what is known of policies by their plan."""
        for rule in plan.rules:
            planned = rule.planned
            number = self.policies.find(("", planned.policy.key))
            if number is None:
                number = self._policy(planned.policy.kind, planned.policy.key)
            policy = self.policies.values[number]
            policy["kind"] = visible(planned.policy.kind)
            policy["inForce"] = True
            _once(policy["rules"], visible(planned.rule.name))
            _once(policy.setdefault("actions", []), str(planned.rule.action))

    def _policy(self, kind: str, name: str) -> int:
        key = (kind, name)
        found = self.policies.find(key)
        if found is None:
            found = self.policies.add(key, {"kind": visible(kind), "name": visible(name), "rules": []})
        return found

    def _check(self, shown: CheckRow, about: _Image | None, row: int, policy: int) -> int:
        check = shown.check
        image = self._image(about) if about else None
        digest = about.digest if about else check.digest
        for signature, met in signatures(check.reason) if check.reason else ():
            found = self.signatures.find(signature)
            if found is None:
                told = {_camel(name): visible(text) for name, text in signature._asdict().items() if text}
                lists: dict[str, Any] = {"images": [], "rows": [], "accepted": [], "refused": []}
                found = self.signatures.add(signature, told | lists)
            held = self.signatures.values[found]
            _next(held["rows"], row)
            _once(held["accepted" if met else "refused"], policy)
            if image is not None:
                _once(held["images"], image)
                _once(self.images.values[image]["signatures"], found)
        reason = self._reason(check.reason) if check.reason else None
        data = (check.stage, shown.status, shown.message, image, check.container, digest, reason)
        number = self.checks.find(data)
        if number is None:
            more: dict[str, Any] = {
                "image": image,
                "container": visible(check.container),
                "digest": visible(digest),
                "reason": reason,
            }
            number = self.checks.add(
                data,
                {
                    "stage": str(check.stage),
                    "result": str(shown.status),
                    "message": _lines(shown.message),
                    **{name: value for name, value in more.items() if value not in (None, "")},
                },
            )
        return number

    def _image(self, image: _Image) -> int:
        found = self.images.find(image)
        if found is None:
            data: dict[str, Any] = {"image": visible(image.name), "signatures": []}
            more = {"digest": visible(image.digest)} if image.digest else {}
            found = self.images.add(image, data | more)
        return found

    def _reason(self, reason: Reason) -> int:
        found = self.reasons.find(reason)
        if found is None:
            children = [self._reason(child) for child in reason.children]
            told = {
                "details": [(visible(name), visible(value)) for name, value in reason.details],
                "place": visible(str(reason.location or "")),
                "children": children,
            }
            data = {"code": visible(reason.code), "text": _lines(reason.text), "met": reason.met}
            found = self.reasons.add(reason, data | {name: value for name, value in told.items() if value})
        return found


def _place(shown: CheckRow) -> str:
    """Return what tells the images of a resource apart."""
    return shown.check.pointer or shown.check.image


def _images(row: Row) -> dict[str, _Image]:
    """Return the images of a row by place: the name as it was first asked about, and the digest it has.

    A rule that writes digests asks about one image under two names; what one check learned holds for all.
    """
    found: dict[str, _Image] = {}
    for shown in row.checks:
        check, place = shown.check, _place(shown)
        if check.image:
            known = found.get(place, _Image(check.image, ""))
            found[place] = _Image(known.name, known.digest or check.digest)
    return found


def _once(values: list[Any], value: Any) -> None:
    """Add a value that is not there."""
    if value not in values:
        values.append(value)


def _next(numbers: list[int], number: int) -> None:
    """Add a number to those in rising order, if it is not there."""
    if not numbers or numbers[-1] != number:
        numbers.append(number)


def _lines(text: str) -> str:
    return "\n".join(visible_lines(text))


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
