"""Globs over image references, cut where the sections of a reference meet.

A canonical reference is `registry/path:tag` or `registry/path@digest`. A `*` may span any of these borders,
so a glob is cut in every way that its parts allow: into *boxes*, each a glob for the registry, one for the
path and one for the tag or the digest. The texts of a glob are the union of its boxes, and two boxes meet if
and only if their sections do, one by one. Most globs are one box: `ghcr.io/acme/*:v1*` is `ghcr.io`,
`acme/*`, `v1*`. `*.example.com/app:1` is two, since its `*` can span the end of the registry.

Sections repeat far more often than globs: each distinct pair of sections is searched once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from pratique.compiler.languages.expressions import characters
from pratique.compiler.languages.globs import Glob, One, Part, Run
from pratique.compiler.languages.plausible import EXAMPLE_DIGITS
from pratique.compiler.languages.references import HEX_DIGITS, Universe, digits, paths, registries, tags
from pratique.compiler.languages.search import Answer, Proof, Unknown, Witness
from pratique.compiler.languages.sets import AllOf, TextSet
from pratique.compiler.languages.wording import example

Decide: TypeAlias = Callable[[TextSet, Universe], Answer]


class Section:
    """The distinct globs for one section of references, and which of them meet.

    Globs are known by number, in the order they were added.
    """

    def __init__(
        self,
        universe: Universe,
        alphabet: str,
        fillings: tuple[str, ...],
        base: str = "",
        *,
        decide: Decide = example,
    ) -> None:
        """Start without globs.

        Args:
            universe: the texts of the section.
            alphabet: the characters that these texts are made of.
            fillings: what to try first in the place of each run of a glob.
            base: a text of the section; it is tried with its ends replaced by those of a glob.
            decide: answers whether a set is empty, where nothing else does.
        """
        self._decide = decide
        self.universe = universe
        self.alphabet = characters(alphabet)
        self._fillings = fillings
        self._base = base
        self._globs: list[Glob] = []
        self._pieces: list[list[str]] = []
        self._samples: list[Answer] = []
        self._numbers: dict[tuple[Part, ...], int] = {}
        self._meetings: dict[tuple[int, int], Answer] = {}

    def add(self, parts: tuple[Part, ...]) -> int:
        """Return the number of the glob made of `parts`."""
        number = self._numbers.get(parts)
        if number is None:
            number = self._numbers[parts] = len(self._globs)
            glob = Glob("", parts)
            self._globs.append(glob)
            self._pieces.append(_split(glob))
            foreign = any(isinstance(part, One) and not part.mask & self.alphabet for part in parts)
            self._samples.append(Proof() if foreign else self._search(number, number))
        return number

    def sample(self, number: int) -> Answer:
        """Return a plausible text of a glob, or the proof that it has none."""
        return self._samples[number]

    def meet(self, first: int, second: int) -> Answer:
        """Return a text of both globs, or the proof that they are disjoint."""
        if first == second:
            return self._samples[first]
        key = (first, second) if first < second else (second, first)
        answer = self._meetings.get(key)
        if answer is None:
            answer = self._meetings[key] = self._compare(*key)
        return answer

    def _compare(self, first: int, second: int) -> Answer:
        one, other = self._globs[first], self._globs[second]
        for sample, glob, owner in (
            (self._samples[first], other, one),
            (self._samples[second], one, other),
        ):
            if isinstance(sample, Proof):
                return sample
            if isinstance(sample, Witness):
                if glob.matches(sample.text):
                    return sample
                if owner.is_literal:
                    return Proof()
        return Proof() if one.plainly_disjoint(other) else self._search(first, second)

    def _search(self, first: int, second: int) -> Answer:
        one, other = self._globs[first], self._globs[second]
        for text in self._guesses(self._pieces[first], self._pieces[second]):
            if one.matches(text) and other.matches(text) and self.universe.contains(text):
                return Witness(text)
        return self._decide(AllOf((one, other)), self.universe)

    def _guesses(self, first: list[str], second: list[str]) -> Iterator[str]:
        """Yield texts that may belong to two globs, given by what stands between their runs."""
        head, tail = max(first[0], second[0], key=len), max(first[-1], second[-1], key=len)
        if len(first) == 1 or len(second) == 1:
            yield head
            return
        if self._base:
            yield head + self._base[len(head) : len(self._base) - len(tail)] + tail
        between = first[1:-1] + second[1:-1] if first is not second else first[1:-1]
        for filling in self._fillings:
            yield filling.join((head, *between, tail))


def _split(glob: Glob) -> list[str]:
    """Return what stands before, between and behind the runs of a glob, `1` in the place of classes."""
    pieces = [""]
    for part in glob.parts:
        if isinstance(part, Run):
            pieces.append("")
        else:
            pieces[-1] += chr(part.mask.bit_length() - 1) if part.mask.bit_count() == 1 else "1"
    return pieces


_Parts: TypeAlias = tuple[Part, ...]


class Box(NamedTuple):
    """One way to cut a glob.

    Attributes:
        registry: number of a glob for the registry.
        path: number of a glob for the path.
        mark: what stands before the tail: `:`, or `@`, an algorithm and `:`.
        tail: number of a glob for the tag, or for the digits of the digest.
    """

    registry: int
    path: int
    mark: str
    tail: int


_HEX = "0123456789abcdef"
_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FILLED_HOSTS = (".example.com", "", "registry", "registry.example.com")
_FILLED_PATHS = ("", "app", "/app/", "app/", "/")
_FILLED_TAGS = ("", "1.4.2", "a")


class Boxes:
    """The sections of all globs that are compared with each other."""

    def __init__(self, decide: Decide = example) -> None:
        """Start without globs; `decide` answers whether a set is empty, where nothing else does."""
        self._known: dict[str | _Parts, tuple[Box, ...]] = {}
        self._registries = Section(
            registries(), _LOWER + _UPPER + "-.:[]", _FILLED_HOSTS, "registry.example.com", decide=decide
        )
        self._paths = Section(paths(), _LOWER + "-._/", _FILLED_PATHS, decide=decide)
        self._tails = {
            ":": Section(tags(), _LOWER + _UPPER + "-._", _FILLED_TAGS, decide=decide),
            **{
                f"@{algorithm}:": Section(
                    digits(algorithm), _HEX, (), EXAMPLE_DIGITS[:length].ljust(length, "0"), decide=decide
                )
                for algorithm, length in HEX_DIGITS.items()
            },
        }

    def cut(self, glob: Glob) -> tuple[Box, ...]:
        """Return the boxes of `glob` that hold a text; none for a glob that matches no reference."""
        key = glob.parts if glob.spelling is None else glob.spelling
        boxes = self._known.get(key)
        if boxes is None:
            boxes = self._known[key] = tuple(self._cut(glob))
        return boxes

    def _cut(self, glob: Glob) -> Iterable[Box]:
        found: dict[Box, None] = {}
        for front, rest in _cuts(glob.parts, "/", self._registries.alphabet):
            registry = self._registries.add(front)
            if isinstance(self._registries.sample(registry), Proof):
                continue
            for middle, mark, end in self._cut_tails(rest):
                tails = self._tails[mark]
                tail = tails.add(end)
                if isinstance(tails.sample(tail), Proof):
                    continue
                path = self._paths.add(middle)
                if not isinstance(self._paths.sample(path), Proof):
                    found[Box(registry, path, mark, tail)] = None
        return found

    def _cut_tails(self, parts: _Parts) -> Iterator[tuple[_Parts, str, _Parts]]:
        for middle, end in _cuts(parts, ":", self._paths.alphabet):
            yield middle, ":", end
        for middle, digest in _cuts(parts, "@", self._paths.alphabet):
            for front, end in _cuts(digest, ":", characters("".join(HEX_DIGITS))):
                algorithms = Glob("", front)
                for algorithm in HEX_DIGITS:
                    if algorithms.matches(algorithm):
                        yield middle, f"@{algorithm}:", end

    def sample(self, boxes: tuple[Box, ...]) -> str:
        """Return a plausible reference out of some box, or an empty text where none is known."""
        answer = self.meet(boxes, boxes)
        return answer.text if isinstance(answer, Witness) else ""

    def meet(self, first: tuple[Box, ...], second: tuple[Box, ...]) -> Answer:
        """Return a reference in a box of each, or the proof that there is none."""
        unknown: Answer = Proof()
        for one in first:
            for other in second:
                if one.mark != other.mark:
                    continue
                answer = self._meet(one, other)
                if isinstance(answer, Witness):
                    return answer
                if isinstance(answer, Unknown):
                    unknown = answer
        return unknown

    def _meet(self, one: Box, other: Box) -> Answer:
        texts: list[str] = []
        unknown: Unknown | None = None
        for section, a, b in (
            (self._registries, one.registry, other.registry),
            (self._tails[one.mark], one.tail, other.tail),
            (self._paths, one.path, other.path),
        ):
            match section.meet(a, b):
                case Proof() as proof:
                    return proof
                case Unknown() as answer:
                    unknown = answer
                case Witness(text):
                    texts.append(text)
        if unknown:
            return unknown
        registry, tail, path = texts
        return Witness(f"{registry}/{path}{one.mark}{tail}")


def _cuts(parts: _Parts, separator: str, inside: int) -> Iterator[tuple[_Parts, _Parts]]:
    """Yield what stands before and after the first `separator`, in every way that `parts` allow.

    Args:
        parts: what is cut.
        separator: one character, which texts before the cut do not hold.
        inside: the characters that texts before the cut are made of.
    """
    bit = characters(separator)
    for place, part in enumerate(parts):
        if part.mask & bit:
            if isinstance(part, Run):
                yield parts[: place + 1], parts[place:]
            else:
                yield parts[:place], parts[place + 1 :]
        if isinstance(part, One) and not part.mask & inside:
            return
