from pratique.compiler import ir
from pratique.compiler.kyverno.rewriting import rewrite_texts
from tests.support_policies import cluster_policy, policy


def test_texts_are_replaced_and_members_of_enumerations_kept() -> None:
    attestor = ir.Attestor(
        signer=ir.KeySigner(key="cosign"), format=ir.SignatureFormat.SIGSTORE_BUNDLE, repository="cosign"
    )
    rewritten = rewrite_texts(attestor, [("cosign", "x"), ("sigstore", "y")])
    assert (rewritten.signer, rewritten.repository) == (ir.KeySigner(key="x"), "x")
    assert rewritten.format is ir.SignatureFormat.SIGSTORE_BUNDLE


def test_generated_rules_enforce_and_ask_for_bundles_as_their_origin_does() -> None:
    made = policy(cluster_policy({"type": "SigstoreBundle"}, spec={"validationFailureAction": "Enforce"}))
    assert len(made.rules) == 3
    for rule in made.rules:
        assert rule.action is ir.Action.ENFORCE
        (leaf,) = rule.requirements[0].signatures[0].of
        assert isinstance(leaf, ir.Leaf)
        assert leaf.attestor.format is ir.SignatureFormat.SIGSTORE_BUNDLE
