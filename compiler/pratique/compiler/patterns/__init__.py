"""Kyverno's patterns: JSON with anchors, operators and wildcards, compiled once into closures.

References: Kyverno 1.19 `pkg/engine/validate`, `pkg/engine/anchor`, `pkg/engine/pattern`,
`pkg/engine/wildcards`.
"""

from __future__ import annotations

from pratique.compiler.patterns.anchors import Anchor, parse_anchor
from pratique.compiler.patterns.failures import Failure
from pratique.compiler.patterns.matching import Mismatch, PatternMatcher

__all__ = ["Anchor", "Failure", "Mismatch", "PatternMatcher", "parse_anchor"]
