"""Changes of resources: overlays with anchors, strategic merge patches, JSON patches, loops.

References: Kyverno 1.19 `pkg/engine/mutate`.
"""
