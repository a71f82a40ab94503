"""What a policy may ask the cluster or a service for: the rules on paths and URLs (R10, R11).

INVARIANT: what is checked here is the very text that is sent; nothing cleans, decodes or joins it afterwards.

References: `threats.md` K19-K24, K28-K30; Kyverno 1.19 `pkg/engine/apicall`.
"""

from __future__ import annotations

import re
from typing import Final

from pratique.grammar.errors import EvaluationError

_SEGMENT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:~-]*[A-Za-z0-9])?|[A-Za-z0-9:~_-]+", re.ASCII)
"""One name in a path of the API: never empty, never made of dots, nothing that decodes to something else."""
_QUERY: Final = re.compile(r"(?:[A-Za-z0-9._~:@!$&'()*+,=/-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_AUTHORITY: Final = re.compile(
    r"https?://(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?=[/?]|\Z)",
    re.ASCII,
)
_VARIABLE: Final = "{{"


def check_path(path: str, namespace: str | None) -> None:
    """Check the path of a call of the Kubernetes API.

    Args:
        path: as it is sent, with its query.
        namespace: that of a namespaced policy, which may ask about nothing else and without a query; None for
            cluster-wide policies.

    Raises:
        EvaluationError: `path-refused`, or `foreign-namespace` in Kyverno's wording.
    """
    bare, mark, query = path.partition("?")
    if not bare.startswith("/") or not all(map(_SEGMENT.fullmatch, bare[1:].split("/"))):
        raise EvaluationError("path-refused", f"the API path {path!a:.200} is not made of plain names")
    if not _QUERY.fullmatch(query):
        raise EvaluationError("path-refused", f"the API path {path!a:.200} has a malformed query")
    if namespace is None:
        return
    if mark:
        raise EvaluationError(
            "path-refused", f"the API path {path!a:.200} of a namespaced policy has a query"
        )
    match bare[1:].split("/"):
        case ["api", _, "namespaces", found, *_] | ["apis", _, _, "namespaces", found, *_]:
            if found != namespace:
                raise EvaluationError(
                    "foreign-namespace",
                    f"path {path} refers to namespace {found}, which is different from the policy namespace"
                    f" {namespace}",
                )
        case _:
            raise EvaluationError(
                "foreign-namespace",
                f"path {path} does not contain a namespace segment, which is required for namespaced"
                " policies",
            )


def check_name(what: str, name: str) -> None:
    """Check a name that becomes part of a request.

    Raises:
        EvaluationError: `bad-name`: it is no name of a Kubernetes object.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise EvaluationError("bad-name", f"the {what} {name!a:.200} is no name of a Kubernetes object")


def check_url(url: str) -> None:
    """Check the URL of a service: plain scheme, host and port that no variable takes part in.

    Raises:
        EvaluationError: `url-refused`.
    """
    variable = url.find(_VARIABLE)
    fixed = url if variable < 0 else url[:variable]
    found = _AUTHORITY.match(fixed)
    if found is None or (variable >= 0 and found.end() == len(fixed)):
        raise EvaluationError(
            "url-refused",
            "a service URL needs a plain http(s) scheme, host and port, without credentials or variables in"
            " them",
        )
