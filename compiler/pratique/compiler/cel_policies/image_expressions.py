"""What expressions demand of images, where they say nothing but who must have signed them.

What is recognised: `images.containers.all(i, verifyImageSignatures(i, [attestors.a]) > 0)` and its like, with
`map(…)` before `all(…)`, several tests joined by "and", and lists of images that are put together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from pratique.compiler.cel import syntax

_FLIPPED: Final = {"_<_": "_>_", "_<=_": "_>=_", "_==_": "_==_"}


@dataclass(frozen=True, slots=True)
class SignatureDemand:
    """At least `count` of some attestors must have signed: the image, or a statement with a name."""

    statement: str
    count: int
    attestors: tuple[str, ...]


Demanded: TypeAlias = tuple[frozenset[str], SignatureDemand]
"""Names of lists of images, and what is demanded of each image in them."""


class UnrecognisedError(Exception):
    """An expression, or another part of a policy, says something else."""


def demanded(node: syntax.Expression) -> Iterator[Demanded]:
    """Yield what must hold so that an expression is true, and with which it is.

    Raises:
        UnrecognisedError: it says something else, too.
    """
    match node:
        case syntax.Logical(is_conjunction=True, terms=terms):
            for term in terms:
                yield from demanded(term)
        case syntax.Comprehension(
            macro="all",
            range=syntax.Comprehension(
                macro="map", range=images, variables=(image,), condition=None, result=call
            ),
            variables=(number,),
            condition=syntax.Call() as comparison,
        ):
            yield _lists(images), _demand(comparison, call, image, number)
        case syntax.Comprehension(macro="all", range=images, variables=(image,), condition=condition) if (
            condition is not None
        ):
            for comparison in _terms(condition):
                yield _lists(images), _demand(comparison, None, image, "")
        case _:
            raise UnrecognisedError


def _terms(node: syntax.Expression) -> Iterator[syntax.Call]:
    """Yield the tests that an expression joins by "and"."""
    match node:
        case syntax.Logical(is_conjunction=True, terms=terms):
            for term in terms:
                yield from _terms(term)
        case syntax.Call():
            yield node
        case _:
            raise UnrecognisedError


def _lists(node: syntax.Expression) -> frozenset[str]:
    match node:
        case syntax.Call(function="_+_", arguments=(left, right)):
            return _lists(left) | _lists(right)
        case _:
            return frozenset({_member(node, "images")})


def _demand(
    comparison: syntax.Call, call: syntax.Expression | None, image: str, number: str
) -> SignatureDemand:
    """Return what `verify…(image, …) > 0` demands.

    Args:
        comparison: compares the call, or what stands for it, with a number.
        call: the call, where it stands elsewhere.
        image: what the image is called.
        number: what stands for the call; empty for nothing.
    """
    function, sides = comparison.function, comparison.arguments
    if len(sides) != 2:
        raise UnrecognisedError
    if isinstance(sides[0], syntax.Literal):
        function, sides = _FLIPPED.get(function, ""), (sides[1], sides[0])
    counted, limit = sides
    if call is not None:
        if not (isinstance(counted, syntax.Identifier) and counted.name == number):
            raise UnrecognisedError
        counted = call
    if not (isinstance(limit, syntax.Literal) and type(limit.value) is int):
        raise UnrecognisedError
    statement, attestors = _asked(counted, image)
    match function:
        case "_>_":
            count = limit.value + 1
        case "_>=_":
            count = limit.value
        case "_==_" if limit.value == len(attestors):
            count = limit.value
        case _:
            raise UnrecognisedError
    if count < 1:
        raise UnrecognisedError
    return SignatureDemand(statement=statement, count=count, attestors=attestors)


def _asked(node: syntax.Expression, image: str) -> tuple[str, tuple[str, ...]]:
    """Return the statement (empty for the image itself) and the attestors that a call asks for."""
    if not isinstance(node, syntax.Call) or node.target is not None:
        raise UnrecognisedError
    first, *rest = node.arguments or (node,)
    if not (isinstance(first, syntax.Identifier) and first.name == image):
        raise UnrecognisedError
    match node.function, rest:
        case "verifyImageSignatures", [syntax.ListLiteral(elements=elements)]:
            return "", tuple(_member(each.value, "attestors") for each in elements)
        case "verifyAttestationSignatures", [statement, syntax.ListLiteral(elements=elements)]:
            name = _text(statement) or _member(statement, "attestations")
            return name, tuple(_member(each.value, "attestors") for each in elements)
        case _:
            raise UnrecognisedError


def _text(node: syntax.Expression) -> str:
    """Return the text of a literal; empty for everything else."""
    return node.value if isinstance(node, syntax.Literal) and isinstance(node.value, str) else ""


def _member(node: syntax.Expression, of: str) -> str:
    """Return `name` of `of.name` or `of["name"]`."""
    match node:
        case syntax.Select(operand=syntax.Identifier() as owner, field=field, is_optional=False):
            name = field
        case syntax.Index(operand=syntax.Identifier() as owner, index=index, is_optional=False):
            name = _text(index)
        case _:
            raise UnrecognisedError
    if owner.name != of or not name:
        raise UnrecognisedError
    return name
