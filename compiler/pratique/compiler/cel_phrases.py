"""What policies in CEL demand or do, in words; texts are quoted as in `phrases`."""

from __future__ import annotations

from typing import assert_never

from pratique.compiler.cel_bodies import (
    CelBody,
    CelDeletion,
    CelGeneration,
    CelImageValidation,
    CelMutation,
    CelTemplate,
    CelValidation,
    PatchKind,
)
from pratique.compiler.cel_images import ImageTest
from pratique.compiler.phrases import quote


def cel_body(of: CelBody) -> str:
    """Return what a policy demands of resources, changes in them, makes of them, or deletes."""
    return f"{_deed(of)}{_conditions(of)}"


def _deed(of: CelBody) -> str:
    match of:
        case CelValidation():
            return _all_true([each.expression for each in of.validations])
        case CelImageValidation():
            about = " or ".join(_images(each) for each in of.references) or "its images"
            expressions = [each.expression for each in of.validations]
            return f"{_all_true(expressions)} of {about}"
        case CelMutation():
            what = "existing objects" if of.targets else "the resource"
            ways = " and ".join(
                f"{'the operations' if each.kind is PatchKind.JSON else 'merging'} {quote(each.expression)}"
                for each in of.patches
            )
            return f"changes {what} by {ways or 'nothing'}"
        case CelGeneration():
            made = (
                f"the objects of the template {quote(each.text)}"
                if isinstance(each, CelTemplate)
                else f"what {quote(each.expression)} generates"
                for each in of.makes
            )
            return f"makes {' and '.join(made)}{', kept in step with its source' if of.synchronize else ''}"
        case CelDeletion():
            return f"is deleted at {quote(of.schedule)}"
        case _:
            assert_never(of)


def _images(of: ImageTest) -> str:
    if of.expression is not None:
        return f"images for which {quote(of.expression.expression)}"
    return f"images like {quote(of.glob)}"


def _conditions(of: CelBody) -> str:
    if not of.scope.conditions:
        return ""
    return f", where {_all_true([each.expression for each in of.scope.conditions])}"


def _all_true(expressions: list[str]) -> str:
    first = quote(expressions[0]) if expressions else "nothing"
    if len(expressions) <= 1:
        return f"{first} is true"
    return f"{len(expressions)} expressions are true, the first {first}"
