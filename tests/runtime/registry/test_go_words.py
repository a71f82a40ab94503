"""Kyverno's wording of error answers, and that nothing foreign gets into it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from yarl import URL

from pratique.runtime.registry.exchange import Answer
from pratique.runtime.registry.go_words import error_detail

URL_TEXT = "https://reg.example/v2/app/manifests/v1"
PLAIN = f"GET {URL_TEXT}: unexpected status code 404 Not Found"


def answer(body: bytes, status: int = 404) -> Answer:
    url = URL(f"{URL_TEXT}?signature=secret", encoded=True)
    return Answer(url=url, status=status, headers={}, challenges=(), body=body, is_inside=False)


def errors(*entries: Any) -> bytes:
    return json.dumps({"errors": list(entries)}).encode()


UNKNOWN = {"code": "MANIFEST_UNKNOWN", "message": "anything"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", PLAIN),
        (b"<html>", PLAIN),
        (b"[]", PLAIN),
        (errors(), PLAIN),
        (b'{"errors":7}', PLAIN),
        (errors({"code": "EVIL", "message": "m"}), PLAIN),
        (errors(UNKNOWN, {"code": "EVIL"}), PLAIN),
        (errors({"code": ["x"]}), PLAIN),
        (errors(7), PLAIN),
        (errors(UNKNOWN), f"GET {URL_TEXT}: MANIFEST_UNKNOWN: manifest unknown"),
        (
            errors(UNKNOWN | {"detail": {"Tag": "v1"}}),
            f"GET {URL_TEXT}: MANIFEST_UNKNOWN: manifest unknown; map[Tag:v1]",
        ),
        (
            errors({"code": "NAME_UNKNOWN", "detail": {"name": "app"}}),
            f"GET {URL_TEXT}: NAME_UNKNOWN: repository name not known to registry; map[name:app]",
        ),
        (
            errors(UNKNOWN | {"detail": {"Tag": "v1", "Name": "app"}}),
            f"GET {URL_TEXT}: MANIFEST_UNKNOWN: manifest unknown; map[Name:app Tag:v1]",
        ),
        (
            errors(UNKNOWN, {"code": "DENIED"}),
            f"GET {URL_TEXT}: MANIFEST_UNKNOWN: manifest unknown; "
            "DENIED: requested access to the resource is denied",
        ),
    ],
)
def test_words(body: bytes, words: str) -> None:
    assert error_detail(answer(body), "v1", "app") == words


@pytest.mark.parametrize(
    "detail",
    [
        "MARKER",
        ["MARKER"],
        {"Tag": "MARKER"},
        {"MARKER x": "v1"},
        {"Tag": {"x": "MARKER"}},
        {"Tag": "v1", "a": 1},
    ],
)
def test_foreign_details_are_left_out(detail: Any) -> None:
    body = errors(UNKNOWN | {"message": "MARKER", "detail": detail})
    assert error_detail(answer(body), "v1") == f"GET {URL_TEXT}: MANIFEST_UNKNOWN: manifest unknown"


def test_unknown_status() -> None:
    assert error_detail(answer(b"", 799)).endswith("unexpected status code 799")
