"""Validations of a new policy, read back: who must have signed, and what statements must say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pratique.compiler import ir
from pratique.compiler.bodies import CelExpression
from pratique.compiler.cel.syntax import Call, Comprehension, Expression, Literal, walk
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.cel_images import NamedAttestor
from pratique.compiler.converting import conditions, formulas
from pratique.compiler.converting.conditions import UnreadableError, compiled
from pratique.compiler.converting.formulas import ALL_IMAGES, Asked


@dataclass(slots=True)
class Validations:
    """What validations say.

    Attributes:
        flat: those that demand signatures without sets in sets, as they are written.
        sets: the demands of the others.
        stated: conditions on statements, by the name of each.
        denials: how many say when to refuse.
    """

    flat: list[CelExpression] = field(default_factory=list)
    sets: list[Asked] = field(default_factory=list)
    stated: dict[str, conditions.Tree] = field(default_factory=dict)
    denials: int = 0


def read(body: CelImageValidation, format: ir.SignatureFormat) -> Validations:
    """Return what the validations of a policy say, its attestors in one format.

    Raises:
        conditions.UnreadableError: one of them is none that conversion writes.
        formulas.UnreadableError: the same, where it is about signatures.
        ExpressionError: one of them does not compile.
    """
    found = Validations()
    leaves = {name: leaf for each in body.attestors for name, leaf in _leaf(each, format)}
    payloads = _payloads(body)
    for each in body.validations:
        match compiled(each.expression):
            case Literal(value=True):
                continue
            case Comprehension(macro="all", range=images, condition=condition) if condition is not None:
                is_whole = conditions.same(images, compiled(ALL_IMAGES))
                if any(isinstance(n, Call) and n.function == "extractPayload" for n in walk(condition)):
                    _on_statements(found, condition, payloads, is_whole=is_whole)
                    continue
                asked = formulas.read(condition, leaves)
                if all(isinstance(part, ir.Leaf) for part in asked.formula.of):
                    found.flat.append(each)
                elif is_whole:
                    found.sets.append(asked)
                else:
                    raise UnreadableError
            case _:
                raise UnreadableError
    return found


def _on_statements(
    found: Validations, condition: Expression, payloads: Mapping[str, Expression], *, is_whole: bool
) -> None:
    if not is_whole:
        raise UnreadableError
    if isinstance(condition, Call) and condition.function == "!_":
        found.denials += 1
        return
    name, tree = _stated(condition, payloads)
    found.stated[name] = conditions.together(found.stated[name], tree) if name in found.stated else tree


def _leaf(named: NamedAttestor, format: ir.SignatureFormat) -> Iterator[tuple[str, ir.Leaf]]:
    """Yield the attestor that a name stands for, in a format; nothing where it stands for several."""
    if len(named.layers) == 1 and not named.fillings and not named.secrets:
        (attestor,) = named.layers
        if attestor.format is not ir.SignatureFormat.NOTARY:
            attestor = replace(attestor, format=format)
        yield named.name, ir.Leaf(attestor=attestor)


def _stated(condition: Expression, payloads: Mapping[str, Expression]) -> tuple[str, conditions.Tree]:
    for name, payload in payloads.items():
        try:
            return name, conditions.read(condition, {name: payload}, {name: ()})
        except UnreadableError:
            continue
    raise UnreadableError


def _payloads(body: CelImageValidation) -> dict[str, Expression]:
    """Return the expressions for what the statements of a policy say."""
    found = {}
    for each in body.statements:
        text = f"extractPayload(image, attestations.{each.name})"
        whole = text if each.is_referrer else f"{text}.predicate"
        root = compiled(f"images.containers.all(image, {whole} == 0)")
        if isinstance(root, Comprehension) and isinstance(root.condition, Call):
            found[each.name] = root.condition.arguments[0]
    return found
