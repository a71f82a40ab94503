"""Kind selectors: `Pod`, `v1/Pod`, `apps/v1/Deployment`, `Pod/status`, `*/*` ...

`kinds.lark` defines the language; this module reads it with one regular expression.

References: Kyverno 1.19 `pkg/utils/kube`, ParseKindSelector.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from pratique.grammar.errors import PratiqueError

MAX_TEXT = 512

_SELECTOR = re.compile(
    r"(?P<heads>(?:[a-zA-Z0-9.*?-]++/){0,3})(?P<names>[a-zA-Z0-9*?-]++(?:\.[a-zA-Z0-9*?-]++){0,3}+)"
)
_VERSION = re.compile(r"v[0-9](?:(?:alpha|beta)[0-9])?|\*")
_GRAMMAR = "kinds.lark"
_STARTS = ("start",)
_WORDS = {
    "NAME": "a kind or subresource",
    "HEAD": "a group or version",
    "DOT": ".",
    "$END": "the end",
}


class KindParts(NamedTuple):
    """A kind selector: each part is a wildcard pattern; `subresource` is empty for the resource itself."""

    group: str
    version: str
    kind: str
    subresource: str


class KindError(PratiqueError):
    """A text that is no kind selector.

    Attributes:
        text: the text as it was given.
        offset: 0-based place, in code points, where it goes wrong.
        reason: what is wrong there, as a phrase.
    """

    def __init__(self, text: str, offset: int, reason: str) -> None:
        shown = text if len(text) <= 80 else f"{text[:80]}…"
        super().__init__(f"{shown!a} is not a kind selector: {reason} (at offset {offset})")
        self.text = text
        self.offset = offset
        self.reason = reason


@lru_cache(maxsize=1024)
def parse_kind(text: str) -> KindParts:
    """Return the parts of a kind selector, `*` where one is left out.

    `v10/Kind` reads as kind `v10` with a subresource, as in Kyverno 1.19: its versions have one digit.

    DEVIATION: Kyverno takes any text; one of five parts or with an empty part matches nothing there and is an
    error here. Test: test_texts_that_select_nothing_are_refused.

    Raises:
        KindError: the text is not in the grammar.
    """
    match = _SELECTOR.fullmatch(text) if len(text) <= MAX_TEXT else None
    parts = [*match["heads"].split("/")[:-1], *match["names"].split(".")] if match else []
    match parts:
        case [kind]:
            return KindParts("*", "*", kind, "")
        case ["*", "*"]:
            return KindParts("*", "*", "*", "*")
        case ["*", subresource] if subresource == subresource.lower():
            return KindParts("*", "*", "*", subresource)
        case [version, kind] if _VERSION.fullmatch(version):
            return KindParts("*", version, kind, "")
        case [kind, subresource]:
            return KindParts("*", "*", kind, subresource)
        case [version, kind, subresource] if _VERSION.fullmatch(version):
            return KindParts("*", version, kind, subresource)
        case [group, version, kind]:
            return KindParts(group, version, kind, "")
        case [group, version, kind, subresource]:
            return KindParts(group, version, kind, subresource)
        case _:
            raise _error(text)


def parses(text: str) -> bool:
    """Say whether the grammar file accepts the text: the definition that `parse_kind` is tested against."""
    from pratique.grammar.diagnosis import diagnose

    return len(text) <= MAX_TEXT and diagnose(_GRAMMAR, _STARTS, "start", text, _WORDS) is None


def _error(text: str) -> KindError:
    if not text:
        return KindError(text, 0, "it is empty")
    if len(text) > MAX_TEXT:
        return KindError(text, MAX_TEXT, f"it is longer than {MAX_TEXT} characters")
    from pratique.grammar.diagnosis import diagnose, phrase

    problem = diagnose(_GRAMMAR, _STARTS, "start", text, _WORDS)
    return KindError(text, *phrase(problem, text))
