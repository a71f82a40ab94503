"""Typed, positioned policies: what a source says, checked against the schema of its kind."""

from __future__ import annotations

from pratique.grammar.documents.exceptions import PolicyException
from pratique.grammar.documents.kyverno import ClusterPolicy, Policy, PolicyModel
from pratique.grammar.documents.reading import (
    BindingDocument,
    CelDocument,
    CelExceptionDocument,
    CleanupDocument,
    ExceptionDocument,
    OtherDocument,
    PolicyDocument,
    PolicyFile,
    SigstoreDocument,
    TrustRootDocument,
    read_policies,
)

__all__ = [
    "BindingDocument",
    "CelDocument",
    "CelExceptionDocument",
    "CleanupDocument",
    "ClusterPolicy",
    "ExceptionDocument",
    "OtherDocument",
    "Policy",
    "PolicyDocument",
    "PolicyException",
    "PolicyFile",
    "PolicyModel",
    "SigstoreDocument",
    "TrustRootDocument",
    "read_policies",
]
