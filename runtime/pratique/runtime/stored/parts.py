"""What all stored reports are made of."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from pratique.grammar.source import Location, Source, Span
from pratique.runtime.decision import ResourceId


class Part(BaseModel):
    """A part of a document; fields that are not known are of a later version, and left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Timestamp(Part):
    """Seconds since the epoch."""

    seconds: int = Field(default=0, ge=0, le=1 << 40)


class Reference(Part):
    """The coordinates of a resource, as Kubernetes writes them."""

    api_version: str = Field(default="", alias="apiVersion")
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""

    def resource(self, location: str = "") -> ResourceId:
        """Return the resource; `location` is where a file declared it."""
        return ResourceId(
            api_version=self.api_version,
            kind=self.kind,
            namespace=self.namespace,
            name=self.name,
            uid=self.uid,
            location=place(location),
        )


_NUMBERS: Final = 2


def place(text: str) -> Location | None:
    """Return the place that `NAME:LINE:COLUMN` names; None where the text is nothing of the kind."""
    name, *numbers = text.rsplit(":", _NUMBERS)
    if len(numbers) != _NUMBERS or not all(each.isascii() and each.isdigit() for each in numbers):
        return None
    line, column = (max(1, int(each[:9] or "1")) for each in numbers)
    return Location(Source(name, ""), Span.at(line, column))
