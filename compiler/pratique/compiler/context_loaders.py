"""What loads one context entry: expressions around the question that is asked, checked on the value sent.

References: Kyverno 1.19 `pkg/engine/context/loaders`, `pkg/engine/apicall`, whose texts are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from pratique.compiler.context_entries import (
    ApiSource,
    ConfigMapSource,
    GlobalSource,
    ImageSource,
    Source,
    VariableSource,
)
from pratique.compiler.context_questions import (
    ABSENT,
    MOCKED_FAILURE,
    ApiQuestion,
    Ask,
    ConfigMapQuestion,
    GlobalQuestion,
    ImageQuestion,
)
from pratique.compiler.expressions.context import Reader
from pratique.compiler.expressions.errors import ExpressionError, Path, shorten
from pratique.compiler.expressions.expression import Expression, compile_expression
from pratique.compiler.expressions.values.json_text import write_json
from pratique.compiler.expressions.values.numbers import sprint
from pratique.compiler.expressions.variables import Template
from pratique.compiler.outbound import check_name, check_path, check_url
from pratique.grammar.errors import EvaluationError

Loader: TypeAlias = Callable[[Reader, Ask], Any]
"""Returns the value of an entry; asks for what it needs from outside."""


def loader_of(name: str, source: Source, namespace: str | None) -> Loader:
    """Return what loads an entry, its expressions compiled.

    Args:
        name: of the entry.
        source: where its value comes from.
        namespace: that of a namespaced policy, which may ask about nothing else (R10); None for cluster-wide
            ones.

    Raises:
        ExpressionError: a mistake in an expression, or a text that is refused whatever else is known.
    """
    match source:
        case VariableSource():
            return _Variable(name, source)
        case ConfigMapSource():
            return _ConfigMap(name, source, namespace)
        case ApiSource():
            return _Api(name, source, namespace)
        case GlobalSource():
            return _Global(name, source)
        case ImageSource():
            return _Image(name, source)


def _template(data: Any, *path: str) -> Template:
    return Template.compile(data, path)


class _Query:
    """A JMESPath that may itself hold variables."""

    __slots__ = ("_fixed", "_template", "text")

    def __init__(self, text: str, path: Path) -> None:
        self.text = text
        self._fixed: Expression | None = None
        self._template: Template | None = None
        if "{{" in text:
            self._template = Template.compile(text, path)
        elif text:
            try:
                self._fixed = compile_expression(text)
            except ExpressionError as error:
                problem = f"failed to parse JMESPath {shorten(text)}: {error.message}"
                raise ExpressionError(error.code, problem, path=path, offset=error.offset) from None

    def expression(self, reader: Reader) -> Expression | None:
        """Return the expression, its variables replaced; None where there is none."""
        if self._template is None:
            return self._fixed
        text = self._template.render(reader)
        if not isinstance(text, str):
            raise EvaluationError("wrong-type", f"jmespath value must be a string, not {sprint(text, 200)}")
        try:
            return compile_expression(text) if text else None
        except ExpressionError as error:
            raise EvaluationError(error.code, f"incorrect query {shorten(text)}: {error.message}") from error


class _Variable:
    def __init__(self, name: str, source: VariableSource) -> None:
        self._name, self._source = name, source
        self._query = _Query(source.path, ("variable", "jmesPath"))
        self._default = _template(source.default, "variable", "default")
        self._value = _template(source.value, "variable", "value")

    def __call__(self, reader: Reader, ask: Ask) -> Any:
        source = self._source
        try:
            query = self._query.expression(reader)
            output = default = self._default.render(reader)
            value = self._value.render(reader)
        except EvaluationError as error:
            raise EvaluationError(
                error.code, f"failed to substitute variables in context entry {self._name}: {error.message}"
            ) from error
        if query is None:
            output = value if source.value is not None else default
        else:
            try:
                if source.value is not None:
                    output = query.evaluate(value, reader.environment)
                elif (found := reader.query(query)) is not None:
                    output = found
            except EvaluationError as error:
                if default is None:
                    raise EvaluationError(
                        error.code,
                        f"failed to apply jmespath {shorten(query.text)} to variable <nil>: {error.message}",
                    ) from error
        if output is None:
            raise EvaluationError(
                "nil-variable",
                f"failed to add context entry for variable {self._name} since it evaluated to nil",
            )
        return output


class _ConfigMap:
    def __init__(self, name: str, source: ConfigMapSource, namespace: str | None) -> None:
        self._name, self._source, self._own = name, source, namespace
        self._map = _template(source.name, "configMap", "name")
        self._namespace = _template(source.namespace, "configMap", "namespace")
        if self._map.is_constant:
            _refuse(lambda: check_name("ConfigMap name", source.name), "configMap", "name")
        if self._namespace.is_constant:
            _refuse(lambda: self._checked(source.namespace), "configMap", "namespace")

    def __call__(self, reader: Reader, ask: Ask) -> Any:
        try:
            name = self._text(self._map, "name", self._source.name, reader)
            check_name("ConfigMap name", name)
            namespace = self._checked(
                self._text(self._namespace, "namespace", self._source.namespace, reader)
            )
            try:
                return ask(ConfigMapQuestion(namespace, name))
            except EvaluationError as error:
                problem = f"failed to get configmap {namespace}/{name} : {error.message}"
                raise EvaluationError(error.code, problem) from error
        except EvaluationError as error:
            problem = f"failed to retrieve config map for context entry {self._name}: {error.message}"
            raise EvaluationError(error.code, problem) from error

    def _text(self, template: Template, field: str, written: str, reader: Reader) -> str:
        problem = f"failed to substitute variables in context {self._name} configMap.{field} {written}"
        try:
            text = template.render(reader)
        except EvaluationError as error:
            raise EvaluationError(error.code, f"{problem}: {error.message}") from error
        if not isinstance(text, str):
            raise EvaluationError("wrong-type", f"{problem}: expected string, got {sprint(text, 200)}")
        return text

    def _checked(self, namespace: str) -> str:
        namespace = namespace or self._own or "default"
        check_name("namespace", namespace)
        if self._own is not None and namespace != self._own:
            raise EvaluationError(
                "foreign-namespace",
                f'context entry {self._name}: configMap namespace "{namespace}" is different from policy'
                f' namespace "{self._own}"',
            )
        return namespace


class _Api:
    def __init__(self, name: str, source: ApiSource, namespace: str | None) -> None:
        self._name, self._source, self._own = name, source, namespace
        self._query = _Query(source.path, ("apiCall", "jmesPath"))
        self._path = _template(source.url_path, "apiCall", "urlPath")
        self._url = _template(source.service_url, "apiCall", "service", "url")
        self._data = _template(list(source.data), "apiCall", "data")
        self._headers = _template(list(source.headers), "apiCall", "service", "headers")
        if source.service_url:
            _refuse(lambda: check_url(source.service_url), "apiCall", "service", "url")
        if self._path.is_constant and not (source.service_url and namespace is None):
            _refuse(lambda: check_path(source.url_path or ".", namespace), "apiCall", "urlPath")

    def __call__(self, reader: Reader, ask: Ask) -> Any:
        source = self._source
        question = self._question(reader)
        try:
            answer = ask(question)
        except EvaluationError as error:
            if source.default is not None and error.code != MOCKED_FAILURE:
                return source.default
            problem = f"failed to fetch data for APICall: {error.message}"
            raise EvaluationError(error.code, problem) from error
        if answer is ABSENT:
            return ABSENT
        return _queried(self._query, answer, reader, self._name, "failed to store data for APICall: ")

    def _question(self, reader: Reader) -> ApiQuestion:
        source = self._source
        try:
            path, url = self._path.render(reader), self._url.render(reader)
            data = _members(self._data.render(reader))
            headers = _members(self._headers.render(reader))
        except EvaluationError as error:
            written = source.url_path or source.service_url
            raise EvaluationError(
                error.code,
                "failed to fetch data for APICall: failed to substitute variables in context entry"
                f" {self._name} {shorten(written)}: {error.message}",
            ) from error
        try:
            if not all(isinstance(text, str) for text in (path, url, *headers.values())):
                raise EvaluationError("wrong-type", "path, URL and headers of a call must be texts")
            if url:
                check_url(url)
            if not url or self._own is not None:
                check_path(path, self._own)
        except EvaluationError as error:
            problem = f"failed to fetch data for APICall: {error.message}"
            raise EvaluationError(error.code, problem) from error
        limits = reader.environment.limits
        sent = ""
        if source.method == "POST":
            sent = write_json(data, max_bytes=limits.max_context_bytes, max_depth=limits.max_data_depth)
        return ApiQuestion(
            entry=self._name,
            url_path=path,
            service_url=url,
            method=source.method,
            data=sent,
            headers=tuple(headers.items()),
            authorities=source.authorities,
        )


class _Global:
    def __init__(self, name: str, source: GlobalSource) -> None:
        self._name = name
        self._query = _Query(source.path, ("globalReference", "jmesPath"))
        self._reference = _template(source.name, "globalReference", "name")

    def __call__(self, reader: Reader, ask: Ask) -> Any:
        problem = f"failed to marshal APICall data for context entry {self._name}: "
        try:
            reference = self._reference.render(reader)
            if not isinstance(reference, str):
                raise EvaluationError(
                    "wrong-type", f"the name must be a string, not {sprint(reference, 200)}"
                )
            name, projection, *_ = [*reference.split("."), ""]
            answer = ask(GlobalQuestion(name, projection))
        except EvaluationError as error:
            raise EvaluationError(error.code, problem + error.message) from error
        return _queried(self._query, answer, reader, self._name, problem)


class _Image:
    def __init__(self, name: str, source: ImageSource) -> None:
        self._name, self._source = name, source
        self._query = _Query(source.path, ("imageRegistry", "jmesPath"))
        self._reference = _template(source.reference, "imageRegistry", "reference")

    def __call__(self, reader: Reader, ask: Ask) -> Any:
        written = self._source.reference
        try:
            reference = self._reference.render(reader)
        except EvaluationError as error:
            raise EvaluationError(
                error.code,
                f"failed to substitute variables in context entry {self._name} {shorten(written)}:"
                f" {error.message}",
            ) from error
        if not isinstance(reference, str):
            raise EvaluationError(
                "wrong-type",
                f"invalid image reference {sprint(reference, 200)}, image reference must be a string",
            )
        answer = ask(ImageQuestion(reference, self._source.credentials))
        query = self._query.expression(reader)
        if query is None:
            return answer
        try:
            return query.evaluate(answer, reader.environment)
        except EvaluationError as error:
            raise EvaluationError(
                error.code,
                f"failed to apply JMESPath ({shorten(self._query.text)}) results to context entry"
                f" {self._name}, error: {error.message}",
            ) from error


def _members(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the object of rendered `key` and `value` pairs.

    Raises:
        EvaluationError: `wrong-type`: a key became something else than a text.
    """
    for pair in pairs:
        if not isinstance(pair["key"], str):
            text = f"a key of a call must be a text, not {sprint(pair['key'], 200)}"
            raise EvaluationError("wrong-type", text)
    return {pair["key"]: pair["value"] for pair in pairs}


def _queried(query: _Query, answer: Any, reader: Reader, name: str, problem: str) -> Any:
    """Return what a JMESPath makes of an answer."""
    expression = query.expression(reader)
    if expression is None:
        return answer
    try:
        return expression.evaluate(answer, reader.environment)
    except EvaluationError as error:
        text = (
            f"failed to apply JMESPath {shorten(expression.text)} for context entry {name}: {error.message}"
        )
        raise EvaluationError(error.code, problem + text) from error


def _refuse(check: Callable[[], object], *path: str) -> None:
    """Do a check that the text alone decides when the policy is loaded: its mistake has a place."""
    try:
        check()
    except EvaluationError as error:
        raise ExpressionError(error.code, error.message, path=path) from error
