"""Front end of Kyverno's classic language (`Policy`, `ClusterPolicy`): documents to IR.

What this dialect means stands here and nowhere else; behind it everything is neutral IR.
"""
