"""Conditions judged by examples."""

from __future__ import annotations

from typing import Any

from pratique.compiler.converting.judging import Judged, judge
from pratique.compiler.converting.proof import Status, prove
from pratique.compiler.converting.text import texts
from tests.support_converting import converted, read
from tests.support_policies import KEYLESS


def judged(entry: dict[str, Any], *changes: tuple[str, str], **parts: Any) -> tuple[Status, Judged]:
    made = converted(entry, **parts)
    written = []
    for text in texts(made):
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        written.append(text)
    after = read(*written)
    return prove(made, after).status, judge(made, after)


def attested(*conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"type": "t", "name": "s", "attestors": [{"entries": [{"keyless": KEYLESS}]}]}
    if conditions:
        statement["conditions"] = [{"all": list(conditions)}]
    return {"attestors": [], "attestations": [statement], **more}


COUNT = {"key": "{{ summary.critical }}", "operator": "LessThanOrEquals", "value": 0}
DENIED = {
    "deny": {"conditions": {"any": [{"key": "{{ s.level }}", "operator": "NotEquals", "value": "high"}]}}
}


def test_numbers() -> None:
    status, found = judged(attested(COUNT))
    assert status is Status.UNKNOWN
    assert found == Judged(("p and the classic policy agree on 200 generated statements",))
    _, found = judged(attested(COUNT), ("<= 0", "< 0"))
    assert len(found.refuted) == 1
    assert "'critical': 0}}}: the classic policy alone accepts it" in found.refuted[0]


def test_denials() -> None:
    status, found = judged(attested(validate=DENIED))
    assert status is Status.UNKNOWN
    assert found.agreed
    assert not found.refuted
    _, found = judged(attested(validate=DENIED), ("!(extractPayload", "(extractPayload"))
    assert found.refuted


def test_preconditions() -> None:
    key = "{{ request.object.metadata.labels.tier || '' }}"
    rule = {"preconditions": {"any": [{"key": key, "operator": "AnyIn", "value": ["a", "b"]}]}}
    status, found = judged({}, rule=rule)
    assert status is Status.UNKNOWN
    assert found == Judged(("p and the classic policy agree on 200 generated resources",))
    _, found = judged({}, ("['a', 'b']", "['a']"), rule=rule)
    assert found.refuted
