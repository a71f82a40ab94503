"""Policies in CEL, of Kyverno and of Kubernetes: checked, lowered to the IR, compiled and evaluated. Pure.

References: Kyverno 1.19 `pkg/cel`; Kubernetes 1.36 `apiserver/pkg/admission/plugin/policy`.
"""
