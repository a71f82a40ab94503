"""`resource.Get(apiVersion, plural, namespace, name)` and its kin: objects of the cluster.

In a namespaced policy the functions have no argument for the namespace: it is that of the policy (R10).

References: github.com/kyverno/sdk `extensions/cel/libs/resource`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import Overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno.contexts import Context, asking
from pratique.compiler.cel.libraries.outside import ask, checked
from pratique.compiler.cel.questions import (
    ResourceListQuestion,
    ResourceNameQuestion,
    ResourcePostQuestion,
    ResourceQuestion,
)
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.json_values import write_json
from pratique.compiler.cel.values.kinds import Opaque
from pratique.compiler.outbound import check_name

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_CONTEXT: Final = "resource.Context"
_GVR: Final = "schema.GroupVersionResource"
_API_VERSION: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[a-z0-9]{1,63}", re.ASCII)
_PLURAL: Final = re.compile(
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:/[a-z0-9][a-z0-9-]{0,62}){0,2}", re.ASCII
)
_KIND: Final = re.compile(r"[A-Za-z0-9]{1,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class GroupVersionResource(Opaque):
    """What `ToGVR` returns."""

    api_version: str
    resource: str

    @property
    def cel_type(self) -> Type:
        """Return `schema.GroupVersionResource`."""
        return opaque(_GVR)


class _Functions:
    """The functions, for cluster-wide policies or for those of one namespace."""

    def __init__(self, namespace: str) -> None:
        self._own = namespace

    def _place(self, problem: str, api_version: str, plural: str, namespace: str) -> tuple[str, str, str]:
        """Return what becomes part of a request, checked."""
        if not _API_VERSION.fullmatch(api_version) or ".." in api_version:
            raise CelError(f"{problem}unexpected GroupVersion string: {api_version!a:.200}")
        if not _PLURAL.fullmatch(plural):
            raise CelError(f"{problem}{plural!a:.200} is no plural name of a resource")
        if namespace:
            checked(lambda: check_name("namespace", namespace), problem)
        return api_version, plural, namespace

    def get(self, run: Run, _: Context, api_version: str, plural: str, *rest: str) -> Any:
        """Return an object, or null where there is none."""
        namespace, name = (self._own, *rest) if self._own else rest
        problem = "failed to get resource: "
        place = self._place(problem, api_version, plural, namespace)
        checked(lambda: check_name("name", name), problem)
        return ask(run, ResourceQuestion(*place, name), problem)

    def get_named(self, run: Run, context: Context, gvr: GroupVersionResource, *rest: str) -> Any:
        """Return what `get` does, for a result of `to_gvr`."""
        return self.get(run, context, gvr.api_version, gvr.resource, *rest)

    def list(self, run: Run, _: Context, api_version: str, plural: str, *rest: Any) -> Any:
        """Return a list object."""
        namespace, *labels = (self._own, *rest) if self._own else rest
        problem = "failed to list resource: "
        place = self._place(problem, api_version, plural, namespace)
        pairs: Mapping[str, str] = labels[0] if labels else {}
        if not all(isinstance(value, str) for value in pairs.values()):
            raise CelError(f"{problem}labels must be texts")
        return ask(run, ResourceListQuestion(*place, tuple(sorted(pairs.items()))), problem)

    def list_named(self, run: Run, context: Context, gvr: GroupVersionResource, *rest: Any) -> Any:
        """Return what `list` does, for a result of `to_gvr`."""
        return self.list(run, context, gvr.api_version, gvr.resource, *rest)

    def post(self, run: Run, _: Context, api_version: str, plural: str, *rest: Any) -> Any:
        """Return the answer to a POST; without a namespace it goes to a cluster-wide resource."""
        *given, data = rest
        namespace = self._own or (given[0] if given else "")
        problem = "failed to create resource: "
        place = self._place(problem, api_version, plural, namespace)
        return ask(run, ResourcePostQuestion(*place, write_json(run, data)), problem)

    @staticmethod
    def to_gvr(run: Run, _: Context, api_version: str, kind: str) -> GroupVersionResource:
        """Return the plural name of a kind."""
        problem = "failed to map kind to resource: "
        if not _API_VERSION.fullmatch(api_version) or not _KIND.fullmatch(kind):
            raise CelError(f"{problem}{kind!a:.200} of {api_version!a:.200} is no kind")
        return GroupVersionResource(api_version, ask(run, ResourceNameQuestion(api_version, kind), problem))


def _overloads(namespace: str) -> Iterator[Overload]:
    functions = _Functions(namespace)
    place = "" if namespace else ", string"
    objects = "map(string, dyn)"
    yield from asking(f".Get({_CONTEXT}, string, string{place}, string) -> {objects}", functions.get)
    yield from asking(f".Get({_CONTEXT}, {_GVR}{place}, string) -> {objects}", functions.get_named)
    for labels in ("", ", map(string, string)"):
        yield from asking(f".List({_CONTEXT}, string, string{place}{labels}) -> {objects}", functions.list)
        yield from asking(f".List({_CONTEXT}, {_GVR}{place}{labels}) -> {objects}", functions.list_named)
    for given in dict.fromkeys(("", place)):
        yield from asking(f".Post({_CONTEXT}, string, string{given}, {objects}) -> {objects}", functions.post)
    yield from asking(f".ToGVR({_CONTEXT}, string, string) -> {_GVR}", functions.to_gvr)


def library(namespace: str) -> Library:
    """Return the functions for policies of a namespace, or cluster-wide ones where it is empty."""
    return Library(
        overloads=tuple(_overloads(namespace)),
        constants={"resource": (opaque(_CONTEXT), Context(_CONTEXT))},
    )
