"""Secrets of a cluster: public keys and registry credentials that policies refer to.

Files with Secrets are named by an option of their own and never taken from the resources that are judged: in
a pipeline the author of a change writes the resources, and who could bring along `cosign.pub` would choose
whose signatures count.

References: Kubernetes core/v1 Secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.inputs import ResourceDocument, load_resources, read_inputs, show

MAX_SECRET_BYTES: Final = 1 << 20
"""Bytes of the values of one Secret, as in Kubernetes."""
MAX_SECRETS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One Secret; its representation shows no value."""

    type: str
    data: Mapping[str, bytes] = field(repr=False)


class SecretSource(Protocol):
    """Where Secrets are."""

    @property
    def cure(self) -> str:
        """What to do about one that is not there."""
        ...

    async def get(self, namespace: str, name: str) -> Secret | None:
        """Return a Secret, None where there is none.

        Raises:
            TransportError: whoever has it could not be asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class Secrets:
    """Secrets that were given, by namespace and name."""

    items: Mapping[tuple[str, str], Secret] = field(default_factory=dict)
    cure: str = "give it with --secrets FILE"

    async def get(self, namespace: str, name: str) -> Secret | None:
        """Return a Secret, None where it was not given."""
        return self.items.get((namespace, name))


NO_SECRETS: Final = Secrets()


def read_secrets(paths: Sequence[str]) -> Secrets:
    """Return the Secrets in files, folders or globs (see `read_inputs`); lists are taken apart.

    A Secret without a namespace is one of `default`, as for `kubectl apply`.

    Raises:
        PolicyErrors: a file cannot be read.
        UsageError: something else than a Secret is there, or a Secret is malformed or given twice. No message
            quotes a value.
    """
    inputs = read_inputs(paths)
    documents, errors = load_resources(inputs.sources)
    if inputs.errors or errors:
        # Errors about the text of a Secret would show an excerpt of it.
        raise PolicyErrors(inputs.errors) if inputs.errors else UsageError(_malformed(errors[0].location))
    found: dict[tuple[str, str], Secret] = {}
    for document in documents:
        name, secret = _secret(document)
        if name in found:
            raise UsageError(f"{_place(document)}: Secret {'/'.join(name)} is given twice")
        if len(found) == MAX_SECRETS:
            raise UsageError(f"more than {MAX_SECRETS} Secrets are given")
        found[name] = secret
    return Secrets(found)


def _secret(document: ResourceDocument) -> tuple[tuple[str, str], Secret]:
    data, metadata = document.data, document.data.get("metadata") or {}
    if (data["apiVersion"], data["kind"]) != ("v1", "Secret"):
        raise UsageError(f"{_place(document)}: {show(data['kind'][:80])} is no Secret")
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise UsageError(f"{_place(document)}: the Secret has no name")
    try:
        secret = secret_of(data)
    except ValueError as error:
        raise UsageError(f"{_place(document)}: {error}") from error
    return (metadata.get("namespace") or "default", name), secret


def secret_of(data: Mapping[str, Any]) -> Secret:
    """Return what an object of kind Secret holds.

    Raises:
        ValueError: it is malformed or too large; the text quotes no value.
    """
    try:
        values = {key: _decoded(text) for key, text in _texts(data.get("data"))}
        values |= {key: text.encode() for key, text in _texts(data.get("stringData"))}
    except (TypeError, ValueError) as error:
        raise ValueError("the data of the Secret is malformed") from error
    if sum(map(len, values.values())) > MAX_SECRET_BYTES:
        raise ValueError(f"the Secret is larger than {MAX_SECRET_BYTES} bytes")
    kind = data.get("type")
    return Secret(type=kind if isinstance(kind, str) else "Opaque", data=values)


def _texts(block: Any) -> list[tuple[str, str]]:
    pairs = list((block or {}).items()) if isinstance(block or {}, dict) else None
    if pairs is None or not all(isinstance(value, str) for _, value in pairs):
        raise TypeError
    return pairs


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError from error


def _place(document: ResourceDocument) -> str:
    return f"{show(document.source_name)}:{document.line}"


def _malformed(location: object) -> str:
    return f"{location}: the Secret cannot be read" if location else "a Secret cannot be read"
