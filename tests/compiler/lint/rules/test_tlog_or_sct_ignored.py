from typing import Any

import pytest

from tests.support_attestors import attestor, keyless
from tests.support_lint import findings

URL = "https://rekor.sigstore.dev"
CHAIN = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({"rekor": {"url": URL, "ignoreTlog": True}}, ["the log is ignored"]),
        ({"ctlog": {"ignoreSCT": True}}, ["the certificate log is ignored"]),
        (
            {"rekor": {"url": URL, "ignoreTlog": True}, "ctlog": {"ignoreSCT": True}},
            ["the certificate log is ignored", "the log is ignored"],
        ),
    ],
)
def test_flagged(changes: dict[str, Any], labels: list[str]) -> None:
    assert sorted(f.problem.label for f in findings(keyless(**changes), "PRQ028")) == labels


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rekor": {"url": URL, "ignoreTlog": True}, "roots": CHAIN},
        {"rekor": {"url": URL, "ignoreTlog": True}, "ctlog": {"tsaCertChain": CHAIN}},
    ],
)
def test_left_alone(changes: dict[str, Any]) -> None:
    assert findings(keyless(**changes), "PRQ028") == []


def test_keys_need_no_log() -> None:
    keys = {"kms": "awskms://key", "rekor": {"url": URL, "ignoreTlog": True}, "ctlog": {"ignoreSCT": True}}
    assert findings(attestor(keys=keys), "PRQ028") == []


def test_the_setting_is_marked() -> None:
    [finding] = findings(keyless(ctlog={"ignoreSCT": True}), "PRQ028")
    place = finding.location
    assert place is not None
    line = place.source.line(place.span.start.line)
    assert line[place.span.start.column - 1 : place.span.end.column - 1] == '"ignoreSCT": true'
