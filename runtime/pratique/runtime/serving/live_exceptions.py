"""Policy exceptions that live in a cluster: which count is for whoever runs the server to say (K16).

One that cannot be read, or stands elsewhere, exempts nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.lower import lower_cel_exceptions, lower_exceptions
from pratique.grammar.documents import read_policies
from pratique.grammar.errors import PolicyError
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.serving.policy_objects import lines_of, source_of

ANYWHERE: Final = "*"
"""Exceptions count in every namespace: whoever may write one there may lift any policy."""

_LOG: Final = logging.getLogger(__name__)


Exemption = ir.Exemption | CelExemption


@dataclass(frozen=True, slots=True)
class ReadException:
    """What an object holds: an exemption, or the mistakes for which it exempts nobody."""

    name: str
    exemption: Exemption | None
    errors: tuple[PolicyError, ...] = ()

    def lines(self) -> list[str]:
        """Return a line for each mistake."""
        return list(lines_of(self.errors))


def read_exception(item: Object) -> ReadException:
    """Return the exemption of an object; never raises for what is wrong with it."""
    source = source_of(item)
    content = read_policies(source)
    if content.errors or len(content.exceptions) + len(content.cel_exceptions) != 1:
        text = f"{item.get('apiVersion')} {item.get('kind')} is not read"
        errors = tuple(content.errors) or (PolicyError("unsupported-kind", text),)
        return ReadException(source.name, None, errors)
    exemptions, errors = lower_exceptions(content.exceptions)
    in_cel, wrong = lower_cel_exceptions(content.cel_exceptions)
    found: list[Exemption] = [*exemptions, *in_cel]
    return ReadException(source.name, found[0] if found else None, (*errors, *wrong))


class ExceptionReader:
    """Reads exceptions; those that did not change are not read again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[Object, ReadException]] = {}

    def read(self, items: Iterable[Object]) -> tuple[Exemption, ...]:
        """Return the exemptions of all objects that have one, in the order of their names."""
        found = {}
        for item in items:
            metadata = item["metadata"]
            parts = (metadata.get("namespace"), metadata.get("name"), item.get("apiVersion"))
            key = tuple(str(part or "") for part in parts)
            known = self._known.get(key)
            if known is None or known[0] is not item:
                known = (item, read_exception(item))
                if known[1].errors:
                    _LOG.warning("%s exempts nobody: %s", known[1].name, "; ".join(known[1].lines()))
            found[key] = known
        self._known = found
        read = (found[key][1].exemption for key in sorted(found))
        return tuple(exemption for exemption in read if exemption)
