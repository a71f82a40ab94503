"""New documents as text: comments, metadata as it stood, several policies."""

from __future__ import annotations

from textwrap import dedent

from pratique.compiler.converting.proof import Status
from pratique.compiler.converting.text import lines_of, texts
from tests.support_converting import conversion, proved

COMMENTED = """\
# Above everything.

# Above the policy.
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  # Above the name.
  name: "verify-acme"  # beside the name
  labels: {team: 'supply # chain'}
  annotations:
    pod-policies.kyverno.io/autogen-controllers: none
    policies.kyverno.io/description: >-
      Images of Acme # are signed.
spec:
  # About failures.
  failurePolicy: Ignore
  validationFailureAction: Enforce  # beside the action
  rules:
    # About the rule.
    - name: verify
      # About the match.
      match:
        any:
          - resources:
              kinds: [Pod]  # beside kinds
      verifyImages:
        - imageReferences:
            # About acme.
            - "ghcr.io/acme/*"
            - "quay.io/acme/*"  # beside quay
          mutateDigest: false
          attestors:
            # About the set.
            - entries:
                # About the signer.
                - keyless:
                    issuer: https://accounts.google.com
                    # About the subject.
                    subject: dev@acme.example
                    rekor: {url: https://rekor.sigstore.dev}
# Behind everything.
"""

EXPECTED = """\
# Above everything.

# Above the policy.
apiVersion: policies.kyverno.io/v1
kind: ImageValidatingPolicy
metadata:
  # Above the name.
  name: "verify-acme"  # beside the name
  labels: {team: 'supply # chain'}
  annotations:
    policies.kyverno.io/description: >-
      Images of Acme # are signed.
spec:
  # About failures.
  failurePolicy: Ignore
  validationActions: # beside the action
    - Deny
  autogen:
    podControllers:
      controllers: []
  # About the match.
  # beside kinds
  matchConstraints:
    resourceRules:
      - apiGroups:
          - ''
        apiVersions:
          - v1
        operations:
          - CREATE
          - UPDATE
        resources:
          - pods
  matchImageReferences:
    # About acme.
    - glob: ghcr.io/acme/*
    - glob: quay.io/acme/* # beside quay
  validationConfigurations:
    mutateDigest: false
  attestors:
    # About the signer.
    # About the subject.
    - name: keyless
      cosign:
        keyless:
          identities:
            - issuer: https://accounts.google.com
              subject: dev@acme.example
        ctlog:
          url: https://rekor.sigstore.dev
  validations:
    # About the set.
    - expression: >-
        (images.containers + images.initContainers + images.ephemeralContainers)
        .all(image, verifyImageSignatures(image, [attestors.keyless]) > 0)
      message: images must be signed by keyless
"""


def test_comments_stay_where_they_belong() -> None:
    made = conversion(COMMENTED)
    (text,) = texts(made)
    comments = [line.strip() for line in COMMENTED.splitlines() if "#" in line]
    assert [c for c in comments if c[c.index("# ") :] not in text] == []
    assert text.replace("# About the rule.\n", "").replace("# Behind everything.\n", "") == EXPECTED
    assert proved(made).status is Status.EQUIVALENT
    assert lines_of(made.document) == (1, len(COMMENTED.splitlines()))


def test_several_policies_of_one() -> None:
    written = COMMENTED.replace("autogen-controllers: none", "autogen-controllers: Job")
    written = written.replace(
        "# Behind everything.\n",
        dedent(
            """\
            ---END
            """
        ),
    )
    other = """\
    # About the other rule.
    - name: Other Rule
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["docker.io/acme/*"]
          mutateDigest: false
          attestors: [{entries: [{keys: {kms: 'awskms:///k'}}]}]
"""
    made = conversion(written.replace("---END\n", other))
    first, second = texts(made)
    assert 'name: "verify-acme"' not in first
    assert "name: verify-acme-verify  # beside the name" in first
    assert "name: verify-acme-other-rule  # beside the name" in second
    assert "# About the other rule." in second
    assert "# About the other rule." not in first
    assert "# Above everything." in first
    assert "# Above everything." not in second
    assert proved(made).status is Status.EQUIVALENT


def test_documents_that_are_laid_out_otherwise_are_written_anew() -> None:
    flow = dedent(
        """\
        {apiVersion: kyverno.io/v1, kind: Policy, metadata: {name: p, namespace: shop, labels: {a: 'yes'}},
         spec: {rules: [{name: r, match: {any: [{resources: {kinds: [Pod]}}]}, verifyImages: [
          {imageReferences: ["a.io/*"], mutateDigest: false, attestors: [{entries: [{keys: {kms: 'awskms:///k'}}]}]}]}]}}
        """
    )
    (text,) = texts(conversion(flow))
    assert text.startswith(
        "apiVersion: policies.kyverno.io/v1\nkind: NamespacedImageValidatingPolicy\nmetadata:\n  name: p\n"
        "  namespace: shop\n  labels:\n    a: 'yes'\nspec:\n"
    )


def test_documents_in_a_list_and_in_a_file_of_several() -> None:
    single = COMMENTED.replace("# Above everything.\n\n", "")
    (text,) = texts(conversion(single))
    listed = "apiVersion: v1\nkind: List\nitems:\n- " + COMMENTED.split("policy.\n")[1].replace("\n", "\n  ")
    (other,) = texts(conversion(listed))
    assert "# About the signer." in text
    assert "name: verify-acme" in other
