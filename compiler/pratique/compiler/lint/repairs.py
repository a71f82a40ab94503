"""Why a pattern matches no image, and what its author may have meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pratique.compiler.ir import ImagePattern
from pratique.compiler.languages.references import HEX_DIGITS
from pratique.compiler.lint.facts import Facts
from pratique.grammar.image_reference import MAX_PATH, MAX_TAG, MAX_TEXT

_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://")
_DIGEST = re.compile(rf"@({'|'.join(HEX_DIGITS)}):([^*?]*)$")
_TAG_AND_DIGEST = re.compile(r":[^:/@*?]*(@[^/]*)$")


@dataclass(frozen=True, slots=True)
class Repair:
    """Patterns to write instead (each matches something), and an image that the first of them matches."""

    patterns: tuple[str, ...]
    example: str


def is_unfinished(text: str, facts: Facts) -> bool:
    """Say whether something behind the pattern would make it match: then only its end is wrong."""
    return bool(facts.example(text + "*"))


def reason(text: str, facts: Facts) -> str:
    """Return why no image matches `text`, as the end of a sentence."""
    if not text:
        return "an empty pattern matches the empty text only"
    if _is_too_long(text):
        return f"no image reference has more than {MAX_TEXT} characters"
    if is_unfinished(text, facts):
        if digest := _DIGEST.search(text):
            algorithm, digits = digest.groups()
            wanted = HEX_DIGITS[algorithm]
            return f"a {algorithm} digest has {wanted} hexadecimal digits, and this one has {len(digits)}"
        what = f"ends in `{text[-1]}`" if text[-1:] in ("/", ":", "@") else "ends without either"
        return (
            "every image reference that policies are matched against ends in `:tag` or `@digest`,"
            f" and this pattern {what}"
        )
    place = _dead_end(text, facts)
    before, character = text[: place - 1], text[place - 1]
    named = text[:place] if "/" not in before else character
    if capital := next((letter for letter in named if letter.isupper()), ""):
        what = "paths" if "/" in before else "registries"
        return f"{what} are compared in lower case, and this pattern has a capital `{capital}`"
    if len(before) > min(MAX_PATH, MAX_TAG) and before[-1:].isalnum():
        return f"a path has at most {MAX_PATH} characters, and a tag at most {MAX_TAG}"
    if not before:
        return f"no image reference starts with `{character}`"
    return f"no image reference has `{character}` behind `{before}`"


def _is_too_long(text: str) -> bool:
    return len(text) - text.count("*") > MAX_TEXT


def _dead_end(text: str, facts: Facts) -> int:
    """Return the length of the shortest beginning that no image reference has."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high) // 2
        if facts.is_dead(ImagePattern(text=text[:middle] + "*")):
            high = middle
        else:
            low = middle + 1
    return low


def repair(text: str, facts: Facts) -> Repair | None:
    """Return what to write instead of a pattern that matches nothing, where that can be told."""
    if _is_too_long(text):
        return None
    for candidates in _candidates(text):
        examples = [facts.example(candidate) for candidate in candidates]
        if all(examples):
            return Repair(candidates, examples[0])
    return None


def _candidates(text: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    host, slash, _ = text.partition("/")
    last = text.rpartition("/")[2]
    if text[-1:] in ("/", ":", "@"):
        found.append((text + "*",))
    elif not slash and "." in host:
        found.append((text + "/*",))
    elif not _DIGEST.search(text) and ":" not in last and "@" not in last:
        found.append((f"{text}:*", f"{text}@*"))
    for other in (
        text.strip(),
        _SCHEME.sub("", text),
        _TAG_AND_DIGEST.sub(r"\1", text),
        text.lower(),
    ):
        if other != text:
            found.append((other,))
            found += [(candidate,) for candidate in (f"{other}*",) if other[-1:] == "/"]
    return found
