"""Texts that are written in the other of two languages: regular expressions read as globs, and globs as such.

Each function returns what was probably meant, in the language of the field, or an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

FILLINGS: Final = (
    "release",
    "acme",
    "app/.github/workflows/release.yml@refs/heads/main",
    "1.4.2",
)
"""What `*` may stand for in an identity."""

_REGEX: Final = re.compile(
    r"""
    \\.                           # an escape
    | \.\+
    | (?<![A-Za-z0-9])\.\*        # not `v1.*` or `release.*`, which are good globs
    | ^\^ | \$$
    | \[\^[^\]]*\]                # not `dependabot[bot]`, which is a name
    | \[[^\]]*[A-Za-z0-9]-[A-Za-z0-9][^\]]*\]
    | \((?:[^()]*\|[^()]*)\)
    """,
    re.VERBOSE,
)
_ANYTHING: Final = re.compile(r"\.[*+]\??|\[\^[/@]\][*+]")
_METACHARACTERS: Final = re.compile(r"[\\\[\](){}|+^$]")
_STAR: Final = re.compile(r"\[[^\]]*\]|\\.|(?P<star>\*)")


def regex_mark(glob: str) -> str:
    """Return what makes a glob look like a regular expression; an empty text for nothing."""
    found = _REGEX.search(glob)
    return found.group() if found else ""


def as_glob(regex: str) -> str:
    """Return a regular expression as a glob over the whole text, where `*` suffices to say it."""
    plain = re.sub(r"\\([./@:_-])", r"\1", regex.removeprefix("^").removesuffix("$"))
    # What is left of stars after "anything" is taken out repeats a single character.
    stars = _ANYTHING.sub("\0", plain)
    return "" if _METACHARACTERS.search(stars) or "*" in stars else stars.replace("\0", "*")


def glob_mark(regex: str) -> str:
    """Return what makes a regular expression look like a glob, such as `/*`; an empty text for nothing."""
    if _ANYTHING.search(regex):
        return ""  # whoever writes `.*` knows what a star means here
    for found in _STAR.finditer(regex):
        place = found.start("star")
        if place < 0:
            continue
        before, behind = regex[max(place - 1, 0) : place], regex[place + 1 : place + 2]
        if regex[max(place - 2, 0) : place - 1] == "\\":
            continue
        if before in ("", "^", *"/@:=_-") or (before.isalnum() and behind in ("", "$", *"/@:.")):
            return before + "*"
    return ""


def as_regex(glob: str) -> str:
    """Return a glob that stands where a regular expression is read as an expression of the same meaning.

    Dots may be escaped, and the ends anchored, already.
    """
    plain = glob.removeprefix("^").removesuffix("$").replace("\\.", ".")
    if _METACHARACTERS.search(plain) or "?" in plain:
        return ""
    return f"^{plain.replace('.', chr(92) + '.').replace('*', '.*')}$"


def glob_of(text: str) -> str:
    """Return the glob that such a text was meant as."""
    return text.removeprefix("^").removesuffix("$").replace("\\.", ".")


def filled(glob: str) -> Iterator[str]:
    """Yield texts that a glob matches, plausible identities first."""
    for filling in FILLINGS:
        yield glob.replace("*", filling)
