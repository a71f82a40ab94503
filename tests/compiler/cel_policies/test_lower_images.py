"""Attestors, statements and references of ImageValidatingPolicies in the IR."""

from __future__ import annotations

import pytest

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.cel_images import Hole, ImageTest, NamedAttestor, NamedStatement
from tests.support_cel_policies import policy, text

KEY = "-----BEGIN PUBLIC KEY-----\\nx\\n-----END PUBLIC KEY-----"


def body(spec: str) -> CelImageValidation:
    """Return the body of a policy with a specification, of which only attestors are needed."""
    more = "" if "attestors:" in spec else "attestors: [{name: none, cosign: {}}]\n"
    found = policy(text("ImageValidatingPolicy", f"{spec}{more}validations: [{{expression: 'true'}}]\n"))
    made = found.rules[0].body
    assert isinstance(made, CelImageValidation)
    return made


def attestor(written: str, kind: str = "cosign") -> NamedAttestor:
    (found,) = body(f"attestors: [{{name: a, {kind}: {written}}}]\n").attestors
    return found


def signer(written: str) -> ir.Signer:
    (found,) = attestor(written).layers
    return found.signer


def every(*of: ir.Exactly | ir.Glob | ir.Search) -> ir.TextTests:
    return ir.TextTests(tests=of)


# --- whose signatures ----------------------------------------------------------------------------------


def test_keys() -> None:
    found = attestor(f'{{key: {{data: "{KEY}", hashAlgorithm: sha512}}}}')
    (one,), (other,) = found.layers, found.bundles
    assert one.format is ir.SignatureFormat.COSIGN
    assert other.format is ir.SignatureFormat.SIGSTORE_BUNDLE
    assert one.signer == other.signer == ir.KeySigner(key=KEY.replace("\\n", "\n"), hash_algorithm="sha512")
    assert one.trust == ir.Trust()


def test_references_to_keys() -> None:
    assert signer("{key: {kms: 'awskms:///x'}}") == ir.KeySigner(key="awskms:///x")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{key: {data: 'k8s://keys/team'}}", "failed to load public key from PEM"),
        ("{}", "cosign verifier needs to have one key"),
        ("{certificate: {}}", "cosign verifier needs to have one key"),
        ("{key: {kms: 'awskms:///x'}, ctlog: {}}", "rekor URL must be provided"),
        ("{key: {kms: 'awskms:///x'}, ctlog: {insecureIgnoreSCT: true}}", "rekor URL must be provided"),
    ],
)
def test_attestors_that_accept_nobody(written: str, problem: str) -> None:
    found = attestor(written)
    assert found.impossible.startswith(problem)
    assert not found.layers


def test_certificates() -> None:
    found = signer("{certificate: {cert: {value: one}, certChain: {value: chain}}}")
    assert found == ir.CertificateSigner(certificate="one", chain="chain")


@pytest.mark.parametrize(
    ("identity", "issuer", "subject"),
    [
        ("{issuer: i, subject: s}", every(ir.Exactly(text="i")), every(ir.Exactly(text="s"))),
        ("{issuer: i}", every(ir.Exactly(text="i")), every()),
        ("{issuerRegExp: i, subjectRegExp: s}", every(ir.Search(text="i")), every(ir.Search(text="s"))),
        ("{issuer: i, issuerRegExp: j}", every(ir.Search(text="j")), every()),
        ("{issuer: '*'}", every(ir.Exactly(text="*")), every()),
    ],
)
def test_identities(identity: str, issuer: ir.TextTests, subject: ir.TextTests) -> None:
    found = signer(f"{{keyless: {{identities: [{identity}]}}}}")
    assert found == ir.IdentitySigner(issuer=issuer, subject=subject)


def test_identities_of_bundles() -> None:
    """A plain text and an expression must both hold, and exactly one identity must be named in full."""
    found = attestor("{keyless: {identities: [{issuer: i, issuerRegExp: j, subject: s}]}}")
    both = every(ir.Exactly(text="i"), ir.Search(text="j"))
    assert [each.signer for each in found.bundles] == [
        ir.IdentitySigner(issuer=both, subject=every(ir.Exactly(text="s")))
    ]
    assert not found.unbundled
    assert attestor("{keyless: {identities: [{issuer: i}]}}").unbundled.startswith("when verifying")
    several = attestor("{keyless: {identities: [{issuer: i, subject: s}, {issuer: j, subject: s}]}}")
    assert len(several.layers) == 2
    assert several.unbundled.startswith("unsupported: multiple identities")


def test_what_kyverno_overlooks() -> None:
    """Extensions are demanded, and a subject that an expression says is the only one."""
    identities = "[{issuer: i, subjectExpression: object.metadata.name}]"
    found = attestor(f"{{keyless: {{identities: {identities}, additionalExtensions: {{a: b}}}}}}")
    assert [each.hole for each in found.fillings] == [Hole.SUBJECT]
    (layer,) = found.layers
    assert isinstance(layer.signer, ir.IdentitySigner)
    assert layer.signer.extensions == (("a", "b"),)


def test_own_authorities() -> None:
    (found,) = attestor("{keyless: {identities: [{issuer: i, subject: s}], roots: pem}}").layers
    assert found.trust == ir.Trust(roots="pem")


def test_logs() -> None:
    written = (
        "{key: {kms: 'awskms:///x'}, ctlog: {url: u, rekorPubKey: r, ctLogPubKey: c, tsaCertChain: t,"
        " insecureIgnoreSCT: true}}"
    )
    (found,) = attestor(written).layers
    assert found.trust == ir.Trust(
        log=ir.LogPolicy(required=True, url="u", public_keys="r"),
        sct=ir.SctPolicy(required=False, public_keys="c"),
        timestamp_chain="t",
    )


def test_trust_roots() -> None:
    (found,) = attestor("{key: {kms: 'awskms:///x'}, trustedRoot: {value: '{}'}}").layers
    assert found.trust == ir.Trust(trusted_root="{}")


def test_places_of_signatures() -> None:
    found = attestor(
        "{key: {kms: 'awskms:///x'}, annotations: {b: c, a: b},"
        " source: {repository: r.example/s, PullSecrets: [{name: regcred}]}}"
    )
    (layer,) = found.layers
    assert layer.repository == "r.example/s"
    assert layer.annotations == (("a", "b"), ("b", "c"))
    assert found.secrets == ("regcred",)


def test_notary() -> None:
    (found,) = attestor("{certs: {value: pem}}", "notary").layers
    assert found == ir.Attestor(
        signer=ir.TrustStoreSigner(certificate="pem"), format=ir.SignatureFormat.NOTARY
    )


@pytest.mark.parametrize(
    ("written", "kind", "hole"),
    [
        ("{key: {expression: e}}", "cosign", Hole.KEY),
        ("{certificate: {cert: {expression: e}}}", "cosign", Hole.CERTIFICATE),
        ("{certificate: {certChain: {expression: e}}}", "cosign", Hole.CHAIN),
        ("{key: {kms: 'awskms:///x'}, trustedRoot: {expression: e}}", "cosign", Hole.TRUSTED_ROOT),
        ("{certs: {expression: e}}", "notary", Hole.CERTIFICATE),
    ],
)
def test_what_expressions_say(written: str, kind: str, hole: Hole) -> None:
    (found,) = attestor(written.replace(": e}", ": object.metadata.name}"), kind).fillings
    assert (found.hole, found.expression.expression) == (hole, "object.metadata.name")


# --- the rest ------------------------------------------------------------------------------------------


def test_references() -> None:
    found = body("matchImageReferences: [{glob: 'a/*'}, {expression: 'ref != \"\"'}]\n").references
    assert found[0] == ImageTest(glob="a/*")
    assert found[1].expression is not None
    assert found[1].expression.expression == 'ref != ""'


def test_statements() -> None:
    written = "[{name: a, intoto: {type: slsaprovenance}}, {name: b, referrer: {type: t}}]"
    assert body(f"attestations: {written}\n").statements == (
        NamedStatement(name="a", type="https://slsa.dev/provenance/v0.2"),
        NamedStatement(name="b", type="t", is_referrer=True),
    )


def test_settings() -> None:
    found = body("")
    assert (found.pin_digest, found.demand_digest, found.demand_proof) == (True, True, True)
    settings = "{mutateDigest: false, verifyDigest: false, required: false}"
    found = body(f"validationConfigurations: {settings}\n")
    assert (found.pin_digest, found.demand_digest, found.demand_proof) == (False, False, False)
    found = body("credentials: {secrets: [regcred], allowInsecureRegistry: true}\n")
    assert found.credentials == ir.RegistryCredentials(secrets=("regcred",), insecure=True)


def test_results_are_named_after_the_policy() -> None:
    found = policy(text("ImageValidatingPolicy", "attestors: []\nvalidations: [{expression: 'true'}]\n"))
    assert [rule.name for rule in found.rules] == ["p", "p", "p"]
    assert [rule.generated_from for rule in found.rules] == ["", "p", "p"]
