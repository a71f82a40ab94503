"""Files of HTTP requests that policies in CEL with `evaluation.mode: HTTP` judge.

References: github.com/kyverno/kyverno-authz `pkg/cel/libs/authz/http/types.go`, read by Go's `encoding/json`:
letters in names of fields may be capital or small, and what is null is not set.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from pratique.grammar.documents.base import Items
from pratique.grammar.documents.command_line import CommandLineModel


def _bytes(value: Any) -> Any:
    """Return the bytes that a text in base64 stands for; line ends in it do not count, as in Go."""
    if not isinstance(value, str):
        return value
    try:
        return b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("must be bytes in base64") from error


Texts: TypeAlias = dict[str, Items[str | None] | None]
"""Values by name, in their order."""

_INT64 = 1 << 63


class HttpAttributes(CommandLineModel):
    """What an HTTP request says; None for what the file leaves out and Go would have no value for.

    Attributes:
        header: values by name; Kyverno finds those alone whose names are written in canonical form
            (`X-Api-Key`).
        body: bytes, written in base64.
    """

    method: str = ""
    header: Texts | None = None
    host: str = ""
    protocol: str = ""
    content_length: Annotated[int, Field(ge=-_INT64, lt=_INT64)] = 0
    body: Annotated[bytes, BeforeValidator(_bytes)] | None = None
    scheme: str = ""
    path: str = ""
    query: Texts | None = None
    fragment: str = ""


class HttpCheck(CommandLineModel):
    """The question whether an HTTP request is allowed."""

    attributes: HttpAttributes = HttpAttributes()
