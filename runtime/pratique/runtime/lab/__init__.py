"""A laboratory for image policies: small images, signed by a throwaway Sigstore, with faults on request.

    recipe.py      the document people write: signers, images, signatures, attestations, faults
    build.py       recipe -> OCI layout + `trust/` folder + `lab.json`
    inventory.py   what was made, for programs: `lab.json`
    claims.py      what is signed: cosign's payload, in-toto statements
    signing.py     one ceremony: certificate, signature, log entry, timestamp
    carriers.py    a finished signature as a registry stores it: cosign's layers, Sigstore bundles
    faults.py      the closed list of what can be wrong on purpose
    instance.py    the parties together, and the trust root that names them
    authority.py, ctlog.py, log.py (merkle.py, entries.py), timestamps.py     one party each
    keys.py, certificates.py, der.py     what they share
    images.py      tiny images and indexes

INVARIANT: everything follows from the recipe. Keys come from its seed, times from its `at`, ECDSA nonces from
RFC 6979; two builds are equal byte for byte. Lab keys are therefore public knowledge and protect nothing.
"""
