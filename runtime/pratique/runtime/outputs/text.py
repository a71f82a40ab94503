"""Text for people: nothing in it can drive a terminal, and colour only where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pratique.runtime.decision import Status


def visible(text: str) -> str:
    r"""Return `text` on one line, every character that does not print written as an escape.

    Line ends, escape sequences, bidirectional marks and lone surrogates become `\n`, `\x1b`, `\u202e` ...
    What comes out has the same meaning in any terminal (rule K34).
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def visible_lines(text: str) -> list[str]:
    """Return the lines of `text`, split at line feeds only, each made `visible`; trailing blanks are cut."""
    return [visible(line.rstrip()) for line in text.split("\n")]


# By the texts of `Status`, so that commands without verdicts need not load what verdicts are made of.
_CODES: Final[Mapping[str, str]] = {"pass": "32", "fail": "1;31", "warn": "33", "error": "1;35", "skip": "36"}

MARKS: Final[Mapping[str, str]] = {"pass": "✓", "fail": "✗", "warn": "!", "error": "✗", "skip": "-"}
"""One column that stands for a status in front of a line."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of the terminal, or none at all."""

    enabled: bool = False

    def paint(self, code: str, text: str) -> str:
        """Return `text` between the ANSI sequence `code` and a reset."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled else text

    def status(self, status: Status, text: str = "") -> str:
        """Return `text` (by default the status' own name) in the colour of `status`."""
        return self.paint(_CODES[status], text or status)

    def met(self, met: bool) -> str:
        """Return the mark of a part of an obligation."""
        status = "pass" if met else "fail"
        return self.paint(_CODES[status], MARKS[status])

    def bold(self, text: str) -> str:
        """Return `text` as a heading."""
        return self.paint("1", text)

    def faint(self, text: str) -> str:
        """Return `text` as something of less weight."""
        return self.paint("2", text)


def plural(count: int, noun: str) -> str:
    """Return `1 noun` or `N nouns`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
