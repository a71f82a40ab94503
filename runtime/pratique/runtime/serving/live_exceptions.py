"""Policy exceptions that live in a cluster: which count is for whoever runs the server to say (K16).

One that cannot be read, or stands elsewhere, exempts nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lower import lower_exceptions
from pratique.grammar.documents import read_policies
from pratique.grammar.errors import PolicyError
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.serving.policy_objects import lines_of, source_of

ANYWHERE: Final = "*"
"""Exceptions count in every namespace: whoever may write one there may lift any policy."""

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadException:
    """What an object holds: an exemption, or the mistakes for which it exempts nobody."""

    name: str
    exemption: ir.Exemption | None
    errors: tuple[PolicyError, ...] = ()

    def lines(self) -> list[str]:
        """Return a line for each mistake."""
        return list(lines_of(self.errors))


def read_exception(item: Object) -> ReadException:
    """Return the exemption of an object; never raises for what is wrong with it."""
    source = source_of(item)
    content = read_policies(source)
    if content.errors or len(content.exceptions) != 1:
        text = f"{item.get('apiVersion')} {item.get('kind')} is not read"
        errors = tuple(content.errors) or (PolicyError("unsupported-kind", text),)
        return ReadException(source.name, None, errors)
    exemptions, errors = lower_exceptions(content.exceptions)
    return ReadException(source.name, exemptions[0] if exemptions else None, errors)


class ExceptionReader:
    """Reads exceptions; those that did not change are not read again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Object, ReadException]] = {}

    def read(self, items: Iterable[Object]) -> tuple[ir.Exemption, ...]:
        """Return the exemptions of all objects that have one, in the order of their names."""
        found = {}
        for item in items:
            metadata = item["metadata"]
            key = (str(metadata.get("namespace", "")), str(metadata.get("name", "")))
            known = self._known.get(key)
            if known is None or known[0] is not item:
                known = (item, read_exception(item))
                if known[1].errors:
                    _LOG.warning("%s exempts nobody: %s", known[1].name, "; ".join(known[1].lines()))
            found[key] = known
        self._known = found
        read = (found[key][1].exemption for key in sorted(found))
        return tuple(exemption for exemption in read if exemption)
