r"""`random(expression)`: a text that matches a regular expression, from the random source handed in.

The syntax is that of Go's `regexp/syntax` without Perl extensions: no `\d`, no `(?:...)`, no lazy repetition.

References: github.com/zach-klippenstein/goregen (`Generate`): at most 4096 repetitions where there is no
bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from pratique.compiler.expressions.errors import shorten
from pratique.compiler.expressions.jmespath.functions.signature import STRING, Function, function
from pratique.compiler.expressions.jmespath.run import RandomSource, Run
from pratique.grammar.errors import EvaluationError

_MAX_EXPRESSION: Final = 4096
_MAX_UNBOUNDED: Final = 4096
_MAX_REPEAT: Final = 1000
_MAX_NESTING: Final = 64
_PRINTABLE: Final = tuple(range(0x20, 0x7F))
_CONTROLS: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_NAMED: Final = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\\x00-\\x7f", "blank": "\\t ",
    "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~",
    "punct": "!-/:-@[-`{-~",
    "space": "\\t\\n\\v\\f\\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_REPEAT = re.compile(r"\{([0-9]+)(,([0-9]*))?\}")
_HEXADECIMAL = re.compile(r"x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_NAMED_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")

Generate: TypeAlias = Callable[[RandomSource, Run], str]


def generate_text(run: Run, expression: str) -> str:
    """Return a random text that a regular expression matches.

    Raises:
        EvaluationError: it is none, or there are no random numbers.
    """
    if not expression:
        raise EvaluationError("invalid-argument", "no pattern provided")
    source = run.environment.random
    if source is None:
        raise EvaluationError("no-random-source", "JMESPath function 'random': there is no random source")
    return _Reader(expression).read()(source, run)


def _bad(problem: str, part: str) -> EvaluationError:
    return EvaluationError("invalid-argument", f"error parsing regexp: {problem}: `{shorten(part)}`")


class _Reader:
    """Reads an expression and returns what generates its texts."""

    def __init__(self, text: str) -> None:
        if len(text) > _MAX_EXPRESSION:
            raise _bad("expression too large", text)
        self._text = text
        self._position = 0
        self._depth = 0

    def read(self) -> Generate:
        generate = self._alternatives()
        if self._position < len(self._text):
            raise _bad("unexpected )", self._text)
        return generate

    @property
    def _next(self) -> str:
        return self._text[self._position : self._position + 1]

    def _take(self) -> str:
        character = self._next
        self._position += 1
        return character

    def _alternatives(self) -> Generate:
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise _bad("expression nests too deeply", self._text)
        choices = [self._sequence()]
        while self._next == "|":
            self._take()
            choices.append(self._sequence())
        self._depth -= 1
        if len(choices) == 1:
            return choices[0]
        return lambda source, run: choices[source.randrange(len(choices))](source, run)

    def _sequence(self) -> Generate:
        parts: list[Generate] = []
        while self._next not in ("", "|", ")"):
            parts.append(self._repeated())
        return lambda source, run: "".join([part(source, run) for part in parts])

    def _repeated(self) -> Generate:
        start = self._position
        generate = self._atom()
        count = 0
        while bounds := self._bounds():
            low, high = bounds
            count += 1
            if count > _MAX_NESTING:
                raise _bad("invalid nested repetition operator", self._text[start:])
            generate = _repetition(generate, low, high)
        return generate

    def _bounds(self) -> tuple[int, int] | None:
        """Read a repetition; None where there is none."""
        simple = {"*": (0, _MAX_UNBOUNDED), "+": (1, _MAX_UNBOUNDED), "?": (0, 1)}.get(self._next)
        if simple:
            self._take()
            return simple
        match = _REPEAT.match(self._text, self._position)
        if match is None:
            return None
        self._position = match.end()
        low = int(match[1]) if len(match[1]) < 5 else _MAX_REPEAT + 1
        high = low
        if match[2]:
            high = (int(match[3]) if len(match[3]) < 5 else _MAX_REPEAT + 1) if match[3] else _MAX_UNBOUNDED
        bounded = not match[2] or bool(match[3])
        if low > _MAX_REPEAT or (bounded and high > _MAX_REPEAT) or high < low:
            raise _bad("invalid repeat count", match.group())
        return low, high

    def _atom(self) -> Generate:
        start = self._position
        character = self._take()
        match character:
            case "(":
                generate = self._alternatives()
                if self._take() != ")":
                    raise _bad("missing closing )", self._text)
                return generate
            case "[":
                return _choice(self._members(start))
            case ".":
                return _choice(list(_PRINTABLE))
            case "^" | "$":
                return lambda source, run: ""
            case "*" | "+" | "?":
                raise _bad("missing argument to repetition operator", character)
            case "\\":
                return _literal(self._escaped(start))
            case _:
                return _literal(ord(character))

    def _escaped(self, start: int) -> int:
        """Read the character behind a backslash."""
        if not self._next:
            raise EvaluationError(
                "invalid-argument", "error parsing regexp: trailing backslash at end of expression: ``"
            )
        for pattern, base in ((_HEXADECIMAL, 16), (_OCTAL, 8)):
            match = pattern.match(self._text, self._position)
            if match:
                self._position = match.end()
                code = int(match[1] or match[2], base) if base == 16 else int(match.group(), base)
                if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                    break
                return code
        else:
            character = self._take()
            if character in _CONTROLS:
                return _CONTROLS[character]
            if not character.isalnum() and character.isascii():
                return ord(character)
        raise _bad("invalid escape sequence", self._text[start : self._position])

    def _members(self, start: int) -> list[int]:
        """Read the characters of a class whose `[` is read; a negated one leaves printable ASCII."""
        negated = self._next == "^"
        if negated:
            self._take()
        members: set[int] = set()
        first = True
        while first or self._next != "]":
            if not self._next:
                raise _bad("missing closing ]", self._text[start:])
            first = False
            named = _NAMED_CLASS.match(self._text, self._position)
            if named:
                self._position = named.end()
                members |= _named(named)
                continue
            low = self._member()
            high = low
            if self._next == "-" and self._text[self._position + 1 : self._position + 2] not in ("]", ""):
                self._take()
                high = self._member()
            if high < low:
                raise _bad("invalid character class range", f"{chr(low)}-{chr(high)}")
            members.update(range(low, high + 1))
        self._take()
        kept = [code for code in _PRINTABLE if code not in members] if negated else sorted(members)
        if not kept:
            raise _bad("the class holds no printable character", self._text[start : self._position])
        return [code for code in kept if not 0xD800 <= code <= 0xDFFF]

    def _member(self) -> int:
        start = self._position
        character = self._take()
        return self._escaped(start) if character == "\\" else ord(character)


def _named(match: re.Match[str]) -> set[int]:
    pattern = _NAMED.get(match[2])
    if pattern is None:
        raise _bad("invalid character class range", match.group())
    expression = re.compile(f"[{match[1]}{pattern.replace('[', chr(92) + '[')}]")
    return {code for code in range(0x80) if expression.match(chr(code))}


def _literal(code: int) -> Generate:
    text = chr(code)
    return lambda source, run: text


def _choice(codes: list[int]) -> Generate:
    return lambda source, run: chr(codes[source.randrange(len(codes))])


def _repetition(generate: Generate, low: int, high: int) -> Generate:
    def repeat(source: RandomSource, run: Run) -> str:
        count = low + source.randrange(high - low + 1)
        parts = []
        for _ in range(count):
            part = generate(source, run)
            run.charge(4 + len(part))
            parts.append(part)
        return "".join(parts)

    return repeat


FUNCTIONS: Final[tuple[Function, ...]] = (function("random", (STRING,), "string", generate_text),)
