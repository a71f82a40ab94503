"""Who must have signed, as expressions: one for each set that must be met, so that a message can say which.

`verifyImageSignatures(image, [attestors…])` counts attestors; sets within sets are joined by "and" and "or"
where that says the same, and counted otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from pratique.compiler import ir
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
    if isinstance(formula, ir.Threshold) and formula.count == len(formula.of):
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
            parts = tuple(_unwrapped(part) for part in parts)
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
