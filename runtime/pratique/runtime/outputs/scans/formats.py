"""The formats of scans by name: those of `outputs.formats` that can be written piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Final, Protocol, cast

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.scans.scanned import Scanned


class Format(Protocol):
    """What every format's module offers."""

    def pieces(self, scanned: Scanned, options: RenderOptions) -> Iterator[str]:
        """Yield the text of the report, which ends with a line end."""
        ...


_PACKAGE: Final = "pratique.runtime.outputs.scans."

FORMATS: Final = {
    "table": "table",
    "json": "json_form",
    "yaml": "yaml_form",
    "policy-report": "policy_report",
    "openreports": "openreports",
    "junit": "junit",
    "sarif": "sarif",
    "html": "page",
}
"""Name of a format -> its module in this package, in the order that help shows."""


def pieces(name: str, scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the report in the format `name`."""
    module = cast(Format, import_module(_PACKAGE + FORMATS[name]))
    return module.pieces(scanned, options)
