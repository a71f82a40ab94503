r"""Where variables and references stand in a text.

`{{ expression }}` may hold one level of single braces; `\{{` is no variable. A variable needs a character in
front of it that is no backslash, or the start of the text, and that character belongs to the match: of two
variables without anything between them the second one is only seen when the first one is replaced.

References: Kyverno 1.19 `pkg/engine/variables/regex`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_VARIABLE = re.compile(r"(^|[^\\])(\{\{(?:\{[^{}]*\}|[^{}])*+\}\})")
_REFERENCE = re.compile(r"(^|[^\\])(\$\(.[^ ]*\))")
_ESCAPED_REFERENCE = re.compile(r"\\(\$\(.[^ )]*\))")


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
    """Return the references `$(path)` of a text, from the left."""
    if "$(" not in text:
        return []
    return [Found(match[1], match[2], match.start(2)) for match in _REFERENCE.finditer(text)]


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
    return _ESCAPED_REFERENCE.sub(r"\1", text) if "\\$(" in text else text
