"""Declarative test suites in the format of the Kyverno CLI: found, evaluated, judged.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/commands/test`.
"""
