"""`http.Get(url)`, `globalContext.Get(name)`, `image.GetMetadata(reference)`.

References: github.com/kyverno/sdk `extensions/cel/libs/http`, `globalcontext`, `imagedata`; Kyverno 1.19
`pkg/cel/compiler/http.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import Overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno.contexts import Context, asking
from pratique.compiler.cel.libraries.outside import ask, checked
from pratique.compiler.cel.questions import HttpQuestion, ImageDataQuestion
from pratique.compiler.cel.types import opaque
from pratique.compiler.cel.values.json_values import write_json
from pratique.compiler.context_questions import NOT_FOUND, GlobalQuestion
from pratique.compiler.outbound import check_url

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run
    from pratique.compiler.ir import RegistryCredentials

_HTTP: Final = "http.Context"
_GLOBAL: Final = "globalcontext.Context"
_IMAGE: Final = "imagedata.Context"


class _Client(Context):
    """`http`, or what `http.Client(certificates)` returns."""

    __slots__ = ("authorities",)

    def __init__(self, authorities: str = "") -> None:
        super().__init__(_HTTP)
        self.authorities = authorities


class _Http:
    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def get(self, run: Run, client: _Client, url: str, headers: Mapping[str, Any] | None = None) -> Any:
        return self._ask(run, client, HttpQuestion("GET", url, headers=_headers(headers)))

    def post(
        self, run: Run, client: _Client, url: str, data: Any, headers: Mapping[str, Any] | None = None
    ) -> Any:
        return self._ask(run, client, HttpQuestion("POST", url, write_json(run, data), _headers(headers)))

    @staticmethod
    def client(_: Run, __: _Client, authorities: str) -> _Client:
        return _Client(authorities)

    def _ask(self, run: Run, client: _Client, question: HttpQuestion) -> Any:
        problem = "request failed: "
        checked(lambda: check_url(question.url), problem)
        return ask(
            run,
            HttpQuestion(
                question.method,
                question.url,
                question.data,
                question.headers,
                client.authorities,
                self._namespace,
            ),
            problem,
        )


def _headers(headers: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    given = headers or {}
    if not all(isinstance(value, str) for value in given.values()):
        raise CelError("request failed: headers must be texts")
    return tuple(given.items())


def _global(run: Run, _: Context, name: str, projection: str = "") -> Any:
    """Return what the cluster keeps under a name; null where it keeps nothing."""
    try:
        return ask(run, GlobalQuestion(name, projection), "failed to get global reference: ")
    except CelError as error:
        if error.code == NOT_FOUND:
            return None
        raise


def _overloads(namespace: str, credentials: RegistryCredentials | None) -> Iterator[Overload]:
    http = _Http(namespace)
    for headers in ("", ", map(string, string)"):
        yield from asking(f".Get({_HTTP}, string{headers}) -> dyn", http.get)
        yield from asking(f".Post({_HTTP}, string, dyn{headers}) -> dyn", http.post)
    yield from asking(f".Client({_HTTP}, string) -> {_HTTP}", http.client)
    for projection in ("", ", string"):
        yield from asking(f".Get({_GLOBAL}, string{projection}) -> dyn", _global)

    def metadata(run: Run, _: Context, reference: str) -> Any:
        return ask(
            run, ImageDataQuestion(reference=reference, credentials=credentials), "failed to get image data: "
        )

    yield from asking(f".GetMetadata({_IMAGE}, string) -> dyn", metadata)


def library(namespace: str, credentials: RegistryCredentials | None = None) -> Library:
    """Return the functions for policies of a namespace, or cluster-wide ones where it is empty.

    Args:
        namespace: that of the policy.
        credentials: those that registries are asked with.
    """
    return Library(
        overloads=tuple(_overloads(namespace, credentials)),
        constants={
            "http": (opaque(_HTTP), _Client()),
            "globalContext": (opaque(_GLOBAL), Context(_GLOBAL)),
            "image": (opaque(_IMAGE), Context(_IMAGE)),
        },
    )
