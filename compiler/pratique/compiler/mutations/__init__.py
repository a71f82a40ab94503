"""Mutations, compiled once and evaluated over resources.

References: Kyverno 1.19 `pkg/engine/mutate`, `pkg/engine/handlers/mutation`, whose texts are kept.
"""

from __future__ import annotations

from pratique.compiler.mutations.evaluation import CompiledMutation, Mutated

__all__ = ["CompiledMutation", "Mutated"]
