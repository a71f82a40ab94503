"""`authorizer.group("").resource("pods").check("create").allowed()`: what a user may do.

References: Kubernetes 1.36 `apiserver/pkg/cel/library/authz.go`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.outside import ask
from pratique.compiler.cel.questions import AccessQuestion
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_AUTHORIZER: Final = "kubernetes.authorization.Authorizer"
_PATH: Final = "kubernetes.authorization.PathCheck"
_GROUP: Final = "kubernetes.authorization.GroupCheck"
_RESOURCE: Final = "kubernetes.authorization.ResourceCheck"
_DECISION: Final = "kubernetes.authorization.Decision"


@dataclass(frozen=True, slots=True)
class Check(Opaque):
    """A question under construction.

    Attributes:
        stage: name of the type, which says what may be asked next.
    """

    stage: str
    question: AccessQuestion

    @property
    def cel_type(self) -> Type:
        """Return the type of its stage."""
        return opaque(self.stage)

    def with_(self, stage: str, **attributes: Any) -> Check:
        """Return the question with further attributes."""
        return Check(stage, replace(self.question, **attributes))


@dataclass(frozen=True, slots=True)
class Decision(Opaque):
    """The answer: allowed or not, or an error, which is not allowed."""

    allowed: bool
    reason: str = ""
    error: str = ""

    @property
    def cel_type(self) -> Type:
        """Return `kubernetes.authorization.Decision`."""
        return opaque(_DECISION)


def authorizer(user: str = "", groups: tuple[str, ...] = ()) -> Check:
    """Return the value of the variable `authorizer` for the user of a request."""
    return Check(_AUTHORIZER, AccessQuestion(user=user, groups=groups))


def resource_check(question: AccessQuestion) -> Check:
    """Return the value of the variable `authorizer.requestResource`: a question that lacks its verb."""
    return Check(_RESOURCE, question)


def authorizer_type() -> Type:
    """Return the type of the variable `authorizer`."""
    return opaque(_AUTHORIZER)


def resource_check_type() -> Type:
    """Return the type of the variable `authorizer.requestResource`."""
    return opaque(_RESOURCE)


def _path(check: Check, path: str) -> Check:
    if not path.strip():
        raise CelError("path must not be empty")
    return check.with_(_PATH, path=path)


def _resource(check: Check, resource: str) -> Check:
    if not resource.strip():
        raise CelError("resource must not be empty")
    return check.with_(_RESOURCE, resource=resource)


def _service_account(check: Check, namespace: str, name: str) -> Check:
    question = replace(
        check.question,
        user=f"system:serviceaccount:{namespace}:{name}",
        groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
    )
    return Check(_AUTHORIZER, question)


def _check(run: Run, check: Check, verb: str) -> Decision:
    try:
        answer = ask(run, replace(check.question, verb=verb))
    except CelError as error:
        return Decision(allowed=False, error=error.message)
    return Decision(allowed=bool(answer.get("allowed")), reason=str(answer.get("reason", "")))


_CHECK_COST: Final = 350_000
"""What Kubernetes charges for one question."""

LIBRARY: Final = Library(
    overloads=(
        overload(f".path({_AUTHORIZER}, string) -> {_PATH}", _path),
        overload(
            f".group({_AUTHORIZER}, string) -> {_GROUP}",
            lambda check, group: check.with_(_GROUP, group=group),
        ),
        overload(f".serviceAccount({_AUTHORIZER}, string, string) -> {_AUTHORIZER}", _service_account),
        overload(f".resource({_GROUP}, string) -> {_RESOURCE}", _resource),
        *(
            overload(f".{name}({_RESOURCE}, string) -> {_RESOURCE}", implementation)
            for name, implementation in (
                ("subresource", lambda check, text: check.with_(_RESOURCE, subresource=text)),
                ("namespace", lambda check, text: check.with_(_RESOURCE, namespace=text)),
                ("name", lambda check, text: check.with_(_RESOURCE, name=text)),
                ("fieldSelector", lambda check, text: check.with_(_RESOURCE, field_selector=text)),
                ("labelSelector", lambda check, text: check.with_(_RESOURCE, label_selector=text)),
            )
        ),
        overload(
            f".check({_PATH}, string) -> {_DECISION}", _check, takes_run=True, cost=lambda *_: _CHECK_COST
        ),
        overload(
            f".check({_RESOURCE}, string) -> {_DECISION}", _check, takes_run=True, cost=lambda *_: _CHECK_COST
        ),
        overload(f".errored({_DECISION}) -> bool", lambda decision: bool(decision.error)),
        overload(f".error({_DECISION}) -> string", lambda decision: decision.error),
        overload(f".allowed({_DECISION}) -> bool", lambda decision: decision.allowed),
        overload(f".reason({_DECISION}) -> string", lambda decision: decision.reason),
    ),
    types={name: opaque(name) for name in (_AUTHORIZER, _PATH, _GROUP, _RESOURCE, _DECISION)},
)
