"""Whether tests on names as they are written choose the same images as patterns over canonical names.

Both are regular languages over what resources write: `[host/]path[:tag][@digest]`. A classic rule makes a
canonical name of that: the default registry where there is no host, `:latest` where there is neither tag nor
digest, no tag beside a digest. For each of the eight shapes both automata run side by side, the one over the
written name and the other over the canonical one; no reachable end on which they disagree is the proof, one
that is reached is the witness.

Hosts in capitals are left out: see `Caveat.HOSTS`. Digests may have any length, which makes the universe
larger than it is: proofs hold, and a witness must be a reference.

References: `pratique.grammar.image_reference`; `references` of `pratique.compiler.languages`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.cel import syntax
from pratique.compiler.cel.environments import reference_environment
from pratique.compiler.cel_images import ImageTest
from pratique.compiler.cel_policies.image_globs import as_expression
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.languages import references
from pratique.compiler.languages.automata import DEAD, PLAUSIBLE, Automaton
from pratique.compiler.languages.expressions import (
    ALL_CHARACTERS,
    EMPTY,
    EVERYTHING,
    NOTHING,
    Expression,
    both,
    characters,
    chars,
    classes,
    complement,
    concat,
    either,
    literal,
    members,
    one_of,
    repeat,
)
from pratique.compiler.languages.regexes import UnsupportedError, read
from pratique.compiler.languages.search import Answer, Proof, Unknown, Witness
from pratique.grammar.image_reference import DEFAULT_REGISTRY, ImageReferenceError, parse_image

LATEST: Final = "latest"
"""The tag of an image that names neither tag nor digest."""
MAX_STATES: Final = 200_000
_HEX: Final = "0123456789abcdef"

_State: TypeAlias = tuple[int, int, int, int]
"""Number of the segment, its state, that of the written name and that of the canonical one."""
_Step: TypeAlias = tuple[_State, str]


@dataclass(frozen=True, slots=True)
class _Segment:
    """A stretch of a name.

    Attributes:
        written: what a resource may write there.
        kept: it is in the canonical name, too.
        added: what the canonical name has in front of it.
    """

    written: Automaton
    kept: bool = True
    added: str = ""


def compare(region: ir.ImageRegion, tests: Sequence[ImageTest]) -> Answer:
    """Return a written name on which both differ, or a proof that there is none.

    Args:
        region: of a classic rule.
        tests: of an ImageValidatingPolicy; none of them is all images.
    """
    try:
        chosen = Automaton(either(*map(_test, tests)) if tests else EVERYTHING)
    except UnsupportedError as error:
        return Unknown(f"the test {str(error)!r} is outside what can be decided")
    texts = (*region.include, *region.skip)
    if any("{{" in pattern.text or not pattern.text.isascii() for pattern in texts):
        return Unknown("the image patterns hold variables, or letters outside ASCII")
    include, skip = (either(*(_glob(p.text) for p in side)) for side in (region.include, region.skip))
    wanted = Automaton(both(include, complement(skip)))
    states = 0
    for shape in _shapes():
        answer = _walk(shape, chosen, wanted)
        if not isinstance(answer, Proof):
            return answer
        states += answer.states
    return Proof(states)


def _walk(shape: Sequence[_Segment], chosen: Automaton, wanted: Automaton) -> Answer:
    """Search one shape, breadth first."""
    start: _State = (0, 0, 0, wanted.run(shape[0].added))
    came: dict[_State, tuple[_State | None, str]] = {start: (None, "")}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if len(came) > MAX_STATES:
            return Unknown(f"no answer within {MAX_STATES:,} states")
        for there, character in _steps(shape, here, chosen, wanted):
            if there not in came:
                came[there] = (here, character)
                queue.append(there)
        number, inner, written, canonical = here
        is_end = number == len(shape) - 1 and shape[number].written.accepts(inner)
        if is_end and chosen.accepts(written) is not wanted.accepts(canonical):
            return _confirmed(_path(came, here), chosen, wanted)
    return Proof(len(came))


def _steps(shape: Sequence[_Segment], state: _State, chosen: Automaton, wanted: Automaton) -> Iterator[_Step]:
    number, inner, written, canonical = state
    if written == canonical == DEAD:
        return  # whatever follows, both say no
    segment = shape[number]
    apart = [classes(chosen.expression(written))]
    if segment.kept:
        apart.append(classes(wanted.expression(canonical)))
    for character in _representatives(segment.written.expression(inner), apart):
        target = segment.written.step(inner, character)
        if target != DEAD:
            then = wanted.step(canonical, character) if segment.kept else canonical
            yield (number, target, chosen.step(written, character), then), character
    if segment.written.accepts(inner) and number + 1 < len(shape):
        added = shape[number + 1].added
        yield (number + 1, 0, written, wanted.run(added, canonical)), ""


def _representatives(expression: Expression, apart: Sequence[tuple[int, ...]]) -> Iterator[str]:
    """Yield a character of each class that none of the automata tells apart."""
    for masks in product(classes(expression), *apart):
        shared = ALL_CHARACTERS
        for mask in masks:
            shared &= mask
        if shared:
            yield min(members(shared), key=lambda c: (PLAUSIBLE.find(c) if c in PLAUSIBLE else 99, c))


def _path(came: Mapping[_State, tuple[_State | None, str]], end: _State) -> str:
    letters = []
    state: _State | None = end
    while state is not None:
        state, character = came[state]
        letters.append(character)
    return "".join(reversed(letters))


def _confirmed(text: str, chosen: Automaton, wanted: Automaton) -> Answer:
    """Return a name on which both differ, its digest as long as digests are; unknown where they do not."""
    name, at, digest = text.partition("@")
    algorithm, _, digits = digest.partition(":")
    ends = [
        f"@{each}:{digits + digits[-1:] * (size - len(digits))}"
        for each, size in references.HEX_DIGITS.items()
    ]
    of_algorithm = [end for end in ends if end.startswith(f"@{algorithm}:")]
    for candidate in (f"{name}{end}" for end in (*ends, *of_algorithm)) if at else (text,):
        try:
            seen = parse_image(candidate).match_string
        except ImageReferenceError:
            continue
        if chosen.contains(candidate) is not wanted.contains(seen):
            return Witness(candidate)
    return Unknown(f"{text!r} is no image reference")


# --- languages -----------------------------------------------------------------------------------------


@cache
def _shapes() -> tuple[tuple[_Segment, ...], ...]:
    """Return the ways to write a name: with or without host, tag and digest."""
    slash, path = one_of("/"), references.path(False)
    hosted = concat(references.registry(False), slash, path)
    within = repeat(chars(ALL_CHARACTERS & ~characters("/")))
    host = either(concat(within, one_of(".:"), within), literal("localhost"))
    short = both(path, complement(concat(host, slash, EVERYTHING)))
    tag = concat(one_of(":"), references.tag(False))
    digest = concat(either(literal("@sha256:"), literal("@sha512:")), repeat(one_of(_HEX), 1))
    names = (_Segment(Automaton(hosted)), _Segment(Automaton(short), added=f"{DEFAULT_REGISTRY}/"))
    ends = (
        (_Segment(Automaton(tag)),),
        (_Segment(Automaton(EMPTY), added=f":{LATEST}"),),
        (_Segment(Automaton(digest)),),
        (_Segment(Automaton(tag), kept=False), _Segment(Automaton(digest))),
    )
    return tuple((name, *end) for name in names for end in ends)


def _glob(text: str) -> Expression:
    return concat(
        *(EVERYTHING if c == "*" else chars(ALL_CHARACTERS) if c == "?" else literal(c) for c in text)
    )


def _test(test: ImageTest) -> Expression:
    """Return the names that a test chooses.

    Raises:
        UnsupportedError: that cannot be read exactly.
    """
    if test.expression is None:
        return read(as_expression(test.glob)).found
    try:
        root = reference_environment().compile(test.expression.expression).root
    except ExpressionError as error:
        raise UnsupportedError(test.expression.expression) from error
    return _chosen(root)


def _chosen(node: syntax.Expression) -> Expression:
    match node:
        case syntax.Literal(value=bool() as value):
            return EVERYTHING if value else NOTHING
        case syntax.Logical(is_conjunction=is_conjunction, terms=terms):
            return (both if is_conjunction else either)(*map(_chosen, terms))
        case syntax.Conditional(condition=condition, positive=positive, negative=negative):
            asked = _chosen(condition)
            return either(both(asked, _chosen(positive)), both(complement(asked), _chosen(negative)))
        case syntax.Call(function="!_", arguments=(operand,)):
            return complement(_chosen(operand))
        case syntax.Call(
            function="matches",
            target=syntax.Identifier(name="ref"),
            arguments=(syntax.Literal(value=str() as text),),
        ):
            return read(text).found
        case _:
            raise UnsupportedError("an expression over `ref`")
