"""Public keys that policies refer to: Secrets of a cluster, and the key management services of sigstore.

`references.Keys` is the port `KeySource`; every service is a module of its own, imported when a reference
names it.
"""
