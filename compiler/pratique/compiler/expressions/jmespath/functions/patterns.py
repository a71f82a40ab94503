"""Functions with regular expressions and wildcards.

Regular expressions run on RE2, in time linear in the text (rule R12); they match anywhere in the text, as
Kyverno's do, unless they are anchored.

References: Kyverno 1.19 `pkg/engine/jmespath/functions.go`; Go 1.26 `regexp` (`ReplaceAll`, `Expand`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from pratique.compiler.expressions.jmespath.functions.signature import (
    STRING,
    STRING_OR_NUMBER,
    Function,
    failure,
    function,
)
from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.values.json_text import clean_text
from pratique.compiler.expressions.values.numbers import as_double, print_single
from pratique.compiler.expressions.wildcards import matches_wildcard
from pratique.compiler.texts import SearchSyntaxError, compile_search
from pratique.grammar.errors import EvaluationError

_MATCH: Final = 128
"""Charge for one match: taking it apart costs far more than finding it."""


def _text(value: Any) -> str:
    return clean_text(value) if value.__class__ is str else print_single(as_double(value))


def _compiled(expression: str) -> Any:
    return compile_search(clean_text(expression))


def _charge(run: Run, compiled: Any, text: str) -> None:
    # RE2 may fall back to simulating all states of the expression for each character.
    run.charge((compiled.programsize * len(text)) >> 5)


def _regex_match(run: Run, expression: str, subject: Any) -> bool:
    text = _text(subject)
    try:
        compiled = _compiled(expression)
    except SearchSyntaxError as error:
        raise EvaluationError("invalid-argument", str(error)) from error
    _charge(run, compiled, text)
    return compiled.search(text) is not None


def _replacer(name: str, template: Callable[[str], _Template]) -> Callable[[Run, str, Any, Any], str]:
    def replace(run: Run, expression: str, subject: Any, replacement: Any) -> str:
        text, parts = _text(subject), template(_text(replacement))
        try:
            compiled = _compiled(expression)
        except SearchSyntaxError as error:
            raise failure(name, str(error)) from error
        _charge(run, compiled, text)
        names = dict(compiled.groupindex.items())
        pieces: list[str] = []
        for literal, match in _matches(compiled, text):
            pieces.append(literal)
            if match is not None:
                run.charge(_MATCH)
                for part in _expanded(parts, match, names, compiled.groups):
                    run.charge(len(part))
                    pieces.append(part)
        run.charge(len(text))
        return "".join(pieces)

    return replace


def _matches(compiled: Any, text: str) -> Iterator[tuple[str, Any]]:
    """Yield what stands before each match, and the match; at the end the rest, and None.

    An empty match right behind another match is none.
    """
    copied, last_end = 0, 0
    for match in compiled.finditer(text):
        start, end = match.span()
        literal = text[copied:start]
        copied = end
        if end > last_end or start == 0:
            yield literal, match
        else:
            yield literal, None
        last_end = end
    yield text[copied:], None


_Template = list[str | tuple[str, int]]
"""Literal texts and references to groups; a reference is a name and its number, -1 for a real name."""

_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")


def _literal_template(text: str) -> _Template:
    return [text]


def _template(text: str) -> _Template:
    """Read `$1`, `${name}` and `$$`; any other `$` stands for itself."""
    parts: _Template = []
    position = 0
    for match in _REFERENCE.finditer(text):
        parts.append(text[position : match.start()])
        position = match.end()
        if match[1]:
            parts.append("$")
        else:
            name = match[2] or match[3]
            is_number = (
                name.isascii() and name.isdigit() and (name == "0" or name[0] != "0") and len(name) < 9
            )
            parts.append((name, int(name) if is_number else -1))
    parts.append(text[position:])
    return parts


def _expanded(parts: _Template, match: Any, names: dict[str, int], groups: int) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
            continue
        name, number = part
        number = names.get(name, -1) if number < 0 else number
        if 0 <= number <= groups:
            yield match.group(number) or ""


def _pattern_match(run: Run, pattern: str, subject: Any) -> bool:
    return matches_wildcard(pattern, _text(subject), run)


FUNCTIONS: Final[tuple[Function, ...]] = (
    function(
        "regex_replace_all",
        (STRING, STRING_OR_NUMBER, STRING_OR_NUMBER),
        "string",
        _replacer("regex_replace_all", _template),
    ),
    function(
        "regex_replace_all_literal",
        (STRING, STRING_OR_NUMBER, STRING_OR_NUMBER),
        "string",
        _replacer("regex_replace_all_literal", _literal_template),
    ),
    function("regex_match", (STRING, STRING_OR_NUMBER), "bool", _regex_match),
    function("pattern_match", (STRING, STRING_OR_NUMBER), "bool", _pattern_match),
)
