r"""Patterns over canonical names of images as tests on names as they are written.

A classic rule sees `docker.io/nginx:latest` where a Pod says `nginx`, and no tag beside a digest; an
ImageValidatingPolicy sees what the Pod says. So a pattern becomes globs where these choose the same images
(`ghcr.io/acme/*`), and an expression over `ref` everywhere else. `written.compare` proves either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pratique.compiler import ir
from pratique.compiler.bodies import NamedExpression
from pratique.compiler.cel_images import ImageTest
from pratique.compiler.converting.identities import quoted
from pratique.compiler.converting.written import LATEST, compare
from pratique.compiler.languages.search import Proof
from pratique.grammar.image_reference import DEFAULT_REGISTRY, has_host
from pratique.grammar.wildcard import contains_wildcard

_HOST: Final = f"{DEFAULT_REGISTRY}/"
_OF_GLOBS: Final = re.compile(r"[{}\[\],\\!?]")
HAS_HOST: Final = r"^(localhost|[^/]*[.:A-Z][^/]*)/"
"""Found where the text in front of the first slash is a registry."""
_ANY_TAG: Final = ":[^/:@]*"
_ANY_DIGEST: Final = "(:[^/:@]+)?@[^/@]*"


@dataclass(frozen=True, slots=True)
class ReferenceTest:
    """A glob, or an expression over `ref`.

    Attributes:
        of: the pattern that it stands for; None for several.
    """

    text: str
    is_expression: bool = False
    of: ir.ImagePattern | None = None

    @property
    def node(self) -> ImageTest:
        """Return the test as it is compiled."""
        if self.is_expression:
            return ImageTest(expression=NamedExpression(name="", expression=self.text))
        return ImageTest(glob=self.text)


def reference_tests(region: ir.ImageRegion) -> tuple[ReferenceTest, ...]:
    """Return tests of which one holds for just the images of a region.

    Of several ways to write them, the first is taken that is proved; the last where none is, which the proof
    of the whole policy then tells.
    """
    return _first_proved(region, [_simple(region), *_expressions(region)])


def _first_proved(
    region: ir.ImageRegion, candidates: Sequence[tuple[ReferenceTest, ...]]
) -> tuple[ReferenceTest, ...]:
    for candidate in candidates:
        if candidate and isinstance(compare(region, [each.node for each in candidate]), Proof):
            return candidate
    return candidates[-1]


def _simple(region: ir.ImageRegion) -> tuple[ReferenceTest, ...]:
    """Return globs, and expressions for patterns that have none; nothing where some are skipped."""
    if region.skip:
        return ()
    texts = {pattern.text for pattern in region.include}
    found: dict[str, ReferenceTest] = {}
    for pattern in region.include:
        globs = _globs(pattern.text, texts)
        made = [ReferenceTest(text) for text in globs]
        if not globs:
            alone = ir.ImageRegion(include=(pattern,))
            made += _first_proved(alone, _expressions(alone))
        for test in made:
            found.setdefault(test.text, replace(test, of=pattern))
    return tuple(found.values())


def _expressions(region: ir.ImageRegion) -> list[tuple[ReferenceTest, ...]]:
    """Return expressions for a whole region, the plainer one first."""
    found: list[tuple[ReferenceTest, ...]] = []
    for is_strict in (False, True):
        sides = (region.include, region.skip)
        included, skipped = (expression((p.text for p in side), is_strict=is_strict) for side in sides)
        text = included
        if region.skip:
            joined = [f"({each})" if " ? " in each else each for each in (included, skipped)]
            text = f"{joined[0]} && !{joined[1]}"
        found.append((ReferenceTest(text, is_expression=True),))
    return found


# --- globs ---------------------------------------------------------------------------------------------


def _globs(pattern: str, beside: set[str]) -> tuple[str, ...]:
    """Return globs that choose the same images as a pattern, with those beside it; none where none do."""
    if pattern == "*":
        return ("*",)
    if _OF_GLOBS.search(pattern):
        return ()
    full = _full(pattern, beside)
    if not pattern.startswith(_HOST) or not full:
        return full
    rest = pattern.removeprefix(_HOST)
    first, slash, _ = rest.partition("/")
    if not slash or contains_wildcard(first) or has_host(rest):
        return ()
    return (*full, *_full(rest, {text.removeprefix(_HOST) for text in beside}, is_named=True))


def _full(pattern: str, beside: set[str], *, is_named: bool = False) -> tuple[str, ...]:
    host, slash, path = pattern.partition("/")
    if not is_named and (not slash or contains_wildcard(host) or not has_host(pattern)):
        return ()
    path = path if slash else pattern
    head, end = (path[:-1], path[-1]) if path.endswith("*") else (path, "")
    if contains_wildcard(head):
        return ()
    before = pattern[: len(pattern) - len(path)]
    name = re.split("[:@]", head, maxsplit=1)[0]
    repository, tail = f"{before}{name}", head[len(name) :]
    match tail, end:
        case "", "*":
            return (pattern,)
        case ":", "*" if f"{repository}@*" in beside:
            return (repository, pattern)
        case "@", "*":
            return (pattern,) if f"{repository}:*" in beside else (pattern, f"{repository}:*@*")
        case _, "" if tail.startswith("@"):
            return (pattern, f"{repository}:*{tail}")
        case _, "" if tail.startswith(":") and "@" not in tail:
            return (repository, pattern) if tail == f":{LATEST}" else (pattern,)
        case _:
            return ()


# --- expressions ---------------------------------------------------------------------------------------


def expression(patterns: Iterable[str], *, is_strict: bool) -> str:
    """Return an expression over `ref` that is true of names whose canonical form some pattern matches.

    Args:
        patterns: over canonical names.
        is_strict: names with a host and names without one are told apart; else one expression is meant to do
            for both, which is not always so: `docker.io/*` is not about `quay.io/app`.
    """
    full: dict[str, None] = {}
    short: dict[str, None] = {}
    for pattern in patterns:
        full.update(dict.fromkeys(_forms(pattern, is_full=True)))
        for rest in sorted(_behind(pattern, _HOST)):
            short.update(dict.fromkeys(_forms(rest, is_full=False)))
    if is_strict and (full or short):
        return f"ref.matches({literal(HAS_HOST)}) ? {_found(full)} : {_found(short)}"
    return _found({**full, **short})


def _found(forms: Iterable[str]) -> str:
    merged = list(_merged(tuple(forms)))
    if not merged:
        return "false"
    text = merged[0] if len(merged) == 1 else f"({'|'.join(merged)})"
    whole = text.removesuffix(".*") if text.endswith(".*") and len(merged) == 1 else f"{text}$"
    return f"ref.matches({literal(f'^{whole}')})"


def _merged(forms: tuple[str, ...]) -> Iterator[str]:
    """Yield expressions; one in place of three for a repository with any tag, none and any digest."""
    for form in forms:
        bare, tagged, digested = (form.removesuffix(end) for end in ("", _ANY_TAG, _ANY_DIGEST))
        repository = next((each for each in (tagged, digested, bare) if f"{each}{_ANY_TAG}" in forms), form)
        if not all(f"{repository}{end}" in forms for end in ("", _ANY_TAG, _ANY_DIGEST)):
            yield form
        elif form == repository:
            head = repository.removesuffix("[^:@]*")
            yield f"{repository}([:@].*)?" if head == repository else f"{head}.*"


def literal(text: str) -> str:
    """Return a text as CEL writes it; raw where it has backslashes, which expressions are full of."""
    if "\\" in text and "'" not in text and "\n" not in text:
        return f"r'{text}'"
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _forms(pattern: str, *, is_full: bool) -> Iterator[str]:
    """Yield expressions for names with a tag, with none, and with a digest."""
    for head, tail in _splits(pattern, ":", is_full=is_full):
        if not any(c in tail for c in "/:@"):
            repository = _repository(head, is_full=is_full)
            yield f"{repository}:{_regex(tail, '[^/:@]')}"
            if any(_ends(rest) for rest in _behind(tail, LATEST)):
                yield repository
    for head, tail in _splits(pattern, "@", is_full=is_full):
        if not any(c in tail for c in "/@"):
            repository = _repository(head, is_full=is_full)
            yield f"{repository}(:[^/:@]+)?@{_regex(tail, '[^/@]')}"


def _splits(pattern: str, mark: str, *, is_full: bool) -> Iterator[tuple[str, str]]:
    """Yield what is left and right of a character that the pattern matches, behind the repository."""
    for place, character in enumerate(pattern):
        if character == mark or character == "?":
            head, tail = pattern[:place], pattern[place + 1 :]
        elif character == "*":
            head, tail = pattern[: place + 1], pattern[place:]
        else:
            continue
        host, slash, path = head.partition("/")
        behind = path if is_full and slash else "" if is_full else head
        if head and tail and not any(c in behind for c in ":@") and "@" not in host:
            yield head, tail


def _repository(head: str, *, is_full: bool) -> str:
    """Return the expression for `registry/path`, in which wildcards take no tag along."""
    host, slash, _ = head.partition("/")
    has_port_behind = is_full and (not slash or contains_wildcard(host))
    last = head.rfind("/")
    found = []
    for place, character in enumerate(head):
        if character not in "*?":
            found.append(quoted(character))
        elif place < last:
            found.append("[^@]" + ("*" if character == "*" else ""))
        elif character == "*" and has_port_behind:
            # Behind the colon of a port there must be a path.
            found.append("[^@]*/[^:@]*" if ":" in head[:place] else "([^@]*/)?[^:@]*")
        else:
            found.append("[^:@]" + ("*" if character == "*" else ""))
    return "".join(found)


def _regex(glob: str, character: str) -> str:
    return "".join(f"{character}*" if c == "*" else character if c == "?" else quoted(c) for c in glob)


def _behind(pattern: str, text: str) -> set[str]:
    """Return patterns for what follows `text` in what a pattern matches."""
    rests = {pattern}
    for character in text:
        rests = {after for rest in rests for after in _after(rest, character)}
    return rests


def _after(pattern: str, character: str) -> Iterator[str]:
    while pattern.startswith("*"):
        yield pattern
        pattern = pattern[1:]
    if pattern and pattern[0] in (character, "?"):
        yield pattern[1:]


def _ends(pattern: str) -> bool:
    return not pattern.strip("*")
