"""Functions that encode, decode and hash texts.

References: Kyverno 1.19 `pkg/engine/jmespath/functions.go`; RFC 4648, section 4.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

from pratique.compiler.expressions.jmespath.functions.signature import STRING, Function, failure, function
from pratique.compiler.expressions.jmespath.run import ITEM, Run
from pratique.compiler.expressions.values.json_text import clean, read_json
from pratique.grammar.errors import EvaluationError, PolicyError
from pratique.grammar.limits import Limits
from pratique.grammar.source import Source

_FOREIGN = re.compile(r"[^A-Za-z0-9+/=]")
_PARSED_SIZE: Final = 8
"""How many bytes of memory one byte of JSON or YAML may become, roughly."""


def to_bytes(text: str) -> bytes:
    """Return the bytes of a text; bytes that are no UTF-8 travel through texts as lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _base64_decode(run: Run, text: str) -> str:
    plain = text.replace("\r", "").replace("\n", "")
    foreign = _FOREIGN.search(plain)
    if foreign:
        raise EvaluationError("invalid-argument", f"illegal base64 data at input byte {foreign.start()}")
    try:
        data = base64.b64decode(plain, validate=True)
    except binascii.Error as error:
        raise EvaluationError(
            "invalid-argument", f"illegal base64 data at input byte {len(plain) // 4 * 4}"
        ) from error
    run.charge(len(data))
    decoded = data.decode("utf-8", "surrogateescape")
    if not decoded.isascii():
        run.has_raw_bytes = True
    return decoded


def _base64_encode(run: Run, text: str) -> str:
    run.charge(2 * len(text))
    return base64.b64encode(to_bytes(text)).decode()


def _hash(algorithm: str) -> Callable[[Run, str], str]:
    def digest(run: Run, text: str) -> str:
        return hashlib.new(algorithm, to_bytes(text), usedforsecurity=False).hexdigest()

    return digest


def _parse_json(run: Run, text: str) -> Any:
    run.charge(_PARSED_SIZE * len(text))
    try:
        return read_json(text, max_depth=run.environment.limits.max_data_depth)
    except ValueError as error:
        raise failure("parse_json", f"invalid JSON: {error}") from error


def _parse_yaml(run: Run, text: str) -> Any:
    from pratique.grammar.plain_documents import read_plain

    # Reading YAML takes far longer than anything else here.
    run.charge(4 * ITEM * len(text))
    limits = run.environment.limits
    bounds = Limits(
        max_bytes=limits.max_context_bytes,
        max_document_bytes=limits.max_context_bytes,
        max_depth=limits.max_data_depth,
        max_errors=1,
    )
    try:
        result = read_plain(Source("parse_yaml", text), bounds)
    except PolicyError as error:
        raise failure("parse_yaml", error.message) from error
    if result.errors:
        raise failure("parse_yaml", result.errors[0].message)
    return clean(result.documents[0].data) if result.documents else None


FUNCTIONS: Final[tuple[Function, ...]] = (
    function("base64_decode", (STRING,), "string", _base64_decode),
    function("base64_encode", (STRING,), "string", _base64_encode),
    function("parse_json", (STRING,), "any", _parse_json),
    function("parse_yaml", (STRING,), "any", _parse_yaml),
    function("sha256", (STRING,), "string", _hash("sha256")),
    function("sha1", (STRING,), "string", _hash("sha1")),
    function("md5", (STRING,), "string", _hash("md5")),
)
