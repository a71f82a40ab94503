r"""Templates of generated objects: YAML with expressions in `((…))`, compiled once.

A placeholder that is all of a scalar may come to any value, one inside of a text only to a scalar. `\((`
stands for the two characters.

References: Kyverno 1.19 `pkg/cel/policies/gpol/template`, whose texts are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from pratique.compiler.cel.program import Program
from pratique.compiler.cel_bodies import CelTemplate
from pratique.compiler.cel_policies.compilation import Compiler, Mistake
from pratique.compiler.cel_policies.evaluation import Evaluation
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.values.numbers import sprint
from pratique.grammar.errors import EvaluationError
from pratique.grammar.nodes import MappingNode, Node, ScalarNode, SequenceNode
from pratique.grammar.scalar_places import place_in_scalar
from pratique.grammar.source import Position, Source
from pratique.grammar.yaml_tree import read_documents

_Render: TypeAlias = Callable[[Evaluation], Any]
"""Returns the JSON data of a part of a template."""

_WORDS: Final = frozenset({"y", "yes", "on", "n", "no", "off"})
"""Plain scalars that are booleans elsewhere, and texts in templates (YAML 1.2)."""
_LONGEST_SHOWN: Final = 200


class CompiledTemplate:
    """The objects of a template."""

    __slots__ = ("_documents",)

    def __init__(self, documents: list[_Render]) -> None:
        self._documents = documents

    def render(self, evaluation: Evaluation) -> list[dict[str, Any]]:
        """Return the objects.

        Raises:
            EvaluationError: a placeholder has no value, or one that does not fit.
        """
        made = []
        for number, document in enumerate(self._documents, 1):
            try:
                value = document(evaluation)
                if not isinstance(value, dict):
                    raise EvaluationError("bad-template", "expected a mapping describing a resource")
            except EvaluationError as error:
                place = f"failed to render generation template: document {number}"
                raise _within(place, error) from error
            made.append(value)
        return made


def compile_template(compiler: Compiler, template: CelTemplate) -> CompiledTemplate:
    """Return a compiled template; what is wrong with it is among the compiler's mistakes."""
    source = Source("template", template.text)
    read = read_documents(source)
    for error in read.errors:
        start = error.location.span.start if error.location else Position(1, 1)
        _mistake(compiler, template, error.message, _offset(source, start))
    documents = []
    for document in read.documents:
        if isinstance(document.root, ScalarNode) and document.root.value is None:
            continue
        if not _may_be_object(document.root, template):
            place = _offset(source, document.root.span.start)
            _mistake(compiler, template, "document must be a mapping describing a resource", place)
        documents.append(_Compiler(compiler, template, source).compiled(document.root))
    if not documents and not read.errors:
        _mistake(compiler, template, "template must contain at least one YAML document", 0)
    return CompiledTemplate(documents)


def _may_be_object(root: Node, template: CelTemplate) -> bool:
    if isinstance(root, ScalarNode):
        return template.interpolated and isinstance(root.value, str) and "((" in root.value
    return isinstance(root, MappingNode)


def _mistake(compiler: Compiler, template: CelTemplate, text: str, offset: int) -> None:
    compiler.mistakes.append(Mistake(template, ExpressionError("bad-template", text, offset=offset)))


def _offset(source: Source, place: Position) -> int:
    lines = source.text.splitlines(keepends=True)
    return sum(map(len, lines[: place.line - 1])) + place.column - 1


def _within(place: str, error: EvaluationError) -> EvaluationError:
    return EvaluationError(error.code, f"{place}: {error.message}")


class _Compiler:
    """Compiles one document."""

    def __init__(self, compiler: Compiler, template: CelTemplate, source: Source) -> None:
        self._compiler = compiler
        self._template = template
        self._source = source

    def compiled(self, node: Node) -> _Render:
        match node:
            case MappingNode():
                return self._mapping(node)
            case SequenceNode():
                return _list([self.compiled(item) for item in node.items])
            case ScalarNode(value=str(text)) if self._template.interpolated and "((" in text:
                return self._scalar(node, text)
            case ScalarNode(style="", raw=raw) if raw.lower() in _WORDS:
                return _constant(raw)
            case ScalarNode():
                return _constant(node.value)

    def _mapping(self, node: MappingNode) -> _Render:
        entries: list[tuple[str, _Render]] = []
        for key, value in node.items:
            name = key.raw if key.style == "" and key.raw.lower() in _WORDS else str(key.value)
            if self._template.interpolated and any(s.is_expression for s in self._segments(key, name)):
                text = (
                    "placeholders are not supported in mapping keys; use a whole-value placeholder on the"
                    " parent field instead (e.g. `labels: (( variables.labels ))`)"
                )
                self._wrong(key, text, 0)
            entries.append((name, self.compiled(value)))
        return _map(entries)

    def _scalar(self, node: ScalarNode, text: str) -> _Render:
        segments = self._segments(node, text)
        if not any(segment.is_expression for segment in segments):
            return _constant("".join(segment.text for segment in segments))
        parts: list[str | Program] = []
        for segment in segments:
            if segment.is_expression:
                program = self._program(node, segment)
                if program is None:
                    return _constant(None)
                parts.append(program)
            else:
                parts.append(segment.text)
        if len(parts) == 1 and isinstance(parts[0], Program):
            return _whole(parts[0])
        return _text(parts)

    def _program(self, node: ScalarNode, segment: _Segment) -> Program | None:
        try:
            return self._compiler.environment.compile(segment.text)
        except ExpressionError as error:
            self._wrong(node, error.message, segment.offset + error.offset)
            return None

    def _segments(self, node: ScalarNode, text: str) -> list[_Segment]:
        try:
            return list(_scan(text))
        except ExpressionError as error:
            self._wrong(node, error.message, error.offset)
            return []

    def _wrong(self, node: ScalarNode, text: str, offset: int) -> None:
        place = place_in_scalar(self._source, node, offset).start
        _mistake(self._compiler, self._template, text, _offset(self._source, place))


# --- parts ---------------------------------------------------------------------------------------------


def _constant(value: Any) -> _Render:
    return lambda _: value


def _map(entries: list[tuple[str, _Render]]) -> _Render:
    def render(evaluation: Evaluation) -> dict[str, Any]:
        found = {}
        for name, value in entries:
            try:
                found[name] = value(evaluation)
            except EvaluationError as error:
                raise _within(f"field {json.dumps(name)}", error) from error
        return found

    return render


def _list(items: list[_Render]) -> _Render:
    def render(evaluation: Evaluation) -> list[Any]:
        found = []
        for index, item in enumerate(items):
            try:
                found.append(item(evaluation))
            except EvaluationError as error:
                raise _within(f"item {index}", error) from error
        return found

    return render


def _whole(program: Program) -> _Render:
    return lambda evaluation: _value(evaluation, program)


def _text(parts: list[str | Program]) -> _Render:
    def render(evaluation: Evaluation) -> str:
        found = []
        for part in parts:
            if isinstance(part, str):
                found.append(part)
                continue
            value = _value(evaluation, part)
            if isinstance(value, bool):
                found.append("true" if value else "false")
            elif isinstance(value, str):
                found.append(value)
            elif isinstance(value, int | float):
                found.append(str(value) if isinstance(value, int) else sprint(value, _LONGEST_SHOWN))
            else:
                text = (
                    f"placeholder {json.dumps(part.text)} embedded in a string must evaluate to a scalar; use"
                    " a whole-value placeholder for structured results"
                )
                raise EvaluationError("bad-template", text)
        return "".join(found)

    return render


def _value(evaluation: Evaluation, program: Program) -> Any:
    try:
        value = evaluation.value(program)
    except EvaluationError as error:
        raise _within(f"failed to evaluate placeholder {json.dumps(program.text)}", error) from error
    try:
        return evaluation.plain(value)
    except EvaluationError as error:
        raise _within(f"failed to convert placeholder {json.dumps(program.text)} result", error) from error


# --- placeholders --------------------------------------------------------------------------------------


class _Segment(NamedTuple):
    """A piece of a text: as it is written, or an expression; `offset` is where it begins."""

    text: str
    is_expression: bool
    offset: int


_ESCAPED: Final = "\\(("
_STRING: Final = re.compile(r"""(['"])(?:\\.|(?!\1).)*+(?:\1|(?P<open>$))""", re.DOTALL)


def _scan(text: str) -> Iterator[_Segment]:
    """Yield the pieces of a text.

    Raises:
        ExpressionError: `bad-template`: a placeholder is empty or does not end.
    """
    literal, start, place = "", 0, 0
    while place < len(text):
        if text.startswith(_ESCAPED, place):
            literal += "(("
            place += len(_ESCAPED)
        elif text.startswith("((", place):
            end = _end(text, place)
            expression = text[place + 2 : end]
            stripped = expression.strip()
            if not stripped:
                raise _bad("empty placeholder", place)
            if literal:
                yield _Segment(literal, False, start)
            offset = place + 2 + len(expression) - len(expression.lstrip())
            yield _Segment(stripped, True, offset)
            literal, place = "", end + 2
            start = place
        else:
            literal += text[place]
            place += 1
    if literal:
        yield _Segment(literal, False, start)


def _end(text: str, start: int) -> int:
    """Return where the `))` of a placeholder is; parentheses and texts of the expression are passed over."""
    depth, place = 0, start + 2
    while place < len(text):
        character = text[place]
        if character in "'\"":
            found = _STRING.match(text, place)
            if found is None or found["open"] is not None:
                raise _bad("unterminated string literal in placeholder", start)
            place = found.end()
            continue
        if character == "(":
            depth += 1
        elif character == ")":
            if depth:
                depth -= 1
            elif text.startswith("))", place):
                return place
            else:
                raise _bad("unbalanced parenthesis in placeholder", start)
        place += 1
    raise _bad("unterminated placeholder: missing closing '))'", start)


def _bad(text: str, offset: int) -> ExpressionError:
    return ExpressionError("bad-template", text, offset=offset)
