"""Cryptography of signatures: the only importer of `sigstore`. Pure functions over bytes; no registry."""
