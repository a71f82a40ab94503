"""Validations, compiled once and evaluated over resources: patterns, denials, loops, Pod security. Pure.

References: Kyverno 1.19 `pkg/engine/handlers/validation/validate_resource.go`, whose texts are kept.
"""

from __future__ import annotations

from pratique.compiler.validations.evaluation import CompiledValidation
from pratique.compiler.validations.model import Outcome, Scene, Status

__all__ = ["CompiledValidation", "Outcome", "Scene", "Status"]
