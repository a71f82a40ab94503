"""Answers of image stores as bytes that can be kept, and back."""

from __future__ import annotations

import json
from typing import Protocol

from pratique.grammar.errors import NotFoundError
from pratique.runtime.ports import Descriptor
from pratique.runtime.registry import content
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.strict_json import StrictJsonError, parse


class Recorded(Protocol):
    """Bytes with a note."""

    @property
    def note(self) -> str:
        """Return the code of an absence, or a media type."""
        ...

    @property
    def body(self) -> bytes:
        """Return the bytes."""
        ...


def absence_text(error: NotFoundError) -> bytes:
    """Return what a store says of what is not there."""
    return json.dumps({"message": error.message, "detail": error.detail}).encode()


def absence_in(record: Recorded) -> NotFoundError:
    """Return the error that was told.

    Raises:
        StrictJsonError: it is none.
    """
    match parse(record.body):
        case {"message": str(message), "detail": str(detail)} if record.note in _ABSENT:
            return NotFoundError(record.note, message, detail=detail)
        case _:
            raise StrictJsonError("not what a store says of missing things")


_ABSENT = (FaultCode.IMAGE_NOT_FOUND, FaultCode.BLOB_NOT_FOUND)


def referrers_text(descriptors: tuple[Descriptor, ...]) -> bytes:
    """Return a list of descriptors as JSON."""
    entries = [
        {
            "mediaType": d.media_type,
            "digest": d.digest,
            "size": d.size,
            "annotations": d.annotations,
            "artifactType": d.artifact_type,
        }
        for d in descriptors
    ]
    return json.dumps({"manifests": entries}).encode()


def referrers_in(body: bytes, operation: Operation) -> tuple[Descriptor, ...]:
    """Return the descriptors that were listed.

    Raises:
        StrictJsonError: they are none.
        TransportError: too many.
    """
    match parse(body):
        case {"manifests": list(entries)} if all(map(content.is_descriptor, entries)):
            return content.referrers_in({"manifests": entries}, operation)
        case _:
            raise StrictJsonError("not a list of descriptors")
