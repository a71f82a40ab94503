"""What stands in the shared cache: an answer with its age, vouched for by the installation that wrote it.

Whoever can write to the server can forget and delay answers, and repeat old ones until they are too old;
without the key nobody can make or change one, or have it taken for the answer to another question. Names of
repositories do not stand in it.

References: HMAC, RFC 2104; FIPS 180-4.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pratique.runtime.strict_json import StrictJsonError, parse

SKEW_S: Final = 5.0
"""By how much clocks of replicas may differ."""
_SIZE: Final = 32
_MAX_HEADER: Final = 4 << 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What a registry said.

    Attributes:
        body: the bytes.
        note: what goes with them: a media type; of an absence its code.
        is_absent: it said that there is nothing.
    """

    body: bytes
    note: str = ""
    is_absent: bool = False


class Sealer:
    """Writes and reads records with the key of an installation.

    Args:
        key: the secret.
        clock: seconds since the epoch.
    """

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._names = hmac.digest(key, b"pratique shared cache 1: names", "sha256")
        self._records = hmac.digest(key, b"pratique shared cache 1: records", "sha256")
        self._clock = clock

    def name(self, *question: str) -> bytes:
        """Return the name under which the answer to a question is kept; it shows nothing of the question."""
        return (
            b"pratique:1:" + hmac.digest(self._names, json.dumps(question).encode(), "sha256").hex().encode()
        )

    def seal(self, name: bytes, answer: Answer) -> bytes:
        """Return the record of an answer under a name."""
        header = {"at": int(self._clock()), "note": answer.note, "absent": answer.is_absent}
        content = json.dumps(header).encode() + b"\n" + answer.body
        return self._mac(name, content) + content

    def open(self, name: bytes, record: bytes, max_age: float | None) -> Answer | None:
        """Return the answer in a record; None if it is too old.

        Args:
            name: under which it was found.
            record: what was found.
            max_age: seconds for which it is believed; None for ever.

        Raises:
            ForgedError: nobody of this installation wrote it under this name.
        """
        mac, content = record[:_SIZE], record[_SIZE:]
        if not hmac.compare_digest(mac, self._mac(name, content)):
            raise ForgedError
        line, _, body = content.partition(b"\n")
        try:
            header = parse(line[:_MAX_HEADER])
        except StrictJsonError as error:
            raise ForgedError from error
        match header:
            case {"at": int(at), "note": str(note), "absent": bool(is_absent)}:
                age = self._clock() - at
                if max_age is not None and not -SKEW_S <= age < max_age:
                    return None
                return Answer(body, note, is_absent)
            case _:
                raise ForgedError

    def _mac(self, name: bytes, content: bytes) -> bytes:
        return hmac.digest(self._records, name + b"\0" + content, "sha256")


class ForgedError(Exception):
    """A record that nobody of this installation wrote, or not under this name."""
