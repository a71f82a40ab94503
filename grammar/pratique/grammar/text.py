"""Bytes of a file to a text that every later stage can trust: UTF-8, no hidden controls.

What is refused here has no use in a policy and would make two readers (or a reader and an eye) disagree:
other encodings, raw control characters, and the Unicode line separators that YAML 1.1 counts as line ends
while editors and JSON do not.
"""

from __future__ import annotations

import re
from functools import cache

from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location, Source, Span

_BOM = b"\xef\xbb\xbf"
_FOREIGN_BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32 (little endian)"),
    (b"\x00\x00\xfe\xff", "UTF-32 (big endian)"),
    (b"\xff\xfe", "UTF-16 (little endian)"),
    (b"\xfe\xff", "UTF-16 (big endian)"),
)
_ALLOWED_ASCII = r"\t\n\r\x20-\x7e"
_ALLOWED = _ALLOWED_ASCII + "\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"


def decode(data: bytes, name: str) -> Source:
    """Return the text of `data` as a source called `name`.

    A UTF-8 byte order mark is dropped. Line ends stay as they are; CRLF and LF read the same later.

    Raises:
        PolicyError: `bad-encoding` with the offset of the first byte that is not UTF-8, or
            `control-character` with its place.
    """
    if data.startswith(_BOM):
        data = data[len(_BOM) :]
    encoding = _foreign_encoding(data)
    if encoding:
        raise PolicyError(
            "bad-encoding",
            f"the text is {encoding}; Kubernetes reads UTF-8 only",
            help="save the file as UTF-8",
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(data, name, error) from error
    source = Source(name, text)
    problem = forbidden_character(source)
    if problem:
        raise problem
    return source


def forbidden_character(source: Source) -> PolicyError | None:
    """Return the error for the first character that no input may hold, or None. Linear in the text."""
    match = _forbidden(source.text.isascii()).search(source.text)
    if match is None:
        return None
    character = match.group()
    if "\ud800" <= character <= "\udfff":
        code, what = "bad-encoding", "half of a surrogate pair"
    elif character in "\x85\u2028\u2029":
        code, what = "control-character", "a line separator that other readers do not see as one"
    else:
        code, what = "control-character", "a control character"
    return PolicyError(
        code,
        f"U+{ord(character):04X} is {what}; it is not allowed here",
        Location(source, _span_of(source.text, match.start())),
        help=f'inside double quotes write it as "\\u{ord(character):04X}"' if code != "bad-encoding" else "",
    )


@cache
def _forbidden(is_ascii: bool) -> re.Pattern[str]:
    """Return what finds a forbidden character; for texts of all characters it takes milliseconds to make."""
    return re.compile(f"[^{_ALLOWED_ASCII if is_ascii else _ALLOWED}]")


def _foreign_encoding(data: bytes) -> str:
    for mark, encoding in _FOREIGN_BOMS:
        if data.startswith(mark):
            return encoding
    # Text without a mark: every second byte of the first characters is zero.
    head = data[:4]
    if len(head) >= 2 and b"\0" in head and any(head):
        if head[0] and not head[1]:
            return "UTF-16 (little endian)"
        if head[1] and not head[0]:
            return "UTF-16 (big endian)"
    return ""


def _not_utf8(data: bytes, name: str, error: UnicodeDecodeError) -> PolicyError:
    # The readable part in front of the bad byte is enough to show its line.
    start = data.rfind(b"\n", 0, error.start) + 1
    end = data.find(b"\n", error.start)
    before = data[:start].decode()
    line = data[start : end if end >= 0 else len(data)].decode(errors="replace")
    column = len(data[start : error.start].decode())
    place = Location(Source(name, before + line), Span.at(before.count("\n") + 1, column + 1))
    return PolicyError(
        "bad-encoding",
        f"byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8",
        place,
        help="save the file as UTF-8",
    )


def _span_of(text: str, offset: int) -> Span:
    line_start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    line = len(re.findall(r"\r\n|\r|\n", text[:line_start])) + 1
    return Span.at(line, offset - line_start + 1)
