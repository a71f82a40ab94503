"""The Pod Security Standards: which fields of a Pod break a level, and which of that a policy lets pass.

References: Kubernetes' Pod Security Standards as `k8s.io/pod-security-admission` 0.34 checks them, in the
fork that Kyverno 1.19 uses and that reports every field, and Kyverno 1.19 `pkg/pss`.
"""

from pratique.compiler.pod_security.evaluation import evaluate, without
from pratique.compiler.pod_security.pods import Pod
from pratique.compiler.pod_security.violations import FieldError, Violation
from pratique.compiler.pod_security.wording import describe

__all__ = ["FieldError", "Pod", "Violation", "describe", "evaluate", "without"]
