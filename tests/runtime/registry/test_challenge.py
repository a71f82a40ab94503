"""`WWW-Authenticate` headers."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.registry.challenge import Challenge, ChallengeError, parse_challenges

BEARER = Challenge("bearer", {"realm": "https://auth.example/token", "service": "reg.example"})


@pytest.mark.parametrize(
    ("headers", "challenges"),
    [
        ([], ()),
        ([""], ()),
        (['Bearer realm="https://auth.example/token",service="reg.example"'], (BEARER,)),
        (['BEARER Realm = "https://auth.example/token" ,  SERVICE=reg.example'], (BEARER,)),
        (['Basic realm="a, \\"b\\""'], (Challenge("basic", {"realm": 'a, "b"'}),)),
        (["Basic"], (Challenge("basic", {}),)),
        (
            ['Bearer realm="x",scope="a:b:pull,push", Basic realm="y"'],
            (
                Challenge("bearer", {"realm": "x", "scope": "a:b:pull,push"}),
                Challenge("basic", {"realm": "y"}),
            ),
        ),
        (['Basic realm="y"', "Negotiate"], (Challenge("basic", {"realm": "y"}), Challenge("negotiate", {}))),
        (
            ['Negotiate YWJj==, Basic realm="y"'],
            (Challenge("negotiate", {}), Challenge("basic", {"realm": "y"})),
        ),
        (['Negotiate, Basic realm="y",'], (Challenge("negotiate", {}), Challenge("basic", {"realm": "y"}))),
    ],
)
def test_parse(headers: list[str], challenges: tuple[Challenge, ...]) -> None:
    assert parse_challenges(headers) == challenges


@pytest.mark.parametrize(
    "header",
    [
        'Bearer realm="a",realm="b"',
        'Bearer realm="a",REALM="b"',
        'Bearer realm="unclosed',
        'Bearer realm=a"b',
        '="x"',
        'Bearer realm="a" service="b"',
        "Bearer realm=\x01",
        "x" * 5000,
        '"Bearer" realm="x"',
    ],
)
def test_refuse(header: str) -> None:
    with pytest.raises(ChallengeError):
        parse_challenges([header])


@given(st.text(max_size=200))
def test_never_raises_anything_else(header: str) -> None:
    with suppress(ChallengeError):
        assert isinstance(parse_challenges([header]), tuple)


@pytest.mark.parametrize("part", ["a", "\\", '"', "a=", 'a="\\"', ",", "a ", "a=b,"])
def test_hostile_headers_are_read_quickly(part: str) -> None:
    header = "Bearer " + part * (4000 // len(part))
    started = time.process_time()
    with suppress(ChallengeError):
        parse_challenges([header])
    assert time.process_time() - started < 5
