"""Semantic versions and ranges of them, strictly `major.minor.patch`.

References: github.com/blang/semver 4.0 (`Parse`, `ParseRange`); semver.org 2.0.0, section 11.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

_NUMBER = r"0|[1-9][0-9]*"
_PART = r"[0-9A-Za-z-]+"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_PART}(?:\.{_PART})*))?(?:\+({_PART}(?:\.{_PART})*))?"
)
_LONGEST: Final = 1024
_UINT_MAX: Final = 2**64 - 1

Identifier: TypeAlias = tuple[int, int, str]
"""A part of a pre-release in sorting order: numbers first, by value; then texts, by bytes."""


@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version; build metadata takes no part in comparisons and is not kept."""

    major: int = 0
    minor: int = 0
    patch: int = 0
    prerelease: tuple[Identifier, ...] = ()

    @property
    def key(self) -> tuple[int, int, int, bool, tuple[Identifier, ...]]:
        """Return what orders versions: a release comes behind its pre-releases."""
        return self.major, self.minor, self.patch, not self.prerelease, self.prerelease


ZERO_VERSION: Final = Version()


class VersionRangeError(ValueError):
    """A text is no range of versions; the message is the Go library's."""


def parse_version(text: str) -> Version | None:
    """Return the version, or None where the text is none."""
    return _parse(text) if len(text) <= _LONGEST and text.isascii() else None


@lru_cache(maxsize=1024)
def _parse(text: str) -> Version | None:
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    numbers = [int(number) for number in match.group(1, 2, 3)]
    if max(numbers) > _UINT_MAX:
        return None
    parts = match[4].split(".") if match[4] else []
    if any(_is_bad_number(part) for part in parts if part.isdigit()):
        return None
    identifiers = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
    major, minor, patch = numbers
    return Version(major, minor, patch, identifiers)


def _is_bad_number(digits: str) -> bool:
    return (len(digits) > 1 and digits[0] == "0") or int(digits) > _UINT_MAX


_COMPARISONS: Final[dict[str, Callable[[Version, Version], bool]]] = {
    "": lambda left, right: left.key == right.key,
    "=": lambda left, right: left.key == right.key,
    "==": lambda left, right: left.key == right.key,
    "!": lambda left, right: left.key != right.key,
    "!=": lambda left, right: left.key != right.key,
    ">": lambda left, right: left.key > right.key,
    ">=": lambda left, right: left.key >= right.key,
    "<": lambda left, right: left.key < right.key,
    "<=": lambda left, right: left.key <= right.key,
}

Test: TypeAlias = tuple[str, Version]


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Alternatives, each a conjunction of comparisons."""

    alternatives: tuple[tuple[Test, ...], ...]

    def contains(self, version: Version) -> bool:
        """Say whether the version lies in the range."""
        return any(
            all(_COMPARISONS[operator](version, bound) for operator, bound in alternative)
            for alternative in self.alternatives
        )


def parse_range(text: str) -> VersionRange:
    """Return the range: comparisons joined by blanks ("and") and `||` ("or"), with wildcards `1.x`, `1.2.x`.

    Raises:
        VersionRangeError: the text is no range.
    """
    if len(text) > _LONGEST:
        raise VersionRangeError("the range is too long")
    return _parse_range(text)


@lru_cache(maxsize=256)
def _parse_range(text: str) -> VersionRange:
    alternatives: list[list[Test]] = [[]]
    parts = _parts(text)
    for index, part in enumerate(parts):
        if part == "||":
            if index == 0:
                raise VersionRangeError("First element in range is '||'")
            if index == len(parts) - 1:
                raise VersionRangeError("Last element in range is '||'")
            alternatives.append([])
            continue
        for operator, version in _expanded(part):
            alternatives[-1].append((operator, _bound(operator, version)))
    if not parts:
        raise VersionRangeError("Last element in range is '||'")
    if not all(alternatives):
        raise VersionRangeError("empty alternative in range")
    return VersionRange(tuple(tuple(alternative) for alternative in alternatives))


def _parts(text: str) -> list[str]:
    """Split at blanks, except behind `<`, `>` and `=`; single characters are dropped as the library does."""
    parts: list[str] = []
    last, previous = 0, ""
    for index, character in enumerate(text):
        if character == " ":
            if previous not in ("<", ">", "="):
                if last < index - 1:
                    parts.append(text[last:index])
                last = index + 1
        else:
            previous = character
    if last < len(text) - 1:
        parts.append(text[last:])
    return [part.replace(" ", "") for part in parts]


def _split(part: str) -> tuple[str, str]:
    match = re.search(r"[0-9]", part)
    if match is None:
        raise VersionRangeError(f'Could not get version from string: "{part}"')
    return part[: match.start()], part[match.start() :]


def _expanded(part: str) -> list[tuple[str, str]]:
    """Return the comparisons that one part stands for: two of them for a wildcard without direction."""
    operator, version = _split(part)
    if "x" not in part:
        return [(operator, version)]
    pieces = version.split(".")
    wildcard = len(pieces) if pieces[-1] == "x" else 0
    flat = version.replace(".x.x", ".x", 1).replace(".x", ".0", 1)
    if flat.count(".") == 1:
        flat += ".0"
    following = _following(flat, wildcard)
    match operator:
        case ">":
            return [(">=", following)]
        case ">=" | "<":
            return [(operator, flat)]
        case "<=":
            return [("<", following)]
        case "" | "=" | "==":
            return [(">=", flat), ("<", following)]
        case "!" | "!=":
            return [("<", flat), (">=", following)]
        case _:
            return [(operator, version)]


def _following(flat: str, wildcard: int) -> str:
    """Return the first version behind a wildcard of `wildcard` parts; empty where there is none."""
    pieces = flat.split(".")
    place = wildcard - 2
    if place not in (0, 1) or not pieces[place].isdecimal():
        return ""
    pieces[place] = str(int(pieces[place]) + 1)
    return ".".join(pieces)


def _bound(operator: str, text: str) -> Version:
    shown = operator + text
    if not text:
        raise VersionRangeError(f'Could not get version from string: "{shown}"')
    if operator not in _COMPARISONS:
        raise VersionRangeError(
            f'Could not parse Range "{shown}": Could not parse comparator "{operator}" in "{shown}"'
        )
    version = parse_version(text)
    if version is None:
        raise VersionRangeError(
            f'Could not parse Range "{shown}": Could not parse version "{text}" in "{shown}"'
        )
    return version
