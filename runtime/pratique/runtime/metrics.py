"""Figures of a process in the text format of Prometheus.

A few lines of our own: families with labels, read by one scraper every few seconds, need no library.

Who writes a policy or creates a Pod chooses names that become values of labels. Each such label has a bound
(`Names`), so that nobody makes a process remember, or a scraper store, without end.

References: Prometheus text exposition format 0.0.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Protocol

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

SECONDS: Final = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
"""Upper bounds of the buckets of a latency; a review whose images are known takes half a millisecond."""

OTHER: Final = "other"
"""Value of a label for all names beyond its bound."""
MAX_NAME: Final = 256
"""Characters of a name that strangers choose."""

Labels = tuple[str, ...]
Values = Mapping[Labels, float]


@dataclass(frozen=True, slots=True)
class About:
    """What a family is: `kind` is `counter`, `gauge` or `histogram`."""

    name: str
    help: str
    kind: str
    labels: Labels = ()


class Family(Protocol):
    """A metric with all its label values."""

    about: About

    def lines(self) -> Iterator[str]:
        """Yield the metric in the text format."""
        ...


class Names:
    """The values of a label that strangers choose: the first so many by name, all others as one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def of(self, name: str) -> str:
        """Return `name`, or `OTHER` where there are too many already or it is too long."""
        if name in self._known:
            return name
        if len(self._known) >= self._most or len(name) > MAX_NAME:
            return OTHER
        self._known.add(name)
        return name


class Counter:
    """Numbers that only grow, by label values."""

    def __init__(self, name: str, help: str, labels: Labels = (), most: int = 0) -> None:
        """Take what the metric is; with `most`, further label values are counted as `OTHER` ones."""
        self.about = About(name, help, "counter", labels)
        self._most = most
        self._others = (OTHER,) * len(labels)
        # Without labels there is a number before anything happens, so that the first thing is an increase.
        self._values: dict[Labels, float] = {} if labels else {(): 0}

    def add(self, *values: str, amount: float = 1) -> None:
        """Count something with these label values."""
        if values not in self._values and self._most:
            named = len(self._values) - (self._others in self._values)
            if named >= self._most:
                values = self._others
        self._values[values] = self._values.get(values, 0) + amount

    def value(self, *values: str) -> float:
        """Return what was counted with these label values."""
        return self._values.get(values, 0)

    def values(self) -> Iterable[tuple[Labels, float]]:
        """Return what was counted, by label values."""
        return tuple(self._values.items())

    def forget(self, is_gone: Callable[[Labels], bool]) -> None:
        """Drop what was counted with label values that mean nothing any more."""
        for values in [v for v in self._values if v != self._others and is_gone(v)]:
            del self._values[values]

    def lines(self) -> Iterator[str]:
        """Yield the metric in the text format."""
        yield from _samples(self.about, self._values)


class Looked:
    """Numbers that are looked up when somebody asks; `read` returns them by label values."""

    def __init__(self, about: About, read: Callable[[], Values]) -> None:
        self.about = about
        self._read = read

    def lines(self) -> Iterator[str]:
        """Yield the metric in the text format."""
        yield from _samples(self.about, self._read())


class Series:
    """How often something took how long, with the same label values each time."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, amount: float) -> None:
        """Count one that took `amount`."""
        self.counts[bisect_left(self._bounds, amount)] += 1
        self.total += amount


class Histogram:
    """How often something took how long, by label values."""

    def __init__(
        self, name: str, help: str, labels: Labels = (), bounds: tuple[float, ...] = SECONDS
    ) -> None:
        self.about = About(name, help, "histogram", labels)
        self._bounds = bounds
        self._series: dict[Labels, Series] = {}

    def of(self, *values: str) -> Series:
        """Return the series with these label values."""
        found = self._series.get(values)
        if found is None:
            found = self._series[values] = Series(self._bounds)
        return found

    def observe(self, amount: float, *values: str) -> None:
        """Count one that took `amount`."""
        self.of(*values).observe(amount)

    def lines(self) -> Iterator[str]:
        """Yield the metric in the text format."""
        name = self.about.name
        yield from _head(self.about)
        labels = (*self.about.labels, "le")
        for values, series in sorted(self._series.items()):
            total = 0
            for bound, total in zip((*self._bounds, "+Inf"), accumulate(series.counts), strict=True):
                yield f"{name}_bucket{_braces(labels, (*values, f'{bound}'))} {total}"
            yield f"{name}_sum{_braces(self.about.labels, values)} {_number(series.total)}"
            yield f"{name}_count{_braces(self.about.labels, values)} {total}"


class Metrics:
    """All families of a process, in the order in which they were added."""

    def __init__(self) -> None:
        self._families: list[Family] = []

    @property
    def families(self) -> tuple[About, ...]:
        """Return what there is."""
        return tuple(family.about for family in self._families)

    def counter(self, name: str, help: str, labels: Labels = (), most: int = 0) -> Counter:
        """Add and return a counter; see `Counter` for `most`."""
        found = Counter(name, help, labels, most)
        self._families.append(found)
        return found

    def histogram(self, name: str, help: str, labels: Labels = ()) -> Histogram:
        """Add and return a histogram of seconds."""
        found = Histogram(name, help, labels)
        self._families.append(found)
        return found

    def gauge(self, name: str, help: str, read: Callable[[], Values | float], labels: Labels = ()) -> None:
        """Add numbers that are looked up when asked for, by label values or one without labels."""
        self._families.append(Looked(About(name, help, "gauge", labels), _by_labels(read)))

    def total(self, name: str, help: str, read: Callable[[], Values | float], labels: Labels = ()) -> None:
        """Add numbers that only grow and are counted somewhere else."""
        self._families.append(Looked(About(name, help, "counter", labels), _by_labels(read)))

    def text(self) -> str:
        """Return everything in the text format."""
        return "\n".join(line for family in self._families for line in family.lines()) + "\n"


def _by_labels(read: Callable[[], Values | float]) -> Callable[[], Values]:
    def found() -> Values:
        value = read()
        return value if isinstance(value, Mapping) else {(): value}

    return found


def _samples(about: About, values: Values) -> Iterator[str]:
    yield from _head(about)
    for labels, number in sorted(values.items()):
        yield f"{about.name}{_braces(about.labels, labels)} {_number(number)}"


def _head(about: About) -> tuple[str, str]:
    return f"# HELP {about.name} {about.help}", f"# TYPE {about.name} {about.kind}"


def _braces(labels: Labels, values: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(labels, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)
