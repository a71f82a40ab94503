"""The universe of canonical image references: the texts that image patterns are compared with.

An image of a resource is normalised first (default registry, host in lower case, default tag, no tag beside
a digest); what a pattern sees is `registry/path:tag` or `registry/path@algorithm:hex` and nothing else. That
is why `registry.k8s.io/` matches no image, and why `nginx:*` does not match `docker.io/nginx:latest`.

INVARIANT: the exact universe of images is the set of all `parse_image(text).match_string`, and each of these
texts names the same image again when it stands in a resource.

References: `pratique.grammar.image_reference`, which the tests compare this module with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from pratique.compiler.languages.automata import Automaton
from pratique.compiler.languages.expressions import (
    ALL_CHARACTERS,
    EMPTY,
    EVERYTHING,
    Expression,
    both,
    characters,
    chars,
    complement,
    concat,
    containing,
    either,
    literal,
    one_of,
    optional,
    repeat,
)
from pratique.compiler.languages.globs import Glob, One, Part, Run, parts
from pratique.compiler.languages.plausible import (
    EXAMPLE_DIGEST,
    REPOSITORIES,
    continue_digits,
    continue_host,
    continue_image,
    continue_path,
    continue_repository,
    continue_short,
    continue_tag,
)
from pratique.grammar.image_reference import MAX_HOST, MAX_PATH, MAX_TAG, MAX_TEXT

HEX_DIGITS = {"sha256": 64, "sha512": 128}
"""Algorithms of digests and their lengths in hexadecimal digits."""

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_DIGIT = "0123456789"
_HEX = _DIGIT + "abcdef"
_WORD = _LOWER + _DIGIT
_ANY = chars(ALL_CHARACTERS)


@dataclass(frozen=True, slots=True)
class Universe:
    """A set of texts inside which patterns are read.

    Attributes:
        name: what the texts are, in the plural, for messages.
        relaxed: automaton of a superset, without upper limits on lengths.
        exact: automaton of the set itself.
        longest: no text of the exact set is longer.
        safe_length: texts of the relaxed set up to this length belong to the exact one.
        pieces: plausible continuations of the beginning of a text, best first.
        examples: plausible texts of the set, best first.
        shapes: globs of which every text matches one; without them, nothing is known of its shape.
    """

    name: str
    relaxed: Automaton
    exact: Automaton
    longest: int
    safe_length: int
    pieces: Callable[[str], tuple[str, ...]]
    examples: tuple[str, ...] = ()
    shapes: tuple[Glob, ...] = ()

    def contains(self, text: str) -> bool:
        """Say whether `text` belongs to the set."""
        return (self.relaxed if len(text) <= self.safe_length else self.exact).contains(text)


def registry(exact: bool) -> Expression:
    """Return the registries.

    A host is told from the first part of a path by a dot, a colon, the name `localhost` or a capital letter.
    Hosts are in lower case, but for those that only a capital makes one: `Team/app` is no `team/app`.
    """
    limit = repeat(_ANY, 1, MAX_HOST if exact else None)
    capital = both(
        _host(_LOWER + _UPPER),
        containing(one_of(_UPPER)),
        complement(containing(one_of(".:"))),
        complement(concat(*(one_of(letter + letter.upper()) for letter in "localhost"))),
    )
    marked = both(_host(_LOWER), either(containing(one_of(".:")), literal("localhost")))
    return both(either(marked, capital), limit) if exact else either(marked, capital)


def _host(letters: str) -> Expression:
    alphanumeric = one_of(letters + _DIGIT)
    label = concat(alphanumeric, optional(repeat(one_of(letters + _DIGIT + "-")), alphanumeric))
    name = concat(label, repeat(concat(one_of("."), label)))
    digits = "".join(letter for letter in letters if letter in "abcdefABCDEF") + _DIGIT
    address = concat(one_of("["), repeat(one_of(digits + ":"), 1), one_of("]"))
    return concat(either(name, address), optional(one_of(":"), repeat(one_of(_DIGIT), 1)))


def path(exact: bool) -> Expression:
    """Return the paths of repositories."""
    word = repeat(one_of(_WORD), 1)
    separator = either(one_of("._"), literal("__"), repeat(one_of("-"), 1))
    component = concat(word, repeat(concat(separator, word)))
    limit = (repeat(_ANY, 1, MAX_PATH),) if exact else ()
    return both(concat(component, repeat(concat(one_of("/"), component))), *limit)


def tag(exact: bool) -> Expression:
    """Return the tags."""
    first = _LOWER + _UPPER + _DIGIT + "_"
    return concat(one_of(first), repeat(one_of(first + ".-"), 0, MAX_TAG - 1 if exact else None))


def digest() -> Expression:
    """Return the digests, `algorithm:hex`."""
    return either(
        *(
            concat(literal(f"{algorithm}:"), repeat(one_of(_HEX), length, length))
            for algorithm, length in HEX_DIGITS.items()
        )
    )


def repository(exact: bool) -> Expression:
    """Return the names of repositories, `registry/path`."""
    return concat(registry(exact), one_of("/"), path(exact))


def _spelled(*items: str | Part) -> tuple[Part, ...]:
    return tuple(part for item in items for part in (parts(item) if isinstance(item, str) else (item,)))


def _some(letters: str) -> tuple[Part, ...]:
    return One(characters(letters)), Run(characters(letters))


_SHORT = min(MAX_HOST, MAX_PATH, MAX_TAG)
_DIGEST_SHAPES = tuple(
    _spelled(f"{algorithm}:", *[One(characters(_HEX))] * length) for algorithm, length in HEX_DIGITS.items()
)
_NAME_SHAPE = (
    *_some(_LOWER + _UPPER + _DIGIT + "-.:[]"),
    *_spelled("/"),
    *_some(_WORD + "._-/"),
)
_TAGGED_SHAPES = ((*_NAME_SHAPE, *_spelled(":"), *_some(_LOWER + _UPPER + _DIGIT + "_.-")),)
_DIGESTED_SHAPES = tuple((*_NAME_SHAPE, *_spelled("@"), *shape) for shape in _DIGEST_SHAPES)


def _universe(
    name: str,
    expression: Callable[[bool], Expression],
    pieces: Callable[[str], tuple[str, ...]],
    *examples: str,
    shapes: tuple[tuple[Part, ...], ...] = (),
) -> Universe:
    return Universe(
        name=name,
        relaxed=Automaton(expression(False)),
        exact=Automaton(expression(True)),
        longest=MAX_TEXT,
        safe_length=_SHORT,
        pieces=pieces,
        examples=examples,
        shapes=tuple(Glob("", shape) for shape in shapes),
    )


def _behind_colon(exact: bool) -> Expression:
    return concat(repository(exact), one_of(":"), tag(exact))


def _behind_at(exact: bool) -> Expression:
    return concat(repository(exact), one_of("@"), digest())


_TAGGED = tuple(f"{name}:{tag}" for name, tag in REPOSITORIES)
_DIGESTED = tuple(f"{name}@{EXAMPLE_DIGEST}" for name, _ in REPOSITORIES)


@cache
def images() -> Universe:
    """Return all canonical references."""
    return _universe(
        "image references",
        lambda exact: either(_behind_colon(exact), _behind_at(exact)),
        continue_image,
        *_TAGGED,
        *_DIGESTED,
        shapes=_TAGGED_SHAPES + _DIGESTED_SHAPES,
    )


@cache
def tagged() -> Universe:
    """Return the canonical references with a tag."""
    return _universe(
        "image references with a tag", _behind_colon, continue_image, *_TAGGED, shapes=_TAGGED_SHAPES
    )


@cache
def digested() -> Universe:
    """Return the canonical references with a digest."""
    name = "image references with a digest"
    return _universe(name, _behind_at, continue_image, *_DIGESTED, shapes=_DIGESTED_SHAPES)


@cache
def short() -> Universe:
    """Return what resources write for images of the default registry: no registry, perhaps no tag."""

    def expression(exact: bool) -> Expression:
        tail = either(EMPTY, concat(one_of(":"), tag(exact)), concat(one_of("@"), digest()))
        within = repeat(chars(ALL_CHARACTERS & ~characters("/")))
        host = either(concat(within, one_of(".:"), within), literal("localhost"))
        return both(concat(path(exact), tail), complement(concat(host, one_of("/"), EVERYTHING)))

    return _universe("short names of images", expression, continue_short, "nginx:1.25.3", "acme/app:1.4.2")


@cache
def repositories() -> Universe:
    """Return the canonical names of repositories, `registry/path`."""
    names = tuple(name for name, _ in REPOSITORIES)
    return _universe("repositories", repository, continue_repository, *names, shapes=(_NAME_SHAPE,))


@cache
def registries() -> Universe:
    """Return the canonical names of registries."""
    return _universe("registries", registry, continue_host)


@cache
def paths() -> Universe:
    """Return the paths of repositories within their registry."""
    return _universe("paths", path, continue_path)


@cache
def tags() -> Universe:
    """Return the tags."""
    return _universe("tags", tag, continue_tag)


@cache
def digits(algorithm: str) -> Universe:
    """Return the digests of an algorithm, without its name."""
    length = HEX_DIGITS[algorithm]
    return _universe("digits", lambda _: repeat(one_of(_HEX), length, length), continue_digits)
