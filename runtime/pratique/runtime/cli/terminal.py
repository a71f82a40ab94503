"""What the terminal and the environment ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO


def use_color(when: str, stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Say whether text for `stream` is coloured.

    Args:
        when: `always`, `never`, or `auto`: a terminal that can, with neither NO_COLOR nor CI set.
        stream: where the text goes.
        environment: by default that of the process.

    References: no-color.org.
    """
    if when != "auto":
        return when == "always"
    return is_interactive(stream, environment) and not _environment(environment).get("NO_COLOR")


def is_interactive(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Say whether a person watches `stream`: a terminal that understands sequences, not a CI job's log."""
    given = _environment(environment)
    return stream.isatty() and given.get("TERM") != "dumb" and not given.get("CI")


def _environment(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environment is None else environment
