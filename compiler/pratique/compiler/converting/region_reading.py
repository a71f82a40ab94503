"""Match conditions on names, namespaces, labels and annotations, read back as regions of resources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from pratique.compiler import ir
from pratique.compiler.cel.syntax import Call, Expression, Index, Literal, Logical
from pratique.compiler.converting import conditions, constraints
from pratique.compiler.converting.conditions import UnreadableError, compiled
from pratique.compiler.converting.identities import expression_of
from pratique.compiler.converting.references import literal


@dataclass(frozen=True, slots=True)
class Region:
    """What conditions leave of a region."""

    within: tuple[ir.ResourceFilter, ...] = ()
    beyond: tuple[ir.ResourceFilter, ...] = ()

    def restricted(self, root: Expression) -> Region:
        """Return what a further condition leaves.

        Raises:
            UnreadableError: it is none that conversion writes.
        """
        try:
            return replace(self, within=(*self.within, _filter(root)))
        except UnreadableError:
            if isinstance(root, Call) and root.function == "!_":
                return replace(self, beyond=(*self.beyond, _filter(root.arguments[0])))
            raise

    def of(self, region: ir.ResourceRegion) -> ir.ResourceRegion:
        """Return what is left of a region."""
        filters = region.match.filters
        for each in self.within:
            filters = tuple(_both(f, each) for f in filters)
        exclude = ir.Selection(filters=self.beyond) if self.beyond else None
        return replace(region, match=ir.Selection(filters=filters), exclude=exclude)


def _both(one: ir.ResourceFilter, other: ir.ResourceFilter) -> ir.ResourceFilter:
    """Return one filter with the tests of another; conversion writes each sort of test once."""
    return replace(
        one,
        names=other.names or one.names,
        namespaces=other.namespaces or one.namespaces,
        annotations=(*one.annotations, *other.annotations),
        selector=other.selector or one.selector,
    )


def _filter(node: Expression) -> ir.ResourceFilter:
    """Return the filter that an expression on names, namespaces, labels and annotations stands for."""
    found = ir.ResourceFilter()
    labels: list[tuple[str, str]] = []
    requirements: list[ir.LabelRequirement] = []
    for term in _terms(node):
        pair = _pair(term)
        match pair:
            case (constraints.ANNOTATIONS, key, "glob", (value,)):
                found = replace(found, annotations=(*found.annotations, (key, value)))
            case (constraints.LABELS, key, "glob", (value,)):
                labels.append((key, value))
            case (constraints.LABELS, key, operator, values) if operator != "glob":
                requirements.append(ir.LabelRequirement(key=key, operator=operator, values=values))
            case None:
                found = _named(found, term)
            case _:
                raise UnreadableError
    if labels or requirements:
        selector = ir.LabelSelector(match_labels=tuple(sorted(labels)), requirements=tuple(requirements))
        found = replace(found, selector=selector)
    return found


def _terms(node: Expression) -> Iterator[Expression]:
    """Yield what must hold: the parts of a conjunction, but for tests that the value of a pair belongs to."""
    match node:
        case Logical(is_conjunction=True, terms=terms) if _pair(node) is None:
            rest = list(terms)
            while rest:
                two = Logical(0, 0, True, tuple(rest[:2])) if len(rest) > 1 else None
                if two is not None and _pair(two) is not None:
                    yield two
                    rest = rest[2:]
                else:
                    yield from _terms(rest.pop(0))
        case _:
            yield node


def _named(found: ir.ResourceFilter, node: Expression) -> ir.ResourceFilter:
    roots = {"name": compiled(constraints.NAME), "namespace": compiled(constraints.NAMESPACE)}
    test = conditions.read(node, roots, {"name": ("name",), "namespace": ("namespace",)})
    if not isinstance(test, conditions.Test):
        raise UnreadableError
    match test.path.names:
        case ("name",) if not found.names:
            return replace(found, names=_among(test))
        case ("namespace",) if not found.namespaces:
            return replace(found, namespaces=_among(test))
        case _:
            raise UnreadableError


def _among(test: conditions.Test) -> tuple[str, ...]:
    """Return the globs that `constraints.among` has made a test of."""
    match test.operator, test.value:
        case "==", str() as text:
            return (text,)
        case "in", tuple() as texts:
            return texts
        case "matches", str() as text:
            return tuple(_globs(text))
        case _:
            raise UnreadableError


_Pair: TypeAlias = tuple[str, str, str, tuple[str, ...]]
"""Where it is, its key, an operator of label selectors or `glob`, and values."""


def _pair(node: Expression) -> _Pair | None:
    """Return the test on a label or annotation that an expression stands for; None for any other."""
    match node:
        case Call(function="!_", arguments=(inner,)):
            pair = _pair(inner)
            opposite = {"In": "NotIn", "Exists": "DoesNotExist"}
            return (*pair[:2], opposite[pair[2]], pair[3]) if pair and pair[2] in opposite else None
        case Call(function="hasValue", target=found, arguments=()) if found:
            place = _place(found)
            return (*place, "Exists", ()) if place else None
        case Logical(is_conjunction=True, terms=(Call(function="hasValue", target=found), test)) if found:
            place = _place(found)
            if place is None:
                return None
            try:
                read = conditions.read(test, {"": _value_of(place)}, {"": ("value",)})
            except UnreadableError:
                return None
            if not isinstance(read, conditions.Test) or read.path.names != ("value",):
                return None
            return (*place, "In" if read.operator == "in" else "glob", _among(read))
        case _:
            return None


def _place(node: Expression) -> tuple[str, str] | None:
    match node:
        case Index(operand=operand, index=Literal(value=str() as key), is_optional=True):
            sides = (constraints.LABELS, constraints.ANNOTATIONS)
            return next(((where, key) for where in sides if conditions.same(operand, compiled(where))), None)
        case _:
            return None


def _value_of(place: tuple[str, str]) -> Expression:
    where, key = place
    return compiled(f"{where}[?{literal(key)}].value()")


def _globs(expression: str) -> Iterator[str]:
    """Yield the globs that `constraints.among` makes an expression of."""
    for part in expression.split("|"):
        glob, escaped = "", False
        inner = part.removeprefix("^").removesuffix("$")
        for place, character in enumerate(inner):
            if escaped or character not in "\\.*":
                glob, escaped = glob + character, False
            elif character == "\\":
                escaped = True
            elif character == ".":
                glob += "" if inner[place + 1 : place + 2] == "*" else "?"
            else:
                glob += "*"
        if expression_of(glob) != part:
            raise UnreadableError
        yield glob
