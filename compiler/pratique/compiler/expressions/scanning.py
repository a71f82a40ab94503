r"""Where variables and references stand in a text.

`{{ expression }}` may hold one level of single braces; `\{{` is no variable. A variable needs a character in
front of it that is no backslash, or the start of the text, and that character belongs to the match: of two
variables without anything between them the second one is only seen when the first one is replaced.

DEVIATION: Kyverno takes the first byte in front for that character, and so fails where it is not ASCII; here
it is the character. Test: test_a_variable_may_follow_any_character.

References: Kyverno 1.19 `pkg/engine/variables/regex`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_VARIABLE = re.compile(r"(^|[^\\])(\{\{(?:\{[^{}]*\}|[^{}])*+\}\})")
_ESCAPED_REFERENCE = re.compile(r"\\(\$\(.[^ )]*+(\)?))")


class Found(NamedTuple):
    """A variable or reference in a text.

    Attributes:
        prefix: the character in front, or empty at the start of the text.
        text: with its braces.
        at: 0-based code point where `text` starts.
    """

    prefix: str
    text: str
    at: int


class Inside(NamedTuple):
    """What stands between the braces of a variable.

    Attributes:
        expression: without blanks and without the dash of a shallow variable.
        is_shallow: written `{{- ... }}`: what it is replaced with is not looked through for variables.
    """

    expression: str
    is_shallow: bool


def find_variables(text: str) -> list[Found]:
    """Return the variables of a text that hold no others, from the left."""
    if "{{" not in text:
        return []
    return [Found(match[1], match[2], match.start(2)) for match in _VARIABLE.finditer(text)]


def find_references(text: str) -> list[Found]:
    """Return the references `$(path)` of a text, from the left. Linear.

    Each one ends at the last closing parenthesis before the next blank, as Kyverno's expression has it; the
    expression itself takes quadratic time.
    """
    found: list[Found] = []
    last_end = barren = 0
    start = text.find("$(")
    while start >= 0:
        following = start + 2
        is_free = start == 0 or (start > last_end and text[start - 1] != "\\")
        if is_free and start + 3 > barren and text[start + 2 : start + 3] not in ("", "\n"):
            blank = text.find(" ", start + 3)
            barren = len(text) if blank < 0 else blank
            end = text.rfind(")", start + 3, barren) + 1
            if end:
                found.append(Found(text[max(start - 1, 0) : start], text[start:end], start))
                last_end = following = end
                barren = 0
        start = text.find("$(", following)
    return found


def inside(variable: str) -> Inside:
    """Return what stands between the braces of a variable."""
    expression = variable.replace("{{", "").replace("}}", "").strip()
    if expression.startswith("-"):
        return Inside(expression[1:].strip(), True)
    return Inside(expression, False)


def offset_of_expression(found: Found) -> int:
    """Return the code point of a text where the expression of one of its variables starts."""
    expression = inside(found.text).expression
    return found.at + max(0, found.text.find(expression) if expression else 2)


def unescape_variables(text: str) -> str:
    r"""Return `text` with every `\{{` as `{{`."""
    return text.replace("\\{{", "{{")


def unescape_references(text: str) -> str:
    r"""Return `text` with every `\$(path)` as `$(path)`."""
    if "\\$(" not in text:
        return text
    return _ESCAPED_REFERENCE.sub(lambda match: match[1] if match[2] else match[0], text)
