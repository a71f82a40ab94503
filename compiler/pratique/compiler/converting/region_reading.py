"""Match conditions on names and namespaces, read back as regions of resources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pratique.compiler import ir
from pratique.compiler.cel.syntax import Call, Expression
from pratique.compiler.converting import conditions, constraints
from pratique.compiler.converting.conditions import UnreadableError, compiled
from pratique.compiler.converting.identities import expression_of


@dataclass(frozen=True, slots=True)
class Region:
    """What conditions on names and namespaces leave of a region."""

    within: tuple[ir.ResourceFilter, ...] = ()
    beyond: tuple[ir.ResourceFilter, ...] = ()

    def restricted(self, root: Expression) -> Region:
        """Return what a further condition leaves.

        Raises:
            UnreadableError: it is none on names and namespaces.
        """
        match root:
            case Call(function="!_", arguments=(inner,)):
                return replace(self, beyond=(*self.beyond, _filter(inner)))
            case _:
                return replace(self, within=(*self.within, _filter(root)))

    def of(self, region: ir.ResourceRegion) -> ir.ResourceRegion:
        """Return what is left of a region."""
        filters = region.match.filters
        for each in self.within:
            filters = tuple(
                replace(f, names=each.names or f.names, namespaces=each.namespaces or f.namespaces)
                for f in filters
            )
        exclude = ir.Selection(filters=self.beyond) if self.beyond else None
        return replace(region, match=ir.Selection(filters=filters), exclude=exclude)


def _filter(node: Expression) -> ir.ResourceFilter:
    """Return the filter that an expression on name and namespace stands for."""
    roots = {"name": compiled(constraints.NAME), "namespace": compiled(constraints.NAMESPACE)}
    tree = conditions.read(node, roots, {"name": ("name",), "namespace": ("namespace",)})
    tests = tree.parts if isinstance(tree, conditions.Joined) and tree.every else (tree,)
    found: dict[str, tuple[str, ...]] = {}
    for test in tests:
        if not isinstance(test, conditions.Test) or len(test.path.names) != 1:
            raise UnreadableError
        (name,) = test.path.names
        if name in found:
            raise UnreadableError
        match test.operator, test.value:
            case "==", str() as text:
                found[name] = (text,)
            case "in", tuple() as texts:
                found[name] = texts
            case "matches", str() as text:
                found[name] = tuple(_globs(text))
            case _:
                raise UnreadableError
    return ir.ResourceFilter(names=found.get("name", ()), namespaces=found.get("namespace", ()))


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
