"""In-toto statements: what is claimed about which artifacts.

A statement is read once, from exactly the bytes whose signature was verified (C22), and in full: a payload
that is not a statement in every respect is refused, not read in part (C9).

References: in-toto attestation framework, `spec/v0.1.0` and `spec/v1/statement.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from math import isfinite
from typing import Any, Final

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.encodings import EncodingError, from_json
from pratique.runtime.signatures.model import Statement, Subject

TYPES: Final = ("https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1")
SIGN_PREDICATE: Final = "https://sigstore.dev/cosign/sign/v1"
"""Predicate type of a statement that says no more than that the image is signed."""
MAX_STATEMENT_BYTES: Final = 16 << 20
MAX_SUBJECTS: Final = 1024
MAX_DIGESTS: Final = 32
MAX_DEPTH: Final = 200
"""Lists and objects within each other."""


def read_statement(payload: bytes) -> Statement:
    """Return the statement in a payload that has been verified already.

    Raises:
        VerificationError: `statement-malformed`; `bundle-too-large` for more than `MAX_SUBJECTS` subjects or
            `MAX_DIGESTS` digests of one (C15).
    """
    try:
        value = from_json(_utf8(payload), max_bytes=MAX_STATEMENT_BYTES)
        if not isinstance(value, dict):
            raise EncodingError("not an object")
        check_values(value)
        kind = value.get("_type")
        if kind not in TYPES:
            raise EncodingError("_type is not of an in-toto statement")
        predicate_type = value.get("predicateType")
        if not isinstance(predicate_type, str) or not predicate_type:
            raise EncodingError("no predicateType")
        subjects = value.get("subject")
        if not isinstance(subjects, list) or not subjects:
            raise EncodingError("no subject")
        if len(subjects) > MAX_SUBJECTS:
            raise _too_large(f"{len(subjects)} subjects", MAX_SUBJECTS)
        return Statement(
            type=kind,
            predicate_type=predicate_type,
            predicate=value.get("predicate"),
            subjects=tuple(map(_subject, subjects)),
        )
    except EncodingError as error:
        text = f"invalid in-toto statement: {error}"
        raise VerificationError("statement-malformed", text) from error


def subject_with(statement: Statement, digests: Mapping[str, bytes]) -> Subject:
    """Return the first subject of `statement` that is about the artifact with `digests`.

    A subject may name digests by other algorithms than are known here; they say nothing. One that names a
    known digest and contradicts another is about something else.

    Args:
        statement: verified already.
        digests: those of the artifact, by name of the algorithm. None of a weak one.

    Raises:
        VerificationError: `digest-mismatch`, in cosign's words.
    """
    for subject in statement.subjects:
        known = [(digests[name], value) for name, value in subject.digests if name in digests]
        if known and all(value.lower() == digest.hex() for digest, value in known):
            return subject
    raise VerificationError("digest-mismatch", "no matching subject digest found")


def check_values(value: Any) -> None:
    """Return if `value` can be walked and written again: bounded in depth, all numbers and texts proper.

    Raises:
        EncodingError: more than `MAX_DEPTH` levels, a number out of range, or half of a surrogate pair.
    """
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise EncodingError(f"more than {MAX_DEPTH} levels of JSON")


def _children(value: Any) -> Iterable[Any]:
    match value:
        case dict():
            return chain(value, value.values())
        case list():
            return value
        case float() if not isfinite(value):
            raise EncodingError("a number is out of range")
        case str() if not value.isascii():
            _check_text(value)
    return ()


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise EncodingError("a text is no Unicode") from error


def _utf8(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise EncodingError("not valid JSON") from error


def _subject(value: Any) -> Subject:
    digests = value.get("digest") if isinstance(value, dict) else None
    if not isinstance(digests, dict) or not digests:
        raise EncodingError("a subject has no digest")
    if len(digests) > MAX_DIGESTS:
        raise _too_large(f"{len(digests)} digests of one subject", MAX_DIGESTS)
    if not all(isinstance(text, str) for text in digests.values()):
        raise EncodingError("a subject's digest is not a string")
    name, annotations = value.get("name"), value.get("annotations")
    if not isinstance(name, str | None):
        raise EncodingError("a subject's name is not a string")
    if not isinstance(annotations, dict | None):
        raise EncodingError("a subject's annotations are not an object")
    pairs = ((key, text) for key, text in (annotations or {}).items() if isinstance(text, str))
    return Subject(name=name or "", digests=tuple(digests.items()), annotations=tuple(pairs))


def _too_large(what: str, limit: int) -> VerificationError:
    return VerificationError("bundle-too-large", f"invalid in-toto statement: {what}, the limit is {limit}")
