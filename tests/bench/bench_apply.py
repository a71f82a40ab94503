"""`pratique apply` of 200 image policies over 1,000 Pods that none of them matches, cold."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import PRATIQUE, process

POLICY = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {{name: verify-{n}}}
spec:
  rules:
    - name: verify
      match: {{any: [{{resources: {{kinds: [Pod]}}}}]}}
      verifyImages:
        - imageReferences: ["registry-{n}.example/team-{n}/*"]
          mutateDigest: false
          attestors:
            - entries:
                - keyless:
                    issuer: https://token.actions.githubusercontent.com
                    subject: https://github.com/team-{n}/app/.github/workflows/release.yaml@refs/tags/*
                    rekor: {{url: https://rekor.sigstore.dev}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: web-{n}, namespace: team-{m}, labels: {{app: web}}}}
spec:
  containers:
    - name: app
      image: ghcr.io/acme/app-{n}:v1.{m}.0
      ports: [{{containerPort: 8080}}]
    - name: proxy
      image: ghcr.io/acme/proxy@sha256:{n:064x}
"""


def run() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        policies, pods, one = (
            Path(folder, "policies.yaml"),
            Path(folder, "pods.yaml"),
            Path(folder, "one.yaml"),
        )
        policies.write_text("---\n".join(POLICY.format(n=n) for n in range(200)))
        pods.write_text("---\n".join(POD.format(n=n, m=n % 50) for n in range(1000)))
        one.write_text(POLICY.format(n=1))
        command = [*PRATIQUE, "apply", str(policies), "-r", str(pods), "--offline"]
        yield "apply 200 image policies x 1,000 Pods (budget 1.5 s, 150 MB)", str(process(command))
        command = [*PRATIQUE, "apply", str(one), "-r", str(pods), "--offline"]
        yield "apply 1 image policy x 1,000 Pods", str(process(command))
