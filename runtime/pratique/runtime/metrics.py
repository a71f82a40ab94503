"""Figures of a process in the text format of Prometheus.

A few lines of our own: families with labels, read by one scraper every few seconds, need no library.

References: Prometheus text exposition format 0.0.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final, Protocol

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of a latency."""

Labels = tuple[str, ...]


class Family(Protocol):
    """A metric with all its label values."""

    def lines(self) -> Iterator[str]:
        """Yield the metric in the text format."""
        ...


class Counter:
    """Numbers that only grow, by label values."""

    def __init__(self, name: str, help: str, labels: Labels = ()) -> None:
        self._head = _head(name, help, "counter")
        self._name = name
        self._labels = labels
        self._values: dict[Labels, float] = {}

    def add(self, *values: str, amount: float = 1) -> None:
        """Count something with these label values."""
        self._values[values] = self._values.get(values, 0) + amount

    def value(self, *values: str) -> float:
        """Return what was counted with these label values."""
        return self._values.get(values, 0)

    def lines(self) -> Iterator[str]:
        """Yield the metric in the text format."""
        yield from self._head
        for values, number in sorted(self._values.items()):
            yield f"{self._name}{_braces(self._labels, values)} {_number(number)}"


class Gauge:
    """Numbers that are looked up when somebody asks; `read` returns them by label values."""

    def __init__(
        self,
        name: str,
        help: str,
        read: Callable[[], dict[Labels, float]],
        labels: Labels = (),
        *,
        kind: str = "gauge",
    ) -> None:
        self._head = _head(name, help, kind)
        self._name = name
        self._labels = labels
        self._read = read

    def lines(self) -> Iterator[str]:
        """Yield the metric in the text format."""
        yield from self._head
        for values, number in sorted(self._read().items()):
            yield f"{self._name}{_braces(self._labels, values)} {_number(number)}"


class Histogram:
    """How often something took how long, by label values."""

    def __init__(
        self, name: str, help: str, labels: Labels = (), bounds: tuple[float, ...] = SECONDS
    ) -> None:
        self._head = _head(name, help, "histogram")
        self._name = name
        self._labels = labels
        self._bounds = bounds
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, amount: float, *values: str) -> None:
        """Count one that took `amount`."""
        counts = self._counts.get(values)
        if counts is None:
            counts = self._counts[values] = [0] * (len(self._bounds) + 1)
            self._sums[values] = 0.0
        counts[bisect_left(self._bounds, amount)] += 1
        self._sums[values] += amount

    def lines(self) -> Iterator[str]:
        """Yield the metric in the text format."""
        yield from self._head
        labels = (*self._labels, "le")
        for values, counts in sorted(self._counts.items()):
            total = 0
            for bound, total in zip((*self._bounds, "+Inf"), accumulate(counts), strict=True):
                yield f"{self._name}_bucket{_braces(labels, (*values, f'{bound}'))} {total}"
            yield f"{self._name}_sum{_braces(self._labels, values)} {_number(self._sums[values])}"
            yield f"{self._name}_count{_braces(self._labels, values)} {total}"


class Metrics:
    """All families of a process, in the order in which they were added."""

    def __init__(self) -> None:
        self._families: list[Family] = []

    def counter(self, name: str, help: str, labels: Labels = ()) -> Counter:
        """Add and return a counter."""
        found = Counter(name, help, labels)
        self._families.append(found)
        return found

    def histogram(self, name: str, help: str, labels: Labels = ()) -> Histogram:
        """Add and return a histogram of seconds."""
        found = Histogram(name, help, labels)
        self._families.append(found)
        return found

    def gauge(
        self, name: str, help: str, read: Callable[[], dict[Labels, float] | float], labels: Labels = ()
    ) -> None:
        """Add numbers that are looked up when asked for, by label values or one without labels."""
        self._families.append(Gauge(name, help, _by_labels(read), labels))

    def total(
        self, name: str, help: str, read: Callable[[], dict[Labels, float] | float], labels: Labels = ()
    ) -> None:
        """Add numbers that only grow and are counted somewhere else."""
        self._families.append(Gauge(name, help, _by_labels(read), labels, kind="counter"))

    def text(self) -> str:
        """Return everything in the text format."""
        return "\n".join(line for family in self._families for line in family.lines()) + "\n"


def _by_labels(read: Callable[[], dict[Labels, float] | float]) -> Callable[[], dict[Labels, float]]:
    def found() -> dict[Labels, float]:
        value = read()
        return value if isinstance(value, dict) else {(): value}

    return found


def _head(name: str, help: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {help}", f"# TYPE {name} {kind}"


def _braces(labels: Labels, values: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(labels, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6f}"
