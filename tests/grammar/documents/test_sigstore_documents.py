"""Documents of policy-controller: both versions, lists of them, fields that there are not."""

from __future__ import annotations

from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source

POLICY = """\
apiVersion: policy.sigstore.dev/{version}
kind: ClusterImagePolicy
metadata: {{name: p}}
spec:
  images: [{{glob: "**"}}]
  authorities:
  - name: all
    keyless:
      url: https://fulcio.sigstore.dev
      ca-cert: {{secretRef: {{name: s}}, hashAlgorithm: sha256}}
      trustRootRef: r
      insecureIgnoreSCT: true
      identities: [{{issuer: i, subject: s, issuerRegExp: i, subjectRegExp: s}}]
    key: {{data: d, kms: k, secretRef: {{name: x, namespace: m}}}}
    static: {{action: fail, message: never}}
    source: [{{oci: o, tagPrefix: t, signaturePullSecrets: [{{name: s}}]}}]
    ctlog: {{url: u, trustRootRef: r}}
    rfc3161timestamp: {{trustRootRef: r}}
    signatureFormat: legacy
    attestations:
    - name: a
      predicateType: custom
      policy: {{type: cue, configMapRef: {{name: x, namespace: m, key: k}}}}
  policy:
    type: rego
    remote: {{url: u, sha256sum: s}}
    fetchConfigFile: true
    includeSpec: true
    includeObjectMeta: true
    includeTypeMeta: true
  mode: warn
  match: [{{group: apps, version: v1, resource: deployments, selector: {{matchLabels: {{a: b}}}}}}]
status: {{conditions: []}}
"""


def test_every_field_of_both_versions() -> None:
    for version in ("v1alpha1", "v1beta1"):
        file = read_policies(Source("p.yaml", POLICY.format(version=version)))
        assert not file.errors, [str(error) for error in file.errors]
        (document,) = file.sigstore_policies
        (authority,) = document.model.spec.authorities
        assert authority.keyless
        assert authority.keyless.ca_cert
        assert authority.keyless.insecure_ignore_sct
        assert str(document.location("spec", "images", 0, "glob")) == "p.yaml:5:19"


def test_lists() -> None:
    text = f"apiVersion: v1\nkind: List\nitems:\n- {POLICY.format(version='v1beta1')}".replace("\n", "\n  ")
    text = text.replace("\n  kind: List\n  items:", "\nkind: List\nitems:").replace("\n  - ", "\n- ", 1)
    file = read_policies(Source("p.yaml", text))
    assert not file.errors, [str(error) for error in file.errors]
    assert len(file.sigstore_policies) == 1


def test_unknown_fields_and_values_have_places() -> None:
    text = POLICY.format(version="v1beta1")
    for old, new, place in (
        ("mode: warn", "mode: off", "p.yaml:31:9"),
        ("predicateType:", "type:", "p.yaml:22:7"),
        ("action: fail", "action: deny", "p.yaml:15:22"),
        ("{glob:", "{regex:", "p.yaml:5:13"),
    ):
        file = read_policies(Source("p.yaml", text.replace(old, new, 1)))
        assert not file.sigstore_policies
        assert place in [str(error.location) for error in file.errors], [str(e) for e in file.errors]


def test_trust_roots() -> None:
    text = """\
apiVersion: policy.sigstore.dev/v1alpha1
kind: TrustRoot
metadata: {name: r}
spec:
  sigstoreKeys:
    certificateAuthorities: [{subject: {organization: o, commonName: c}, uri: u, certChain: YQ==}]
    timestampAuthorities: [{subject: {organization: o, commonName: c}, uri: u, certChain: YQ==}]
    tLogs: [{baseURL: u, hashAlgorithm: sha-256, publicKey: YQ==}]
    ctLogs: [{baseURL: u, hashAlgorithm: sha-256, publicKey: YQ==}]
"""
    file = read_policies(Source("t.yaml", text))
    assert not file.errors, [str(error) for error in file.errors]
    (root,) = file.trust_roots
    assert root.model.spec.sigstore_keys
    assert root.model.spec.sigstore_keys.t_logs[0].public_key == "YQ=="
    assert not file.sigstore_policies
    assert not file.others
    wrong = read_policies(Source("t.yaml", text.replace("ctLogs", "ctlogs")))
    assert [str(error.location) for error in wrong.errors] == ["t.yaml:9:5"]


def test_trust_roots_of_other_versions_are_no_policies() -> None:
    file = read_policies(Source("t.yaml", "apiVersion: policy.sigstore.dev/v2\nkind: TrustRoot\n"))
    assert [each.is_policy for each in file.others] == [False]
