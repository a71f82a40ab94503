"""Merging a partial object into a whole one, as server-side apply does: by the types of Kubernetes' kinds.

References: Kubernetes 1.36, "Server-Side Apply", merge strategy; `sigs.k8s.io/structured-merge-diff/v6`
(`typed/merge.go`).
"""

from __future__ import annotations

from pratique.compiler.structured_merge.merge import atomic_parts, merge
from pratique.compiler.structured_merge.shapes import DEDUCED, Shape, shape_of

__all__ = ["DEDUCED", "Shape", "atomic_parts", "merge", "shape_of"]
