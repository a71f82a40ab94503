"""Reads `WWW-Authenticate` headers, strictly: a header that has two readings has none.

References: RFC 9110, section 11.6.1; Docker registry token authentication specification.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_HEADER = 4096

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?=[\s,]|$)\s*")
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*(,\s*|$)')
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?:,\s*|$)")


class ChallengeError(ValueError):
    """The header does not read as challenges."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate: `scheme` in lower case, parameters with names in lower case."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Return all challenges of an answer's `WWW-Authenticate` headers, in order.

    Raises:
        ChallengeError: a header is too long, malformed, or gives a parameter twice.
    """
    return tuple(challenge for header in headers for challenge in _parse(header))


def _parse(header: str) -> Iterable[Challenge]:
    if len(header) > MAX_HEADER or not header.isprintable():
        raise ChallengeError("the challenge is too long or not text")
    position = 0
    while position < len(header):
        scheme = _SCHEME.match(header, position)
        if scheme is None:
            if not header[position:].strip(" ,\t"):
                return
            raise ChallengeError("the challenge is malformed")
        position = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            name, quoted, plain, _ = parameter.groups()
            if name.lower() in parameters:
                raise ChallengeError("a parameter of the challenge is given twice")
            parameters[name.lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            position = parameter.end()
        if not parameters and (credentials := _TOKEN68.match(header, position)):
            # `Negotiate abc==` and its likes: legal, and of no use here.
            position = credentials.end()
        yield Challenge(scheme[1].lower(), parameters)
