"""Globs of policy-controller as patterns of the IR.

In these globs `*` stands for any run of characters but `/`, and `**` for any run at all. They are compared
with the full name of an image once its tag was resolved: `registry/path@sha256:…`, in which Docker Hub is
`index.docker.io` and its official images stand under `library/`. The IR has `*` for any run and patterns that
leave images out, over names in which Docker Hub is `docker.io` and nothing is added. Each glob becomes
regions that together hold just the images whose resolved name it matches; a glob for which there are none is
refused, never taken for something wider or narrower.

References: sigstore/policy-controller of August 2026 `pkg/apis/glob/glob.go`, `pkg/webhook/validator.go`
(`validateContainerImage`); github.com/google/go-containerregistry `pkg/name`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pratique.grammar.image_reference import MAX_TEXT

Token: TypeAlias = str
"""One character, or `SEGMENT` or `ANY`."""
Tokens: TypeAlias = tuple[Token, ...]

SEGMENT: Final = "*"
ANY: Final = "**"
MAX_REGIONS: Final = 32

_VALID: Final = re.compile(r"[a-zA-Z0-9\-_:/*.@]+")
_SHORT: Final = {"*": "index.docker.io/library/*", "*/*": "index.docker.io/*/*"}
_TOKEN: Final = re.compile(r"\*\*|.")
_HEX: Final = frozenset("0123456789abcdef")
_HUB: Final = "index.docker.io/"
_HUB_NAMES: Final = ("docker.io/", _HUB)
_OFFICIAL: Final = "library/"
_DIGEST: Final = ("@sha256:", 64)
_ALGORITHM: Final = frozenset("sha256512")


class GlobRefusedError(ValueError):
    """A glob that policy-controller refuses, or for which there are no regions.

    Attributes:
        code: as in `PolicyError`.
        help: what to write instead; may be empty.
    """

    def __init__(self, code: str, text: str, help: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.help = help


@dataclass(frozen=True, slots=True)
class GlobRegion:
    """Images that some pattern of `include` matches and none of `skip`, in Kyverno's dialect."""

    include: tuple[str, ...]
    skip: tuple[str, ...] = ()


def regions(glob: str) -> tuple[GlobRegion, ...]:
    """Return the regions that hold the images a glob matches.

    Raises:
        GlobRefusedError: there are none, or the glob is none.
    """
    written = _SHORT.get(glob, glob)
    if len(written) > MAX_TEXT or not _VALID.fullmatch(written):
        raise GlobRefusedError("wrong-value", f'invalid glob "{glob:.80}"')
    tokens = _merged(_TOKEN.findall(written))
    names = list(_without_digest(tokens))
    found = tuple(dict.fromkeys(region for name in names for region in _regions(name)))
    if not found:
        raise GlobRefusedError(
            "wrong-value",
            "no image matches: tags are resolved first, so that globs see `registry/path@sha256:…` alone",
            help=_advice(written),
        )
    if len(found) > MAX_REGIONS:
        raise _unclear("it can be read in too many ways")
    return found


def _advice(written: str) -> str:
    """Return what was probably meant: a name without its tag, in a registry called by its own name."""
    head, _, tail = written.rpartition(":")
    is_tagged = bool(head) and "/" not in tail
    name = f"index.{written}" if written.startswith(_HUB_NAMES[0]) else written
    if is_tagged or not written.endswith("*"):
        name = f"{name.removesuffix(f':{tail}') if is_tagged else name}@*"
    return f"write `{name}`"


def _unclear(why: str) -> GlobRefusedError:
    text = f"this glob cannot be honoured by this version: {why}"
    return GlobRefusedError("unsupported-field", text)


def _merged(found: Sequence[Token]) -> Tokens:
    """Return tokens in which runs beside each other are one; a run of anything takes in all others."""
    tokens: list[Token] = []
    for token in found:
        if tokens and _is_run(token) and _is_run(tokens[-1]):
            tokens[-1] = SEGMENT if token == tokens[-1] == SEGMENT else ANY
        else:
            tokens.append(token)
    return tuple(tokens)


def _is_run(token: Token) -> bool:
    return token in (SEGMENT, ANY)


# --- what stands before and behind ---------------------------------------------------------------------


def _without_digest(tokens: Tokens) -> Iterator[Tokens]:
    """Yield globs over `registry/path` that together match what `tokens` match with a digest behind it.

    Raises:
        GlobRefusedError: it depends on the digits of the digest.
    """
    certain, possible = {len(tokens)}, {len(tokens)}
    for _ in range(_DIGEST[1]):
        certain = _back(tokens, certain, frozenset())
        possible = _back(tokens, possible, _HEX)
    for character in reversed(_DIGEST[0]):
        certain = _back(tokens, certain, frozenset(character))
        possible = _back(tokens, possible, frozenset(character))
    if possible != certain:
        raise _unclear("whether it matches may depend on the digits of a digest")
    for place in sorted(certain, reverse=True):
        is_whole = place + 1 not in certain or not _is_run(tokens[place])  # else the run takes it in
        if is_whole and "@" not in tokens[:place]:
            yield tokens[:place]


def _back(tokens: Tokens, places: Iterable[int], characters: frozenset[str]) -> set[int]:
    """Return the places before one character, which runs consume, and so do any of `characters`.

    A run stays open: it is part of what stands before the place.
    """
    found = set()
    for place in places:
        while place:
            token = tokens[place - 1]
            if not _is_run(token):
                if token in characters:
                    found.add(place - 1)
                break
            found.add(place)
            place -= 1  # the run may be empty
    return found


def _behind(tokens: Tokens, head: str) -> list[Tokens]:
    """Return globs that together match what is left of the matches of `tokens` that start with `head`."""
    places = {0}
    for character in head:
        found = set()
        for start in places:
            place = start
            while place < len(tokens):
                token = tokens[place]
                if not _is_run(token):
                    if token == character:
                        found.add(place + 1)
                    break
                if token == ANY or character != "/":
                    found.add(place)
                place += 1  # the run may be empty
        places = found
    return [tokens[place:] for place in sorted(places)]


# --- regions -------------------------------------------------------------------------------------------


def _regions(name: Tokens) -> Iterator[GlobRegion]:
    """Yield the regions of a glob over `registry/path`; nothing for one that no name matches."""
    if name in ((ANY,), (SEGMENT, "/", ANY)):
        yield GlobRegion(("*",))
        return
    literal = "".join(name[: next((i for i, token in enumerate(name) if _is_run(token)), len(name))])
    if not literal.startswith(_HUB_NAMES):
        hub = tuple(f"{each}*" for each in _HUB_NAMES if each.startswith(literal))
        for tokens in _with_slash(name):
            yield _region(tokens, skip=hub)
    for path in _behind(name, _HUB):
        if path == (ANY,):
            yield from (GlobRegion((f"{each}*",)) for each in _HUB_NAMES)
            continue
        for tokens in _with_slash(path):
            yield from (_region((*each, *tokens)) for each in _HUB_NAMES)
        for short in _behind(path, _OFFICIAL):
            if "/" not in short and ":" not in short:
                ones = tuple(SEGMENT if token == ANY else token for token in short)
                yield from (_region((*each, *ones)) for each in _HUB_NAMES)


def _with_slash(tokens: Tokens) -> Iterator[Tokens]:
    """Yield globs that match what `tokens` match with a `/` behind its last colon, as in every name.

    A colon in a name is followed by a port, and that by `/`.
    """
    colon = max((place for place, each in enumerate(tokens) if each == ":"), default=-1)
    if "/" in tokens[colon + 1 :]:
        yield tokens
        return
    for place in range(colon + 1, len(tokens)):
        if tokens[place] == ANY:
            yield (*tokens[: place + 1], "/", *tokens[place:])


def _region(tokens: Tokens, skip: tuple[str, ...] = ()) -> GlobRegion:
    """Return the region of a glob that only names with all of its slashes match.

    Raises:
        GlobRefusedError: patterns without `/`-free runs cannot say it.
    """
    first = next((place for place, token in enumerate(tokens) if _is_run(token)), len(tokens))
    literal, rest = "".join(tokens[:first]), tokens[first:]
    if SEGMENT not in rest:
        pass
    elif ANY not in rest:
        # As many slashes as it has itself: then none is left for a run.
        skip = (*skip, literal + "/".join("*" * (rest.count("/") + 2)))
    elif rest[-1] != ANY or any(token not in (SEGMENT, "/") for token in rest[:-1]) or "//" in "".join(rest):
        raise _unclear("`*` and `**` are joined in a way that patterns cannot say")
    text = literal + "".join("*" if _is_run(token) else token for token in rest)
    found = _in_tail(rest)
    if not found and rest and _is_run(rest[-1]):
        return GlobRegion((text,), skip)
    if found and _ALGORITHM.issuperset(found):
        raise _unclear("what stands behind a run might be found in `sha256` too")
    return GlobRegion(tuple(f"{text}{mark}*" for mark in ":@"), skip)


def _in_tail(rest: Tokens) -> str:
    """Return characters behind a run that might be found in a tag or digest, and not in the name alone."""
    slash = max((place for place, each in enumerate(rest) if each == "/"), default=-1)
    tail = rest[slash + 1 :]
    first = next((place for place, each in enumerate(tail) if _is_run(each)), len(tail))
    return "".join(each for each in tail[first:] if not _is_run(each))
