"""The YAML event stream, from libyaml where PyYAML was built with it, else from PyYAML's own parser.

Kubernetes' reader is a port of libyaml, so libyaml's view of a text is the right one; the slow parser is
brought in line where the two differ on tabs.

INVARIANT: a text that both accept has the same meaning to both. The slow one still refuses a few texts that
libyaml accepts (`[a?b]`) and accepts a few that libyaml refuses (`[a:, b]`); all are outside YAML 1.1's core.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import yaml
from yaml.events import Event
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner


class EventParser(Protocol):
    """A pull parser over one text."""

    def get_event(self) -> Event | None:
        """Return the next event, None after the end of the stream; raise `yaml.YAMLError`."""
        ...


class PureParser(Reader, Scanner, Parser):
    """PyYAML's own parser, with libyaml's idea of where a tab is white space."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        """Skip white space and comments in front of the next token."""
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str]:
        """Return the white space inside an unquoted scalar, whose line ends are folded."""
        length = 0
        while self.peek(length) in (" ", "\t"):
            length += 1
        blanks = self.prefix(length)
        if "\t" not in blanks:
            return cast(list[str], super().scan_plain_spaces(indent, start_mark))
        self.forward(length)
        if self.peek() in "\r\n":
            return cast(list[str], super().scan_plain_spaces(indent, start_mark))
        return [blanks]


def event_parser(text: str) -> EventParser:
    """Return a parser for `text`; which of the two it is makes no difference but speed."""
    if yaml.__with_libyaml__:
        from yaml._yaml import CParser

        return CParser(text)
    return PureParser(text)
