"""What the command line tells a run in place of a cluster: values, labels of namespaces, the sender.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/variables`, `userinfo`, `processor/policy_processor.go`
(`makePolicyContext`): precedence and what is ignored follow them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from pratique.compiler.expressions.context import merge
from pratique.compiler.selection import Requester
from pratique.grammar.documents.command_line import UserInfoFile, Values, ValuesSpec
from pratique.grammar.documents.problems import problems
from pratique.grammar.errors import PolicyError, PolicyErrors, UsageError
from pratique.grammar.nodes import plain
from pratique.grammar.yaml_tree import read_documents
from pratique.runtime.inputs import read_inputs, show
from pratique.runtime.resource import Kind, Resource, View

M = TypeVar("M", bound=BaseModel)

MAX_PARTS: Final = 64
_OPERATION: Final = "request.operation"
_OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")
_ACCOUNT: Final = "system:serviceaccount:"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunValues:
    """Values by dotted path, as they were given.

    Attributes:
        file: the values file.
        variables: those of `--set`; they win over the file's.
        user: the user info file; None where nobody is known to have sent the request.
        operation: of the requests, whatever the values say; empty for what they say.
    """

    file: ValuesSpec | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    user: UserInfoFile | None = None
    operation: str = ""

    @property
    def requester(self) -> Requester | None:
        """Return who sent the requests; None for nobody known, also where the file says nothing."""
        user = self.user
        if user is None or not (user.roles or user.cluster_roles or user.user_info != type(user.user_info)()):
            return None
        sender = user.user_info
        return Requester(
            username=sender.username,
            groups=sender.groups,
            roles=user.roles,
            cluster_roles=user.cluster_roles,
        )

    @property
    def namespaces(self) -> dict[str, dict[str, Any]]:
        """Return Namespaces by their names; whole objects win over labels alone."""
        if self.file is None:
            return {}
        labels = {
            each.name: namespace_of_labels(each.name, each.labels) for each in self.file.namespace_selector
        }
        return labels | {
            each.metadata.name: each.model_dump(mode="json", by_alias=True, exclude_unset=True)
            for each in self.file.namespaces
        }

    @property
    def rules(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the values that stand for context entries, by policy and rule."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for policy in self.file.policies if self.file else ():
            for rule in policy.rules:
                rounds = {path: values[0] for path, values in rule.foreach_values.items() if values}
                found.setdefault((policy.name, rule.name), nested({**rule.values, **rounds}))
        return found

    def policies_with_values_for(self, resource: str) -> tuple[str, ...]:
        """Return the names of the policies that have values of their own for resources of this name."""
        named = self.file.policies if self.file else ()
        return tuple(dict.fromkeys(p.name for p in named if any(r.name == resource for r in p.resources)))

    def viewed(self, make: Callable[..., Resource], data: dict[str, Any]) -> Resource:
        """Return a resource as policies see it: values may differ from policy to policy.

        Raises:
            UsageError: the values make no object of it.
        """
        metadata = data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        make = partial(make, remake=partial(self.viewed, make))
        own = self.policies_with_values_for(name or "")
        if not own:
            return self.resource(make, data)
        views: list[View] = [(self.resource(make, data), lambda policy: policy not in own)]
        views += [(self.resource(make, data, policy), policy.__eq__) for policy in own]
        return self.resource(partial(make, views=views), data)

    def resource(self, make: Callable[..., Resource], data: dict[str, Any], policy: str = "") -> Resource:
        """Return a resource with the values that a policy sees beside it.

        Args:
            make: `Resource`, or whatever calls it with the same keywords.
            data: the object, as it was given.
            policy: the one whose own values count; empty for policies that have none.

        Raises:
            UsageError: the values make no object of it.
        """
        metadata = data.get("metadata") or {}
        values = self._dotted(policy, str(metadata.get("name") or ""))
        operation = values.setdefault(_OPERATION, "CREATE")
        sides = {"DELETE": ("oldObject",), "UPDATE": ("object", "oldObject")}.get(str(operation), ("object",))
        side = sides[0]
        below = {"request": dict.fromkeys(sides, data)}
        context = merge(below, merge(self._sender(), nested(values)))
        request = context["request"]
        found = request[side] if isinstance(request, dict) else None
        if not isinstance(found, dict):
            raise UsageError("the object retrieved from the json context is not valid: see --values-file")
        kind, subresource = self._stands_for(found)
        return make(
            found,
            operation=operation if operation in ("UPDATE", "DELETE") else "CREATE",
            requester=self.requester,
            values=context,
            kind=kind,
            subresource=subresource,
        )

    def _dotted(self, policy: str, resource: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.file:
            found.update(self.file.global_values)
            for block in self.file.policies:
                if policy and block.name == policy:
                    for values in (r.values for r in block.resources if r.name == resource):
                        found.update(values)
        found.update(self.variables)
        if self.operation:
            found[_OPERATION] = self.operation
        return found

    def _sender(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        sender = self.user.user_info
        return {
            "request": {
                "roles": list(self.user.roles),
                "clusterRoles": list(self.user.cluster_roles),
                "userInfo": sender.model_dump(mode="json", exclude_defaults=True),
            },
            **account_variables(sender.username),
        }

    def _stands_for(self, data: Mapping[str, Any]) -> tuple[Kind | None, str]:
        group, _, version = str(data.get("apiVersion") or "").rpartition("/")
        kind = data.get("kind")
        for mapping in self.file.subresources if self.file else ():
            own, parent = mapping.subresource, mapping.parent_resource
            if (own.group, own.version, own.kind) == (group, version, kind):
                subresource = own.name.partition("/")[2]
                return Kind(parent.group, parent.version, parent.kind), subresource
        return None, ""


def namespace_of_labels(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a Namespace of which only the labels are known."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


def account_variables(username: str) -> dict[str, str]:
    """Return the variables that name the service account who sends a request; empty texts for others."""
    namespace, _, rest = username.removeprefix(_ACCOUNT).partition(":")
    is_account = username.startswith(_ACCOUNT) and bool(rest)
    return {
        "serviceAccountName": rest.partition(":")[0] if is_account else "",
        "serviceAccountNamespace": namespace if is_account else "",
    }


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of dotted paths inside each other; a quoted part of a path may hold dots.

    Longer paths win over shorter ones, in whatever order they are given.

    Raises:
        UsageError: a path cannot be read.
    """
    parts = {path: split(path) for path in values}
    found: dict[str, Any] = {}
    for path in sorted(values, key=lambda p: (len(parts[p]), p)):
        value = values[path]
        for part in reversed(parts[path]):
            value = {part: value}
        found = merge(found, value)
    return found


def split(path: str) -> list[str]:
    """Return the parts of a dotted path.

    Raises:
        UsageError: it has no parts, empty parts or too many.
    """
    try:
        (parts,) = csv.reader([path], delimiter=".", strict=True)
    except (csv.Error, ValueError):
        parts = []
    if not all(parts) or not 0 < len(parts) <= MAX_PARTS:
        raise UsageError(f"{show(path)[:200]!r} is no path to a value, such as request.operation")
    return parts


def parse_variables(texts: Iterable[str]) -> dict[str, str]:
    """Return the variables of `--set NAME=VALUE`.

    Raises:
        UsageError: a text is not of that form, names a part of the object, or a name that was given.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value or "=" in value:
            raise UsageError(f"--set: {show(text)[:200]!r} is not NAME=VALUE")
        if "request.object." in name:
            raise UsageError(f"--set: {name} is part of the resource; change it there, or in --values-file")
        if name in found:
            raise UsageError(f"--set: {name} is given twice")
        split(name)
        found[name] = value
    return found


def read_run_values(values_file: Path | None, variables: Sequence[str], user_info: Path | None) -> RunValues:
    """Return what files and options tell.

    Raises:
        UsageError: values are given in both ways, or an option cannot be read.
        PolicyErrors: all mistakes of a file.
    """
    if values_file and variables:
        raise UsageError("pass the values either using set flag or values_file flag")
    found = RunValues(
        file=read_file(values_file, Values) if values_file else None,
        variables=parse_variables(variables),
        user=read_file(user_info, UserInfoFile) if user_info else None,
    )
    check_operation(found)
    return found


def check_operation(values: RunValues) -> None:
    """Refuse an operation that there is not.

    Raises:
        UsageError: the values name one.
    """
    given = values.file.global_values if values.file else values.variables
    operation = given.get(_OPERATION, "CREATE")
    if operation not in _OPERATIONS:
        raise UsageError(
            f'invalid request.operation value "{operation!s:.40}", must be one of {", ".join(_OPERATIONS)}'
        )


def read_file(path: Path, model: type[M]) -> M:
    """Return the one document of a file.

    Raises:
        PolicyErrors: all mistakes of the file.
    """
    inputs = read_inputs([str(path)])
    errors: list[PolicyError] = list(inputs.errors)
    for source in inputs.sources:
        documents = read_documents(source)
        errors += documents.errors
        if errors:
            break
        if len(documents.documents) != 1:
            text = f"{show(str(path))} must hold one document, not {len(documents.documents)}"
            raise PolicyErrors([PolicyError("not-one-document", text)])
        (document,) = documents.documents
        try:
            return model.model_validate(plain(document.root), by_alias=True, by_name=False)
        except ValidationError as error:
            errors += problems(error, model, document, ())
    if not errors:
        errors.append(PolicyError("not-a-file", f"{show(str(path))} is not a file"))
    raise PolicyErrors(errors)
