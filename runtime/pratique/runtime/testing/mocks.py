"""Answers that a suite gives for calls and for global context entries.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/apis/v1alpha1/test.go` (`ValidateAPICallResponses`,
`ValidateGlobalContextEntries`), `store/contextloader.go`, `store/gctx_resolve.go`, `store/mock.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from pratique.compiler.context_questions import MOCKED_FAILURE, NOT_FOUND
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.expression import compile_expression
from pratique.compiler.expressions.jmespath.run import NOTHING_OUTSIDE
from pratique.grammar.documents.testing import ApiCallResponse, GlobalEntry, MockResponse, Test
from pratique.grammar.errors import EvaluationError, PolicyError
from pratique.runtime.testing.discovery import Suite
from pratique.runtime.testing.objects import read_objects

METHODS: Final = ("", "GET", "POST")


# --- calls ---------------------------------------------------------------------------------------------


class Calls:
    """Answers of calls by method and URL; those without a method answer both."""

    def __init__(self, responses: Sequence[ApiCallResponse]) -> None:
        """Take answers that `check_mocks` had nothing against."""
        self._answers = {_key(each): each.response for each in responses}

    def __bool__(self) -> bool:
        return bool(self._answers)

    def knows(self, method: str, url: str) -> bool:
        """Say whether there is an answer."""
        return self.response(method, url) is not None

    def response(self, method: str, url: str) -> MockResponse | None:
        """Return what a call is told, be it a failure; None where nothing is said about it."""
        return self._answers.get((method, url)) or self._answers.get(("", url))

    def answer(self, entry: str, method: str, url: str) -> Any:
        """Return the body of the answer to a call that is known.

        Raises:
            EvaluationError: the answer is a failure.
        """
        found = self._answers.get((method, url)) or self._answers["", url]
        if not 200 <= (found.status_code or 200) < 300:
            text = f'HTTP {found.status_code} from apiCall mock for context entry "{entry}"'
            raise EvaluationError(MOCKED_FAILURE, f"{text} (v1 apiCall treats non-2xx as failure)")
        return found.body


def _key(response: ApiCallResponse) -> tuple[str, str]:
    return response.method.strip().upper(), response.url.strip() or response.url_path.strip()


# --- global entries ------------------------------------------------------------------------------------


class _Value(NamedTuple):
    value: Any
    problem: str = ""


class Globals:
    """Values of global context entries."""

    def __init__(self, folder: Path, entries: Sequence[GlobalEntry]) -> None:
        """Read and project the entries; what fails there is told to who asks.

        Raises:
            PolicyErrors: a file of objects cannot be read.
        """
        self._values = {each.name: _value(folder, each) for each in entries}

    def __bool__(self) -> bool:
        return bool(self._values)

    def answer(self, name: str, projection: str) -> Any:
        """Return the value of an entry, or of one of its projections.

        Raises:
            EvaluationError: there is none; `not-found` where there is no such entry.
        """
        found = self._values.get(name)
        if found is None:
            raise EvaluationError(NOT_FOUND, f"failed to fetch entry key={name}")
        if found.problem:
            raise EvaluationError("invalid-argument", found.problem)
        if not projection:
            return found.value
        if not isinstance(found.value, dict):
            text = f'projection "{projection}" requested but value is not an object'
        elif projection not in found.value:
            text = f'projection "{projection}" not found'
        else:
            return found.value[projection]
        raise EvaluationError("not-given", f"global context mock: {text}")


def _value(folder: Path, entry: GlobalEntry) -> _Value:
    if entry.resource_files is not None:
        root: Any = _documents(folder, entry.resource_files)
    elif entry.resources is not None:
        root = list(entry.resources)
    else:
        root = entry.data
    try:
        if entry.field_path:
            root = _search(entry.field_path, root)
        if entry.projections:
            return _Value({each.name: _search(each.path, root) for each in entry.projections})
    except EvaluationError as error:
        return _Value(None, f'globalContextEntries "{entry.name}": {error.message}')
    return _Value(root)


def _documents(folder: Path, files: Sequence[str]) -> list[dict[str, Any]]:
    return read_objects([folder / each for each in files], as_written=True)


def _search(path: str, data: Any) -> Any:
    try:
        return compile_expression(path).evaluate(data, NOTHING_OUTSIDE)
    except ExpressionError as error:
        raise EvaluationError(error.code, error.message) from error


# --- checks --------------------------------------------------------------------------------------------


def check_mocks(suite: Suite, test: Test) -> Iterator[PolicyError]:
    """Yield what is wrong with mocked answers, with its place."""

    def error(text: str, *route: str | int) -> PolicyError:
        return PolicyError("bad-mock", text, suite.place(*route))

    keys: set[tuple[str, str]] = set()
    for number, response in enumerate(test.api_call_responses):
        place = ("apiCallResponses", number)
        for text, *field in _wrong_response(response):
            yield error(text, *place, *field)
        if _key(response) in keys:
            yield error("there is an answer for this method and URL already", *place)
        keys.add(_key(response))
    names: set[str] = set()
    for number, entry in enumerate(test.global_context_entries):
        place = ("globalContextEntries", number)
        for text, *field in _wrong_entry(entry):
            yield error(text, *place, *field)
        if entry.name.strip() in names:
            yield error("there is an entry of this name already", *place, "name")
        names.add(entry.name.strip())


def _wrong_response(response: ApiCallResponse) -> Iterator[tuple[str, ...]]:
    url, path = response.url.strip(), response.url_path.strip()
    if bool(url) == bool(path):
        yield ("exactly one of `url` and `urlPath` says which call is answered",)
    elif url and not _is_http(url):
        yield (f"{url!r} is no URL of http or https", "url")
    elif path and not path.startswith("/"):
        yield (f"{path!r} must begin with `/`", "urlPath")
    if response.method.strip().upper() not in METHODS:
        yield (f"{response.method!r} is neither GET nor POST", "method")
    if response.response.status_code != 0 and not 100 <= response.response.status_code <= 599:
        yield ("a status is a number from 100 to 599", "response", "statusCode")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _wrong_entry(entry: GlobalEntry) -> Iterator[tuple[str, ...]]:
    if not entry.name.strip():
        yield ("a global context entry needs a name", "name")
    given: Mapping[str, Any] = {
        "data": entry.data,
        "resources": entry.resources,
        "resourceFiles": entry.resource_files,
    }
    if sum(value is not None for value in given.values()) != 1:
        yield ("exactly one of `data`, `resources` and `resourceFiles` says what an entry holds",)
    for name in entry.resource_files or ():
        path = PurePath(name.strip())
        if not name.strip() or path.is_absolute() or ".." in path.parts:
            yield (f"{name!r} is no file below the folder of the suite", "resourceFiles")
    for projection in entry.projections:
        if not projection.name.strip() or not projection.path.strip():
            yield ("a projection needs a name and a path", "projections")
