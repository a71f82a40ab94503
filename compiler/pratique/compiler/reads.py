"""What of a resource the verdict of a rule can depend on, once it is known that the rule applies.

Resources that agree in it have the same verdict, so that one of them stands for all (`runtime/fleet`). The
answer is complete, not exact: a rule that is not understood reads the whole resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, TypeAlias

from pratique.compiler import bodies, ir
from pratique.compiler.context_entries import ContextEntry, VariableSource
from pratique.compiler.expressions.analysis import variables_of
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.expression import compile_expression
from pratique.compiler.expressions.jmespath import syntax
from pratique.compiler.patterns import parse_anchor

Route: TypeAlias = tuple[str, ...]
"""Keys from the root of a resource; everything below its end is read. Empty for the whole resource."""

WHOLE: Final[Route] = ()
NAME: Final[Route] = ("metadata", "name")
_METADATA: Final = (NAME, ("metadata", "generateName"), ("metadata", "labels"), ("metadata", "annotations"))
_POD_SECURITY: Final = (("spec",), ("metadata", "annotations"))
_OF_EVERYTHING: Final = "@"


@dataclass(frozen=True, slots=True)
class Reads:
    """Parts of a resource, besides its group, version and kind.

    Attributes:
        routes: parts of the object.
        images: the images it runs, with their containers.
        namespace: its namespace.
    """

    routes: frozenset[Route] = frozenset()
    images: bool = False
    namespace: bool = False

    @property
    def whole(self) -> bool:
        """Say whether everything is read."""
        return WHOLE in self.routes

    def __or__(self, other: Reads) -> Reads:
        """Return what either reads."""
        return Reads(
            self.routes | other.routes, self.images or other.images, self.namespace or other.namespace
        )


NOTHING: Final = Reads()
EVERYTHING: Final = Reads(frozenset({WHOLE}), images=True, namespace=True)


def reads_of(rule: ir.Rule, exemptions: Iterable[ir.Exemption] = ()) -> Reads:
    """Return what the verdict of a rule can depend on, where the rule applies.

    Args:
        rule: the rule; what its match and exclude look at does not count.
        exemptions: policy exceptions that name it.
    """
    if rule.extractors:
        return EVERYTHING
    try:
        found = _body(rule) | _texts(
            [rule.context, rule.preconditions, rule.template, rule.requirements, rule.report_properties]
        )
        for each in exemptions:
            found |= Reads(frozenset(_METADATA), namespace=True) | _texts(each.conditions)
    except (ExpressionError, TypeError):
        return EVERYTHING
    return EVERYTHING if found.whole else found


def _body(rule: ir.Rule) -> Reads:
    match rule.body:
        case None:
            return Reads(images=True)
        case bodies.Validation(check=bodies.Cel() | bodies.SignedManifest()):
            return EVERYTHING
        case bodies.Validation(check=check, message=message):
            return _check(check) | _texts(message)
        case _:
            return EVERYTHING


def _check(check: bodies.Check) -> Reads:
    match check:
        case bodies.Pattern(data=data):
            return Reads(frozenset(_pattern(data, ()))) | _texts(data)
        case bodies.AnyPattern(data=data):
            return Reads(frozenset(r for each in data for r in _pattern(each, ()))) | _texts(data)
        case bodies.Deny(conditions=conditions):
            return _texts(conditions)
        case bodies.ForEach(loops=loops):
            found = NOTHING
            for loop in loops:
                found |= _expression(loop.list) | _texts([loop.context, loop.preconditions])
                found |= _check(loop.check)
            return found
        case bodies.PodSecurity():
            return Reads(frozenset(_POD_SECURITY))
        case bodies.Cel() | bodies.SignedManifest():
            return EVERYTHING


def _pattern(data: Any, route: Route) -> Iterator[Route]:
    """Yield the parts that a pattern looks at: down to lists, wildcards in keys, and values."""
    if not isinstance(data, dict) or not data:
        yield route
        return
    for written, below in data.items():
        anchor = parse_anchor(written)
        key = anchor.key if anchor else written
        if "*" in key or "?" in key or "{{" in key or "$(" in key:
            yield route
        else:
            yield from _pattern(below, (*route, key))


def _texts(part: Any) -> Reads:
    """Return what the variables in a part of the IR read."""
    found = NOTHING
    for text in _strings(part):
        if "{{" in text:
            for variable in variables_of(text):
                found |= EVERYTHING if variable.is_dynamic else _expression(variable.text)
    for path in _paths(part):
        found |= _expression(path)
    return found


def _strings(part: Any) -> Iterator[str]:
    match part:
        case str():
            yield part
        case dict():
            for key, value in part.items():
                yield str(key)
                yield from _strings(value)
        case list() | tuple():
            for value in part:
                yield from _strings(value)
        case _ if is_dataclass(part):
            for field in fields(part):
                if field.compare:
                    yield from _strings(getattr(part, field.name))
        case _:
            pass


def _paths(part: Any) -> Iterator[str]:
    """Yield expressions that stand without braces: those of variables over the whole context."""
    match part:
        case ContextEntry(source=VariableSource(value=None, path=path)) if path:
            yield path
        case list() | tuple():
            for value in part:
                yield from _paths(value)
        case _:
            pass


def _expression(text: str) -> Reads:
    found = NOTHING
    for route in _routes(compile_expression(text).tree):
        found |= _read(route)
    return found


def _read(route: Route) -> Reads:
    """Return what a route through the context of a rule reads of the resource.

    Other names are those of context entries and elements of lists, which are read where they come from.
    """
    match route:
        case ("request", "object", *below):
            return Reads(frozenset({tuple(below)})) if below else EVERYTHING
        case ("request", "namespace", *_):
            return Reads(namespace=True)
        case ("request", "name", *_):
            return Reads(frozenset(_METADATA[:2]))
        case ("request", "kind" | "operation", *_):
            return NOTHING
        case ("request", *_):
            return EVERYTHING
        case ("images" | "image", *_):
            return Reads(images=True)
        case (name, *_) if name != _OF_EVERYTHING:
            return NOTHING
        case _:
            return EVERYTHING


def _routes(node: syntax.Node) -> Iterator[Route]:
    """Yield the routes that a tree reads from the context.

    Behind a dot, pipe or projection something is read of what stands before it, which is read as a whole.
    """
    chain = _chain(node)
    if chain:
        yield chain
        return
    match node:
        case syntax.Current():
            yield (_OF_EVERYTHING,)
        case (
            syntax.Subexpression()
            | syntax.Pipe()
            | syntax.Projection()
            | syntax.ValueProjection()
            | syntax.Filter()
        ):
            yield from _routes(node.left)
        case syntax.Reference():
            pass
        case _:
            for child in syntax.children(node):
                yield from _routes(child)


def _chain(node: syntax.Node) -> Route:
    """Return the names of `a.b.c`; empty for anything else."""
    match node:
        case syntax.Field(name=name):
            return (name,)
        case syntax.Subexpression(left=left, right=syntax.Field(name=name)):
            before = _chain(left)
            return (*before, name) if before else ()
        case _:
            return ()
