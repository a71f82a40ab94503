"""Who must have signed, as expressions: one for each set that must be met, so that a message can say which.

`verifyImageSignatures(image, [attestors…])` counts attestors; sets within sets are joined by "and" and "or"
where that says the same, and counted otherwise. `read` understands what is written here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.cel import syntax as cel
from pratique.compiler.cel.tokens import RESERVED

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS: Final = ("false", "in", "null", "true")
ALL_IMAGES: Final = "images.containers + images.initContainers + images.ephemeralContainers"

Ask: TypeAlias = Callable[[list[str]], str]
"""Returns the call that counts which of some attestors have signed."""


def is_name(text: str) -> bool:
    """Say whether a text may stand behind a dot."""
    return bool(_NAME.fullmatch(text)) and text not in RESERVED and text not in _KEYWORDS


def of_signatures(names: list[str]) -> str:
    """Return the call that counts signers of an image."""
    return f"verifyImageSignatures(image, [{_listed(names)}])"


def of_statement(statement: str) -> Ask:
    """Return what makes the call that counts signers of a statement."""
    return lambda names: f"verifyAttestationSignatures(image, attestations.{statement}, [{_listed(names)}])"


def _listed(names: list[str]) -> str:
    return ", ".join(f"attestors.{name}" for name in names)


def conjuncts(formula: ir.Formula) -> Iterator[ir.Formula]:
    """Yield parts that must all be met, and with which the formula is."""
    # Equal parts count once, so that a set that demands them all demands too many.
    if isinstance(formula, ir.Threshold) and formula.count == len(dict.fromkeys(formula.of)):
        if all(isinstance(part, ir.Leaf) for part in formula.of):
            yield formula
            return
        for part in formula.of:
            yield from conjuncts(part)
    else:
        yield formula


def condition(formula: ir.Formula, names: Mapping[ir.Attestor, str], ask: Ask) -> str:
    """Return the expression that is true where the image `image` meets a formula."""
    match formula:
        case ir.Leaf(attestor=attestor):
            return f"{ask([names[attestor]])} > 0"
        case ir.Threshold(count=count, of=parts):
            parts = tuple(dict.fromkeys(_unwrapped(part) for part in parts))
            if all(isinstance(part, ir.Leaf) for part in parts):
                called = [names[part.attestor] for part in parts if isinstance(part, ir.Leaf)]
                return f"{ask(called)} {'> 0' if count == 1 else f'>= {count}'}"
            texts = [condition(part, names, ask) for part in parts]
            if count == 1:
                return f"({' || '.join(texts)})"
            if count == len(parts):
                return f"({' && '.join(texts)})"
            return f"{' + '.join(f'({text} ? 1 : 0)' for text in texts)} >= {count}"


def _unwrapped(formula: ir.Formula) -> ir.Formula:
    """Return the only part of a set of one."""
    while isinstance(formula, ir.Threshold) and formula.count == 1 and len(formula.of) == 1:
        formula = formula.of[0]
    return formula


def of_every_image(test: str) -> str:
    """Return the expression that is true where all images meet a test on `image`."""
    return f"({ALL_IMAGES}).all(image, {test})"


def wanted(formula: ir.Formula, names: Mapping[ir.Attestor, str]) -> str:
    """Return who must have signed, for a message."""
    match formula:
        case ir.Leaf(attestor=attestor):
            return names[attestor]
        case ir.Threshold(count=count, of=parts):
            if len(parts) == 1 and count == 1:
                return wanted(parts[0], names)
            texts = ", ".join(wanted(part, names) for part in parts)
            return f"{count} of ({texts})"


# --- back from expressions -----------------------------------------------------------------------------


class UnreadableError(Exception):
    """An expression is none that `condition` writes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an expression demands: of a statement, by its name, or of the image itself.

    Attributes:
        statement: empty for the image.
    """

    statement: str
    formula: ir.Threshold


def read(node: cel.Expression, attestors: Mapping[str, ir.Formula]) -> Asked:
    """Return what an expression on `image` demands.

    Args:
        node: the expression.
        attestors: what each name stands for.

    Raises:
        UnreadableError: it says something else, or it is about several statements.
    """
    statements: set[str] = set()
    formula = _formula(node, attestors, statements)
    if len(statements) != 1:
        raise UnreadableError
    return Asked(statements.pop(), formula)


def _formula(node: cel.Expression, attestors: Mapping[str, ir.Formula], statements: set[str]) -> ir.Threshold:
    match node:
        case cel.Logical(is_conjunction=is_conjunction, terms=terms):
            parts = tuple(_formula(term, attestors, statements) for term in terms)
            return ir.Threshold(count=len(parts) if is_conjunction else 1, of=parts)
        case cel.Call(function="_>_" | "_>=_", arguments=(counted, cel.Literal(value=int() as limit))):
            count = limit + (node.function == "_>_")
            of = tuple(_counted(counted, attestors, statements))
            if count < 1 or not of:
                raise UnreadableError
            return ir.Threshold(count=count, of=of)
        case _:
            raise UnreadableError


def _counted(
    node: cel.Expression, attestors: Mapping[str, ir.Formula], statements: set[str]
) -> Iterator[ir.Formula]:
    match node:
        case cel.Call(function="_+_", arguments=(left, right)):
            yield from _counted(left, attestors, statements)
            yield from _counted(right, attestors, statements)
        case cel.Conditional(condition=test, positive=cel.Literal(value=1), negative=cel.Literal(value=0)):
            yield _formula(test, attestors, statements)
        case cel.Call(
            function="verifyImageSignatures",
            target=None,
            arguments=(cel.Identifier(name="image"), cel.ListLiteral(elements=elements)),
        ):
            statements.add("")
            yield from (_named(each.value, attestors) for each in elements)
        case cel.Call(
            function="verifyAttestationSignatures",
            target=None,
            arguments=(
                cel.Identifier(name="image"),
                cel.Select(operand=cel.Identifier(name="attestations"), field=statement, is_optional=False),
                cel.ListLiteral(elements=elements),
            ),
        ):
            statements.add(statement)
            yield from (_named(each.value, attestors) for each in elements)
        case _:
            raise UnreadableError


def _named(node: cel.Expression, attestors: Mapping[str, ir.Formula]) -> ir.Formula:
    match node:
        case cel.Select(operand=cel.Identifier(name="attestors"), field=name, is_optional=False) if (
            name in attestors
        ):
            return attestors[name]
        case _:
            raise UnreadableError
