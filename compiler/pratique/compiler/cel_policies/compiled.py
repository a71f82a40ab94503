"""Bodies of policies in CEL, compiled: one way in for all kinds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from pratique.compiler import ir
from pratique.compiler.cel_bodies import (
    CelBody,
    CelDeletion,
    CelExemption,
    CelGeneration,
    CelImageValidation,
    CelMutation,
    CelValidation,
)
from pratique.compiler.cel_policies.compilation import Compiler
from pratique.compiler.cel_policies.deleting import CompiledDeleting, compile_deleting
from pratique.compiler.cel_policies.generating import CompiledGenerating, compile_generating
from pratique.compiler.cel_policies.image_validating import CompiledImages, compile_images
from pratique.compiler.cel_policies.mutating import CompiledMutating, compile_mutating
from pratique.compiler.cel_policies.validating import CompiledValidating, compile_validating

CompiledCel: TypeAlias = (
    CompiledValidating | CompiledImages | CompiledMutating | CompiledGenerating | CompiledDeleting
)


def compile_body(
    body: CelBody, exemptions: Sequence[CelExemption] = (), *, fails_open: bool = False
) -> tuple[CompiledCel, Compiler]:
    """Return a compiled body, and the compiler with the mistakes that were found.

    Args:
        body: the policy.
        exemptions: those that name it.
        fails_open: errors of conditions mean that the policy does not apply.
    """
    return _compiled(body, tuple(exemptions), fails_open)


@lru_cache(maxsize=1024)
def _compiled(
    body: CelBody, exemptions: tuple[CelExemption, ...], fails_open: bool
) -> tuple[CompiledCel, Compiler]:
    # Whatever is checked when policies are read is evaluated soon after.
    return compile_anew(body, exemptions, fails_open=fails_open)


def compile_anew(
    body: CelBody, exemptions: tuple[CelExemption, ...] = (), *, fails_open: bool = False
) -> tuple[CompiledCel, Compiler]:
    """As `compile_body`, but the parts that mistakes name are those of this very body."""
    match body:
        case CelValidation():
            return compile_validating(body, exemptions, fails_open=fails_open)
        case CelImageValidation():
            return compile_images(body, exemptions, fails_open=fails_open)
        case CelMutation():
            return compile_mutating(body, exemptions, fails_open=fails_open)
        case CelGeneration():
            return compile_generating(body, exemptions)
        case CelDeletion():
            return compile_deleting(body, exemptions)


def ready(body: CelBody, exemptions: Sequence[CelExemption] = (), *, fails_open: bool = False) -> CompiledCel:
    """Return a compiled body.

    Raises:
        ExpressionError: a form of a policy that was made from another does not compile.
    """
    compiled, compiler = compile_body(body, exemptions, fails_open=fails_open)
    if compiler.mistakes:
        raise compiler.mistakes[0].error
    return compiled


def exemptions_of(policy: ir.Policy, exemptions: Sequence[CelExemption]) -> tuple[CelExemption, ...]:
    """Return the exemptions that name a policy."""
    return tuple(each for each in exemptions if (policy.kind, policy.name) in each.policies)
