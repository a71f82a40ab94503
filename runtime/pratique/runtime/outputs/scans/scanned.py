"""What the formats of this package see of a scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pratique.runtime.decision import Status, worst
from pratique.runtime.outputs.view import Row


@dataclass(frozen=True, slots=True)
class ImageCount:
    """How an image fares.

    Attributes:
        image: canonical form of its reference.
        resources: number of resources that run it and are judged for it, by the worst that is said of it.
    """

    image: str
    resources: Mapping[Status, int]

    @property
    def total(self) -> int:
        """Return the number of resources that are judged for it."""
        return sum(self.resources.values())

    @property
    def status(self) -> Status:
        """Return the worst that is said of it anywhere."""
        return worst(status for status, count in self.resources.items() if count)


class Scanned(Protocol):
    """A scan that has come to its end.

    Attributes:
        policies: that were asked.
        rules: theirs.
        resources: that were looked at, those included that no rule speaks about.
        notices: what the run says besides verdicts.
        roots: trust roots that signatures were checked against, each with `name`, `digest`, `source` and
            `place`.
        summary: number of rows by status, every status being there.
        images: every image that was judged, sorted.
    """

    @property
    def policies(self) -> int: ...  # noqa: D102
    @property
    def rules(self) -> int: ...  # noqa: D102
    @property
    def resources(self) -> int: ...  # noqa: D102
    @property
    def notices(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def roots(self) -> Sequence[Mapping[str, str]]: ...  # noqa: D102
    @property
    def summary(self) -> Mapping[Status, int]: ...  # noqa: D102
    @property
    def images(self) -> Sequence[ImageCount]: ...  # noqa: D102

    def rows(self) -> Iterator[Row]:
        """Yield the rows in the order of resources, then of rules; may be called again and again."""
        ...
