"""Classic policies about images, converted to ImageValidatingPolicies, with a proof that nothing changes.

Kyverno 1.20 removes `Policy` and `ClusterPolicy`; a rule with `verifyImages` becomes an
`ImageValidatingPolicy` (`policies.kyverno.io/v1`), or a `NamespacedImageValidatingPolicy`.

    policies        a policy to documents: which entries share one, what they are called
    documents       one document
    identities      tests on issuers and subjects
    attestors       attestors and statements, with the names that expressions use
    formulas        who must have signed, as expressions
    references      patterns over canonical names as tests on names as they are written
    written         the same as languages: the proof that both choose the same images
    constraints     match and exclude
    conditions      comparisons of preconditions and attestations as expressions, and back
    comments        which comments of the old text go where in the new
    text, writing   YAML
    everywhere      documents that look at ephemeral containers, volumes and ReplicationControllers, too
    region_reading, validation_reading  the new text, read back
    normal          what both sides are taken for
    proof           both sides compared
    judging         conditions that no proof covers, by examples

What the target language cannot say is a `Difference` with an example. Conversion works on the IR, in which
deprecated fields, keys in one text and inherited settings are resolved already; places lead back to the text.

References: Kyverno 1.19 `api/policies.kyverno.io/v1beta1`, docs "Migrating to CEL policies".
"""
