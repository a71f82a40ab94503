"""Kyverno's wording of registry errors, built from nothing but what we asked and well-known codes.

Kyverno shows Go's text of an error answer, which quotes the registry. Here the same text comes out when the
registry said the standard thing, and no word of a remote body is passed on (threat K30).

References: go-containerregistry `transport.Error`; distribution specification 1.1, error codes.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pratique.runtime.registry.exchange import Answer
from pratique.runtime.strict_json import StrictJsonError, parse

_MESSAGES = {
    "BLOB_UNKNOWN": "blob unknown to registry",
    "DENIED": "requested access to the resource is denied",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "NAME_INVALID": "invalid repository name",
    "NAME_UNKNOWN": "repository name not known to registry",
    "TOOMANYREQUESTS": "too many requests",
    "UNAUTHORIZED": "authentication required",
    "UNSUPPORTED": "The operation is unsupported.",
}


def error_detail(answer: Answer, *known: str) -> str:
    """Return `GET url: CODE: message; map[Key:value]`, or the status where there is no standard error.

    Args:
        answer: not a success.
        known: texts that we sent ourselves and that may be repeated: tag, digest, path.
    """
    url = answer.url.with_query(None)
    errors = _errors(answer.body)
    if not errors:
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = ""
        return f"GET {url}: unexpected status code {answer.status} {phrase}".rstrip()
    return f"GET {url}: " + "; ".join(_words(error, known) for error in errors)


def _errors(body: bytes) -> list[dict[str, Any]]:
    try:
        data = parse(body)
        errors = data["errors"]
    except (StrictJsonError, KeyError, TypeError):
        return []
    well_known = isinstance(errors, list) and all(
        isinstance(e, dict) and isinstance(e.get("code"), str) and e["code"] in _MESSAGES for e in errors
    )
    return errors[:4] if well_known else []


def _words(error: dict[str, Any], known: tuple[str, ...]) -> str:
    text = f"{error['code']}: {_MESSAGES[error['code']]}"
    detail = error.get("detail")
    if not isinstance(detail, dict) or not detail:
        return text
    plain = all(key.isascii() and key.isalpha() and len(key) <= 16 for key in detail)
    if not plain or not all(value in known for value in detail.values() if isinstance(value, str)):
        return text
    if not all(isinstance(value, str) for value in detail.values()):
        return text
    return f"{text}; map[{' '.join(f'{key}:{detail[key]}' for key in sorted(detail))}]"
